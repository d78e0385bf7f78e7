//! Setting by setting: what is there, what should be there, whose it is, and what that makes of it.

use super::ownership::{Claim, claim};
use super::running::config_of;
use super::setting::{Owner, Seen, SettingName, Written};
use super::world::{PolicyWorld, Target};
use crate::config::{ChangeClass, Key, Value};
use std::collections::{BTreeMap, BTreeSet};

/// How often somebody may set our value back inside the controller's window before we stop writing it.
const FIGHT: u32 = 3;

/// What is to be done with a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowKind {
    /// It has the value already.
    Same,
    /// It may be written.
    Write,
    /// It may be written, and is taken from somebody.
    TakeOver(Owner),
    /// It is ours and somebody else changed it.
    Drift(Owner),
    /// Somebody else owns it, and the policy does not say that it may be taken.
    Blocked(Owner),
    /// Somebody sets our value back again and again.
    Fought(Owner, u32),
    /// Somebody broke the glass: it is not enforced until that is taken back.
    Suspended,
}

/// One setting in a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Which.
    pub name: SettingName,
    /// What is there.
    pub from: Option<Written>,
    /// What should be there; none to remove it.
    pub to: Option<Written>,
    /// What is to be done.
    pub kind: RowKind,
}

impl Row {
    /// What the change of this setting needs.
    pub fn class(&self) -> ChangeClass {
        self.name
            .key()
            .map_or(ChangeClass::Restart, |key| key.field().class)
    }

    /// Whether writing it restarts aws-node.
    pub fn restarts(&self) -> bool {
        self.class() != ChangeClass::ControlPlane
    }

    /// Whether it would be written.
    pub fn is_write(&self) -> bool {
        matches!(
            self.kind,
            RowKind::Write | RowKind::TakeOver(_) | RowKind::Drift(_)
        )
    }

    /// Who owns it, where that is not us.
    pub fn other_owner(&self) -> Option<&Owner> {
        match &self.kind {
            RowKind::TakeOver(owner)
            | RowKind::Drift(owner)
            | RowKind::Blocked(owner)
            | RowKind::Fought(owner, _) => Some(owner),
            RowKind::Same | RowKind::Write | RowKind::Suspended => None,
        }
    }
}

/// Whether two texts mean the same to the program that reads them: `TRUE` and `true` do.
pub fn same_value(key: Option<Key>, a: &Written, b: &Written) -> bool {
    match (key, a, b) {
        (Some(key), Written::Text(_), Written::Text(_)) => a == b || meaning(key, a) == meaning(key, b),
        (_, a, b) => a == b,
    }
}

/// What the program that reads it makes of a text, by itself.
fn meaning(key: Key, value: &Written) -> Option<Value> {
    config_of(&BTreeMap::from([(SettingName::of(key), value.clone())]))
        .get(key)
        .cloned()
}

/// The rows of what the policy wants against what is there.
pub(super) fn wanted_rows(
    world: &PolicyWorld,
    target: &Target,
    suspended: &BTreeSet<SettingName>,
) -> Vec<Row> {
    let set = world
        .intent
        .settings
        .iter()
        .map(|(name, value)| (name, Some(value)));
    let unset = world.intent.unset.iter().map(|name| (name, None));
    set.chain(unset)
        .map(|(name, to)| row(world, target, suspended, name, to))
        .collect()
}

/// The rows that would bring back what was applied last, for settings of ours that differ from it now.
pub(super) fn drift_rows(
    world: &PolicyWorld,
    target: &Target,
    suspended: &BTreeSet<SettingName>,
) -> Vec<Row> {
    let recorded = world
        .record
        .settings
        .iter()
        .filter(|(name, _)| world.intent.settings.contains_key(*name));
    recorded
        .map(|(name, value)| row(world, target, suspended, name, Some(value)))
        .filter(|row| row.kind != RowKind::Same)
        .collect()
}

fn row(
    world: &PolicyWorld,
    target: &Target,
    suspended: &BTreeSet<SettingName>,
    name: &SettingName,
    to: Option<&Written>,
) -> Row {
    let seen = target.settings.get(name);
    let from = seen.map(|seen| seen.value.clone());
    let same = match (&from, to) {
        (None, None) => true,
        (Some(from), Some(to)) => same_value(name.key(), from, to),
        // What EKS renders by itself is not in the document, and cannot be removed from it.
        (Some(_), None) => target
            .addon
            .carrier()
            .is_some_and(|addon| !addon.document.contains_key(name)),
        (None, Some(_)) => false,
    };
    let kind = if suspended.contains(name) {
        RowKind::Suspended
    } else if same {
        RowKind::Same
    } else {
        kind(world, target, name)
    };
    Row {
        name: name.clone(),
        from,
        to: to.cloned(),
        kind,
    }
}

fn kind(world: &PolicyWorld, target: &Target, name: &SettingName) -> RowKind {
    let seen = target.shows_owner(name);
    let recorded = world.record.settings.contains_key(name);
    if recorded
        && let Some(owner) = seen
            .and_then(Seen::other_owner)
            .filter(|_| !seen.is_some_and(Seen::is_ours))
    {
        return match world.fights.reverted.get(name) {
            Some((_, times)) if *times >= FIGHT => RowKind::Fought(owner.clone(), *times),
            _ => RowKind::Drift(owner.clone()),
        };
    }
    match claim(seen, &world.intent.take_over_from, &target.addon) {
        Claim::Free => RowKind::Write,
        Claim::TakeOver(owner) => RowKind::TakeOver(owner),
        Claim::Blocked(owner) => RowKind::Blocked(owner),
    }
}
