//! The command line and the environment: read here, once, and nowhere else.
//!
//! What the stock agent reads from the environment keeps its name and its meaning (`core::config`); flags are for what
//! only this agent has, and for several nodes on one machine.

use clap::{Args as ClapArgs, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use vpccni_telemetry::logs;

/// Where the image has the executables for the host.
const IMAGE_PLUGINS: &str = "/plugins";

const ABOUT: &str = "The node agent of the VPC CNI: keeps addresses ready and hands them to pods.";

const HELP: &str = "\
The settings of the CNI come from the environment under their usual names: WARM_IP_TARGET,
ENABLE_PREFIX_DELEGATION, AWS_VPC_K8S_CNI_EXTERNALSNAT and so on.

What it needs:
  The metadata service of the instance (AWS_EC2_METADATA_SERVICE_ENDPOINT replaces its address), version 2.
  EC2, by the role of the instance or of its service account.
  Kubernetes only for custom networking, security groups for pods and pod annotations; without it the
  pool works all the same.

Exit codes:
  0  ended in order: after SIGTERM or SIGINT, or what was asked is done
  1  failed; the last line says why
  2  the command line is wrong";

const CLEAN_HELP: &str = "\
Leave a node to the stock agent, with its pods:
  1. End this agent on the node and keep it away: take its DaemonSet from the node.
  2. Start the stock agent. It reads the same checkpoint, and finds rules and routes of pods as it makes
     them itself.
  3. Run `ipamd clean` there, in the network of the host, as root with NET_ADMIN: it removes the nftables
     tables `vpc-cni-host`, whose work the stock agent does by then.

Without --everything this stays:
  routes and rules of pods (priorities 512 and 1536, and 10 for pods with their own groups)
  routes and rules of interfaces and of the node (32765, 1024, 1535, and their tables)
  the nftables table `aws-cni`, which both agents keep, and what pods reach the other IP family by
Executables and the list of plugins stay on the host in any case: without them no pod could be deleted.
It is safe to run again.";

/// The command line.
#[derive(Debug, Clone, Parser)]
#[command(name = "ipamd", version, about = ABOUT, long_about = ABOUT, after_long_help = HELP)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct CommandLine {
    /// What to do; `run` where nothing is said.
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Args,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Run the agent until SIGTERM or SIGINT (the default)
    #[command(after_long_help = HELP)]
    Run(Args),
    /// Set the kernel values that only root of the node may set, and end
    ///
    /// What the container aws-vpc-cni-init does before the agent starts: rp_filter of the primary interface is made
    /// loose; with ENABLE_IPv6 or ENABLE_V6_EGRESS, IPv6 is switched on and forwarded; tcp_early_demux is switched off
    /// by DISABLE_TCP_EARLY_DEMUX=true and on without. It is safe to run again.
    Init(InitArgs),
    /// Ask the agent of this node whether it serves, and say so by the exit code
    ///
    /// For exec probes: 0 where it serves; 1 where it does not, with the reason on standard error.
    Probe(ProbeArgs),
    /// Remove what the agent keeps in the kernel, and end: the way back to the stock agent
    #[command(after_long_help = CLEAN_HELP)]
    Clean(CleanArgs),
}

/// Flags of `init`.
#[derive(Debug, Clone, ClapArgs)]
pub struct InitArgs {
    /// The metadata service, which knows the primary interface; without an answer it is that of the default route
    #[arg(long, env = "AWS_EC2_METADATA_SERVICE_ENDPOINT", default_value = vpccni_aws::DEFAULT_ENDPOINT)]
    pub imds_endpoint: String,
}

/// Flags of `probe`.
#[derive(Debug, Clone, ClapArgs)]
pub struct ProbeArgs {
    /// Where the agent listens
    #[arg(long, env = "IPAMD_SOCKET", default_value = vpccni_rpc::IPAMD_SOCKET)]
    pub socket: PathBuf,

    /// How long the answer may take
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub timeout: u64,
}

/// Flags of `clean`.
#[derive(Debug, Clone, Copy, ClapArgs)]
pub struct CleanArgs {
    /// Remove routes and rules of pods and interfaces, too: for a node without pods
    #[arg(long)]
    pub everything: bool,
}

/// Flags of `run`.
#[derive(Debug, Clone, ClapArgs)]
pub struct Args {
    /// Where the plugin finds the agent
    #[arg(long, env = "IPAMD_SOCKET", default_value = vpccni_rpc::IPAMD_SOCKET)]
    pub socket: PathBuf,

