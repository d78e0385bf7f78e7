//! The command line and the environment: read here, once, and nowhere else. AWS's own variables are read by its SDK.

mod migrate;

pub use migrate::{Approve, Confirmed, Migrate, MigrateCommand, Named};

use clap::{Args as ClapArgs, CommandFactory, Parser, Subcommand, ValueEnum, ValueHint};
use std::path::PathBuf;
use std::time::Duration;

const ABOUT: &str =
    "Shows what the VPC CNI of a cluster is, what a CniPolicy would change, and why it is refused.";

const HELP: &str = "\
Examples:
  What would the policy in the cluster change, and what would break?
    kubectl vpc-cni plan

  What would this file change? Nothing is written.
    kubectl vpc-cni plan -f policy.yaml

  The same in CI, without access to the cluster or AWS:
    kubectl vpc-cni snapshot > cluster.json                (by somebody with access)
    kubectl vpc-cni plan -f policy.yaml --snapshot cluster.json

  Why is it refused, and what to do instead?
    kubectl vpc-cni explain prefix-mode-in-place

  Where is room for /28 prefixes?
    kubectl vpc-cni subnets

  Follow a migration:
    kubectl vpc-cni migrate watch

What it needs:
  Kubernetes: your kubeconfig, as kubectl does; get and list on what it shows.
  AWS: read access to EC2 and EKS from the standard environment (AWS_REGION, AWS_PROFILE,
  AWS_ENDPOINT_URL …). Without it the commands go on and say what is not known.

Exit codes:
  0  done; for plan: nothing is refused
  1  an error: the message says what to do
  2  plan: the change is refused, or a key belongs to somebody else
  3  plan --exit-code: nothing is refused, and something would change";

/// The command line.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "kubectl-vpc_cni",
    bin_name = "kubectl vpc-cni",
    version,
    about = ABOUT,
    long_about = ABOUT,
    after_long_help = HELP,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// The flags of every command.
    #[command(flatten)]
    pub flags: Flags,
}

/// The flags of every command.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct Flags {
    /// The kubeconfig file [default: KUBECONFIG, ~/.kube/config, the service account of the pod]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub kubeconfig: Option<PathBuf>,

    /// The context of the kubeconfig [default: its current one]
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,

    /// How long one request to the API server may take, such as 30s or 1m; 0 is for ever
    #[arg(long, global = true, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub request_timeout: Duration,

    /// How the answer is written
    #[arg(short, long, global = true, value_enum, default_value = "table")]
    pub output: Format,

    /// Write no colours; so does NO_COLOR, and an output that is no terminal
    #[arg(long, global = true)]
    pub no_color: bool,
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
    /// For both.
    Yaml,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Show what a policy would change, what would refuse it, and the room in the subnets
    #[command(after_long_help = PLAN_HELP)]
    Plan(Plan),
    /// Tell what a rule says, what it rests on, and what to do instead; without a rule, list all
    Explain(Explain),
    /// Show the policy, its conditions, what waits, and the next step
    Status,
    /// Show the nodes: mode, interfaces, prefixes, pods and max-pods
    Nodes(Looking),
    /// Show the /28 map of the subnets as a picture
    Subnets(Subnets),
    /// Write everything a plan needs into one file, without secrets
    #[command(after_long_help = SNAPSHOT_HELP)]
    Snapshot(Snapshot),
    /// Follow and steer the replacement of nodes (CniMigration)
    Migrate(Migrate),
    /// Give the configuration back: every value stays, and none is enforced any more
    #[command(after_long_help = RELEASE_HELP)]
    Release(Release),
    /// Print the completions of a shell
    #[command(after_long_help = COMPLETION_HELP)]
    Completion(Completion),
    /// Print the version
    Version,
}

const PLAN_HELP: &str = "\
The plan is made by the same code as the operator's, on the same facts. Nothing is written.

Examples:
  kubectl vpc-cni plan                                  the policy in the cluster
  kubectl vpc-cni plan -f policy.yaml                   this one in its place
  cat policy.yaml | kubectl vpc-cni plan -f -           from standard input
  kubectl vpc-cni plan -f policy.yaml --snapshot cluster.json --exit-code -o json

