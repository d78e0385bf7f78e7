//! What time it is in the sandbox: that of the machine, or one that only moves when it is told to.

use jiff::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Which clock a sandbox has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClockKind {
    /// The machine's.
    #[default]
    Real,
    /// It stands still until it is advanced.
    Manual,
}

/// The clock.
#[derive(Debug)]
pub(crate) struct Clock {
    kind: ClockKind,
    /// The manual clock, in milliseconds since 1970.
    manual: AtomicI64,
}

/// Where a manual clock begins, so that two runs of one seed are alike: 2026-01-01.
const BEGINNING: i64 = 1_767_225_600_000;

impl Clock {
    pub(crate) fn new(kind: ClockKind) -> Self {
        Self {
            kind,
            manual: AtomicI64::new(BEGINNING),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        match self.kind {
            ClockKind::Real => Timestamp::now(),
            ClockKind::Manual => {
                Timestamp::from_millisecond(self.manual.load(Ordering::SeqCst)).unwrap_or(Timestamp::MAX)
            }
        }
    }

    /// Moves a manual clock; a real one cannot be moved.
    pub(crate) fn advance(&self, by: Duration) -> Result<Timestamp, &'static str> {
        if self.kind == ClockKind::Real {
            return Err("the clock is the machine's; start with --clock manual to advance it");
        }
        let by = i64::try_from(by.as_millis()).map_err(|_| "the clock cannot be advanced that far")?;
        self.manual.fetch_add(by, Ordering::SeqCst);
        Ok(self.now())
    }
}
