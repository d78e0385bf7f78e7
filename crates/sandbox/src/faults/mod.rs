//! Faults by rule: which calls, how often, and what happens to them. Chance follows from the seed and is the faults'
//! own: a fault must not move the addresses of the world.

mod effect;
mod rule;

use crate::world::Random;
use jiff::Timestamp;
use serde::Serialize;
use std::time::Duration;

pub(crate) use effect::Way;
pub use effect::{Disconnect, Effect, ErrorEffect, Latency};
pub use rule::Rule;
pub(crate) use rule::Subject;

/// What a call meets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Met {
    /// The rule, if there is one.
    pub(crate) rule: Option<u64>,
    pub(crate) delay: Duration,
    pub(crate) way: Option<Way>,
    /// How old the world is that a describe sees.
    pub(crate) stale: Duration,
}

/// A rule in force.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Armed {
    id: u64,
    #[serde(flatten)]
    rule: Rule,
    /// Calls that it is about.
    seen: u64,
    /// Calls that it did something to.
    fired: u64,
    #[serde(skip)]
    until: Option<Timestamp>,
}

/// The rules in force.
#[derive(Debug)]
pub(crate) struct Faults {
    rules: Vec<Armed>,
    last: u64,
    random: Random,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rules: Vec::new(),
            last: 0,
            random: Random::new(seed ^ 0xfa17),
        }
    }

    /// Adds a rule and gives its number; a rule that can never do anything is refused.
    pub(crate) fn add(&mut self, rule: Rule, now: Timestamp) -> Result<u64, String> {
        rule.check()?;
        let until = rule
            .for_seconds
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .map(|lasts| now.checked_add(lasts).unwrap_or(Timestamp::MAX));
        self.last += 1;
        self.rules.push(Armed {
            id: self.last,
            rule,
            seen: 0,
            fired: 0,
            until,
        });
        Ok(self.last)
    }

    /// Takes one away; false where there is none of this number.
    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let before = self.rules.len();
        self.rules.retain(|armed| armed.id != id);
        self.rules.len() < before
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn rules(&self) -> &[Armed] {
        &self.rules
    }

    /// How often a rule fired; never where there is none of this number.
    pub(crate) fn fired(&self, id: u64) -> u64 {
        let armed = self.rules.iter().find(|armed| armed.id == id);
        armed.map_or(0, |armed| armed.fired)
    }

    /// How much of the past the rules ask for.
    pub(crate) fn memory(&self) -> Duration {
        let stale = self.rules.iter().map(|armed| armed.rule.effect.stale_ms).max();
        Duration::from_millis(stale.unwrap_or(0))
    }

    /// A time up to this, by chance.
    pub(crate) fn up_to(&mut self, longest: Duration) -> Duration {
        if longest.is_zero() {
            return longest;
        }
        longest.mul_f64(self.random.share())
    }

    /// What this call meets: the first rule that fires.
    pub(crate) fn meet(&mut self, call: &Subject<'_>, now: Timestamp) -> Met {
        for armed in &mut self.rules {
            let rule = &armed.rule;
            if armed.until.is_some_and(|until| until <= now) || !rule.matches(call) {
                continue;
            }
            armed.seen += 1;
            let due = rule.nth.is_none_or(|nth| nth == armed.seen)
                && rule.times.is_none_or(|times| armed.fired < times)
                && rule.probability.is_none_or(|p| self.random.chance(p));
            if due {
                armed.fired += 1;
                return Met {
                    rule: Some(armed.id),
                    delay: rule.effect.delay(&mut self.random),
                    way: rule.effect.way(call.service, call.action, call.caller),
                    stale: Duration::from_millis(rule.effect.stale_ms),
                };
            }
        }
        Met::default()
    }
}

#[cfg(test)]
mod tests;
