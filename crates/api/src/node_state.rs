//! `CniNodeState`: what one node should run and what it was seen to run.
//!
//! Owned by its Node. Written by the node's ipamd (field manager `ipamd`) where ours runs, else by the operator (field
//! manager `vpc-cni-operator`); `spec` only by the operator, whose `act` step keeps the write-ahead record there.

use crate::shape;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

words! {
    /// How a node gives addresses, as its interfaces show.
    ObservedMode {
        /// only secondary addresses.
        SecondaryIp,
        /// only prefixes.
        Prefix,
        /// both: changed in place.
        Mixed,
        /// nothing to tell it by.
        Unknown,
    }

    /// Who makes and removes the nodes of a group.
    GroupProvider {
        /// an EKS managed node group.
        ManagedNodeGroup,
        /// an Auto Scaling group of the user's own.
        AutoScalingGroup,
        /// a Karpenter NodePool.
        Karpenter,
        /// none that is known.
        SelfManaged,
    }

    /// Who saw what the status says.
    ObservedBy {
        /// the ipamd of the node.
        Ipamd,
        /// the operator, from EC2 and the API server.
        Operator,
    }

    /// The step of a node that is being replaced.
    NodeStep {
        /// not begun.
        Pending,
        /// chosen.
        Selected,
        /// its replacement is ready.
        ReplacementReady,
        /// it takes no new pods.
        Cordoned,
        /// its pods are leaving.
        Draining,
        /// its pods have left.
        Drained,
        /// its instance is being ended.
        Terminating,
        /// it is gone.
        Gone,
        /// it could not be emptied.
        Quarantined,
    }
}

optional! {
    /// What a node should run. The name of the object is the name of the node.
    #[derive(CustomResource)]
    #[kube(
        group = "vpccni.io",
        version = "v1alpha1",
        kind = "CniNodeState",
        plural = "cninodestates",
        shortname = "cnins",
        category = "cni",
        status = "CniNodeStateStatus",
        derive = "PartialEq",
        doc = "What the VPC CNI of one node should be, and what it is. Named like its Node, and owned by it.",
        printcolumn(name = "Mode", type_ = "string", json_path = ".status.mode"),
        printcolumn(name = "Type", type_ = "string", json_path = ".status.instance.type"),
        printcolumn(name = "Zone", type_ = "string", json_path = ".status.instance.zone"),
        printcolumn(name = "Group", type_ = "string", json_path = ".status.group.name"),
        printcolumn(name = "ENIs", type_ = "string", json_path = ".status.summary.enis"),
        printcolumn(name = "Prefixes", type_ = "string", json_path = ".status.summary.prefixes"),
        printcolumn(name = "MaxPods", type_ = "string", json_path = ".status.summary.maxPods"),
        printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
    )]
    CniNodeStateSpec {
        /// The mode the node should run in.
        mode: crate::policy::AllocationMode,
        /// The hash of the configuration it should run.
        #[schemars(length(max = 71))]
        config_hash: String,
        /// The write-ahead record of its migration.
        migration: MigrationRecord,
    }

    /// What a node was seen to run.
    CniNodeStateStatus {
        /// The generation this status is about.
        observed_generation: i64,
        /// Conditions of the node's networking.
        #[schemars(schema_with = "shape::conditions")]
        conditions: Vec<Condition>,
        /// The columns of kubectl get.
        summary: NodeSummary,
        /// The instance.
        instance: Instance,
        /// The group.
        group: Group,
        /// How it gives addresses.
        mode: ObservedMode,
        /// The revision of its aws-node pod.
        #[schemars(length(max = 64))]
        aws_node_revision: String,
        /// Its interfaces, in numbers.
        enis: EniCounts,
        /// Its pool of addresses.
        pool: PoolCounts,
        /// The pods it may run.
        max_pods: MaxPods,
        /// Who saw this.
        observed_by: ObservedBy,
        /// What failed last.
        #[schemars(length(max = 1024))]
        last_error: String,
        /// When the status last changed.
        since: Time,
    }

    /// The columns of kubectl get, as text.
    NodeSummary {
        /// Interfaces attached.
        #[schemars(length(max = 32))]
        enis: String,
        /// Prefixes assigned.
        #[schemars(length(max = 32))]
        prefixes: String,
        /// Pods it may run, such as 29 or 29 (110 possible).
        #[schemars(length(max = 64))]
        max_pods: String,
    }

    /// An EC2 instance.
    Instance {
        /// Its id.
        #[schemars(length(max = 32))]
        id: String,
        /// Its type.
        #[serde(rename = "type")]
        #[schemars(length(max = 64))]
        instance_type: String,
        /// Its zone.
        #[schemars(length(max = 63))]
        zone: String,
    }

    /// A group of nodes.
    Group {
        /// Who makes its nodes.
        provider: GroupProvider,
        /// Its name.
        #[schemars(length(max = 253))]
        name: String,
    }

    /// Interfaces in numbers.
    EniCounts {
        /// Attached, primary and trunk included.
        attached: i64,
        /// Secondary IPv4 addresses.
        secondary_ips: i64,
        /// /28 prefixes.
        prefixes: i64,
        /// Whether one is a trunk.
        trunk: bool,
        /// Branch interfaces: pods with security groups of their own.
        branches: i64,
    }

    /// The pool of addresses.
    PoolCounts {
        /// Held by pods.
        assigned: i64,
        /// Free.
        warm: i64,
        /// Released a moment ago.
        cooldown: i64,
    }

    /// The pods a node may run.
    MaxPods {
        /// What the kubelet says.
        seen: i64,
        /// What its group declares.
        declared: i64,
        /// What its addresses carry.
        possible: i64,
    }
}

/// The write-ahead record of a node's migration: written before the deed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MigrationRecord {
    /// The CniMigration that wrote it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 253))]
    pub migration: String,
    /// The step that is being done.
    pub step: NodeStep,
    /// Since when.
    pub since: Time,
    /// The version of the plan it belongs to.
    pub plan_version: i64,
    /// The instance it is about: a node that comes back under the same name is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub instance: Option<String>,
    /// Why, where the step does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub reason: Option<String>,
    /// The size its group is raised to for its replacement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grow_to: Option<i64>,
}
