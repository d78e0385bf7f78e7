//! What a rule is: one row with its name, its ground, what it is about and its check.

use super::change::{Change, Part};
use super::finding::{Resolution, RuleId, Severity, Subject};
use super::world::World;
use crate::config::Key;
use std::fmt;

/// The sentence a rule rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Basis {
    /// What is so, in our words or quoted.
    pub says: &'static str,
    /// Who says so.
    pub source: &'static str,
}

/// A rule of the review. What it says of a change that touches none of its keys and parts is a warning at most: the
/// review sees to that, not the check.
#[derive(Clone, Copy)]
pub struct Rule {
    /// Its name, never reused.
    pub id: RuleId,
    /// What it says, in a few words.
    pub title: &'static str,
    /// The unsafe transitions it covers: U1 to U34, H1, or P for a check before the flight.
    pub unsafe_ids: &'static [&'static str],
    /// The settings it is about.
    pub keys: &'static [Key],
    /// Parts of the set-up it is about that are no settings.
    pub parts: &'static [Part],
    /// How bad, unless a violation says otherwise.
    pub severity: Severity,
    /// What would make the change possible.
    pub resolution: Resolution,
    /// Whether a user may accept it. Not where ipamd exits, new nodes stay NotReady or pods get no address.
    pub acceptable: bool,
    /// What it rests on.
    pub basis: &'static [Basis],
    /// What to do instead.
    pub fix: &'static str,
    pub(super) check: fn(&Change<'_>, &World) -> Vec<Violation>,
}

impl Rule {
    /// Whether a change is about the rule.
    pub(super) fn is_touched_by(&self, change: &Change<'_>) -> bool {
        change.any_key(self.keys) || self.parts.iter().any(|part| change.part(*part))
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule")
            .field("id", &self.id)
            .field("severity", &self.severity)
            .field("resolution", &self.resolution)
            .finish_non_exhaustive()
    }
}

/// One fact that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation {
    /// How bad, where it is not as bad as its rule says, or worse.
    pub severity: Option<Severity>,
    /// What it is about.
    pub subjects: Vec<Subject>,
    /// What is wrong, with names and numbers.
    pub message: String,
}

impl Violation {
    pub(super) fn new(subjects: Vec<Subject>, message: impl Into<String>) -> Self {
        Self {
            severity: None,
            subjects,
            message: message.into(),
        }
    }

    pub(super) fn with(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    /// Said, and applied all the same.
    pub(super) fn warn(self) -> Self {
        self.with(Severity::Warn)
    }

    /// Only said unless the condition holds.
    pub(super) fn warn_unless(self, refuses: bool) -> Self {
        if refuses { self } else { self.warn() }
    }
}