    /// Folder that outlives a restart of the node's pods: the mode of the node is kept there
    #[arg(long, env = "IPAMD_STATE_DIR", default_value = "/var/lib/aws-node")]
    pub state_dir: PathBuf,

    /// Which pod holds which address
    #[arg(
        long,
        env = "AWS_VPC_K8S_CNI_BACKING_STORE",
        default_value = "/var/run/aws-node/ipam.json"
    )]
    pub checkpoint: PathBuf,

    /// Folder with the executables to be installed [default: /plugins, where that is a folder; else nothing is installed]
    #[arg(long, env = "IPAMD_PLUGIN_SOURCE")]
    plugin_source: Option<PathBuf>,

    /// Where the metrics are
    #[arg(long, env = "IPAMD_METRICS_ADDR", default_value = "0.0.0.0:61678")]
    pub metrics_addr: SocketAddr,

    /// The metadata service
    #[arg(long, env = "AWS_EC2_METADATA_SERVICE_ENDPOINT", default_value = vpccni_aws::DEFAULT_ENDPOINT)]
    pub imds_endpoint: String,

    /// The name of the Node object
    #[arg(long, env = "MY_NODE_NAME")]
    pub node_name: Option<String>,

    /// The name of the pod of this agent, for Events
    #[arg(long, env = "MY_POD_NAME")]
    pub pod_name: Option<String>,

    /// The namespace of the pod of this agent
    #[arg(long, env = "MY_POD_NAMESPACE", default_value = "kube-system")]
    pub pod_namespace: String,

    /// Log lines as JSON objects
    #[arg(long, env = "IPAMD_LOG_JSON")]
    pub log_json: bool,
}

impl CommandLine {
    /// What to do.
    pub fn chosen(self) -> Command {
        self.command.unwrap_or(Command::Run(self.run))
    }
}

impl Args {
    /// The folder with the executables to be installed; none where nothing is to be installed.
    pub fn plugin_source(&self) -> Option<&Path> {
        let image = Path::new(IMAGE_PLUGINS);
        self.plugin_source
            .as_deref()
            .or_else(|| image.is_dir().then_some(image))
    }

    /// How log lines look.
    pub fn log_format(&self) -> logs::Format {
        if self.log_json {
            logs::Format::Json
        } else {
            logs::Format::Text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Command {
        CommandLine::try_parse_from(line.split_whitespace())
            .unwrap_or_else(|error| panic!("{line}: {error}"))
            .chosen()
    }

    fn run(line: &str) -> Args {
        match parse(line) {
            Command::Run(args) => args,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn nothing_must_be_given() {
        for line in ["ipamd", "ipamd run"] {
            let args = run(line);
            assert_eq!(args.socket, PathBuf::from("/var/run/aws-node/ipamd.sock"));
            assert_eq!(args.plugin_source, None);
            assert_eq!(args.log_format(), logs::Format::Text);
        }
    }

    #[test]
    fn flags_alone_are_those_of_run() {
        for line in ["ipamd --plugin-source /there", "ipamd run --plugin-source /there"] {
            assert_eq!(run(line).plugin_source(), Some(Path::new("/there")), "{line}");
        }
    }

    #[test]
    fn the_words_of_the_manifest_are_understood() {
        assert!(matches!(parse("ipamd init"), Command::Init(_)));
        let Command::Probe(probe) = parse("ipamd probe") else {
            panic!("probe");
        };
        assert_eq!(
            (probe.timeout, probe.socket.to_str()),
            (5, Some("/var/run/aws-node/ipamd.sock"))
        );
        for (line, expected) in [("ipamd clean", false), ("ipamd clean --everything", true)] {
            assert!(
                matches!(parse(line), Command::Clean(CleanArgs { everything }) if everything == expected)
            );
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for line in [
            "ipamd clear",
            "ipamd probe --timeout 0",
            "ipamd --socket /a clean",
            "ipamd clean --socket /a",
        ] {
            let error = CommandLine::try_parse_from(line.split_whitespace()).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn help_teaches_the_way_back() {
        let mut command = CommandLine::command();
        let help = command.find_subcommand_mut("clean").unwrap().render_long_help();
        for part in [
            "Start the stock agent",
            "--everything",
            "1536",
            "safe to run again",
        ] {
            assert!(help.to_string().contains(part), "{part} is missing:\n{help}");
        }
    }
}
