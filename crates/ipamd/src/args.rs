//! The command line and the environment: read here, once, and nowhere else.
//!
//! What the stock agent reads from the environment keeps its name and its meaning (`core::config`); flags are for what
//! only this agent has, and for several nodes on one machine.

use clap::Parser;
use std::net::SocketAddr;
use std::path::PathBuf;
use vpccni_telemetry::logs;

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
  0  ended in order, after SIGTERM or SIGINT
  1  failed; the last log line says why
  2  the command line is wrong";

/// The command line.
#[derive(Debug, Clone, Parser)]
#[command(name = "ipamd", version, about = ABOUT, after_long_help = HELP)]
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

    /// Folder with the executables to be installed; nothing is installed where it is not given
    #[arg(long, env = "IPAMD_PLUGIN_SOURCE")]
    pub plugin_source: Option<PathBuf>,

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

impl Args {
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

    #[test]
    fn nothing_must_be_given() {
        let args = Args::try_parse_from(["ipamd"]).unwrap();
        assert_eq!(args.socket, PathBuf::from("/var/run/aws-node/ipamd.sock"));
        assert_eq!(args.plugin_source, None);
        assert_eq!(args.log_format(), logs::Format::Text);
    }
}
