//! The command line and the environment: read here, once, and nowhere else.

use clap::{ArgAction, Args as ClapArgs, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::time::Duration;

use crate::context::Settings;
use crate::lease::Timings;
use crate::run::LeaseOptions;
use vpccni_telemetry::logs;

const ABOUT: &str = "Manages the Amazon VPC CNI of an EKS cluster as its CniPolicy says, and refuses changes that \
would break running nodes.";

const HELP: &str = "\
Examples:
  Run it outside the cluster, with your kubeconfig, alone, talking a lot:
    vpc-cni-operator run --no-leader-election --log-level debug

  See what it would do, before it does anything: give the cluster a policy that only observes.
    kubectl apply -f - <<< '{apiVersion: vpccni.io/v1alpha1, kind: CniPolicy,
      metadata: {name: default}, spec: {managementState: Observe}}'
    kubectl describe cnip default

  Give everything up before an uninstall (the chart does it in a hook):
    vpc-cni-operator release

What it needs:
  Kubernetes: the service account of its pod, or a kubeconfig (KUBECONFIG, ~/.kube/config).
  AWS: read access to EC2, from the standard environment: AWS_REGION, AWS_ENDPOINT_URL, the web
  identity of the service account, the role of the instance. Without it the operator works on
  what Kubernetes knows, and says in the condition CloudObserved what it could not check.

Exit codes:
  0  ended in order: after SIGTERM or SIGINT, or everything was released
  1  failed; the last log line says why, and Kubernetes starts it anew
  2  the command line is wrong";

/// The command line.
#[derive(Debug, Clone, Parser)]
#[command(name = "vpc-cni-operator", version, about = ABOUT, long_about = ABOUT, after_long_help = HELP)]
#[command(args_conflicts_with_subcommands = false)]
pub struct Args {
    /// What to do; `run` where nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The flags, the same for all subcommands.
    #[command(flatten)]
    pub flags: Flags,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Subcommand)]
pub enum Command {
    /// Run the operator until SIGTERM or SIGINT (the default)
    ///
    /// Of several replicas the one that holds the Lease works, the others wait. It looks after the CniPolicy `default`,
    /// the ENIConfigs and a CniNodeState for each node, and writes nothing but status while the policy says Observe.
    #[default]
    Run,
    /// Give up everything the operator holds, changing nothing, and end
    ///
    /// Seizes the Lease, so that running replicas fall silent; hands the keys it owns in aws-node, in the ConfigMap
    /// amazon-vpc-cni and in ENIConfigs to a field manager that only keeps their values; and puts back what was changed
    /// for a while, such as an update strategy. Nodes and configuration stay as they are. It is safe to run again. Run
    /// it before an uninstall.
    Release,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The flags.
#[derive(Debug, Clone, ClapArgs)]
pub struct Flags {
    /// Where /livez, /readyz and /metrics are served
    ///
    /// The default is not reachable from outside the pod's node. With hostNetwork a port of the node is taken.
    #[arg(long, global = true, value_name = "IP:PORT", default_value = "127.0.0.1:9095")]
    pub listen: SocketAddr,

    /// The namespace the operator runs in: of its Lease and its admission parameters
    #[arg(
        long,
        global = true,
        env = "POD_NAMESPACE",
        default_value = "vpc-cni-operator"
    )]
    pub namespace: String,

    /// Who this replica is in the Lease and in Events [default: host name and process id]
    ///
    /// No two replicas may have the same.
    #[arg(long, global = true, env = "POD_NAME")]
    pub identity: Option<String>,

    /// How a log line looks
    #[arg(long, global = true, value_enum, default_value = "text")]
    pub log_format: LogFormat,

    /// What is logged: a level (error, warn, info, debug, trace), or target=level pairs with commas between
    ///
    /// For example `warn,vpc_cni_operator::policy=debug`.
    #[arg(
        long,
        global = true,
        env = "LOG_LEVEL",
        value_name = "FILTER",
        default_value = "info"
    )]
    pub log_level: String,

    /// The name of the EKS cluster, for EKS calls and tags [default: the policy says it, or it is discovered]
    #[arg(long, global = true, value_name = "NAME")]
    pub cluster_name: Option<String>,

    /// The AWS region [default: AWS_REGION, or the instance metadata]
    #[arg(long, global = true, value_name = "REGION")]
    pub aws_region: Option<String>,

    /// Stand for election: of several replicas only one works (the default)
    #[arg(long, global = true, overrides_with = "no_leader_election")]
    leader_election: bool,

    /// Work without an election
    ///
    /// Only where nothing else can run at the same time, such as on a laptop.
    #[arg(long, global = true, action = ArgAction::SetTrue)]
    no_leader_election: bool,

    /// The name of the Lease
    #[arg(long, global = true, value_name = "NAME", default_value = "vpc-cni-operator")]
    pub lease_name: String,

    /// How many EC2 calls a minute the operator may make, all controllers together
    ///
    /// EC2 throttles an account, not a caller: what we take, aws-node and the Auto Scaling groups do not have.
    #[arg(long, global = true, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=6000))]
    pub ec2_calls_per_minute: u32,

    /// How often EC2 is read as a whole
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u32).range(10..=86_400))]
    pub inventory_interval_seconds: u32,

    /// The ConfigMap that the admission policies read
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        default_value = "vpc-cni-operator-admission"
    )]
    pub admission_parameters_name: String,
}

