//! What the operator answers: what is applied, what waits, why, and what to do.
//!
//! Written by the operator's report step only. Lists hold the first 20 (findings 50) and a count of all, so that the
//! object does not grow with the cluster.

use super::carrier::{DaemonSetRef, ManagedAddonRef};
use super::finding::FindingStatus;
use super::settings::IpFamily;
use crate::shape;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most entries of a list in status.
pub const STATUS_LIST: usize = 20;
/// The most findings in status.
pub const STATUS_FINDINGS: usize = 50;
/// The longest text in status, in characters.
pub const STATUS_TEXT: usize = 4096;

words! {
    /// Whether what is applied was read back.
    AppliedState {
        /// read back and equal.
        Verified,
        /// not read back, or different.
        Unknown,
    }

    /// What it takes for a change to have its full effect.
    ChangeClass {
        /// nothing: no supported version reads it.
        None,
        /// nothing: the control plane reads it at once.
        ControlPlane,
        /// a restart of the aws-node pods.
        Restart,
        /// workload pods created afterwards.
        RecyclePods,
        /// network interfaces created afterwards.
        NewEnis,
        /// new nodes.
        ReplaceNodes,
        /// new nodes with another max-pods.
        ReplaceNodesMaxPods,
        /// a new cluster.
        ClusterLifetime,
    }

    /// What a write restarts.
    Restarts {
        /// nothing.
        None,
        /// the aws-node pods.
        Pods,
    }

    /// What could be read from AWS.
    CloudState {
        /// all that was asked for.
        Observed,
        /// a part.
        Partial,
        /// nothing: a permission or credentials are missing.
        Denied,
        /// nothing: no answer.
        Unreachable,
        /// nothing: no access to AWS is configured.
        NotConfigured,
    }
}

