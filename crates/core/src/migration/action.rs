//! What a round asks for. Every action can be repeated, and says why it is done.
//!
//! Whoever carries them out binds each to what was seen: records and nodes by `resourceVersion`, pods by uid, instances
//! by id; a conflict drops the action, and the next round decides anew.

use super::state::{NodeStep, Record};
use crate::ids::{InstanceId, NodeName};
use crate::plural::counted;
use crate::safety::NodeGroup;
use std::fmt;

/// A pod to evict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodRef {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActionKind {
    /// Write the record of a node; the deed follows in a round that sees it. Pending removes it.
    Record {
        /// The node.
        node: NodeName,
        /// The record.
        record: Record,
    },
    /// Keep old nodes from the new configuration: `updateStrategy: OnDelete`, with the undo value.
    Shield,
    /// Put the update strategy back.
    Unshield,
    /// The configuration of this stage is to be in place. Before the write the shield is read again.
    Switch {
        /// The stage of the active plan.
        stage: u32,
    },
    /// A new version of the template with that many pods.
    EditTemplate {
        /// The group.
        group: NodeGroup,
        /// The pods.
        max_pods: u32,
    },
    /// Raise the desired size of a group to this; less than it has is no change.
    Grow {
        /// The group.
        group: NodeGroup,
        /// To so many.
        to: u32,
    },
    /// Suspend AZRebalance, or resume it.
    Suspend {
        /// The group.
        group: NodeGroup,
        /// Suspend.
        on: bool,
    },
    /// Set the maximum of a group to what it has, or put it back: no scale-out from an old template.
    Freeze {
        /// The group.
        group: NodeGroup,
        /// Freeze.
        on: bool,
    },
    /// Set the minimum of a group to zero, or put it back.
    LowerMinimum {
        /// The group.
        group: NodeGroup,
        /// Lower.
        on: bool,
    },
    /// Make the group that takes over, with the settings of the old one and this many pods.
    CreateSuccessor {
        /// The old group.
        group: NodeGroup,
        /// The name of the new one.
        name: String,
        /// Its pods.
        max_pods: Option<u32>,
    },
    /// Delete a group that has no node left.
    DeleteGroup {
        /// The group.
        group: NodeGroup,
    },
    /// Let EKS roll a group to the newest version of its template.
    UpdateGroup {
        /// The group.
        group: NodeGroup,
    },
    /// Forget which update of EKS was begun.
    ForgetUpdate {
        /// The group.
        group: NodeGroup,
    },
    /// `EC2NodeClass.spec.kubelet.maxPods`.
    DriftNodeClass {
        /// The class.
        node_class: String,
        /// The pods.
        max_pods: u32,
    },
    /// One annotation under `NodePool.spec.template.metadata`.
    DriftPool {
        /// The pool.
        group: NodeGroup,
        /// Its value.
        value: String,
    },
    /// `karpenter.sh/do-not-disrupt: "true"`, marked as ours. A node that somebody else holds is left as it is.
    Hold {
        /// The node.
        node: NodeName,
    },
    /// Take our hold away.
    Release {
        /// The node.
        node: NodeName,
    },
    /// Delete the NodeClaim of a node that must go and does not drift, such as one made from the new template under the
    /// old configuration. Karpenter empties it by the budgets of pods, and makes no replacement first.
    DeleteClaim {
        /// The node.
        node: NodeName,
    },
    /// Protect a replacement from scale-in and the autoscaler, and note whose replacement it is.
    Guard {
        /// The new node.
        node: NodeName,
        /// The old one.
        replaces: NodeName,
    },
    /// Take the protection away.
    Unguard {
        /// The node.
        node: NodeName,
    },
    /// Cordon, marked as ours.
    Cordon {
        /// The node.
        node: NodeName,
    },
    /// Take our cordon away.
    Uncordon {
        /// The node.
        node: NodeName,
    },
    /// Ask for evictions.
    Evict {
        /// The node.
        node: NodeName,
        /// Its pods that may go now.
        pods: Vec<PodRef>,
    },
    /// Terminate this very instance.
    Terminate {
        /// The node.
        node: NodeName,
        /// Its instance.
        instance: InstanceId,
        /// Its group.
        group: NodeGroup,
        /// Whether the group becomes one smaller: its replacement is there already.
        decrement: bool,
    },
    /// Hand the lease over: the node we run on is being emptied.
    StepDown,
}

impl fmt::Display for ActionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record { node, record } if record.step == NodeStep::Pending => {
                write!(f, "forget the step of {node}")
            }
            Self::Record { node, record } => write!(f, "record {} for {node}", record.step),
            Self::Shield => f.write_str("shield the old nodes"),
            Self::Unshield => f.write_str("put the update strategy back"),
            Self::Switch { stage } => write!(f, "put the configuration of stage {} in place", stage + 1),
            Self::EditTemplate { group, max_pods } => {
                write!(f, "set the template of {group} to {max_pods} pods")
            }
            Self::Grow { group, to } => write!(f, "grow {group} to {}", counted(*to, "node")),
            Self::Suspend { group, on: true } => write!(f, "suspend AZRebalance of {group}"),
            Self::Suspend { group, on: false } => write!(f, "resume AZRebalance of {group}"),
            Self::Freeze { group, on: true } => write!(f, "keep {group} from growing"),
            Self::Freeze { group, on: false } => write!(f, "put the maximum of {group} back"),
            Self::LowerMinimum { group, on: true } => write!(f, "lower the minimum of {group}"),
            Self::LowerMinimum { group, on: false } => write!(f, "put the minimum of {group} back"),
            Self::CreateSuccessor { group, name, .. } => write!(f, "create {name} to take over from {group}"),
            Self::DeleteGroup { group } => write!(f, "delete {group}"),
            Self::UpdateGroup { group } => write!(f, "let EKS update {group}"),
            Self::ForgetUpdate { group } => write!(f, "forget the update of {group}"),
            Self::DriftNodeClass { node_class, max_pods } => {
                write!(f, "set maxPods of EC2NodeClass {node_class} to {max_pods}")
            }
            Self::DriftPool { group, .. } => write!(f, "annotate {group} so that its nodes drift"),
            Self::Hold { node } => write!(f, "hold {node}"),
            Self::Release { node } => write!(f, "release {node}"),
            Self::DeleteClaim { node } => write!(f, "delete the NodeClaim of {node}"),
            Self::Guard { node, replaces } => write!(f, "protect {node}, the replacement of {replaces}"),
            Self::Unguard { node } => write!(f, "take the protection of {node} away"),
            Self::Cordon { node } => write!(f, "cordon {node}"),
            Self::Uncordon { node } => write!(f, "uncordon {node}"),
            Self::Evict { node, pods } => write!(f, "evict {} from {node}", counted(pods.len(), "pod")),
            Self::Terminate { node, instance, .. } => write!(f, "terminate {instance} ({node})"),
            Self::StepDown => f.write_str("hand the lease over"),
        }
    }
}

/// One thing to do, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// What.
    pub kind: ActionKind,
    /// Why, for Events and the log.
    pub why: String,
}

impl Action {
    /// With its reason.
    pub fn new(kind: ActionKind, why: impl Into<String>) -> Self {
        Self {
            kind,
            why: why.into(),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.why)
    }
}
