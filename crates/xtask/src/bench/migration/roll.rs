//! A whole migration: real API server, controller manager and scheduler, the operator as a process of its own, Auto
//! Scaling groups of the sandbox, simulated kubelets.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use vpccni_api::CniMigration;
use vpccni_api::migration::{CniMigrationStatus, MigrationPhase};
use vpccni_testbed::sandbox::world::Placement;
use vpccni_testbed::scaling::FleetGroup;
use vpccni_testbed::scene::{Scene, SceneOptions};
use vpccni_testbed::wait::until;

use super::MigrationArgs;
use super::ideal::{Job, list_schedule};
use super::recorder::Recorder;
use crate::bench::process::{Operator, Start};
use crate::terminal::say;

/// The zones, each with one group.
const GROUPS: [(&str, &str); 3] = [
    ("workers-a", "us-west-2a"),
    ("workers-b", "us-west-2b"),
    ("workers-c", "us-west-2c"),
];

/// Fifteen addresses on an interface: ten pods have room on the first.
const TYPE: &str = "m5.xlarge";

/// What kubelets of this type say with single addresses.
const MAX_PODS: u32 = 58;

/// Nothing but the roll itself takes longer.
const PATIENCE: Duration = Duration::from_mins(15);

/// What was measured.
#[derive(Debug)]
pub(super) struct Figures {
    pub(super) wall: Duration,
    pub(super) ideal: Duration,
    pub(super) ready: Duration,
    pub(super) evicted: Duration,
    pub(super) jobs: usize,
    pub(super) peak_mib: f64,
    pub(super) writes: f64,
    pub(super) aws_calls: u64,
    pub(super) reconciles: f64,
    pub(super) progress: Value,
}

impl Figures {
    /// How much longer it took than it had to.
    pub(super) fn over(&self) -> f64 {
        self.wall.as_secs_f64() / self.ideal.as_secs_f64().max(0.001) - 1.0
    }
}

fn options(args: &MigrationArgs) -> SceneOptions {
    let count = args.nodes.div_ceil(3);
    let group = |(name, zone)| FleetGroup {
        name,
        zone,
        instance_type: TYPE,
        max_pods: MAX_PODS,
        count,
        max: count * 2,
    };
    SceneOptions {
        zones: GROUPS.iter().map(|(_, zone)| *zone).collect(),
        groups: Vec::new(),
        fleet: GROUPS.map(group).into(),
        // Where addresses lie anywhere there are no blocks left for prefixes, and the plan says so.
        placement: Placement::Lowest,
        node_subnets: 18,
        pod_end: Some(Duration::from_secs(args.pod_seconds)),
        ..SceneOptions::default()
    }
}

pub(super) async fn measure(root: &Path, args: &MigrationArgs) -> Result<Figures, String> {
    let scene = Scene::start(options(args), &mut |line| say(line))
        .await
        .map_err(|error| error.to_string())?;
    let log = scene.plane.folder().join("operator.log");
    let endpoint = scene.sandbox.endpoint();
    let operator = Operator::start(&Start {
        root,
        kubeconfig: &scene.operator.kubeconfig,
        endpoint: &endpoint,
        log: &log,
        inventory_seconds: 30,
    })?;
    let result = roll(args, &scene, &operator).await;
    if let Some(kept) = &args.operator_log {
        std::fs::copy(&log, kept).map_err(|error| format!("keep the log: {error}"))?;
    }
    operator.stop().await?;
    scene.shutdown().await;
    result
}

