//! The agent of the node in a box: ipamd as it is built in this workspace, with the plugin it installs.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::BoxError;
use super::node::NodeBox;
use super::pod::CONFLIST;
use super::process::Running;
use super::programs::REFERENCE_PLUGINS;
use crate::control_plane::ControlPlane;
use crate::fixtures::AwsNode;
use crate::wait::{TimedOut, until};

/// Where ipamd serves the plugin.
pub const SOCKET: &str = "/var/run/aws-node/ipamd.sock";
/// Where it serves its own view, on the loopback address.
pub const INTROSPECTION: u16 = 61679;
/// Where it serves its metrics.
pub const METRICS: u16 = 61678;
/// Where the executables lie that it installs.
const SOURCE: &str = "/var/lib/aws-node/plugins";
const KUBECONFIG: &str = "/var/lib/aws-node/kubeconfig";
/// A start attaches an interface and waits for the metadata to show it.
const READY: Duration = Duration::from_mins(1);
/// How long an answer of its HTTP servers may take.
const ANSWER: Duration = Duration::from_secs(5);

/// What the agent is started with.
#[derive(Debug, Clone, Default)]
pub struct AgentOptions {
    /// The settings, by the names of the environment of aws-node.
    pub env: BTreeMap<String, String>,
    /// Further flags.
    pub args: Vec<String>,
}

impl AgentOptions {
    /// With these settings.
    pub fn new(env: &[(&str, &str)]) -> Self {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            env: env.iter().map(own).collect(),
            args: Vec::new(),
        }
    }
}

/// A running ipamd.
#[derive(Debug)]
pub struct Agent {
    running: Running,
}

impl NodeBox {
    /// Lets the agent on this node use an API server, in all its starts from now on.
    pub fn use_api_server(&mut self, plane: &ControlPlane) -> Result<(), BoxError> {
        self.carry(plane.address())?;
        let to = self.path(KUBECONFIG);
        fs::copy(plane.kubeconfig_path(), &to)
            .map(drop)
            .map_err(BoxError::file("write", &to))
    }

