//! How one type is watched: a task follows it, folds events into a store of compact values, and wakes who asked.
//!
//! Nothing is written, and of most objects nothing is kept but what a decision asks for: at 5,000 nodes whole objects
//! would be hundreds of megabytes.

mod changes;
mod scope;
mod store;
mod task;

pub use changes::Trigger;
pub use scope::{Scope, TargetRef};
pub use store::{Lookup, Malformed, Store};

pub(crate) use changes::Hub;
pub(crate) use task::{MayMiss, Watched, run};

use std::fmt;

/// A type that is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// CniPolicies.
    Policy,
    /// Nodes.
    Node,
    /// The pods of the target.
    AwsNodePod,
    /// The DaemonSet that is managed.
    Target,
    /// The ConfigMap `amazon-vpc-cni`.
    ConfigMap,
    /// ENIConfigs.
    EniConfig,
    /// CniNodeStates.
    NodeState,
    /// NodePools of Karpenter.
    NodePool,
    /// CniMigrations.
    Migration,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Policy,
        Self::Node,
        Self::AwsNodePod,
        Self::Target,
        Self::ConfigMap,
        Self::EniConfig,
        Self::NodeState,
        Self::NodePool,
        Self::Migration,
    ];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Policy => "CniPolicies",
            Self::Node => "Nodes",
            Self::AwsNodePod => "aws-node pods",
            Self::Target => "the aws-node DaemonSet",
            Self::ConfigMap => "the ConfigMap amazon-vpc-cni",
            Self::EniConfig => "ENIConfigs",
            Self::NodeState => "CniNodeStates",
            Self::NodePool => "NodePools of Karpenter",
            Self::Migration => "CniMigrations",
        })
    }
}

/// Whether a type is there and was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// Not listed yet: nothing may be decided.
    Pending,
    /// Listed, and followed since.
    Synced,
    /// The cluster does not have the type.
    Absent,
    /// We may not list it: why, in a sentence.
    Denied(String),
}

impl Presence {
    /// Whether there is an answer, even if it is that nothing can be seen.
    pub fn is_settled(&self) -> bool {
        *self != Self::Pending
    }
}