impl Args {
    /// What to do.
    pub fn chosen(&self) -> Command {
        self.command.unwrap_or_default()
    }
}

impl Flags {
    /// How a log line looks, as telemetry wants it.
    pub fn log_format(&self) -> logs::Format {
        match self.log_format {
            LogFormat::Text => logs::Format::Text,
            LogFormat::Json => logs::Format::Json,
        }
    }

    /// The Lease to stand for, or none.
    pub fn lease(&self) -> Option<LeaseOptions> {
        (!self.no_leader_election).then(|| LeaseOptions {
            name: self.lease_name.clone(),
            timings: Timings::default(),
        })
    }

    /// What controllers see of the flags.
    pub fn settings(&self) -> Settings {
        Settings {
            namespace: self.namespace.clone(),
            identity: self.identity.clone().unwrap_or_else(own_identity),
            cluster_name: self.cluster_name.clone(),
            aws_region: self.aws_region.clone(),
            ec2_calls_per_minute: self.ec2_calls_per_minute,
            inventory_interval: Duration::from_secs(self.inventory_interval_seconds.into()),
            admission_parameters_name: self.admission_parameters_name.clone(),
        }
    }
}

/// The host name and the process id: distinct among the processes of a host, and among hosts.
fn own_identity() -> String {
    let host = hostname::get().map(|name| name.to_string_lossy().into_owned());
    format!(
        "{}-{}",
        host.unwrap_or_else(|_| "unknown-host".to_owned()),
        std::process::id()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Args {
        Args::try_parse_from(line.split_whitespace()).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn nothing_said_is_run_with_the_documented_defaults() {
        let args = parse("vpc-cni-operator --namespace n --log-level info");
        assert_eq!(args.chosen(), Command::Run);
        assert_eq!(args.flags.listen.to_string(), "127.0.0.1:9095");
        assert_eq!(args.flags.log_format(), logs::Format::Text);
        let lease = args.flags.lease().unwrap();
        assert_eq!(
            (lease.name.as_str(), lease.timings.duration.as_secs()),
            ("vpc-cni-operator", 15)
        );
        let settings = args.flags.settings();
        assert_eq!(settings.ec2_calls_per_minute, 300);
        assert_eq!(settings.inventory_interval.as_secs(), 120);
        assert_eq!(settings.admission_parameters_name, "vpc-cni-operator-admission");
        assert_eq!((settings.cluster_name, settings.aws_region), (None, None));
    }

    #[test]
    fn flags_may_stand_before_and_after_the_subcommand() {
        for line in [
            "vpc-cni-operator --namespace kube-system release --identity me",
            "vpc-cni-operator release --identity me --namespace kube-system",
        ] {
            let args = parse(line);
            assert_eq!(args.chosen(), Command::Release, "{line}");
            let settings = args.flags.settings();
            assert_eq!(
                (settings.namespace.as_str(), settings.identity.as_str()),
                ("kube-system", "me")
            );
        }
    }

    #[test]
    fn the_last_word_about_the_election_counts() {
        for (line, elects) in [
            ("vpc-cni-operator --leader-election", true),
            ("vpc-cni-operator --no-leader-election", false),
            ("vpc-cni-operator run --no-leader-election", false),
            ("vpc-cni-operator --no-leader-election --leader-election", true),
            ("vpc-cni-operator --leader-election --no-leader-election", false),
        ] {
            assert_eq!(parse(line).flags.lease().is_some(), elects, "{line}");
        }
    }

    #[test]
    fn without_an_identity_the_process_is_its_own() {
        let identity = own_identity();
        assert!(
            identity.ends_with(&format!("-{}", std::process::id())),
            "{identity}"
        );
        assert!(
            identity.len() > std::process::id().to_string().len() + 1,
            "{identity}"
        );
    }

    #[test]
    fn values_that_cannot_be_are_refused_with_the_flag_in_the_message() {
        for (line, flag) in [
            ("vpc-cni-operator --listen 9095", "--listen"),
            (
                "vpc-cni-operator --ec2-calls-per-minute 0",
                "--ec2-calls-per-minute",
            ),
            (
                "vpc-cni-operator --inventory-interval-seconds 1",
                "--inventory-interval-seconds",
            ),
            ("vpc-cni-operator --log-format xml", "--log-format"),
        ] {
            let error = Args::try_parse_from(line.split_whitespace()).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(flag), "{error}");
        }
    }

    #[test]
    fn the_long_help_teaches() {
        let help = Args::command().render_long_help().to_string();
        for part in [
            "Examples:",
            "Exit codes:",
            "release",
            "CloudObserved",
            "--no-leader-election",
            "POD_NAMESPACE",
        ] {
            assert!(help.contains(part), "{part} is missing:\n{help}");
        }
    }
}
