//! A wall clock that follows the clock of the runtime: where that one is paused, an hour is over as soon as nobody has
//! anything to do. Each thread has its own.

use jiff::{SignedDuration, Timestamp};
use std::cell::Cell;
use tokio::time::Instant;

thread_local! {
    static START: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// 2026-11-21T00:00:00Z, in seconds.
const FIRST: i64 = 1_795_219_200;

/// Sets the clock of this thread to the same time, whenever it is called.
pub fn start_clock() {
    START.set(Some(Instant::now()));
}

/// The time on this thread.
pub fn virtual_now() -> Timestamp {
    let elapsed = START.get().map(|start| start.elapsed()).unwrap_or_default();
    let elapsed = SignedDuration::try_from(elapsed).unwrap_or_default();
    Timestamp::from_second(FIRST).unwrap_or_default() + elapsed
}