optional! {
    /// What the operator found, did and recommends.
    CniPolicyStatus {
        /// The generation this status is about.
        observed_generation: i64,
        /// Ready, Reconciling and Stalled as kstatus reads them; ConfigApplied, RolledOut, ChangeSafe, EniConfigsValid, CapacityAvailable, MaxPodsAligned, CloudObserved.
        #[schemars(schema_with = "shape::conditions")]
        conditions: Vec<Condition>,
        /// The columns of kubectl get.
        summary: Summary,
        /// The carrier that was found.
        target: TargetStatus,
        /// What is applied.
        applied: Applied,
        /// The hash of the change the policy asks for, while it differs from what runs: an acceptance names it.
        #[schemars(length(max = 71))]
        change_hash: String,
        /// What the operator would write.
        #[schemars(length(max = 64))]
        would_change: Vec<PlannedChange>,
        /// What waits although the policy asks for it.
        #[schemars(length(max = 64))]
        pending: Vec<PendingChange>,
        /// Keys that the policy no longer names: their values stay under the field manager vpc-cni-operator-released.
        #[schemars(length(max = 64))]
        released: Vec<ReleasedKey>,
        /// What is wrong with the change or with the cluster, the worst first; the first 50.
        #[schemars(length(max = 50))]
        findings: Vec<FindingStatus>,
        /// How many findings there are.
        findings_total: i64,
        /// The nodes, counted.
        nodes: NodeCounts,
        /// The ENIConfigs; the first 20.
        #[schemars(length(max = 20))]
        eni_configs: Vec<EniConfigStatus>,
        /// How many ENIConfigs there are.
        eni_configs_total: i64,
        /// The CniMigration that carries out what waits.
        #[schemars(length(max = 253))]
        migration: String,
        /// The cluster as it was seen.
        cluster: ClusterStatus,
        /// What could be read from AWS.
        cloud: CloudStatus,
    }

    /// The columns of kubectl get, as text.
    Summary {
        /// What the operator does.
        #[schemars(length(max = 64))]
        state: String,
        /// The mode that is applied.
        #[schemars(length(max = 64))]
        mode: String,
        /// The mode that is asked for.
        #[schemars(length(max = 64))]
        desired: String,
        /// aws-node pods of the applied revision, such as 57/57.
        #[schemars(length(max = 64))]
        rolled_out: String,
        /// Nodes in the desired mode, such as 12/57.
        #[schemars(length(max = 64))]
        migrated: String,
        /// Findings by severity, such as 1 refuse 2 warn.
        #[schemars(length(max = 128))]
        findings: String,
        /// The version of the CNI that runs.
        #[schemars(length(max = 64))]
        version: String,
    }

    /// The carrier that was found: one of the two.
    TargetStatus {
        /// The DaemonSet.
        daemon_set: DaemonSetRef,
        /// The managed add-on.
        managed_addon: ManagedAddonRef,
        /// What the configuration values of the add-on have to be, where somebody else writes them (writer External) and
        /// they are not that yet.
        #[schemars(length(max = 32768))]
        addon_document: String,
        /// How it was found: the policy, or what told it.
        #[schemars(length(max = 256))]
        discovered_by: String,
    }

    /// What is applied, owned or not.
    Applied {
        /// Whether it was read back.
        state: AppliedState,
        /// The hash of the applied configuration.
        #[schemars(length(max = 71))]
        change_hash: String,
        /// When it was last seen to change.
        time: Time,
        /// Environment of aws-node.
        #[schemars(schema_with = "shape::values")]
        aws_node: BTreeMap<String, String>,
        /// Environment of the init container.
        #[schemars(schema_with = "shape::values")]
        init: BTreeMap<String, String>,
        /// Arguments of the node agent.
        #[schemars(length(max = 64), inner(length(max = 512)))]
        node_agent: Vec<String>,
        /// The aws-node pods.
        pods: PodCounts,
        /// Keys the operator owns.
        #[schemars(length(max = 160), inner(length(max = 128)))]
        owned_keys: Vec<String>,
        /// What the CNI makes of it, defaults of its version included.
        #[schemars(schema_with = "shape::values")]
        effective: BTreeMap<String, String>,
        /// What the operator needs to know after a restart; nothing to act on.
        record: EnforcementRecord,
    }

    /// The memory of the operator: what it enforces, and what it leaves alone for now.
    EnforcementRecord {
        /// Keys that are enforced, and their values.
        #[schemars(schema_with = "shape::values")]
        settings: BTreeMap<String, String>,
        /// Keys that are enforced and refer to something else (valueFrom), as JSON.
        #[schemars(schema_with = "shape::values")]
        references: BTreeMap<String, String>,
        /// The modes when they were last verified: a change by others shows against them.
        #[schemars(schema_with = "shape::values")]
        modes: BTreeMap<String, String>,
        /// Keys that are not enforced after a break-glass; removing the annotation vpccni.io/break-glass resumes them.
        #[schemars(length(max = 64))]
        suspended: Vec<SuspendedKey>,
        /// The value of that annotation that was handled last.
        #[schemars(length(max = 256))]
        break_glass_seen: String,
        /// The configuration whose rollout was stopped.
        #[schemars(length(max = 71))]
        stalled_hash: String,
    }

    /// The aws-node pods.
    PodCounts {
        /// Of the applied revision and ready.
        updated: i64,
        /// That should run.
        total: i64,
        /// That are not ready.
        unavailable: i64,
    }

    /// The nodes, counted.
    NodeCounts {
        /// That take part.
        total: i64,
        /// With secondary addresses only.
        secondary_ip: i64,
        /// With prefixes only.
        prefix: i64,
        /// With both: changed in place.
        mixed: i64,
        /// Whose mode is not known.
        unknown: i64,
        /// That do not take part: Windows, Fargate, Auto Mode, hybrid.
        ignored: i64,
        /// Whose aws-node pod has an older revision.
        old_pods: i64,
        /// Whose max-pods does not fit what their addresses carry.
        max_pods_mismatch: i64,
    }

    /// The cluster as it was seen.
    ClusterStatus {
        /// Its name.
        #[schemars(length(max = 100))]
        name: String,
        /// Its region.
        #[schemars(length(max = 32))]
        region: String,
        /// The VPC of its nodes.
        #[schemars(length(max = 32))]
        vpc: String,
        /// Its IP family; spec.ipFamily cannot be changed to another.
        ip_family: IpFamily,
        /// The version of Kubernetes.
        #[schemars(length(max = 64))]
        kubernetes_version: String,
        /// The version of the CNI that runs.
        #[schemars(length(max = 64))]
        cni_version: String,
        /// The version of the node agent that runs, where there is one.
        #[schemars(length(max = 64))]
        node_agent_version: String,
    }

    /// What could be read from AWS.
    CloudStatus {
        /// Whether it could be read.
        state: CloudState,
        /// When it was last read.
        observed_at: Time,
        /// What was not read, and why.
        #[schemars(length(max = 4096))]
        message: String,
        /// IAM actions that were denied; the first 20.
        #[schemars(length(max = 20), inner(length(max = 128)))]
        denied: Vec<String>,
    }
}

/// A write that the operator would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedChange {
    /// The key: NAME, init NAME, --flag, amazon-vpc-cni/key.
    #[schemars(length(max = 128))]
    pub key: String,
    /// Its value now; absent where it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub from: Option<String>,
    /// Its value afterwards; absent where it is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub to: Option<String>,
    /// The field manager that owns it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub owner: Option<String>,
    /// What it takes for the change to have its full effect.
    pub change_class: ChangeClass,
    /// What the write restarts.
    pub restarts: Restarts,
}

/// A change that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PendingChange {
    /// The key.
    #[schemars(length(max = 128))]
    pub key: String,
    /// Its value afterwards; absent where it is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub to: Option<String>,
    /// What it waits for: a rule, a window, an owner.
    #[schemars(length(max = 512))]
    pub waits_for: String,
}

/// A key that is not enforced after a break-glass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuspendedKey {
    /// The key.
    #[schemars(length(max = 128))]
    pub key: String,
    /// What somebody set.
    #[schemars(length(max = 4096))]
    pub value: String,
    /// Who: a field manager.
    #[schemars(length(max = 128))]
    pub by: String,
}

/// A key that the policy no longer names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleasedKey {
    /// The key.
    #[schemars(length(max = 128))]
    pub key: String,
    /// The value that stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub value: Option<String>,
}

/// An ENIConfig as it was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EniConfigStatus {
    /// Its name.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Whether nodes that resolve to it can get interfaces.
    pub valid: bool,
    /// How many nodes resolve to it.
    pub nodes: i64,
    /// Its subnet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub subnet: Option<String>,
    /// Free aligned /28 prefixes of that subnet; absent where they could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_prefixes: Option<i64>,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
}
