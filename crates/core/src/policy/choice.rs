//! Which of the rows may be written now: all, the drift alone, or those no refusing finding is about.

use super::diff::Row;
use super::pin::{Change, by_new_nodes};
use super::running::{settings_of, setup_with};
use super::world::{ApplyMode, PolicyWorld, Target};
use crate::config::{Key, change_hash};
use crate::safety::{CniSetup, Review, Severity, review};
use crate::version::CniVersion;
use std::collections::BTreeSet;

/// What was chosen among the rows.
pub(super) struct Choice {
    pub(super) write: Vec<Row>,
    pub(super) waiting: Vec<Row>,
    pub(super) review: Review,
    pub(super) change_hash: Option<String>,
    pub(super) refused: bool,
    pub(super) held: Vec<Row>,
    /// The change that is refused, where new nodes can carry it out.
    pub(super) change: Option<Change>,
}

/// Chooses among the wanted rows and those that undo drift.
pub(super) fn choose(world: &PolicyWorld, target: &Target, wanted: &[Row], drifted: &[Row]) -> Choice {
    Chooser { world, target }.choose(wanted, drifted)
}

struct Chooser<'a> {
    world: &'a PolicyWorld,
    target: &'a Target,
}

impl Chooser<'_> {
    fn choose(&self, wanted: &[Row], drifted: &[Row]) -> Choice {
        let writable: Vec<Row> = wanted.iter().filter(|row| row.is_write()).cloned().collect();
        if let Some(choice) = self.permitted(&writable) {
            return choice;
        }
        let (review, change_hash) = self.review(&writable);
        if review.allows() {
            let held = Vec::new();
            return Choice {
                write: writable,
                waiting: Vec::new(),
                review,
                change_hash,
                refused: false,
                held,
                change: None,
            };
        }
        let asked = |row: &Row| {
            !drifted
                .iter()
                .any(|drift| drift.name == row.name && drift.to == row.to)
        };
        let refused = writable.iter().any(asked) || self.next_version().is_some();
        let drift: Vec<Row> = drifted.iter().filter(|row| row.is_write()).cloned().collect();
        let (mut write, held) = if self.review(&drift).0.allows() {
            (drift, Vec::new())
        } else {
            (Vec::new(), drift)
        };
        if self.world.intent.apply_mode == ApplyMode::SafeFirst {
            let safe = without_named(&writable, &review);
            if self.review(&safe).0.allows() {
                write.retain(|row| !safe.iter().any(|safe| safe.name == row.name));
                write.extend(safe);
            }
        }
        let is_written = |row: &Row| {
            write
                .iter()
                .any(|written| written.name == row.name && written.to == row.to)
        };
        let waiting = writable.iter().filter(|row| !is_written(row)).cloned().collect();
        let change = (refused && by_new_nodes(&review)).then(|| {
            let (from, to) = self.setups(&writable);
            let review = review.clone();
            Change { from, to, review }
        });
        Choice {
            write,
            waiting,
            review,
            change_hash,
            refused,
            held,
            change,
        }
    }

    /// What the migration puts in place now, if that is all that is asked for by it.
    fn permitted(&self, writable: &[Row]) -> Option<Choice> {
        let pin = self.world.pin.as_ref().filter(|pin| pin.permitted)?;
        let is_pinned = |row: &&Row| pin.settings.contains_key(&row.name);
        let (write, waiting): (Vec<&Row>, Vec<&Row>) = writable.iter().partition(is_pinned);
        let write: Vec<Row> = write.into_iter().cloned().collect();
        if write.is_empty() {
            return None;
        }
        let (found, change_hash) = self.review(&write);
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

    /// Reviews the live set-up against the live set-up with these rows.
    fn review(&self, rows: &[Row]) -> (Review, Option<String>) {
        let (from, to) = self.setups(rows);
        let hash = change_hash(&from.config, &to.config);
        let accept = &self.world.intent.accept;
        let review = review(&from, &to, &self.world.seen).accepted(accept, &hash, self.world.now);
        (review, (!rows.is_empty()).then_some(hash))
    }

    /// The live set-up, and the live set-up with these rows.
    fn setups(&self, rows: &[Row]) -> (CniSetup, CniSetup) {
        let from = self.setup(&[]);
        let mut to = self.setup(rows);
        if let Some(version) = self.next_version() {
            to.version = version;
        }
        if let Some(eni_configs) = &self.world.intent.eni_configs {
            to.eni_configs.extend(
                eni_configs
                    .iter()
                    .map(|(name, spec)| (name.clone(), spec.clone())),
            );
        }
        (from, to)
    }

    /// The version that an add-on is to change to: it comes with the change. A DaemonSet's is only asserted.
    fn next_version(&self) -> Option<CniVersion> {
        self.target.addon.carrier()?.next(self.world.intent.version)
    }

    fn setup(&self, rows: &[Row]) -> CniSetup {
        let mut settings = settings_of(self.target);
        for row in rows {
            match &row.to {
                Some(value) => settings.insert(row.name.clone(), value.clone()),
                None => settings.remove(&row.name),
            };
        }
        setup_with(self.target, &settings)
    }
}

/// The rows that no refusing finding is about.
fn without_named(rows: &[Row], review: &Review) -> Vec<Row> {
    let refusing = review
        .findings
        .iter()
        .filter(|finding| finding.severity > Severity::Warn);
    let named: BTreeSet<Key> = refusing
        .filter_map(|finding| crate::safety::explain(finding.rule.0))
        .flat_map(|rule| rule.keys)
        .copied()
        .collect();
    rows.iter()
        .filter(|row| !row.name.key().is_some_and(|key| named.contains(&key)))
        .cloned()
        .collect()
}
