//! `vpc-cni-operator release`: every controller gives up what it holds, while no replica of the operator leads. The
//! Lease is seized, and kept for minutes after: the operator that is about to be uninstalled must not take back what
//! was just given up.

use crate::context::Context;
use crate::controller::Controller;
use crate::lease::{Claim, Leadership, Timings};
use crate::run::{Assembly, Parts, RunError, RunOptions, SHUTDOWN_GRACE, assemble, waiting_for};
use std::sync::Arc;
use std::time::Duration;
use vpccni_telemetry::signals;
use vpccni_telemetry::supervisor::Supervisor;

/// How long the Lease keeps a running operator quiet after a release: Helm gives its hooks, and then the deletion, five
/// minutes each.
const QUIET: Duration = Duration::from_mins(10);

/// How long to try for the Lease: the 10 s in which its former holder may still write, and an API server that is away
/// for a minute.
const SEIZE_LIMIT: Duration = Duration::from_secs(90);

/// How long to wait for what the API server has, after it has answered for the Lease: a list of 5,000 nodes takes
/// seconds.
const CACHES_LIMIT: Duration = Duration::from_mins(1);

/// Releases everything, or says what could not be released.
pub async fn release(options: RunOptions) -> Result<(), RunError> {
    let stop = options.stop.clone();
    let mut supervisor = Supervisor::new(stop.clone());
    if options.signals {
        let signals = signals::listen().map_err(RunError::Signals)?;
        let stop = stop.clone();
        supervisor.add_infallible("signals", async move { signals.forward_to(stop).await });
    }
    let timings = options.lease.as_ref().map(|lease| Timings {
        duration: QUIET,
        ..lease.timings
    });
    let Assembly {
        ctx,
        leadership,
        election,
    } = assemble(
        Parts {
            settings: options.settings,
            timings,
            lease_name: options.lease.map(|lease| lease.name),
            claim: Claim::Seize,
            client: options.client,
            cloud: options.cloud,
            gate: options.gate,
            clock: options.clock,
        },
        &mut supervisor,
    )
    .await?;
    if let Some(election) = election {
        let (client, writer, stop) = (ctx.client.clone(), ctx.writer.clone(), stop.clone());
        supervisor.add_infallible("leader election", async move {
            election.run(client, writer, stop).await;
        });
    }
    let controllers = (options.controllers)(&ctx);
    let result = tokio::select! {
        result = give_up(&ctx, leadership, &controllers) => result,
        ended = supervisor.watch() => match ended {
            Ok(()) => Err(RunError::Release("stopped before everything was released".to_owned())),
            Err(error) => Err(RunError::Task(error)),
        },
    };
    stop.cancel();
    let joined = supervisor.join(SHUTDOWN_GRACE).await.map_err(RunError::Task);
    result.and(joined)
}

/// Every controller in reverse order; one that fails does not keep the others from it.
async fn give_up(
    ctx: &Context,
    mut leadership: Leadership,
    controllers: &[Arc<dyn Controller>],
) -> Result<(), RunError> {
    if tokio::time::timeout(SEIZE_LIMIT, leadership.changed())
        .await
        .is_err()
    {
        return Err(RunError::LeaseNotSeized(SEIZE_LIMIT));
    }
    if tokio::time::timeout(CACHES_LIMIT, ctx.stores.synced())
        .await
        .is_err()
    {
        return Err(RunError::Release(waiting_for(ctx)));
    }
    let mut failed = Vec::new();
    for controller in controllers.iter().rev() {
        match controller.release(ctx).await {
            Ok(()) => tracing::info!(controller = controller.name(), "released"),
            Err(failure) => {
                tracing::error!(controller = controller.name(), error = %failure, "not released");
                failed.push(format!("{}: {failure}", controller.name()));
            }
        }
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(RunError::Release(failed.join("; ")))
    }
}
