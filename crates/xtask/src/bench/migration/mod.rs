//! A migration of a large cluster: planning, the size of the object, and a whole roll against the shortest time that any
//! scheduler could need.

mod ideal;
mod planning;
mod recorder;
mod roll;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use super::results;
use crate::terminal::say;

/// What the section is called.
const TITLE: &str = "Migrations";

/// Groups of the large clusters that are planned.
const GROUPS: usize = 20;

/// What is allowed: planning, memory, size, and the time over the ideal.
const PLAN: Duration = Duration::from_secs(1);
const MEMORY_MIB: f64 = 200.0;
const BYTES: usize = 64 * 1024;
const OVER: f64 = 0.05;

/// How migrations are measured.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct MigrationArgs {
    /// Nodes that are replaced; 0 measures planning and sizes only.
    #[arg(long, default_value_t = 1000)]
    nodes: u32,
    /// Pods on each node.
    #[arg(long, default_value_t = 10)]
    pods_per_node: u32,
    /// Percent of the nodes that may be out of service, and exist in addition, at a time.
    #[arg(long, default_value_t = 10)]
    budget_percent: u32,
    /// Nodes that are planned.
    #[arg(long, default_value_t = 5000)]
    plan_nodes: usize,
    /// Nodes of the migration whose object is weighed.
    #[arg(long, default_value_t = 10_000)]
    size_nodes: usize,
    /// Seconds an instance takes to run; EC2 and a kubelet take about a minute.
    #[arg(long, default_value_t = 60)]
    boot_seconds: u64,
    /// Seconds a pod takes to end; Kubernetes gives it thirty.
    #[arg(long, default_value_t = 30)]
    pod_seconds: u64,
    /// Seconds after which it is given up.
    #[arg(long, default_value_t = 5400)]
    limit_seconds: u64,
    /// Keeps the log of the operator there.
    #[arg(long)]
    operator_log: Option<PathBuf>,
    /// Writes the figures to bench/RESULTS.md.
    #[arg(long)]
    record: bool,
    /// Measure with this very program instead of building the measured profile first.
    #[arg(long, hide = true)]
    pub(super) built: bool,
}

pub(super) async fn run(root: &Path, args: &MigrationArgs) -> Result<ExitCode, String> {
    let planned = planning::measure(args.plan_nodes, GROUPS).ok_or("the cluster to plan was not made")?;
    let weighed = planning::measure(args.size_nodes, GROUPS).ok_or("the cluster to weigh was not made")?;
    let rolled = match args.nodes {
        0 => None,
        _ => Some(roll::measure(root, args).await?),
    };
    let text = table(args, planned, weighed, rolled.as_ref());
    say(&text);
    if args.record {
        results::record_section(root, TITLE, &text)?;
    }
    let good = planned.plan <= PLAN
        && weighed.bytes <= BYTES
        && rolled.is_none_or(|rolled| rolled.over() <= OVER && rolled.peak_mib <= MEMORY_MIB);
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn row(text: &mut String, what: &str, measured: &str, allowed: Option<(&str, bool)>) {
    let (allowed, verdict) = match allowed {
        Some((allowed, true)) => (allowed, "OK"),
        Some((allowed, false)) => (allowed, "MISSED"),
        None => ("", ""),
    };
    // Writing to a String cannot fail.
    writeln!(text, "| {what} | {measured} | {allowed} | {verdict} |").unwrap_or_default();
}

fn table(
    args: &MigrationArgs,
    planned: planning::Figures,
    weighed: planning::Figures,
    rolled: Option<&roll::Figures>,
) -> String {
    let profile = if cfg!(debug_assertions) {
        "dev"
    } else {
        super::PROFILE
    };
    let mut text = format!(
        "`cargo xtask bench migration --nodes {} --pods-per-node {} --budget-percent {} --plan-nodes {} --size-nodes {} \
         --boot-seconds {} --pod-seconds {} --record`\n\nTwo processors for everything: etcd, API server, controller \
         manager, scheduler, kubelets, sandbox and operator. Profile `{profile}`. Load average before: {}. The ideal is the \
         list schedule of the times that were recorded (launch to Ready, first eviction to the last pod gone, end of the \
         instance to the end of its node) under the same budget; no canaries.\n\n| figure | measured | allowed | |\n\
         |---|---|---|---|\n",
        args.nodes,
        args.pods_per_node,
        args.budget_percent,
        args.plan_nodes,
        args.size_nodes,
        args.boot_seconds,
        args.pod_seconds,
        load(),
    );
    planning_rows(&mut text, args, planned, weighed);
    if let Some(rolled) = rolled {
        roll_rows(&mut text, args, rolled);
    }
    text
}

fn planning_rows(
    text: &mut String,
    args: &MigrationArgs,
    planned: planning::Figures,
    weighed: planning::Figures,
) {
    let ms = |time: Duration| format!("{:.0} ms", time.as_secs_f64() * 1000.0);
    let fast = planned.plan <= PLAN;
    row(
        text,
        &format!("planning {} nodes", args.plan_nodes),
        &ms(planned.plan),
        Some(("1 s", fast)),
    );
    row(
        text,
        &format!("one round with {} nodes", args.plan_nodes),
        &ms(planned.round),
        None,
    );
    let small = weighed.bytes <= BYTES;
    let what = format!("CniMigration at {} nodes, every list full", args.size_nodes);
    row(
        text,
        &what,
        &format!("{:.1} KiB", kib(weighed.bytes)),
        Some(("64 KiB", small)),
    );
}

fn roll_rows(text: &mut String, args: &MigrationArgs, rolled: &roll::Figures) {
    let seconds = |time: Duration| format!("{:.1} s", time.as_secs_f64());
    let over = format!("{:.1} %", rolled.over() * 100.0);
    row(
        text,
        "(wall - ideal) / ideal",
        &over,
        Some(("5 %", rolled.over() <= OVER)),
    );
    row(text, "wall", &seconds(rolled.wall), None);
    row(text, "ideal", &seconds(rolled.ideal), None);
    row(text, "launch to Ready, mean", &seconds(rolled.ready), None);
    row(
        text,
        "first eviction to last pod gone, mean",
        &seconds(rolled.evicted),
        None,
    );
    row(text, "replacements recorded", &rolled.jobs.to_string(), None);
    let peak = format!("{:.1} MiB", rolled.peak_mib);
    row(
        text,
        "VmHWM of the operator",
        &peak,
        Some(("200 MiB", rolled.peak_mib <= MEMORY_MIB)),
    );
    let nodes = f64::from(args.nodes.max(1));
    row(
        text,
        "writes to the API server, each node",
        &format!("{:.1}", rolled.writes / nodes),
        None,
    );
    let calls = f64::from(u32::try_from(rolled.aws_calls).unwrap_or(u32::MAX)) / nodes;
    row(text, "AWS calls, each node", &format!("{calls:.1}"), None);
    row(
        text,
        "rounds of the operator",
        &format!("{:.0}", rolled.reconciles),
        None,
    );
    row(text, "at the end", &format!("`{}`", rolled.progress), None);
}

fn kib(bytes: usize) -> f64 {
    f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / 1024.0
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}
