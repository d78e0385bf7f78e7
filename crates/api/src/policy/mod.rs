//! `CniPolicy`: what a platform team writes about the VPC CNI of a cluster, and what the operator answers.
//!
//! An absent field is a key that the policy does not own. Defaults are never written into `spec`.

mod carrier;
mod custom_networking;
mod env;
mod finding;
mod migration;
mod settings;
mod status;

pub use carrier::*;
pub use custom_networking::*;
pub use env::*;
pub use finding::*;
pub use migration::*;
pub use settings::*;
pub use status::*;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the VPC CNI of the cluster should be. One per cluster, named `default`.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[expect(clippy::duplicated_attributes, reason = "columns share types and priorities")]
#[kube(
    group = "vpccni.io",
    version = "v1alpha1",
    kind = "CniPolicy",
    plural = "cnipolicies",
    shortname = "cnip",
    category = "cni",
    status = "CniPolicyStatus",
    derive = "PartialEq",
    doc = "What the VPC CNI of the cluster should be, and what it is. One per cluster, named default.",
    printcolumn(name = "State", type_ = "string", json_path = ".status.summary.state"),
    printcolumn(name = "Mode", type_ = "string", json_path = ".status.summary.mode"),
    printcolumn(name = "Desired", type_ = "string", json_path = ".status.summary.desired"),
    printcolumn(name = "RolledOut", type_ = "string", json_path = ".status.summary.rolledOut"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(name = "Findings", type_ = "string", json_path = ".status.summary.findings"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Version",
        type_ = "string",
        json_path = ".status.summary.version",
        priority = 1
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
pub struct CniPolicySpec {
    /// What the operator does: look, write, or pause.
    pub management_state: ManagementState,
    /// The carrier of the configuration; discovered where absent, and shown in status.target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// The cluster, for EKS calls and tags; discovered where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Cluster>,
    /// The version of the CNI to run, such as v1.23.1: asserted for a DaemonSet, set for a managed add-on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub version: Option<String>,
    /// Whose keys may be taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ownership: Option<Ownership>,
    /// What is applied while something else has to wait; Atomic where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apply_mode: Option<ApplyMode>,
    /// The IP family of the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(description = "")]
    pub ip_family: Option<IpFamily>,
    /// How many addresses a node keeps, and in which form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_allocation: Option<IpAllocation>,
    /// Pod addresses from other subnets than those of the nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_networking: Option<CustomNetworking>,
    /// Security groups for pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_security_groups: Option<PodSecurityGroups>,
    /// Network policies and the node agent that enforces them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_policy: Option<NetworkPolicy>,
    /// How packets leave the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<Egress>,
    /// Network interfaces and pod links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interfaces: Option<Interfaces>,
    /// Plugins chained after the CNI plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugins: Option<Plugins>,
    /// Logs of ipamd and of the plugins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging: Option<Logging>,
    /// What ipamd tells about itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observability: Option<Observability>,
    /// How ipamd reaches AWS and the API server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws: Option<Aws>,
    /// Paths on the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Host>,
    /// Windows nodes: read by the VPC resource controller in the control plane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<Windows>,
    /// Variables that have no field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_env: Option<ExtraEnv>,
    /// Variables to remove: NAME (aws-node), init NAME, nodeagent NAME, --flag, amazon-vpc-cni/key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub unset: Option<Vec<String>>,
    /// Findings that are accepted knowingly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safety: Option<Safety>,
    /// When changes that only restart aws-node are applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// What happens to a change that needs new nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migration: Option<Migration>,
    /// What the admission policies do with changes made by others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admission: Option<Admission>,
}

impl CniPolicySpec {
    /// The smallest policy: it names no key.
    pub fn new(management_state: ManagementState) -> Self {
        Self {
            management_state,
            target: None,
            cluster: None,
            version: None,
            ownership: None,
            apply_mode: None,
            ip_family: None,
            ip_allocation: None,
            custom_networking: None,
            pod_security_groups: None,
            network_policy: None,
            egress: None,
            interfaces: None,
            plugins: None,
            logging: None,
            observability: None,
            aws: None,
            host: None,
            windows: None,
            extra_env: None,
            unset: None,
            safety: None,
            rollout: None,
            migration: None,
            admission: None,
        }
    }
}
