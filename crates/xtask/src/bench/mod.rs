//! `cargo xtask bench`: speed and memory, as ratios to a named baseline of the same run. Never part of the tests.

mod cluster;
mod endpoint;
mod limits;
mod migration;
mod node;
mod operator;
mod process;
mod results;
mod review;
mod sandbox;

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use clap::Subcommand;

use crate::terminal::say;

/// The profile that is measured: our crates optimised, the generated AWS clients not.
const PROFILE: &str = "bench-lite";

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The operator at 100, 1,000 and 5,000 nodes with ten pods each, on the real API server.
    Operator(OperatorArgs),
    /// The AWS sandbox: at least 4,000 simple calls a second from 32 clients with a 99th percentile below 20 ms, 5,000
    /// instances with 20,000 interfaces in 500 MiB, pages of a thousand below 100 ms, a start below 50 ms; with moto
    /// as the baseline where there is Python.
    Sandbox(sandbox::SandboxArgs),
    /// A migration: 5,000 nodes planned in a second, an object below 64 KiB at 10,000 nodes, and 1,000 nodes with 10,000
    /// pods replaced in at most 5 % more than the shortest time that the budget allows, in 200 MiB.
    Migration(migration::MigrationArgs),
    /// The node agent, on a node in a box: ADD below 5 ms (99th percentile 15 ms), a burst of 30 pods in 0.1 s, 20,000
    /// repeated AddNetwork and 3,000 pairs of AddNetwork and DelNetwork a second through the socket beside 250 pods,
    /// ipamd below 15 MiB, the plugin below 5 MB and started in 2 ms; with the reference plugin ptp and `ip -batch` as
    /// baselines. Needs root, and what `cargo xtask tools` installs.
    Node(node::NodeArgs),
}

/// How the operator is measured.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct OperatorArgs {
    /// Nodes of each run; the first is the baseline of the ratios.
    #[arg(long, value_delimiter = ',', default_value = "100,1000,5000")]
    pub(crate) nodes: Vec<u16>,
    /// Pods on each node.
    #[arg(long, default_value_t = 10)]
    pub(crate) pods_per_node: usize,
    /// Alternating changes of a warm target.
    #[arg(long, default_value_t = 200)]
    pub(crate) changes: usize,
    /// Seconds without any change in which writes and EC2 calls are counted.
    #[arg(long, default_value_t = 60)]
    pub(crate) idle_seconds: u64,
    /// Writes the figures to bench/RESULTS.md.
    #[arg(long)]
    pub(crate) record: bool,
    /// Measure with this very program instead of building the measured profile first.
    #[arg(long, hide = true)]
    pub(crate) built: bool,
}

pub(crate) fn run(root: &Path, args: &Args) -> Result<ExitCode, String> {
    let runtime = || tokio::runtime::Runtime::new().map_err(|error| format!("start the runtime: {error}"));
    let args = match &args.what {
        What::Operator(args) => args,
        What::Migration(args) if args.built => return runtime()?.block_on(migration::run(root, args)),
        What::Migration(_) => return build_and_go(root),
        What::Sandbox(args) => return sandbox::run(root, args),
        What::Node(args) => return node::run(root, args),
    };
    if !args.built {
        return build_and_go(root);
    }
    runtime()?.block_on(operator::run(root, args))
}

/// Builds the measured profile, then becomes its xtask: what is timed must not be a debug build.
fn build_and_go(root: &Path) -> Result<ExitCode, String> {
    say(&format!(
        "building the profile {PROFILE} (about ten minutes the first time)"
    ));
    let status = Command::new("cargo")
        .args(["build", "--workspace", "--profile", PROFILE])
        .current_dir(root)
        .status()
        .map_err(|error| format!("run cargo: {error}"))?;
    if !status.success() {
        return Err(format!("cargo build --profile {PROFILE} failed"));
    }
    let program = process::program(root, "xtask");
    let error = Command::new(&program)
        .args(std::env::args_os().skip(1))
        .arg("--built")
        .exec();
    Err(format!("start {}: {error}", program.display()))
}
