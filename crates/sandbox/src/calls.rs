//! What was called, how often, by whom and with what outcome: what a program costs its user in API calls is read from
//! here. The last requests are kept one by one.

use crate::world::Caller;
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, VecDeque};

/// So many requests are kept one by one.
const KEPT: usize = 10_000;

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It was answered.
    Ok,
    /// It was refused with this code.
    Refused(String),
    /// A fault cut the connection.
    Dropped,
    /// A fault answered with a page of HTML.
    Html,
}

impl Outcome {
    fn text(&self) -> &str {
        match self {
            Self::Ok => "ok",
            Self::Refused(code) => code,
            Self::Dropped => "dropped",
            Self::Html => "html",
        }
    }
}

/// How often an action of a service had an outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallCount {
    /// The service, such as `ec2`.
    pub service: String,
    /// The action, such as `DescribeSubnets`.
    pub action: String,
    /// `ok`, `dropped`, `html` or the code of the error.
    pub outcome: String,
    /// How often.
    pub count: u64,
}

/// How often a caller used an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallerCount {
    /// The caller: an instance, an access key, or `anonymous`.
    pub caller: String,
    /// The rest.
    #[serde(flatten)]
    pub call: CallCount,
}

/// One request.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Entry {
    number: u64,
    #[serde(serialize_with = "as_text")]
    time: Timestamp,
    service: &'static str,
    action: String,
    caller: String,
    outcome: String,
    /// The rule that it met.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<u64>,
}

fn as_text<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

/// Counts of one action by one caller.
type Outcomes = BTreeMap<Outcome, u64>;

/// The books.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    counts: BTreeMap<&'static str, BTreeMap<String, BTreeMap<String, Outcomes>>>,
    last: u64,
    kept: VecDeque<Entry>,
}

impl Calls {
    pub(crate) fn record(
        &mut self,
        time: Timestamp,
        call: (&'static str, &str, &Caller),
        outcome: Outcome,
        fault: Option<u64>,
    ) {
        let (service, action, caller) = call;
        let caller = caller.name();
        self.last += 1;
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(Entry {
            number: self.last,
            time,
            service,
            action: action.to_owned(),
            caller: caller.to_owned(),
            outcome: outcome.text().to_owned(),
            fault,
        });
        let actions = self.counts.entry(service).or_default();
        if !actions.contains_key(action) {
            actions.insert(action.to_owned(), BTreeMap::new());
        }
        let Some(callers) = actions.get_mut(action) else {
            return;
        };
        if !callers.contains_key(caller) {
            callers.insert(caller.to_owned(), Outcomes::new());
        }
        if let Some(outcomes) = callers.get_mut(caller) {
            *outcomes.entry(outcome).or_default() += 1;
        }
    }

    /// Over all callers.
    pub(crate) fn counts(&self) -> Vec<CallCount> {
        let mut sums: BTreeMap<(&str, &str, &Outcome), u64> = BTreeMap::new();
        for (service, actions) in &self.counts {
            for (action, callers) in actions {
                for (outcome, count) in callers.values().flatten() {
                    *sums.entry((service, action, outcome)).or_default() += count;
                }
            }
        }
        sums.into_iter()
            .map(|((service, action, outcome), count)| count_of(service, action, outcome, count))
            .collect()
    }

    /// One by one.
    pub(crate) fn by_caller(&self) -> Vec<CallerCount> {
        let mut found = Vec::new();
        for (service, actions) in &self.counts {
            for (action, callers) in actions {
                for (caller, outcomes) in callers {
                    found.extend(outcomes.iter().map(|(outcome, count)| CallerCount {
                        caller: caller.clone(),
                        call: count_of(service, action, outcome, *count),
                    }));
                }
            }
        }
        found
    }

    /// The last requests after a number, and the number of the newest.
    pub(crate) fn after(&self, number: u64) -> (Vec<&Entry>, u64) {
        let entries = self.kept.iter().filter(|entry| entry.number > number);
        (entries.collect(), self.last)
    }
}

fn count_of(service: &str, action: &str, outcome: &Outcome, count: u64) -> CallCount {
    CallCount {
        service: service.to_owned(),
        action: action.to_owned(),
        outcome: outcome.text().to_owned(),
        count,
    }
}
