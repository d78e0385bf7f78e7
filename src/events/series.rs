//! Which Events are written: a repeated one becomes a series that is written ever more seldom, and a reason that has
//! ever new texts is cut off. A pure table of what was told lately; it knows no API.

use crate::events::Reason;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// How long the same Event of the same object counts as a repetition: the API server keeps Events for an hour, and
/// people look at the last minutes.
pub(super) const WINDOW: SignedDuration = SignedDuration::from_mins(10);

/// How many different texts one reason may have for one object within the window, so that a text with a number that
/// changes in every round does not become an Event in every round.
const TEXTS_PER_REASON: usize = 10;

/// The object an Event is about, as far as it tells Events apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Subject {
    pub(super) kind: String,
    pub(super) namespace: String,
    pub(super) name: String,
}

/// What to do with an Event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Create it.
    First,
    /// Write the number of repetitions into the Event of this name.
    Count { event: String, count: i32 },
    /// Write nothing: it is in the number that will be written next, or there are too many texts.
    Suppress,
}

#[derive(Debug)]
struct Told {
    /// The name of the Event in the API, once it has been created.
    event: Option<String>,
    since: Timestamp,
    count: i32,
}

/// What was told within the window.
#[derive(Debug, Default)]
pub(super) struct Recent {
    told: BTreeMap<(Subject, Reason, String), Told>,
}

impl Recent {
    /// Takes note of an Event and says what to do with it.
    pub(super) fn note(&mut self, subject: &Subject, reason: Reason, text: &str, now: Timestamp) -> Verdict {
        self.told
            .retain(|_, told| now.duration_since(told.since) < WINDOW);
        let key = (subject.clone(), reason, text.to_owned());
        if let Some(told) = self.told.get_mut(&key) {
            told.count = told.count.saturating_add(1);
            // Written at 2, 4, 8, …: a loop that repeats itself does not become a loop of writes.
            return match &told.event {
                Some(event) if told.count.count_ones() == 1 => Verdict::Count {
                    event: event.clone(),
                    count: told.count,
                },
                _ => Verdict::Suppress,
            };
        }
        let texts = self
            .told
            .keys()
            .filter(|(s, r, _)| s == subject && *r == reason)
            .count();
        if texts >= TEXTS_PER_REASON {
            return Verdict::Suppress;
        }
        self.told.insert(
            key,
            Told {
                event: None,
                since: now,
                count: 1,
            },
        );
        Verdict::First
    }

    /// The Event was created under this name: repetitions are counted in it.
    pub(super) fn created(&mut self, subject: &Subject, reason: Reason, text: &str, event: &str) {
        if let Some(told) = self.told.get_mut(&(subject.clone(), reason, text.to_owned())) {
            told.event = Some(event.to_owned());
        }
    }

    /// The Event could not be created: the next one is the first again.
    pub(super) fn forget(&mut self, subject: &Subject, reason: Reason, text: &str) {
        self.told.remove(&(subject.clone(), reason, text.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(name: &str) -> Subject {
        Subject {
            kind: "CniPolicy".into(),
            namespace: "default".into(),
            name: name.into(),
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + seconds).unwrap()
    }

    #[test]
    fn repetitions_are_written_at_powers_of_two_until_the_window_ends() {
        let (mut recent, policy) = (Recent::default(), subject("default"));
        assert_eq!(
            recent.note(&policy, Reason::DriftHeld, "held", at(0)),
            Verdict::First
        );
        recent.created(&policy, Reason::DriftHeld, "held", "default.1");
        let counts: Vec<_> = (1..=8)
            .filter_map(
                |second| match recent.note(&policy, Reason::DriftHeld, "held", at(second)) {
                    Verdict::Count { event, count } => {
                        assert_eq!(event, "default.1");
                        Some(count)
                    }
                    Verdict::Suppress => None,
                    Verdict::First => panic!("told anew at {second}"),
                },
            )
            .collect();
        assert_eq!(counts, [2, 4, 8]);
        assert_eq!(
            recent.note(&policy, Reason::DriftHeld, "held", at(599)),
            Verdict::Suppress
        );
        assert_eq!(
            recent.note(&policy, Reason::DriftHeld, "held", at(600)),
            Verdict::First
        );
    }

    #[test]
    fn another_object_reason_or_text_is_another_event() {
        let mut recent = Recent::default();
        for (name, reason, text) in [
            ("default", Reason::DriftHeld, "a"),
            ("other", Reason::DriftHeld, "a"),
            ("default", Reason::ModeDrift, "a"),
            ("default", Reason::DriftHeld, "b"),
        ] {
            assert_eq!(recent.note(&subject(name), reason, text, at(0)), Verdict::First);
        }
    }

    #[test]
    fn too_many_texts_of_one_reason_are_cut_off() {
        let (mut recent, policy) = (Recent::default(), subject("default"));
        let first = (0..25)
            .filter(|n| recent.note(&policy, Reason::ModeDrift, &n.to_string(), at(0)) == Verdict::First)
            .count();
        assert_eq!(first, TEXTS_PER_REASON);
        assert_eq!(
            recent.note(&policy, Reason::DriftHeld, "other reason", at(0)),
            Verdict::First
        );
    }

    #[test]
    fn an_event_that_was_not_created_is_tried_again() {
        let (mut recent, policy) = (Recent::default(), subject("default"));
        assert_eq!(
            recent.note(&policy, Reason::DriftHeld, "held", at(0)),
            Verdict::First
        );
        recent.forget(&policy, Reason::DriftHeld, "held");
        assert_eq!(
            recent.note(&policy, Reason::DriftHeld, "held", at(1)),
            Verdict::First
        );
    }
}
