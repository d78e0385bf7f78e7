//! What was called, how often and with what outcome: what a program costs its user in API calls is read from here.

use serde::Serialize;
use std::collections::BTreeMap;

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It was answered.
    Ok,
    /// It was refused with this code.
    Refused(String),
    /// A fault cut the connection.
    Dropped,
}

impl Outcome {
    fn text(&self) -> &str {
        match self {
            Self::Ok => "ok",
            Self::Refused(code) => code,
            Self::Dropped => "dropped",
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
    /// `ok`, `dropped` or the code of the error.
    pub outcome: String,
    /// How often.
    pub count: u64,
}

/// The counts.
#[derive(Debug, Default)]
pub(crate) struct Calls(BTreeMap<(String, String, Outcome), u64>);

impl Calls {
    pub(crate) fn record(&mut self, service: &str, action: &str, outcome: Outcome) {
        *self
            .0
            .entry((service.to_owned(), action.to_owned(), outcome))
            .or_default() += 1;
    }

    pub(crate) fn counts(&self) -> Vec<CallCount> {
        self.0
            .iter()
            .map(|((service, action, outcome), count)| CallCount {
                service: service.clone(),
                action: action.clone(),
                outcome: outcome.text().to_owned(),
                count: *count,
            })
            .collect()
    }
}
