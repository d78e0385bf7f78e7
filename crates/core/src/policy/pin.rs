//! What a migration holds of the configuration. While it lives, the settings it changes are those of its stage, whatever
//! the policy says of them: so the policy stays applied until the migration puts the next stage in place, and no
//! reflex undoes a way back.

use super::setting::{SettingName, Written};
use crate::config::{CniConfig, Key};
use crate::safety::{CniSetup, Resolution, Review, SEVERAL_SWITCHES, Severity};
use std::collections::BTreeMap;

/// The settings of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The name of the CniMigration.
    pub migration: String,
    /// What each is to be now; none is absent.
    pub settings: BTreeMap<SettingName, Option<Written>>,
    /// Whether it has begun; before, it waits for approval or for something in its way.
    pub begun: bool,
    /// Whether they may be put in place although old nodes would not bear it: they are shielded.
    pub permitted: bool,
}

impl Pin {
    /// Every setting that differs between the two ends of a change, as `now` has it.
    pub fn of(migration: &str, from: &CniConfig, to: &CniConfig, now: &CniConfig) -> Self {
        let changes = |key: &Key| from.get(*key) != to.get(*key);
        let value = |key: Key| now.get(key).map(|value| Written::Text(value.to_string()));
        Self {
            migration: migration.to_owned(),
            settings: Key::all()
                .filter(changes)
                .map(|key| (SettingName::of(key), value(key)))
                .collect(),
            begun: false,
            permitted: false,
        }
    }
}

/// A change that only new nodes can carry out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What runs.
    pub from: CniSetup,
    /// What the policy asks for.
    pub to: CniSetup,
    /// What the review said.
    pub review: Review,
}

/// Whether everything that refuses a change is mended by new nodes. Several switches at once are: a migration takes them
/// apart into stages.
pub(super) fn by_new_nodes(review: &Review) -> bool {
    let mut refusing = review
        .findings
        .iter()
        .filter(|finding| finding.severity > Severity::Warn && finding.rule != SEVERAL_SWITCHES);
    refusing
        .all(|finding| finding.severity != Severity::Never && finding.resolution == Resolution::ReplaceNodes)
}