async fn roll(args: &MigrationArgs, scene: &Scene, operator: &Operator) -> Result<Figures, String> {
    workload(args, scene).await?;
    apply(scene, &policy(args, "SecondaryIp")).await?;
    condition(scene, "Ready").await?;
    apply(scene, &policy(args, "Prefix")).await?;
    say("the migration is being planned");
    let planned = status(scene, "the migration is planned", |status| {
        let plan = status.plan.as_ref().ok_or("there is no plan")?;
        match plan.obstacles.as_deref() {
            Some([]) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await?;
    let boot = Duration::from_secs(args.boot_seconds);
    scene
        .sandbox
        .world()
        .write(|now| now.timings.instance_start = boot);
    let recorder = Recorder::start(&scene.plane.client(), scene.sandbox.world());
    // The watches must have seen what is there before anything moves.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (writes, calls) = (operator.writes().await?, aws_calls(scene));
    let reconciles = operator
        .total("vpccni_operator_reconciles_total{controller=\"policy\"")
        .await?;
    let began = Instant::now();
    approve(scene, &planned).await?;
    let ended = follow(args, scene).await?;
    let jobs = recorder.jobs(began);
    let memory = ended.memory.as_ref().ok_or("the migration has no memory")?;
    let wall = memory.started.as_ref().zip(memory.ended.as_ref());
    let wall = wall.ok_or("the migration has no end")?;
    let wall = Duration::try_from(wall.1.0.duration_since(wall.0.0)).unwrap_or_default();
    let slots = usize::try_from(args.nodes * args.budget_percent / 100).unwrap_or(1);
    let mean = |of: fn(&Job) -> Duration| {
        let sum: Duration = jobs.iter().map(of).sum();
        sum / u32::try_from(jobs.len().max(1)).unwrap_or(1)
    };
    Ok(Figures {
        wall,
        ideal: list_schedule(&jobs, slots),
        ready: mean(|job| job.ready),
        evicted: mean(|job| job.evicted),
        jobs: jobs.len(),
        peak_mib: operator.peak_mib()?,
        writes: operator.writes().await? - writes,
        aws_calls: aws_calls(scene) - calls,
        reconciles: operator
            .total("vpccni_operator_reconciles_total{controller=\"policy\"")
            .await?
            - reconciles,
        progress: json!(ended.progress),
    })
}

fn aws_calls(scene: &Scene) -> u64 {
    scene.sandbox.calls().iter().map(|call| call.count).sum()
}

async fn apply(scene: &Scene, manifest: &str) -> Result<(), String> {
    let applied = scene
        .plane
        .kubectl_ok(&["apply", "-f", "-"], Some(manifest))
        .await;
    applied.map(drop).map_err(|error| error.to_string())
}

/// Ten Deployments of pods that can be evicted, running before anything is measured.
async fn workload(args: &MigrationArgs, scene: &Scene) -> Result<(), String> {
    let each = args.nodes * args.pods_per_node / 10;
    say(&format!("starting {} pods", each * 10));
    let mut all = String::new();
    for number in 0..10 {
        let name = format!("shop-{number}");
        let object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "default"},
            "spec": {
                "replicas": each, "selector": {"matchLabels": {"app": name}},
                "template": {
                    "metadata": {"labels": {"app": name}},
                    "spec": {"containers": [{"name": "shop", "image": "shop"}]}
                }
            }
        });
        // Writing to a String cannot fail.
        writeln!(all, "---\n{object}").unwrap_or_default();
    }
    apply(scene, &all).await?;
    for number in 0..10 {
        let deployment = format!("deployment/shop-{number}");
        let done = scene
            .plane
            .kubectl_ok(&["rollout", "status", &deployment, "--timeout=900s"], None)
            .await;
        done.map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn policy(args: &MigrationArgs, mode: &str) -> String {
    let share = format!("{}%", args.budget_percent);
    json!({
        "apiVersion": "vpccni.io/v1alpha1", "kind": "CniPolicy", "metadata": {"name": "default"},
        "spec": {
            "managementState": "Manage", "ownership": {"takeOverFrom": ["kubectl"]}, "ipAllocation": {"mode": mode},
            "migration": {
                "strategy": "Plan", "budget": {"maxUnavailable": share, "maxSurge": share},
                // The ideal has no canaries either.
                "canary": {"nodesPerGroup": 0, "soakSeconds": 0}
            }
        }
    })
    .to_string()
}

async fn condition(scene: &Scene, kind: &str) -> Result<(), String> {
    let wait = format!("--for=condition={kind}");
    let arguments = ["wait", &wait, "cnip/default", "--timeout=300s"];
    let done = scene.plane.kubectl_ok(&arguments, None).await;
    done.map(drop).map_err(|error| error.to_string())
}

fn migrations(scene: &Scene) -> Api<CniMigration> {
    Api::all(scene.plane.client())
}

async fn first(scene: &Scene) -> Result<CniMigration, String> {
    let list = migrations(scene).list(&ListParams::default()).await;
    let first = list.map_err(|error| error.to_string())?.items.into_iter().next();
    first.ok_or_else(|| "there is no CniMigration".to_owned())
}

async fn status(
    scene: &Scene,
    what: &str,
    look: impl Fn(&CniMigrationStatus) -> Result<(), String>,
) -> Result<CniMigration, String> {
    let look = &look;
    let found = until(what, PATIENCE, || async move {
        let object = first(scene).await?;
        look(object.status.as_ref().ok_or("it has no status")?).map(|()| object)
    });
    found.await.map_err(|error| error.to_string())
}

async fn approve(scene: &Scene, object: &CniMigration) -> Result<(), String> {
    let approval =
        json!({"spec": {"approval": {"changeHash": object.spec.change_hash, "maxNodes": 100_000}}});
    let name = object.name_any();
    let patched = migrations(scene)
        .patch(&name, &PatchParams::default(), &Patch::Merge(&approval))
        .await;
    patched.map(drop).map_err(|error| format!("approve: {error}"))
}

/// Until it has ended; a line every half minute.
async fn follow(args: &MigrationArgs, scene: &Scene) -> Result<CniMigrationStatus, String> {
    let limit = Duration::from_secs(args.limit_seconds);
    let (started, mut told) = (Instant::now(), Instant::now());
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let status = first(scene).await?.status.unwrap_or_default();
        let waits = json!(status.waiting_for);
        match status.phase {
            Some(MigrationPhase::Completed) => return Ok(status),
            Some(MigrationPhase::Halted) => return Err(format!("it halted: {:?}", status.halt)),
            _ => {}
        }
        if told.elapsed() > Duration::from_secs(30) {
            told = Instant::now();
            say(&format!(
                "{:>4} s: {} {waits}",
                started.elapsed().as_secs(),
                json!(status.progress)
            ));
        }
        if started.elapsed() > limit {
            return Err(format!(
                "it has not ended: {} {waits} {:?}",
                json!(status.progress),
                status.failures
            ));
        }
    }
}
