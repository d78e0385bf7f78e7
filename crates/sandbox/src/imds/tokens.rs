//! Session tokens: good for one instance and for the time that was asked for.

use crate::world::Random;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;
use vpccni_core::ids::InstanceId;

/// What may be asked for, in seconds: up to six hours.
pub(crate) const TTL: RangeInclusive<u64> = 1..=21_600;

/// Tokens of one instance, above which those that have expired are forgotten.
const MANY: usize = 256;

#[derive(Debug)]
pub(crate) struct Tokens {
    of: BTreeMap<InstanceId, BTreeMap<String, Timestamp>>,
    random: Random,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            of: BTreeMap::new(),
            random: Random::new(0x1d5_7043),
        }
    }
}

impl Tokens {
    pub(crate) fn give(&mut self, instance: &InstanceId, seconds: u64, now: Timestamp) -> String {
        let expires = now
            .checked_add(Duration::from_secs(seconds))
            .unwrap_or(Timestamp::MAX);
        // 56 characters that end in two equal signs, as AWS's do.
        let token = format!(
            "AQAEA{:016x}{:016x}{:016x}w==",
            self.random.next(),
            self.random.next(),
            self.random.next()
        );
        let tokens = self.of.entry(instance.clone()).or_default();
        if tokens.len() >= MANY {
            tokens.retain(|_, expires| *expires > now);
        }
        tokens.insert(token.clone(), expires);
        token
    }

    pub(crate) fn is_good(&self, instance: &InstanceId, token: &str, now: Timestamp) -> bool {
        let expires = self.of.get(instance).and_then(|tokens| tokens.get(token));
        expires.is_some_and(|expires| *expires > now)
    }
}