    /// What a server of the node answers to a GET.
    pub fn get(&self, port: u16, path: &str) -> Result<String, BoxError> {
        let ask = || -> io::Result<String> {
            let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let mut stream = TcpStream::connect_timeout(&server, ANSWER)?;
            stream.set_read_timeout(Some(ANSWER))?;
            write!(
                stream,
                "GET {path} HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            )?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        let error = || BoxError::kernel::<io::Error>(format!("GET {path} from port {port} of a box"));
        let answer = self.space().within(ask)?.map_err(error())?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        if head.split(' ').nth(1) == Some("200") {
            return Ok(body.to_owned());
        }
        Err(BoxError::Answer {
            program: format!("GET {path}"),
            reason: answer,
        })
    }
}

impl Agent {
    /// Starts it, and waits until it has said by its conflist that pods may come.
    pub async fn start(node: &NodeBox, options: &AgentOptions) -> Result<Self, BoxError> {
        let mut agent = Self::launch(node, options)?;
        agent.ready(node).await?;
        Ok(agent)
    }

    /// Starts it and does not wait.
    pub fn launch(node: &NodeBox, options: &AgentOptions) -> Result<Self, BoxError> {
        install(node)?;
        let mut env = settings(node);
        env.extend(options.env.clone());
        let mut args = vec!["--plugin-source", SOURCE];
        args.extend(options.args.iter().map(String::as_str));
        let running = node.start("ipamd", &built("ipamd")?, &args, &env)?;
        Ok(Self { running })
    }

    /// Waits until it serves and has said so; an error, with the end of its log, where it ended or takes too long.
    pub async fn ready(&mut self, node: &NodeBox) -> Result<(), BoxError> {
        let running = std::sync::Mutex::new(&mut self.running);
        let look = || async {
            if let Ok(mut running) = running.lock()
                && let Some(status) = running.ended()
            {
                return Ok(Some(status));
            }
            serves(node).map(|()| None)
        };
        let ended = until("ipamd to be ready", READY, look).await;
        let reason = match ended {
            Ok(None) => return Ok(()),
            Ok(Some(status)) => format!("it ended: {status}"),
            Err(TimedOut { last, .. }) => last,
        };
        Err(BoxError::Answer {
            program: "ipamd".to_owned(),
            reason: format!("{reason}\n{}", self.running.log()),
        })
    }

    /// Its number, as this process sees it.
    pub fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// Everything that it and those before it on this node printed.
    pub fn log(&self) -> String {
        self.running.log()
    }

    /// Ends it with SIGKILL.
    pub fn kill(self) {
        self.running.kill();
    }

    /// Ends it as a kubelet does, and says whether it ended by itself in time.
    pub fn stop(self, within: Duration) -> bool {
        self.running.stop(within).is_some()
    }
}

/// Whether the socket answers and the conflist is there: the latter stays when it is killed.
fn serves(node: &NodeBox) -> Result<(), String> {
    let conflist = node.path(CONFLIST);
    if !conflist.is_file() {
        return Err(format!("no {CONFLIST}"));
    }
    UnixStream::connect(node.path(SOCKET))
        .map(drop)
        .map_err(|error| format!("{SOCKET}: {error}"))
}

/// What the published manifest and the platform set; everything else has its default.
fn settings(node: &NodeBox) -> BTreeMap<String, String> {
    let aws = node.vpc().sandbox();
    let mut env = published();
    // There is no network-policy agent in a box, and with this every ADD asks it.
    env.remove("NETWORK_POLICY_ENFORCING_MODE");
    env.extend(
        [
            ("MY_NODE_NAME", node.name()),
            ("AWS_ENDPOINT_URL", &aws.endpoint()),
            ("AWS_REGION", "us-west-2"),
            ("AWS_ACCESS_KEY_ID", "box"),
            ("AWS_SECRET_ACCESS_KEY", "box"),
            ("CLUSTER_NAME", &node.vpc().cloud().cluster),
            ("AWS_VPC_K8S_CNI_LOG_FILE", "stdout"),
            // The manifest mounts the folders of the host under /host; here there is no container around it.
            ("HOST_CNI_BIN_PATH", "/opt/cni/bin"),
            ("HOST_CNI_CONFDIR_PATH", "/etc/cni/net.d"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    if node.path(KUBECONFIG).is_file() {
        env.insert("KUBECONFIG".to_owned(), KUBECONFIG.to_owned());
    }
    env
}

/// The environment of the container in the published manifest.
fn published() -> BTreeMap<String, String> {
    let set = AwsNode::published().daemon_set();
    let containers = set["spec"]["template"]["spec"]["containers"].as_array();
    let agents = containers
        .into_iter()
        .flatten()
        .filter(|container| container["name"] == "aws-node");
    let env = agents.filter_map(|agent| agent["env"].as_array()).flatten();
    env.filter_map(|variable| {
        Some((
            variable["name"].as_str()?.to_owned(),
            variable["value"].as_str()?.to_owned(),
        ))
    })
    .collect()
}

/// Puts the plugin where ipamd installs it from, and the plugins of the machine image where the runtime finds them.
fn install(node: &NodeBox) -> Result<(), BoxError> {
    // The kubelet makes the folders that the manifest mounts.
    for folder in ["/var/run/aws-node", "/var/log/aws-routed-eni"] {
        let path = node.path(folder);
        fs::create_dir_all(&path).map_err(BoxError::file("create", path))?;
    }
    let source = node.path(SOURCE);
    fs::create_dir_all(&source).map_err(BoxError::file("create", &source))?;
    copy(&built("aws-cni")?, &source.join("aws-cni"))?;
    for name in ["loopback", "portmap", "bandwidth", "tuning", "host-local"] {
        let from = Path::new(REFERENCE_PLUGINS).join(name);
        if from.is_file() {
            copy(&from, &node.path(format!("/opt/cni/bin/{name}")))?;
        }
    }
    Ok(())
}

/// Once: what is there is there, and it may be running.
fn copy(from: &Path, to: &Path) -> Result<(), BoxError> {
    if to.exists() {
        return Ok(());
    }
    fs::copy(from, to).map(drop).map_err(BoxError::file("write", to))
}

/// An executable of this workspace, which lies beside that of the test or one folder above it.
fn built(name: &str) -> Result<PathBuf, BoxError> {
    let own = std::env::current_exe().map_err(BoxError::kernel("find this executable"))?;
    own.ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .ok_or_else(|| BoxError::Missing(format!("{name} is not built: cargo build --workspace")))
}
