//! A real kubelet in a box, of a real API server.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::containerd::SOCKET;
use crate::boxes::error::BoxError;
use crate::boxes::node::NodeBox;
use crate::boxes::process::Running;
use crate::control_plane::ControlPlane;
use crate::tools::{Program, Toolbox};

const CONFIG: &str = "/var/lib/kubelet/config.json";
const KUBECONFIG: &str = "/var/lib/kubelet/kubeconfig";

/// What a kubelet is told beyond what every one is.
#[derive(Debug, Clone)]
pub struct KubeletOptions {
    /// How many pods it takes.
    pub max_pods: u32,
    /// Labels of its Node.
    pub labels: BTreeMap<String, String>,
}

impl Default for KubeletOptions {
    fn default() -> Self {
        Self {
            max_pods: 110,
            labels: BTreeMap::new(),
        }
    }
}

/// A running kubelet.
#[derive(Debug)]
pub struct Kubelet {
    running: Running,
}

impl Kubelet {
    /// Starts it on a node whose runtime runs; its Node appears in the API server by itself. Needs the kubelet's
    /// program, which is built where it is nowhere.
    pub async fn start(
        node: &mut NodeBox,
        plane: &ControlPlane,
        options: &KubeletOptions,
    ) -> Result<Self, BoxError> {
        let program = program().await?;
        node.carry(plane.address())?;
        let copied = node.path(KUBECONFIG);
        fs::copy(plane.kubeconfig_path(), &copied).map_err(BoxError::file("write", &copied))?;
        let config = node.path(CONFIG);
        fs::write(&config, configuration(node, options).to_string())
            .map_err(BoxError::file("write", &config))?;
        let labels: Vec<String> = options
            .labels
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let args = [
            format!("--config={CONFIG}"),
            format!("--kubeconfig={KUBECONFIG}"),
            format!("--hostname-override={}", node.name()),
            // Otherwise it asks DNS for its own name.
            format!("--node-ip={}", node.address()),
            format!("--node-labels={}", labels.join(",")),
        ];
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let running = node.start("kubelet", &program, &args, &BTreeMap::new())?;
        Ok(Self { running })
    }

    /// Everything it printed.
    pub fn log(&self) -> String {
        self.running.log()
    }

    /// Ends it as a crash would; pods run on.
    pub fn kill(self) {
        self.running.kill();
    }
}

/// In a box there is no systemd, perhaps the first version of cgroups, and no leave to change scores of the OOM killer.
fn configuration(node: &NodeBox, options: &KubeletOptions) -> Value {
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "failCgroupV1": false,
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": false,
        "enforceNodeAllocatable": [],
        "localStorageCapacityIsolation": false,
        "failSwapOn": false,
        "containerRuntimeEndpoint": format!("unix://{SOCKET}"),
        "authentication": {"anonymous": {"enabled": true}, "webhook": {"enabled": false}},
        "authorization": {"mode": "AlwaysAllow"},
        "maxPods": options.max_pods,
        "providerID": format!("aws:///{}", node.instance()),
        "resolvConf": "",
        "evictionHard": {"memory.available": "1Mi"},
        "kubeAPIQPS": 200,
        "kubeAPIBurst": 400,
    })
}

async fn program() -> Result<PathBuf, BoxError> {
    let ready = tokio::task::spawn_blocking(|| {
        Toolbox::ready(&[Program::Kubelet], &mut |line| tracing::info!("{line}"))
    });
    let missing = |error: &dyn std::fmt::Display| BoxError::Missing(error.to_string());
    let tools = ready.await.map_err(|error| missing(&error))?;
    let tools = tools.map_err(|error| missing(&error))?;
    tools
        .path(Program::Kubelet)
        .map(PathBuf::from)
        .map_err(|error| missing(&error))
}
