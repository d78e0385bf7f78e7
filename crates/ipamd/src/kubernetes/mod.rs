//! The API server as a node needs it: its own Node, the pods on it, ENIConfigs, the CNINode, Events and the
//! CniNodeState. Everything that is asked while a pod waits is answered from memory.

mod annotate;
mod events;
mod features;
mod report;
mod view;
mod watch;

pub use annotate::{Annotated, Annotation};
pub use report::Report;
pub use view::{BranchEni, NodeView, PodView};

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{Api, Client};
use std::time::Duration;
use tokio::sync::{mpsc, watch as channel};
use tokio_util::sync::CancellationToken;
use view::Pods;
use vpccni_api::EniConfig;
use vpccni_api::eni_config::EniConfigSpec;
use vpccni_telemetry::supervisor::Supervisor;

/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A pod that was just bound may not be in memory yet.
const POD_WAIT: Duration = Duration::from_secs(5);

/// Why the API server was of no help.
#[derive(Debug, thiserror::Error)]
pub enum KubernetesError {
    /// There is no configuration for it.
    #[error("failed to find the API server: {0}")]
    Config(kube::config::InferConfigError),
    /// The client cannot be made.
    #[error("failed to make a client of the API server: {0}")]
    Client(kube::Error),
    /// A call failed.
    #[error("failed to {doing}: {source}")]
    Call {
        /// What was to be done.
        doing: &'static str,
        /// What came back.
        source: kube::Error,
    },
}

impl KubernetesError {
    /// Whether the same call may work later: the API server is away, starting or busy.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Config(_) | Self::Client(_) => false,
            Self::Call { source, .. } => match source {
                kube::Error::Api(status) => matches!(status.code, 401 | 409 | 429 | 500..),
                _ => true,
            },
        }
    }
}

/// The API server, for one node. Clones share what was seen.
#[derive(Debug, Clone)]
pub struct Kubernetes {
    client: KubeClient,
    node_name: String,
    node: channel::Receiver<Option<NodeView>>,
    pods: channel::Receiver<Option<Pods>>,
}

/// The client does not derive Debug.
#[derive(Clone)]
struct KubeClient(Client);

impl std::fmt::Debug for KubeClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

/// Finds the API server; none of this talks to it yet.
pub async fn client() -> Result<Client, KubernetesError> {
    let mut config = kube::Config::infer().await.map_err(KubernetesError::Config)?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    Client::try_from(config).map_err(KubernetesError::Client)
}

/// Whose agent this is.
#[derive(Debug, Clone)]
pub struct Whose {
    /// The Node.
    pub node: String,
    /// The pod of the agent, for Events; else the Node is what they are about.
    pub pod: Option<(String, String)>,
}

impl Kubernetes {
    /// Watches the node, and its pods where that is asked for; tells Events from `notices`.
    pub fn start(
        client: Client,
        whose: Whose,
        with_pods: bool,
        notices: mpsc::Receiver<crate::notice::Notice>,
        supervisor: &mut Supervisor,
        stop: &CancellationToken,
    ) -> Self {
        let (node_sender, node) = channel::channel(None);
        let (pod_sender, pods) = channel::channel(None);
        let nodes: Api<Node> = Api::all(client.clone());
        let only_node = format!("metadata.name={}", whose.node);
        supervisor.add(
            "the watch of the node",
            watch::node(nodes, only_node, node_sender, stop.clone()),
        );
        if with_pods {
            let pods: Api<Pod> = Api::all(client.clone());
            let only_here = format!("spec.nodeName={}", whose.node);
            supervisor.add(
                "the watch of pods",
                watch::pods(pods, only_here, pod_sender, stop.clone()),
            );
        }
        let telling = events::tell(client.clone(), whose.clone(), notices, stop.clone());
        supervisor.add("events", telling);
        Self {
            client: KubeClient(client),
            node_name: whose.node,
            node,
            pods,
        }
    }

    /// The node, once it was seen.
    pub fn node(&self) -> Option<NodeView> {
        self.node.borrow().clone()
    }

    /// Waits until the node was seen.
    pub async fn node_seen(&self) {
        let mut node = self.node.clone();
        // The sender lives as long as the watch, which ends only with the process.
        node.wait_for(Option::is_some).await.ok();
    }

    /// A pod of this node; one that is not there yet is waited for a moment.
    pub async fn pod(&self, namespace: &str, name: &str) -> Option<PodView> {
        let key = (namespace.to_owned(), name.to_owned());
        let mut pods = self.pods.clone();
        let has = |pods: &Option<Pods>| pods.as_ref().is_some_and(|pods| pods.contains_key(&key));
        let waited = tokio::time::timeout(POD_WAIT, pods.wait_for(has)).await;
        let found = waited.ok()?.ok()?;
        found.as_ref()?.get(&key).cloned()
    }

    /// A pod of this node, if it is there now.
    pub fn pod_now(&self, namespace: &str, name: &str) -> Option<PodView> {
        let key = (namespace.to_owned(), name.to_owned());
        self.pods.borrow().as_ref()?.get(&key).cloned()
    }

    /// A pod with its branch interface, which the resource controller writes a moment after the pod was bound.
    pub async fn branches(&self, namespace: &str, name: &str) -> Option<Vec<BranchEni>> {
        let key = (namespace.to_owned(), name.to_owned());
        let mut pods = self.pods.clone();
        let has = |pods: &Option<Pods>| {
            let pod = pods.as_ref().and_then(|pods| pods.get(&key));
            pod.is_some_and(|pod| !pod.branches.is_empty())
        };
        let waited = tokio::time::timeout(POD_WAIT, pods.wait_for(has)).await;
        let found = waited.ok()?.ok()?;
        found.as_ref()?.get(&key).map(|pod| pod.branches.clone())
    }

    /// An ENIConfig, as it is now.
    pub async fn eni_config(&self, name: &str) -> Result<Option<EniConfigSpec>, KubernetesError> {
        let api: Api<EniConfig> = Api::all(self.client.0.clone());
        let found = api.get_opt(name).await;
        let found = found.map_err(|source| KubernetesError::Call {
            doing: "read an ENIConfig",
            source,
        })?;
        Ok(found.map(|config| config.spec))
    }
}
