//! What the policy controller remembers between rounds of one process. Losing it costs nothing but a re-read: who sets
//! our values back, what was read and told before.

use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use vpccni_core::policy::{Fights, SettingName};
use vpccni_observe::policy::Recall;

/// How long a value that was set back counts. Three in that time are a fight, and when they are past it is tried again.
const FIGHT_WINDOW: SignedDuration = SignedDuration::from_mins(10);

/// The memory of the controller.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Of the migration.
    pub(crate) migration: crate::migration::Memory,
    /// What templates tell kubelets.
    pub(super) templates: super::templates::Templates,
    corrections: BTreeMap<SettingName, Vec<(Timestamp, String)>>,
    /// What was read before.
    pub(crate) recall: Recall,
    /// What the admission policies were told last.
    pub(crate) admission: crate::admission::Written,
    /// What was said of ENIConfigs.
    pub(crate) told: crate::eniconfig::Told,
    /// What cannot be read and was told.
    pub(crate) unreadable: super::unreadable::Told,
}

impl Memory {
    /// Notes that a value was put back after somebody changed it.
    pub(crate) fn corrected(&mut self, name: &SettingName, manager: &str, now: Timestamp) {
        self.corrections
            .entry(name.clone())
            .or_default()
            .push((now, manager.to_owned()));
    }

    /// How often each value was put back inside the window.
    pub(crate) fn fights(&mut self, now: Timestamp) -> Fights {
        self.corrections.retain(|_, times| {
            times.retain(|(at, _)| now.duration_since(*at) < FIGHT_WINDOW);
            !times.is_empty()
        });
        let count = |times: &Vec<(Timestamp, String)>| {
            let manager = times
                .last()
                .map(|(_, manager)| manager.clone())
                .unwrap_or_default();
            (manager, u32::try_from(times.len()).unwrap_or(u32::MAX))
        };
        Fights {
            reverted: self
                .corrections
                .iter()
                .map(|(name, times)| (name.clone(), count(times)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vpccni_core::config::Key;

    #[test]
    fn corrections_are_forgotten_after_the_window() {
        let mut memory = Memory::default();
        let name = SettingName::of(Key::WarmEniTarget);
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        for second in [0, 10, 20] {
            memory.corrected(&name, "kubectl-edit", at(second));
        }
        assert_eq!(
            memory.fights(at(30)).reverted[&name],
            ("kubectl-edit".to_owned(), 3)
        );
        assert_eq!(memory.fights(at(605)).reverted[&name].1, 2);
        assert!(memory.fights(at(700)).reverted.is_empty());
    }
}
