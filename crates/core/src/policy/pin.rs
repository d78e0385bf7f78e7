//! What a migration holds of the configuration. While it lives, the settings it changes are those of its stage, whatever
//! the policy says of them: so the policy stays applied until the migration puts the next stage in place, and no
//! reflex undoes a way back.

use super::choice::Choice;
use super::diff::Row;
use super::setting::{SettingName, Written};
use super::world::{PolicyWorld, Window};
use crate::config::{CniConfig, Key};
use crate::safety::{CniSetup, Resolution, Review, Severity};
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

/// Whether everything that refuses a change is mended by new nodes.
pub(super) fn by_new_nodes(review: &Review) -> bool {
    let mut refusing = review
        .findings
        .iter()
        .filter(|finding| finding.severity > Severity::Warn);
    refusing
        .all(|finding| finding.severity != Severity::Never && finding.resolution == Resolution::ReplaceNodes)
}

impl PolicyWorld {
    /// The world as the planner is to see it: what is pinned is wanted as it is pinned.
    pub(super) fn pinned(&self) -> Self {
        let mut world = self.clone();
        let Some(pin) = &self.pin else {
            return world;
        };
        for (name, value) in &pin.settings {
            world.intent.unset.remove(name);
            match value {
                Some(value) => {
                    world.intent.settings.insert(name.clone(), value.clone());
                }
                None => {
                    world.intent.settings.remove(name);
                    world.intent.unset.insert(name.clone());
                }
            }
        }
        if pin.permitted {
            // Old nodes are shielded, so nothing restarts; the migration has windows of its own.
            world.intent.window = Window::Open;
        }
        world
    }

    /// What the migration puts in place now, if that is all that is asked for by it.
    pub(super) fn permitted(
        &self,
        writable: &[Row],
        review: impl Fn(&[Row]) -> (Review, Option<String>),
    ) -> Option<Choice> {
        let pin = self.pin.as_ref().filter(|pin| pin.permitted)?;
        let is_pinned = |row: &&Row| pin.settings.contains_key(&row.name);
        let (write, waiting): (Vec<&Row>, Vec<&Row>) = writable.iter().partition(is_pinned);
        let write: Vec<Row> = write.into_iter().cloned().collect();
        if write.is_empty() {
            return None;
        }
        let (found, change_hash) = review(&write);
        by_new_nodes(&found).then(|| Choice {
            write,
            waiting: waiting.into_iter().cloned().collect(),
            review: found,
            change_hash,
            refused: false,
            held: Vec::new(),
            change: None,
        })
    }
}
