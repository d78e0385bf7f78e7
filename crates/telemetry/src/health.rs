//! Whether a program is ready, and whether it is still alive: named checks with reasons, and the heartbeats of loops.
//!
//! State is written by the tasks of the program and read by the admin server; nothing here decides what to do about it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// What a check says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// Good.
    Passed,
    /// Not good, and why, in words for a person on call.
    Failed(String),
}

/// The checks that must pass before a program calls itself ready. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    checks: Arc<Mutex<BTreeMap<&'static str, Check>>>,
}

impl Readiness {
    /// The check passes.
    pub fn pass(&self, name: &'static str) {
        self.set(name, Check::Passed);
    }

    /// The check does not pass, and why.
    pub fn fail(&self, name: &'static str, reason: impl Into<String>) {
        self.set(name, Check::Failed(reason.into()));
    }

    /// All checks by name.
    pub fn checks(&self) -> BTreeMap<&'static str, Check> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether every check passes; false while there is none, because nothing has reported yet.
    pub fn is_ready(&self) -> bool {
        let checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner);
        !checks.is_empty() && checks.values().all(|check| *check == Check::Passed)
    }

    fn set(&self, name: &'static str, check: Check) {
        self.checks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name, check);
    }
}

#[derive(Debug)]
struct Pulse {
    last: Instant,
    limit: Duration,
}

/// The loops that must keep ticking. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Heartbeats {
    pulses: Arc<Mutex<BTreeMap<&'static str, Pulse>>>,
}

impl Heartbeats {
    /// A loop that promises to beat at least once in `limit`, until the handle is dropped.
    pub fn start(&self, name: &'static str, limit: Duration) -> Heartbeat {
        let pulse = Pulse {
            last: Instant::now(),
            limit,
        };
        self.pulses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name, pulse);
        Heartbeat {
            name,
            beats: self.clone(),
        }
    }

    /// The loops that have promised to beat.
    pub fn names(&self) -> BTreeSet<&'static str> {
        self.pulses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .keys()
            .copied()
            .collect()
    }

    /// The loops that did not keep their promise, and for how long each has been silent.
    pub fn silent(&self) -> BTreeMap<&'static str, Duration> {
        let now = Instant::now();
        let pulses = self.pulses.lock().unwrap_or_else(PoisonError::into_inner);
        pulses
            .iter()
            .map(|(name, pulse)| (*name, now.saturating_duration_since(pulse.last), pulse.limit))
            .filter(|(_, silence, limit)| silence > limit)
            .map(|(name, silence, _)| (name, silence))
            .collect()
    }
}

/// The heartbeat of one loop; dropping it ends the promise.
#[derive(Debug)]
pub struct Heartbeat {
    name: &'static str,
    beats: Heartbeats,
}

impl Heartbeat {
    /// The loop is alive.
    pub fn beat(&self) {
        let mut pulses = self.beats.pulses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pulse) = pulses.get_mut(self.name) {
            pulse.last = Instant::now();
        }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.beats
            .pulses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(self.name);
    }
}

/// Both, as one handle for the tasks of a program.
#[derive(Debug, Clone, Default)]
pub struct Health {
    /// The checks before it is ready.
    pub readiness: Readiness,
    /// The loops that keep it alive.
    pub heartbeats: Heartbeats,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_needs_at_least_one_check_and_no_failed_one() {
        let readiness = Readiness::default();
        assert!(!readiness.is_ready());
        readiness.pass("caches");
        assert!(readiness.is_ready());
        readiness.clone().fail("lease", "not reached");
        assert!(!readiness.is_ready());
        assert_eq!(
            readiness.checks()["lease"],
            Check::Failed("not reached".to_owned())
        );
        readiness.pass("lease");
        assert!(readiness.is_ready());
    }

    #[test]
    fn a_loop_is_silent_after_its_limit_until_it_beats_or_ends() {
        let beats = Heartbeats::default();
        let strict = beats.start("policy", Duration::ZERO);
        let lenient = beats.start("node", Duration::from_hours(1));
        std::thread::sleep(Duration::from_millis(2));
        assert_eq!(beats.silent().keys().collect::<Vec<_>>(), [&"policy"]);
        lenient.beat();
        drop(strict);
        assert!(beats.silent().is_empty());
    }

    #[test]
    fn a_beat_ends_the_silence() {
        let beats = Heartbeats::default();
        let pulse = beats.start("policy", Duration::from_millis(40));
        std::thread::sleep(Duration::from_millis(60));
        assert!(beats.silent().contains_key("policy"));
        pulse.beat();
        assert!(!beats.silent().contains_key("policy"));
    }
}
