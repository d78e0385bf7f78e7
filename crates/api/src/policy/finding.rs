//! Findings as status shows them; made from those of core by `convert::findings`, nowhere else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

words! {
    /// How bad a finding is.
    FindingSeverity {
        /// applied, and said.
        Warn,
        /// not applied in place.
        Refuse,
        /// not applied at all.
        Never,
    }

    /// What would make the change possible.
    FindingResolution {
        /// replacing the nodes of the subjects.
        ReplaceNodes,
        /// recreating the pods of the subjects.
        RecyclePods,
        /// mending something first.
        FixPrerequisite,
        /// accepting it knowingly.
        Acknowledge,
        /// nothing.
        None,
    }

    /// What a finding is about.
    FindingSubjectKind {
        /// the whole cluster.
        Cluster,
        /// a group of nodes.
        NodeGroup,
        /// one node.
        Node,
        /// an availability zone.
        Zone,
        /// a subnet.
        Subnet,
        /// an ENIConfig.
        EniConfig,
        /// a security group.
        SecurityGroup,
        /// a setting.
        Setting,
        /// pods of workloads.
        Pods,
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindingStatus {
    /// The rule that says so; docs/reference/rules.md tells more.
    #[schemars(length(max = 64))]
    pub rule: String,
    /// How bad it is.
    pub severity: FindingSeverity,
    /// What would make the change possible.
    pub resolution: FindingResolution,
    /// What it is about; the first 20.
    #[schemars(length(max = 20))]
    pub subjects: Vec<FindingSubject>,
    /// How many subjects there are.
    pub subjects_total: i64,
    /// What is wrong, with names and numbers.
    #[schemars(length(max = 4096))]
    pub message: String,
    /// What to do instead.
    #[schemars(length(max = 4096))]
    pub fix: String,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindingSubject {
    /// What it is.
    pub kind: FindingSubjectKind,
    /// Its name.
    #[schemars(length(max = 317))]
    pub name: String,
    /// How many it stands for: the nodes of a group; 1 for a single thing.
    pub count: i64,
}
