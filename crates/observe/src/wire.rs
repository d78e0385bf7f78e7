//! What is read of foreign objects: only the fields somebody asks for, so that a page of objects stays small.
//! `managedFields` alone are a third of a Node; they are dropped while parsing, where nobody asks who wrote what.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
use kube::Resource;
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::collections::BTreeMap;
use vpccni_api::node_state::{CniNodeStateSpec, CniNodeStateStatus};

/// Metadata without `managedFields`, owners and finalizers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LeanMeta {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    generation: Option<i64>,
    creation_timestamp: Option<Time>,
    deletion_timestamp: Option<Time>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
}

fn lean<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    let meta = LeanMeta::deserialize(deserializer)?;
    Ok(ObjectMeta {
        name: meta.name,
        namespace: meta.namespace,
        uid: meta.uid,
        resource_version: meta.resource_version,
        generation: meta.generation,
        creation_timestamp: meta.creation_timestamp,
        deletion_timestamp: meta.deletion_timestamp,
        labels: meta.labels,
        annotations: meta.annotations,
        ..ObjectMeta::default()
    })
}

macro_rules! resource {
    ($type:ty, $scope:ty, $group:literal, $version:literal, $kind:literal, $plural:literal) => {
        impl Resource for $type {
            type DynamicType = ();
            type Scope = $scope;

            fn kind((): &()) -> Cow<'_, str> {
                $kind.into()
            }

            fn group((): &()) -> Cow<'_, str> {
                $group.into()
            }

            fn version((): &()) -> Cow<'_, str> {
                $version.into()
            }

            fn plural((): &()) -> Cow<'_, str> {
                $plural.into()
            }

            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }

            fn meta_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }
    };
}

resource!(Node, ClusterResourceScope, "", "v1", "Node", "nodes");
resource!(Pod, NamespaceResourceScope, "", "v1", "Pod", "pods");
resource!(Service, NamespaceResourceScope, "", "v1", "Service", "services");
resource!(
    EniConfig,
    ClusterResourceScope,
    "crd.k8s.amazonaws.com",
    "v1alpha1",
    "ENIConfig",
    "eniconfigs"
);
resource!(
    NodeState,
    ClusterResourceScope,
    "vpccni.io",
    "v1alpha1",
    "CniNodeState",
    "cninodestates"
);
resource!(
    NodePool,
    ClusterResourceScope,
    "karpenter.sh",
    "v1",
    "NodePool",
    "nodepools"
);

/// A condition of a Node.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Condition {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) status: String,
}

/// A Node.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Node {
    #[serde(deserialize_with = "lean")]
    pub(crate) metadata: ObjectMeta,
    #[serde(default)]
    pub(crate) spec: NodeSpec,
    #[serde(default)]
    pub(crate) status: NodeStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct NodeSpec {
    #[serde(rename = "providerID")]
    pub(crate) provider_id: Option<String>,
    #[serde(default)]
    pub(crate) unschedulable: bool,
    #[serde(default)]
    pub(crate) taints: Vec<Taint>,
}

/// A taint of a Node.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Taint {
    #[serde(default)]
    pub(crate) key: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct NodeStatus {
    #[serde(default)]
    pub(crate) allocatable: Resources,
    #[serde(default)]
    pub(crate) capacity: Resources,
    #[serde(default)]
    pub(crate) conditions: Vec<Condition>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Resources {
    pub(crate) pods: Option<String>,
}

/// A Pod.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Pod {
    #[serde(deserialize_with = "lean")]
    pub(crate) metadata: ObjectMeta,
    #[serde(default)]
    pub(crate) spec: PodSpec,
    #[serde(default)]
    pub(crate) status: PodStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PodSpec {
    pub(crate) node_name: Option<String>,
    #[serde(default)]
    pub(crate) host_network: bool,
    #[serde(default)]
    pub(crate) containers: Vec<Container>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Container {
    #[serde(default)]
    pub(crate) resources: ContainerResources,
    pub(crate) liveness_probe: Option<Probe>,
    pub(crate) readiness_probe: Option<Probe>,
    pub(crate) startup_probe: Option<Probe>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct ContainerResources {
    #[serde(default)]
    #[expect(
        clippy::zero_sized_map_values,
        reason = "on the wire it is a map; only its keys are looked at"
    )]
    pub(crate) limits: BTreeMap<String, serde::de::IgnoredAny>,
}

/// A probe, as far as it says whether the kubelet connects to the pod's address.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Probe {
    pub(crate) http_get: Option<serde::de::IgnoredAny>,
    pub(crate) tcp_socket: Option<serde::de::IgnoredAny>,
    pub(crate) grpc: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PodStatus {
    pub(crate) phase: Option<String>,
    #[serde(default)]
    pub(crate) conditions: Vec<Condition>,
    #[serde(default)]
    pub(crate) container_statuses: Vec<ContainerStatus>,
    #[serde(default)]
    pub(crate) init_container_statuses: Vec<ContainerStatus>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ContainerStatus {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) restart_count: u32,
    #[serde(default)]
    pub(crate) state: ContainerState,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct ContainerState {
    pub(crate) waiting: Option<Waiting>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Waiting {
    pub(crate) reason: Option<String>,
}

/// A Service.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Service {
    #[serde(deserialize_with = "lean")]
    pub(crate) metadata: ObjectMeta,
    #[serde(default)]
    pub(crate) spec: ServiceSpec,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServiceSpec {
    pub(crate) external_traffic_policy: Option<String>,
}

/// An ENIConfig; who wrote its spec is asked for, so its metadata stay whole.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct EniConfig {
    pub(crate) metadata: ObjectMeta,
    #[serde(default)]
    pub(crate) spec: EniConfigSpec,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EniConfigSpec {
    pub(crate) subnet: Option<String>,
    pub(crate) security_groups: Option<Vec<String>>,
}

/// A CniNodeState.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct NodeState {
    #[serde(deserialize_with = "lean")]
    pub(crate) metadata: ObjectMeta,
    #[serde(default)]
    pub(crate) spec: CniNodeStateSpec,
    pub(crate) status: Option<CniNodeStateStatus>,
}

/// A NodePool of Karpenter.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct NodePool {
    #[serde(deserialize_with = "lean")]
    pub(crate) metadata: ObjectMeta,
    pub(crate) spec: NodePoolSpec,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct NodePoolSpec {
    pub(crate) template: NodePoolTemplate,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct NodePoolTemplate {
    pub(crate) spec: NodePoolTemplateSpec,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct NodePoolTemplateSpec {
    pub(crate) requirements: Option<Vec<Requirement>>,
}

/// A requirement on the labels of nodes.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Requirement {
    pub(crate) key: String,
    pub(crate) operator: String,
    pub(crate) values: Option<Vec<String>>,
}
