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

/// The end of the year 9000: every delay still fits behind it.
const LATEST: i64 = 221_845_392_000_000;

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

    /// A manual clock is not earlier than this: the world of a journal has been there already.
    pub(crate) fn at_least(&self, time: Timestamp) {
        let millis = time.as_millisecond() + i64::from(time.subsec_nanosecond() % 1_000_000 != 0);
        self.manual.fetch_max(millis, Ordering::SeqCst);
    }

    /// Moves a manual clock; a real one cannot be moved.
    pub(crate) fn advance(&self, by: Duration) -> Result<Timestamp, &'static str> {
        if self.kind == ClockKind::Real {
            return Err("the clock is the machine's; start with --clock manual to advance it");
        }
        let by = i64::try_from(by.as_millis()).map_err(|_| "the clock cannot be advanced that far")?;
        let moved = self
            .manual
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |at| {
                at.checked_add(by).filter(|at| *at <= LATEST)
            });
        moved.map_err(|_| "the clock cannot be advanced that far")?;
        Ok(self.now())
    }
}
