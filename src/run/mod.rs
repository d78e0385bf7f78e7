//! Wiring: makes everything a run needs, starts every task under one supervisor, and ends all of it in order. It
//! decides nothing about the CNI.

mod error;
mod lead;
mod options;
mod release;

pub use crate::cloud::Cloud;
pub use error::RunError;
pub use options::{LeaseOptions, MakeControllers, RunOptions, WrapGate};
pub use release::release;

use crate::context::{Context, Settings};
use crate::controller::Controller;
use crate::controllers::Cni;
use crate::events::Recorder;
use crate::lease::{Claim, Election, ElectionOptions, Fence, Leadership, Timings};
use crate::metrics::Metrics;
use crate::write::{Gate, Writer};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::{CancellationToken, DropGuard};
use vpccni_observe::{Scope, Stores};
use vpccni_telemetry::admin::Admin;
use vpccni_telemetry::health::Health;
use vpccni_telemetry::signals;
use vpccni_telemetry::supervisor::{Supervisor, TaskError};

/// How long all tasks together have to end: two thirds of the 30 s that Kubernetes gives a pod, and enough for one
/// write that meets its time-out of 10 s.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(20);

/// How long to wait for a connection: an API server that is away is tried again soon.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How often readiness says anew what is waited for.
const WAITING_REPORT: Duration = Duration::from_secs(2);

/// The readiness check of the watches.
const CACHES: &str = "caches";

/// The controllers of the product, in the order in which they are started and released.
pub fn controllers(_ctx: &Context) -> Vec<Arc<dyn Controller>> {
    vec![Arc::new(Cni)]
}

/// Runs the operator until `options.stop` is cancelled, a signal comes, or a task fails.
pub async fn run(options: RunOptions) -> Result<(), RunError> {
    // First of all, so that a signal during the start is not lost.
    let signals = if options.signals {
        Some(signals::listen().map_err(RunError::Signals)?)
    } else {
        None
    };
    let admin = Admin::bind(options.listen).await.map_err(RunError::Admin)?;
    if let Some(listening) = options.listening {
        // Nobody waits for it any more: then nobody needs it.
        listening.send(admin.address()).ok();
    }
    tracing::info!(address = %admin.address(), identity = %options.settings.identity, "starting");
    let stop = options.stop.clone();
    let mut supervisor = Supervisor::new(stop.clone());
    // Ends what must outlive the controllers: the Lease is held and liveness answered until the last write is done.
    let late = CancellationToken::new();
    if let Some(signals) = signals {
        let stop = stop.clone();
        supervisor.add_infallible("signals", async move { signals.forward_to(stop).await });
    }
    let assembly = assemble(
        Parts {
            settings: options.settings,
            timings: options.lease.as_ref().map(|lease| lease.timings),
            lease_name: options.lease.map(|lease| lease.name),
            claim: Claim::WhenFree,
            client: options.client,
            cloud: options.cloud,
            gate: options.gate,
            clock: options.clock,
        },
        &mut supervisor,
    )
    .await?;
    let Assembly {
        ctx,
        leadership,
        election,
    } = assembly;
    let (health, registry) = (ctx.health.clone(), ctx.metrics.registry().clone());
    supervisor.add("admin server", admin.serve(health, registry, late.clone()));
    if let Some(election) = election {
        let (client, writer, late) = (ctx.client.clone(), ctx.writer.clone(), late.clone());
        supervisor.add_infallible("leader election", async move {
            election.run(client, writer, late).await;
        });
    }
    let controllers = (options.controllers)(&ctx);
    let until = stop.clone();
    supervisor.add(
        "controllers",
        work(ctx, leadership, controllers, until, late.drop_guard()),
    );
    let ended = supervisor.watch().await;
    tracing::info!("waiting for tasks to end");
    ended
        .and(supervisor.join(SHUTDOWN_GRACE).await)
        .map_err(RunError::Task)
}

