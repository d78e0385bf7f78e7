//! The loop of a controller: one round at a time, at every trigger and at least every re-sync interval, slower and
//! slower while rounds fail. It beats for liveness and counts for metrics; it knows nothing of what a round does.

use crate::context::Context;
use crate::controller::{Failure, Pace, Wake};
use async_trait::async_trait;
use futures::FutureExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use vpccni_telemetry::health::Heartbeat;

/// How long a loop may be silent before the process counts as hung. A round that meets nothing but time-outs takes a
/// few minutes at most: about 20 calls of 10 s.
const SILENCE_LIMIT: Duration = Duration::from_mins(5);

/// How often a waiting loop beats.
const BEAT: Duration = Duration::from_secs(20);

/// More sources of triggers than any loop has.
const MOST_SOURCES: usize = 16;

/// When the next round is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// At the next trigger or re-sync.
    Resync,
    /// After this time, unless a trigger comes first.
    After(Duration),
}

/// One round of a controller.
#[async_trait]
pub trait Reconcile: Send + Sync {
    /// Observes, plans, acts and reports once. Not cancelled: after the stop of the loop it is finished, and its writes
    /// fail once leadership is lost.
    async fn reconcile(&self, ctx: &Context) -> Result<Next, Failure>;
}

/// The loop of one controller.
pub struct Loop {
    name: &'static str,
    wake: Arc<dyn Wake>,
    pace: Pace,
}

impl std::fmt::Debug for Loop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loop")
            .field("name", &self.name)
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}

impl Loop {
    /// A loop that is woken by `wake`.
    pub fn new(name: &'static str, wake: Arc<dyn Wake>, pace: Pace) -> Self {
        Self { name, wake, pace }
    }

    /// Makes rounds until `stop` is cancelled, the first at once.
    pub async fn run(&self, ctx: &Context, stop: &CancellationToken, work: &dyn Reconcile) {
        let pulse = ctx.health.heartbeats.start(self.name, SILENCE_LIMIT);
        let mut failures = 0;
        while !stop.is_cancelled() {
            pulse.beat();
            let (wait, soonest) = match self.round(ctx, work).await {
                Ok(next) => {
                    failures = 0;
                    let asked = match next {
                        Next::Resync => None,
                        Next::After(wait) => Some(wait),
                    };
                    (self.pace.after_success(asked, fastrand::f64()), Duration::ZERO)
                }
                Err(failure) => {
                    failures += 1;
                    let wait = self
                        .pace
                        .after_failure(failures, failure.retry_after(), fastrand::f64());
                    tracing::warn!(
                        controller = self.name, error = %failure, category = failure.category(), failures,
                        wait_ms = wait.as_millis(), "reconcile failed"
                    );
                    // A trigger cuts the wait short, but not below the first retry: the trigger may be the echo of
                    // what the failed round itself wrote.
                    (
                        wait,
                        wait.min(self.pace.first_retry)
                            .max(failure.retry_after().unwrap_or_default()),
                    )
                }
            };
            pulse.beat();
            tokio::select! {
                () = self.idle(&pulse, wait, soonest) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    async fn round(&self, ctx: &Context, work: &dyn Reconcile) -> Result<Next, Failure> {
        let started = Instant::now();
        let result = work.reconcile(ctx).await;
        let failed = result.as_ref().err().map(|failure| failure.category());
        ctx.metrics.reconciled(self.name, started.elapsed(), failed);
        result
    }

    /// Waits for a trigger, but not less than `soonest` and not longer than `wait`.
    async fn idle(&self, pulse: &Heartbeat, wait: Duration, soonest: Duration) {
        let started = Instant::now();
        beating(pulse, tokio::time::sleep(soonest)).await;
        let left = wait.saturating_sub(started.elapsed());
        let woken = beating(pulse, tokio::time::timeout(left, self.wake.woken()))
            .await
            .is_ok();
        if woken {
            tokio::time::sleep(self.pace.debounce).await;
            // What came with the trigger is answered by the same round; each source gives one at a time.
            for _ in 0..MOST_SOURCES {
                if self.wake.woken().now_or_never().is_none() {
                    break;
                }
            }
        }
    }
}

/// Beats while waiting.
async fn beating<T>(pulse: &Heartbeat, waiting: impl Future<Output = T>) -> T {
    tokio::pin!(waiting);
    loop {
        pulse.beat();
        if let Ok(value) = tokio::time::timeout(BEAT, &mut waiting).await {
            return value;
        }
    }
}

#[cfg(test)]
mod tests;
