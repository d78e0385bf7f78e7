//! `CniMigration`: one change carried out by replacing nodes, named by the hash of the change.
//!
//! Created by the operator. A person writes `desiredState`, `approval` and `resumedAt`, nothing else; the change itself
//! is in `spec.change` and never changes, so that a lost status costs time and not the way back. Progress of single nodes
//! is on their `CniNodeState`, and every list here is bounded: the object does not grow with the cluster.

mod status;

pub use status::*;

use crate::node_state::Group;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

words! {
    /// What is wanted of the migration.
    DesiredState {
        /// it goes on.
        Run,
        /// nothing new is started; nodes that are only cordoned are uncordoned at once.
        Pause,
        /// everything is given back, and it ends where it stands.
        Abort,
        /// the nodes are brought back to where they were, by replacing them again.
        RollBack,
    }
}

/// One change carried out by replacing nodes.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[expect(clippy::duplicated_attributes, reason = "columns share their type")]
#[kube(
    group = "vpccni.io",
    version = "v1alpha1",
    kind = "CniMigration",
    plural = "cnimigrations",
    shortname = "cnimig",
    category = "cni",
    status = "CniMigrationStatus",
    derive = "PartialEq",
    doc = "One change of the VPC CNI carried out by replacing nodes: planned, approved, budgeted, paused, resumed, rolled back.",
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Replaced", type_ = "string", json_path = ".status.summary.replaced"),
    printcolumn(name = "Active", type_ = "string", json_path = ".status.summary.active"),
    printcolumn(name = "ETA", type_ = "string", json_path = ".status.summary.eta"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "WaitingFor", type_ = "string", json_path = ".status.waitingFor.what"),
    printcolumn(
        name = "Who",
        type_ = "string",
        json_path = ".status.waitingFor.who",
        priority = 1
    ),
    printcolumn(
        name = "Command",
        type_ = "string",
        json_path = ".status.waitingFor.command",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
pub struct CniMigrationSpec {
    /// The CniPolicy it belongs to.
    #[schemars(length(max = 253))]
    pub policy: String,
    /// The hash of the change: configurations, stages and groups. An approval names it.
    #[schemars(length(max = 71))]
    pub change_hash: String,
    /// What is changed. Written once.
    pub change: MigrationChange,
    /// What is wanted of it: Run where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired_state: Option<DesiredState>,
    /// The approval: an envelope. Writing it needs the verb approve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<MigrationApproval>,
    /// Answers every halt before this time: what stopped by itself goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed_at: Option<Time>,
}

impl CniMigration {
    /// Where it stands, once the operator has said so.
    pub fn phase(&self) -> Option<MigrationPhase> {
        self.status.as_ref()?.phase
    }

    /// Whether nothing more will happen to it.
    pub fn has_ended(&self) -> bool {
        self.phase().is_some_and(MigrationPhase::is_final)
    }
}

/// What is changed, and where it began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MigrationChange {
    /// The version of the way the plan is made; a running migration ends under its own.
    pub plan_version: i64,
    /// What ran before.
    pub from: Configuration,
    /// What is to run.
    pub to: Configuration,
    /// The groups at its beginning, in the order they are worked on; the first 256.
    #[schemars(length(max = 256))]
    pub groups: Vec<ChangedGroup>,
}

/// A group at the beginning of a migration, and how its nodes are replaced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangedGroup {
    /// The group.
    pub group: Group,
    /// How.
    pub method: ReplaceMethod,
    /// The node group that takes over, of BlueGreen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub successor: Option<String>,
    /// The EC2NodeClass, of KarpenterMaxPods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub node_class: Option<String>,
    /// Why it is left to its owner, of Wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub why: Option<String>,
}

optional! {
    /// A configuration of the CNI, as its containers read it.
    Configuration {
        /// The version that reads it.
        #[schemars(length(max = 64))]
        version: String,
        /// The version of the network policy agent; absent without one.
        #[schemars(length(max = 64))]
        node_agent_version: String,
        /// Variables of aws-node.
        #[schemars(schema_with = "crate::shape::values")]
        aws_node: BTreeMap<String, String>,
        /// Variables of its init container.
        #[schemars(schema_with = "crate::shape::values")]
        init: BTreeMap<String, String>,
        /// Arguments of the network policy agent.
        #[schemars(length(max = 64), inner(length(max = 1024)))]
        node_agent_args: Vec<String>,
        /// Data of the ConfigMap amazon-vpc-cni.
        #[schemars(schema_with = "crate::shape::values")]
        config_map: BTreeMap<String, String>,
        /// The ENIConfigs.
        #[schemars(length(max = 64))]
        eni_configs: Vec<EniConfigRow>,
    }

    /// An ENIConfig as it was, or is to be.
    EniConfigRow {
        /// Its name.
        #[schemars(length(max = 253))]
        name: String,
        /// Its subnet.
        #[schemars(length(max = 32))]
        subnet: String,
        /// Its security groups.
        #[schemars(length(max = 16), inner(length(max = 32)))]
        security_groups: Vec<String>,
        /// The zone the policy declares it for.
        #[schemars(length(max = 63))]
        zone: String,
    }

    /// What was approved. A new plan inside it goes ahead, one outside waits again.
    MigrationApproval {
        /// The change; it must be the one of this migration.
        #[schemars(length(max = 71))]
        change_hash: String,
        /// The most nodes that may be replaced.
        #[schemars(range(min = 1, max = 100_000))]
        max_nodes: i64,
        /// When it ends.
        not_after: Time,
        /// Who approved.
        #[schemars(length(max = 253))]
        by: String,
        /// When.
        at: Time,
    }
}