/// Everything a leader does, from full caches to the end of the last controller; ending it, for whatever reason, ends
/// the tasks that outlive it.
async fn work(
    ctx: Arc<Context>,
    leadership: Leadership,
    controllers: Vec<Arc<dyn Controller>>,
    stop: CancellationToken,
    _late: DropGuard,
) -> Result<(), TaskError> {
    tokio::select! {
        () = caches(&ctx) => {}
        () = stop.cancelled() => return Ok(()),
    }
    lead::lead(ctx, leadership, controllers, stop).await
}

/// Waits until every watched type was listed once: no decision before. Not for ever after: a replica that was ready
/// stays so while the API server is away, or its Service and its budget would punish it for what it cannot help.
async fn caches(ctx: &Context) {
    let synced = ctx.stores.synced();
    tokio::pin!(synced);
    loop {
        ctx.health.readiness.fail(CACHES, waiting_for(ctx));
        if tokio::time::timeout(WAITING_REPORT, &mut synced).await.is_ok() {
            tracing::info!("caches are full");
            return ctx.health.readiness.pass(CACHES);
        }
    }
}

fn waiting_for(ctx: &Context) -> String {
    let pending: Vec<_> = ctx.stores.pending().iter().map(ToString::to_string).collect();
    let mut reason = format!("waiting for {}", pending.join(", "));
    for trouble in ctx.stores.troubles() {
        reason.push_str("; ");
        reason.push_str(&trouble);
    }
    reason
}

/// What a run or a release is assembled from.
struct Parts {
    settings: Settings,
    timings: Option<Timings>,
    lease_name: Option<String>,
    claim: Claim,
    client: Option<kube::Client>,
    cloud: Option<Cloud>,
    gate: Option<WrapGate>,
    clock: fn() -> Timestamp,
}

/// The context, and who may write with it.
struct Assembly {
    ctx: Arc<Context>,
    leadership: Leadership,
    election: Option<Election>,
}

async fn assemble(parts: Parts, supervisor: &mut Supervisor) -> Result<Assembly, RunError> {
    let client = match parts.client {
        Some(client) => client,
        None => connect().await?,
    };
    let settings = parts.settings;
    let (election, leadership) = match (parts.lease_name, parts.timings) {
        (Some(name), Some(timings)) => {
            let options = ElectionOptions {
                namespace: settings.namespace.clone(),
                name,
                identity: settings.identity.clone(),
                timings,
                claim: parts.claim,
            };
            let (election, leadership) = Election::new(options, parts.clock);
            (Some(election), leadership)
        }
        _ => (None, Leadership::always()),
    };
    let hand_over = election.as_ref().map(Election::hand_over).unwrap_or_default();
    let metrics = Arc::new(Metrics::default());
    let cloud = match parts.cloud {
        Some(cloud) => cloud,
        None => Cloud::from_environment(&settings).await,
    };
    let cloud = cloud.counted(&metrics);
    let fence: Arc<dyn Gate> = Arc::new(Fence::new(leadership.clone()));
    let gate = match parts.gate {
        Some(wrap) => wrap(fence),
        None => fence,
    };
    let writer = Arc::new(Writer::new(client.clone(), gate, metrics.clone()));
    let events = Recorder::new(writer.clone(), metrics.clone(), parts.clock, &settings.identity);
    let (tasks, stop) = supervisor.parts();
    let stores = Stores::start(&client, Scope::default(), tasks, stop);
    let ctx = Context {
        client,
        stores,
        writer,
        hand_over,
        events: Arc::new(events),
        metrics,
        health: Health::default(),
        settings: Arc::new(settings),
        ec2: cloud.ec2,
        eks: cloud.eks,
        scaling: cloud.scaling,
        templates: cloud.templates,
        node_groups: cloud.node_groups,
        clock: parts.clock,
    };
    Ok(Assembly {
        ctx: Arc::new(ctx),
        leadership,
        election,
    })
}

async fn connect() -> Result<kube::Client, RunError> {
    let mut config = kube::Config::infer().await.map_err(RunError::Config)?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    kube::Client::try_from(config).map_err(RunError::Client)
}

#[cfg(test)]
mod tests;