Exit codes:
  0  nothing is refused (with --exit-code: and nothing would change)
  1  an error
  2  the change is refused, or a key belongs to somebody else
  3  with --exit-code: nothing is refused, and something would change";

const SNAPSHOT_HELP: &str = "\
The file has the objects and the answers of AWS that a plan rests on. Values of variables whose names
say that they are secret (…TOKEN…, …PASSWORD… and the like) are taken out.

Examples:
  kubectl vpc-cni snapshot > cluster.json
  kubectl vpc-cni snapshot --file cluster.json
  kubectl vpc-cni plan -f policy.yaml --snapshot cluster.json";

const RELEASE_HELP: &str = "\
Deletes the CniPolicy, upon which the operator hands every key it owns to the field manager
vpc-cni-operator-released, puts back what it changed for a while, and writes nothing more. Nodes and
values stay as they are. To uninstall the operator itself, see docs/guides/uninstall.md.

Examples:
  kubectl vpc-cni release --save policy.yaml            keeps a copy of the policy
  kubectl vpc-cni release --yes                         asks nothing";

const COMPLETION_HELP: &str = "\
Examples:
  source <(kubectl-vpc_cni completion bash)
  kubectl-vpc_cni completion zsh > \"${fpath[1]}/_kubectl-vpc_cni\"
  kubectl-vpc_cni completion fish > ~/.config/fish/completions/kubectl-vpc_cni.fish";

/// What is looked at.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct Looking {
    /// Look at a file written by `snapshot`, and at no cluster
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub snapshot: Option<PathBuf>,

    /// The name of the EKS cluster [default: the policy says it, or aws-node does]
    #[arg(long, value_name = "NAME", conflicts_with = "snapshot")]
    pub cluster_name: Option<String>,
}

/// `plan`
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct Plan {
    /// Plan for the CniPolicy in this file in place of the cluster's; - is standard input
    #[arg(short = 'f', long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub filename: Option<PathBuf>,

    /// End with 3 where nothing is refused and something would change
    #[arg(long)]
    pub exit_code: bool,

    /// What is looked at.
    #[command(flatten)]
    pub looking: Looking,
}

/// `explain`
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct Explain {
    /// The rule, as a finding names it
    pub rule: Option<String>,
}

/// `subnets`
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct Subnets {
    /// Only this subnet
    #[arg(value_name = "SUBNET")]
    pub subnet: Option<String>,

    /// What is looked at.
    #[command(flatten)]
    pub looking: Looking,
}

/// `snapshot`
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct Snapshot {
    /// The file to write [default: standard output]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,

    /// Look things up for the CniPolicy in this file in place of the cluster's
    #[arg(short = 'f', long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub filename: Option<PathBuf>,

    /// The name of the EKS cluster [default: the policy says it, or aws-node does]
    #[arg(long, value_name = "NAME")]
    pub cluster_name: Option<String>,
}

/// `release`
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct Release {
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,

    /// Write the policy into this file first
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub save: Option<PathBuf>,

    /// How long to wait for the operator
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = duration)]
    pub wait: Duration,
}

/// `completion`
#[derive(Debug, Clone, Copy, ClapArgs)]
pub struct Completion {
    /// The shell
    pub shell: clap_complete::Shell,
}

impl Args {
    /// The command line as clap knows it: for completions.
    pub fn definition() -> clap::Command {
        <Self as CommandFactory>::command()
    }
}

/// A duration as kubectl takes it: `30s`, `1m30s`, or seconds.
fn duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let parsed = text.parse::<jiff::SignedDuration>().map_err(|_| ());
    parsed
        .and_then(|parsed| Duration::try_from(parsed).map_err(|_| ()))
        .map_err(|()| "write a duration such as 30s, 1m30s, or a number of seconds".to_owned())
}

/// Whether somebody asked for no colours in the environment (no-color.org), or the terminal has none.
pub(crate) fn plain_environment() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    set("NO_COLOR") || std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

#[cfg(test)]
mod tests;
