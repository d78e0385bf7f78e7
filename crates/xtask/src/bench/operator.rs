//! The measurement of the operator: memory, time from policy to DaemonSet, and what a quiet minute costs.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::DaemonSet;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;
use vpccni_api::CniPolicy;
use vpccni_testbed::wait::until;

use super::cluster::Cluster;
use super::process::{Operator, Start};
use super::results::{self, Row};
use super::{OperatorArgs, review};
use crate::terminal::say;

/// The operator's interval between two readings of EC2 while it is measured.
const INVENTORY_SECONDS: u64 = 30;

/// Nothing here takes longer, even at 5,000 nodes on two cores.
const PATIENCE: Duration = Duration::from_mins(5);

pub(super) async fn run(root: &Path, args: &OperatorArgs) -> Result<ExitCode, String> {
    let mut rows = Vec::new();
    for nodes in &args.nodes {
        say(&format!(
            "{nodes} nodes, {} pods: making the cluster",
            usize::from(*nodes) * args.pods_per_node
        ));
        let row = measure(root, args, *nodes).await?;
        say(&row.line());
        rows.push(row);
    }
    let text = results::table(args, &rows);
    say(&text);
    if args.record {
        results::record_section(root, results::OPERATOR, &text)?;
    }
    let good = results::verdict(&rows);
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn measure(root: &Path, args: &OperatorArgs, nodes: u16) -> Result<Row, String> {
    let cluster = Cluster::start(nodes, args.pods_per_node).await?;
    let log = cluster.plane.folder().join("operator.log");
    let endpoint = cluster.sandbox.endpoint();
    let operator = Operator::start(&Start {
        root,
        kubeconfig: &cluster.operator.kubeconfig,
        endpoint: &endpoint,
        log: &log,
        inventory_seconds: INVENTORY_SECONDS,
    })?;
    let result = figures(args, nodes, &cluster, &operator).await;
    let result = result.map_err(|error| format!("{error}\nlast lines of the operator:\n{}", tail(&log)));
    operator.stop().await?;
    cluster.shutdown().await;
    result
}

async fn figures(
    args: &OperatorArgs,
    nodes: u16,
    cluster: &Cluster,
    operator: &Operator,
) -> Result<Row, String> {
    let policies: Api<CniPolicy> = Api::all(cluster.plane.client());
    let first = policy(&json!({"warmEniTarget": 2}));
    policies
        .create(&PostParams::default(), &first)
        .await
        .map_err(|error| format!("create the policy: {error}"))?;
    wait_for(cluster, "2").await?;
    wait_for_states(cluster, nodes).await?;
    let mut times = Vec::new();
    for change in 0..args.changes {
        let target = if change % 2 == 0 { 3 } else { 2 };
        times.push(one_change(cluster, &policies, target).await?);
    }
    times.sort_unstable();
    // A refused change makes the operator count every pod of the cluster: the deepest look it takes.
    let refused = json!({"spec": {"ipAllocation": {"mode": "Prefix"}}});
    patch(&policies, &refused).await?;
    wait_for_refusal(&policies).await?;
    patch(&policies, &json!({"spec": {"ipAllocation": {"mode": null}}})).await?;
    settle(operator).await?;
    let (writes, calls) = (operator.writes().await?, cluster.ec2_calls());
    tokio::time::sleep(Duration::from_secs(args.idle_seconds)).await;
    Ok(Row {
        nodes,
        pods: usize::from(nodes) * args.pods_per_node,
        peak_mib: operator.peak_mib()?,
        change_p50: percentile(&times, 50),
        change_p99: percentile(&times, 99),
        idle_seconds: args.idle_seconds,
        idle_writes: operator.writes().await? - writes,
        idle_ec2_calls: cluster.ec2_calls() - calls,
        review: review::time(nodes),
    })
}

fn policy(allocation: &serde_json::Value) -> CniPolicy {
    let spec = json!({
        "managementState": "Manage",
        "ownership": {"takeOverFrom": ["kubectl"]},
        "ipAllocation": allocation,
    });
    let spec = serde_json::from_value(spec).unwrap_or_else(|_| {
        vpccni_api::policy::CniPolicySpec::new(vpccni_api::policy::ManagementState::Manage)
    });
    CniPolicy::new("default", spec)
}

async fn patch(policies: &Api<CniPolicy>, body: &serde_json::Value) -> Result<(), String> {
    let patched = policies
        .patch("default", &PatchParams::default(), &Patch::Merge(body))
        .await;
    patched
        .map(drop)
        .map_err(|error| format!("change the policy: {error}"))
}

async fn one_change(cluster: &Cluster, policies: &Api<CniPolicy>, target: i64) -> Result<Duration, String> {
    let started = Instant::now();
    patch(
        policies,
        &json!({"spec": {"ipAllocation": {"warmEniTarget": target}}}),
    )
    .await?;
    wait_for(cluster, &target.to_string()).await?;
    Ok(started.elapsed())
}

/// Waits until the DaemonSet has the value.
async fn wait_for(cluster: &Cluster, value: &str) -> Result<(), String> {
    let api: Api<DaemonSet> = Api::namespaced(cluster.plane.client(), "kube-system");
    let started = Instant::now();
    loop {
        let found = api
            .get("aws-node")
            .await
            .map_err(|error| format!("read the DaemonSet: {error}"))?;
        let containers = found
            .spec
            .and_then(|spec| spec.template.spec)
            .map(|pod| pod.containers)
            .unwrap_or_default();
        let mut variables = containers
            .iter()
            .flat_map(|container| container.env.iter().flatten());
        if variables.any(|v| v.name == "WARM_ENI_TARGET" && v.value.as_deref() == Some(value)) {
            return Ok(());
        }
        if started.elapsed() > PATIENCE {
            return Err(format!("WARM_ENI_TARGET did not become {value}"));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn wait_for_states(cluster: &Cluster, nodes: u16) -> Result<(), String> {
    let api: Api<vpccni_api::CniNodeState> = Api::all(cluster.plane.client());
    let done = until("a CniNodeState for every node", PATIENCE, || async {
        let list = api
            .list_metadata(&kube::api::ListParams::default())
            .await
            .map_err(|error| error.to_string())?;
        if list.items.len() == usize::from(nodes) {
            Ok(())
        } else {
            Err(format!("{} of {nodes}", list.items.len()))
        }
    });
    done.await.map_err(|error| error.to_string())
}

async fn wait_for_refusal(policies: &Api<CniPolicy>) -> Result<(), String> {
    let refused = until("the refusal of prefix mode", PATIENCE, || async {
        let policy = policies.get("default").await.map_err(|error| error.to_string())?;
        let conditions = policy
            .status
            .and_then(|status| status.conditions)
            .unwrap_or_default();
        let found = conditions
            .iter()
            .any(|c| c.type_ == "Stalled" && c.reason == "UnsafeChange");
        if found {
            Ok(())
        } else {
            Err(format!("{conditions:?}"))
        }
    });
    refused.await.map_err(|error| error.to_string())
}

/// Waits until the operator has written nothing for five seconds.
async fn settle(operator: &Operator) -> Result<(), String> {
    let mut last = operator.writes().await?;
    let started = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let now = operator.writes().await?;
        if (now - last).abs() < f64::EPSILON || started.elapsed() > PATIENCE {
            return Ok(());
        }
        last = now;
    }
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted
        .get((sorted.len() * percent / 100).min(last))
        .copied()
        .unwrap_or_default()
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(10).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
