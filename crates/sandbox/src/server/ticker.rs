//! Lets things happen on the machine's clock when nobody asks: instances start and interfaces detach while every
//! client sleeps.

use crate::state::State;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long it sleeps where nothing is due.
const IDLE: Duration = Duration::from_hours(1);

pub(super) async fn tick(state: Arc<State>, stop: CancellationToken) {
    loop {
        let due = state.settle_and_sleep();
        let left = due.map_or(IDLE, |due| {
            Duration::try_from(due.duration_since(state.clock().now())).unwrap_or_default()
        });
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(left.min(IDLE)) => {}
            () = state.sooner() => {}
        }
    }
}
