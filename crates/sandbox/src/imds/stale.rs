//! A metadata service that shows too little or too late: the class of outages in which a node forgets interfaces that
//! it still has.

use crate::world::Seen;
use jiff::Timestamp;
use serde::Deserialize;
use std::time::Duration;

/// How it is stale.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stale {
    mode: Mode,
    /// With `partial`: so many interfaces are shown.
    #[serde(default)]
    show: usize,
    /// For so many seconds of the sandbox's clock; until it is lifted where nothing is given.
    for_seconds: Option<f64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    /// What it showed when this began.
    Frozen,
    /// The first interfaces alone.
    Partial,
    /// No interface at all.
    Empty,
}

/// How it is stale, until when, and what it showed when that began.
#[derive(Debug)]
pub(super) struct StaleUntil {
    stale: Stale,
    frozen: Vec<Seen>,
    until: Option<Timestamp>,
}

impl StaleUntil {
    pub(super) fn new(stale: Stale, frozen: Vec<Seen>, now: Timestamp) -> Result<Self, String> {
        let lasts = stale.for_seconds.map(Duration::try_from_secs_f64).transpose();
        let lasts = lasts.map_err(|error| format!("for_seconds: {error}"))?;
        let until = lasts.map(|lasts| now.checked_add(lasts).unwrap_or(Timestamp::MAX));
        Ok(Self { stale, frozen, until })
    }

    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    pub(super) fn shows(&self, mut known: Vec<Seen>) -> Vec<Seen> {
        match self.stale.mode {
            Mode::Frozen => self.frozen.clone(),
            Mode::Empty => Vec::new(),
            Mode::Partial => {
                known.truncate(self.stale.show);
                known
            }
        }
    }
}
