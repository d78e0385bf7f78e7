//! What a replica does next about the Lease: a pure function of what it has seen and of its monotonic clock.

use crate::lease::Claim;
use crate::lease::record::Record;
use std::time::Duration;
use tokio::time::Instant;

/// A record, and since when this replica has seen this renewal. Expiry counts from there: the times in the record come
/// from another clock, and clocks jump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) record: Record,
    pub(super) since: Instant,
}

impl Seen {
    /// What is known after a read: the same renewal keeps its age.
    pub(super) fn after_read(before: Option<Self>, record: Record, now: Instant) -> Self {
        let since = match before {
            Some(before) if before.record.same_renewal(&record) => before.since,
            _ => now,
        };
        Self { record, since }
    }
}

/// What to do about the Lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// There is none: create it.
    Create,
    /// It is ours: renew it.
    Renew,
    /// It is free, or may be taken: become the holder.
    Take {
        /// The number of changes of the holder, this one included.
        transitions: i32,
        /// Taken from one that may still believe that it leads.
        seized: bool,
    },
    /// Somebody else holds it for at least so long.
    Wait(Duration),
}

/// The next step of `me`.
pub(super) fn decide(me: &str, claim: Claim, seen: Option<&Seen>, now: Instant) -> Step {
    let Some(Seen { record, since }) = seen else {
        return Step::Create;
    };
    let transitions = record.transitions.saturating_add(1);
    match &record.holder {
        Some(holder) if holder == me => Step::Renew,
        None => Step::Take {
            transitions,
            seized: false,
        },
        Some(_) => {
            let left = record
                .duration
                .saturating_sub(now.saturating_duration_since(*since));
            match claim {
                _ if left.is_zero() => Step::Take {
                    transitions,
                    seized: false,
                },
                Claim::Seize => Step::Take {
                    transitions,
                    seized: true,
                },
                Claim::WhenFree => Step::Wait(left),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    const DURATION: Duration = Duration::from_secs(15);

    fn record(holder: Option<&str>, renewed: i64) -> Record {
        Record {
            holder: holder.map(str::to_owned),
            duration: DURATION,
            renewed: Some(Timestamp::from_second(renewed).unwrap()),
            transitions: 4,
            resource_version: Some("9".to_owned()),
        }
    }

    #[test]
    fn the_decision_is_a_table_of_holder_age_and_claim() {
        let start = Instant::now();
        let secs = Duration::from_secs;
        let free = Step::Take {
            transitions: 5,
            seized: false,
        };
        let seized = Step::Take {
            transitions: 5,
            seized: true,
        };
        let table = [
            (Some("me"), 0, Claim::WhenFree, Step::Renew),
            (Some("me"), 3600, Claim::WhenFree, Step::Renew),
            (Some("me"), 0, Claim::Seize, Step::Renew),
            (None, 0, Claim::WhenFree, free),
            (None, 0, Claim::Seize, free),
            (Some("other"), 0, Claim::WhenFree, Step::Wait(DURATION)),
            (Some("other"), 14, Claim::WhenFree, Step::Wait(secs(1))),
            (Some("other"), 15, Claim::WhenFree, free),
            (Some("other"), 0, Claim::Seize, seized),
            (Some("other"), 14, Claim::Seize, seized),
            (Some("other"), 15, Claim::Seize, free),
        ];
        for (holder, age, claim, expected) in table {
            let seen = Seen {
                record: record(holder, 0),
                since: start,
            };
            let step = decide("me", claim, Some(&seen), start + secs(age));
            assert_eq!(step, expected, "{holder:?} {age} s {claim:?}");
        }
        assert_eq!(decide("me", Claim::WhenFree, None, start), Step::Create);
    }

    #[test]
    fn only_a_new_renewal_makes_the_record_young_again() {
        let start = Instant::now();
        let later = start + Duration::from_secs(10);
        let first = Seen::after_read(None, record(Some("other"), 100), start);
        assert_eq!(first.since, start);
        // Somebody labels the Lease: a new version, the same renewal.
        let mut labelled = record(Some("other"), 100);
        labelled.resource_version = Some("10".to_owned());
        let again = Seen::after_read(Some(first.clone()), labelled, later);
        assert_eq!(
            (again.since, again.record.resource_version.as_deref()),
            (start, Some("10"))
        );
        assert_eq!(
            Seen::after_read(Some(first.clone()), record(Some("other"), 102), later).since,
            later
        );
        assert_eq!(
            Seen::after_read(Some(first), record(Some("third"), 100), later).since,
            later
        );
    }

    #[test]
    fn a_holder_whose_clock_is_years_away_expires_like_any_other() {
        let start = Instant::now();
        for renewed in [0, 32_000_000_000] {
            let seen = Seen::after_read(None, record(Some("other"), renewed), start);
            let early = decide("me", Claim::WhenFree, Some(&seen), start + Duration::from_secs(1));
            assert_eq!(early, Step::Wait(Duration::from_secs(14)));
            let late = decide("me", Claim::WhenFree, Some(&seen), start + DURATION);
            assert!(matches!(late, Step::Take { seized: false, .. }), "{late:?}");
        }
    }
}
