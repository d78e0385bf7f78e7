//! Controllers run while this replica leads, and only then.

use crate::context::Context;
use crate::controller::{Controller, Failure};
use crate::lease::Leadership;
use std::sync::Arc;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use vpccni_telemetry::supervisor::TaskError;

/// The category of writes refused by the fence.
const NOT_LEADER: &str = "not_leader";

type Ended = (&'static str, Result<(), Failure>);

/// Starts the controllers when this replica begins to lead, stops and joins them when it no longer does, and again.
/// Returns after `stop`, or with an error as soon as a controller ends by itself.
pub(super) async fn lead(
    ctx: Arc<Context>,
    mut leadership: Leadership,
    controllers: Vec<Arc<dyn Controller>>,
    stop: CancellationToken,
) -> Result<(), TaskError> {
    loop {
        let leads = tokio::select! {
            leads = leadership.changed() => leads,
            () = stop.cancelled() => return Ok(()),
        };
        if !leads {
            continue;
        }
        tracing::info!("starting controllers");
        ctx.metrics.set_leader(true);
        ctx.hand_over.set_at_work(true);
        let result = term(&ctx, &mut leadership, &controllers, &stop).await;
        ctx.hand_over.set_at_work(false);
        ctx.metrics.set_leader(false);
        result?;
    }
}

/// One term: from the start of the controllers until all of them have ended.
async fn term(
    ctx: &Arc<Context>,
    leadership: &mut Leadership,
    controllers: &[Arc<dyn Controller>],
    stop: &CancellationToken,
) -> Result<(), TaskError> {
    let end = stop.child_token();
    let mut running: JoinSet<Ended> = JoinSet::new();
    for controller in controllers {
        let (controller, ctx, end) = (controller.clone(), ctx.clone(), end.clone());
        running.spawn(async move { (controller.name(), controller.run(ctx, end).await) });
    }
    let early = tokio::select! {
        // In this order: a controller that ends because it was asked to did not end early.
        biased;
        _ = leadership.changed() => None,
        () = stop.cancelled() => None,
        Some(ended) = running.join_next() => Some(ended),
    };
    end.cancel();
    let mut result = early.map_or(Ok(()), |ended| judge(ended, true));
    while let Some(ended) = running.join_next().await {
        let ended = judge(ended, false);
        result = result.and(ended);
    }
    tracing::info!("controllers stopped");
    result
}

/// A controller that failed or panicked is an error; one that just ended is one only if nobody asked it to, and so is
/// one whose last write was refused because the term is over.
fn judge(ended: Result<Ended, JoinError>, early: bool) -> Result<(), TaskError> {
    match ended {
        Ok((_, Ok(()))) if !early => Ok(()),
        Ok((_, Err(failure))) if !early && failure.category() == NOT_LEADER => Ok(()),
        Ok((task, Ok(()))) => Err(TaskError::EndedEarly { task }),
        Ok((task, Err(failure))) => Err(TaskError::Failed {
            task,
            message: failure.to_string(),
        }),
        Err(error) => Err(TaskError::Panicked {
            message: error.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests;
