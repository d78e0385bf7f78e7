//! A whole small cluster in memory: the API server with its DaemonSet controller, simulated kubelets, aws-node, and what
//! the operator's charts install that the operator reads or writes. The cloud is a sandbox's world, used in place.

use super::api::MemoryApi;
use super::clock::virtual_now;
use super::cloud::WorldPorts;
use super::controllers;
use super::definitions::{self, definitions};
use crate::cloud::{Cloud, CloudError};
use crate::fixtures::AwsNode;
use crate::nodes::{Kubelets, NodeError, SimNode};
use crate::scene::{GroupSpec, NAMESPACE};
use http::Request;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::task::JoinSet;
use vpccni_sandbox::Sandbox;

/// The plain manifests of the operator.
const OPERATOR: &str = include_str!("../../../../deploy/operator.yaml");

/// What many clusters begin with: the VPC, its instances, the definitions and manifests. Made once, used by many.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The VPC.
    pub cloud: Cloud,
    /// The nodes.
    pub nodes: Vec<SimNode>,
    /// EC2 and EKS.
    pub ports: WorldPorts,
    definitions: Vec<Value>,
    objects: Vec<Value>,
}

impl Setting {
    /// Nodes of these groups in a VPC over these zones, with aws-node as published.
    pub fn new(sandbox: &Sandbox, zones: &[&str], groups: &[GroupSpec]) -> Result<Self, CloudError> {
        let cloud = Cloud::build(sandbox, "demo", zones)?;
        let nodes = crate::scene::launch(&cloud, groups)?;
        let charts = serde_norway::Deserializer::from_str(OPERATOR)
            .filter_map(|document| Value::deserialize(document).ok())
            .filter(|object| {
                let kind = object["kind"].as_str();
                matches!(kind, Some("ConfigMap" | "ValidatingAdmissionPolicyBinding"))
            });
        let aws_node = AwsNode::published().objects();
        let aws_node = aws_node
            .into_iter()
            .filter(|object| matches!(object["kind"].as_str(), Some("ConfigMap" | "DaemonSet")));
        Ok(Self {
            cloud,
            nodes,
            ports: WorldPorts::new(sandbox.world()),
            definitions: definitions(),
            objects: charts.chain(aws_node.map(as_kubectl_applies)).collect(),
        })
    }

    /// The same in a world of its own, which may change, with the kinds of Karpenter and no node yet.
    #[must_use]
    pub fn in_world_of(&self, sandbox: &Sandbox, cloud: Cloud) -> Self {
        let mut definitions = self.definitions.clone();
        definitions.extend(definitions::of_karpenter());
        Self {
            cloud,
            nodes: Vec::new(),
            ports: WorldPorts::new(sandbox.world()),
            definitions,
            objects: self.objects.clone(),
        }
    }
}

/// With the annotation that client-side `kubectl apply` leaves.
fn as_kubectl_applies(mut object: Value) -> Value {
    let text = format!("{object}\n");
    object["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/last-applied-configuration": text});
    object
}

/// Why a cluster in memory could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// An object of the setting was refused.
    #[error("failed to create {object}: {source}")]
    Object {
        /// Which.
        object: String,
        /// What the server in memory said.
        source: kube::Error,
    },
    /// The nodes.
    #[error("failed to register the nodes: {0}")]
    Nodes(#[source] NodeError),
}

/// A running cluster. Dropping it ends its controller and its kubelets.
#[derive(Debug)]
pub struct MemoryCluster {
    /// The simulated nodes.
    pub kubelets: Arc<Kubelets>,
    /// The API server.
    pub api: MemoryApi,
    _controllers: JoinSet<()>,
}

impl MemoryCluster {
    /// Starts it on the runtime of the caller. Call [`super::start_clock`] before.
    pub async fn start(setting: &Setting, seed: u64) -> Result<Self, MemoryError> {
        let api = MemoryApi::new(&setting.definitions, virtual_now, seed);
        let client = api.client();
        let mut tasks = JoinSet::new();
        tasks.spawn(controllers::run(api.shared.clone()));
        let kubelets = Arc::new(Kubelets::start(client.clone()));
        kubelets.add(&setting.nodes).await.map_err(MemoryError::Nodes)?;
        for object in &setting.objects {
            create(&client, object).await?;
        }
        Ok(Self {
            kubelets,
            api,
            _controllers: tasks,
        })
    }
}

async fn create(client: &kube::Client, object: &Value) -> Result<(), MemoryError> {
    let kind = object["kind"].as_str().unwrap_or_default();
    let group = object["apiVersion"].as_str().unwrap_or_default();
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or(NAMESPACE);
    let root = if group.contains('/') { "apis" } else { "api" };
    let plural = format!("{}s", kind.to_lowercase());
    let path = if kind.ends_with("Binding") {
        format!("/{root}/{group}/{plural}")
    } else {
        format!("/{root}/{group}/namespaces/{namespace}/{plural}")
    };
    let refused = |source| MemoryError::Object {
        object: format!("{kind} {}", object["metadata"]["name"]),
        source,
    };
    let request = Request::post(format!("{path}?fieldManager=kubectl-client-side-apply"))
        .body(object.to_string().into_bytes())
        .map_err(|error| refused(kube::Error::HttpError(error)))?;
    client.request::<Value>(request).await.map(drop).map_err(refused)
}
