//! A plan: what is replaced in which order, how, what it costs, and why it may not start.

use crate::capacity::Capacity;
use crate::ids::NodeName;
use crate::migration::settings::Settings;
use crate::plural::counted;
use crate::safety::{CniSetup, NodeGroup, Provider};
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The version of the way plans are made and carried out. A running plan ends under its own.
pub const PLAN_VERSION: u32 = 1;

/// The hash of a change: `sha256:` and 64 digits, over what an approval is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangeHash(pub String);

impl ChangeHash {
    /// The first eight digits, for names.
    pub fn short(&self) -> &str {
        let digits = self.0.strip_prefix("sha256:").unwrap_or(&self.0);
        digits.get(..8).unwrap_or(digits)
    }
}

impl fmt::Display for ChangeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A configuration by its identity: 12 digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigId(pub String);

impl fmt::Display for ConfigId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether nodes can carry more pods afterwards, or fewer. It decides what is changed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// As many or more: first the configuration, then templates, then nodes.
    Growing,
    /// Fewer: first the templates, then the configuration, then nodes.
    Shrinking,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Growing => "growing",
            Self::Shrinking => "shrinking",
        })
    }
}

/// How a migrated node is told from an old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Judge {
    /// Its interfaces say it: mode and subnets.
    ByInterfaces,
    /// Nothing on its interfaces says it; it must be younger than the switch.
    ByAge,
}

/// One change of the configuration, after which every node is replaced and verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// What it does, in a few words: `prefix mode on`.
    pub title: String,
    /// What runs before.
    pub from: CniSetup,
    /// What runs after.
    pub to: CniSetup,
    /// The identity of what runs after.
    pub to_id: ConfigId,
    /// More pods on a node, or fewer.
    pub direction: Direction,
    /// How new nodes are told.
    pub judge: Judge,
    /// The max-pods of new nodes by group; groups that are missing are not looked at.
    pub max_pods: BTreeMap<NodeGroup, u32>,
    /// Groups whose owners replace the nodes: fewer than that is their choice.
    pub at_most: BTreeSet<NodeGroup>,
}

/// How the nodes of a group are replaced.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// One more node first, then the old one goes. At the group's maximum size: without a surge.
    AutoScaling,
    /// A new managed group takes over.
    BlueGreen {
        /// The name of the new group.
        successor: String,
    },
    /// EKS rolls the group to a new version of its template. It cannot be paused.
    UpdateVersion,
    /// Karpenter drifts every pool of that class; old nodes are held and released wave by wave.
    KarpenterMaxPods {
        /// The EC2NodeClass.
        node_class: String,
    },
    /// Karpenter drifts the pool, after one annotation of its template is changed.
    KarpenterAnnotation,
    /// Emptied by us, removed by whoever owns them.
    Drain,
    /// Not touched; its owner replaces the nodes.
    Wait {
        /// Why.
        why: String,
    },
}

impl Method {
    /// The word for status and tables.
    pub fn word(&self) -> &'static str {
        match self {
            Self::AutoScaling => "AutoScaling",
            Self::BlueGreen { .. } => "BlueGreen",
            Self::UpdateVersion => "UpdateVersion",
            Self::KarpenterMaxPods { .. } => "KarpenterMaxPods",
            Self::KarpenterAnnotation => "KarpenterAnnotation",
            Self::Drain => "Drain",
            Self::Wait { .. } => "Wait",
        }
    }

    /// Whether Karpenter replaces the nodes and we hold and release them.
    pub fn is_karpenter(&self) -> bool {
        matches!(self, Self::KarpenterMaxPods { .. } | Self::KarpenterAnnotation)
    }

    /// Whether we cordon, empty and terminate the nodes ourselves, with a replacement where there is room for one.
    pub fn has_replacement(&self) -> bool {
        matches!(self, Self::AutoScaling | Self::BlueGreen { .. })
    }
}

/// What happens to one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupPlan {
    /// The group.
    pub group: NodeGroup,
    /// How.
    pub method: Method,
    /// Nodes to replace, in each stage.
    pub nodes: u32,
    /// Waves the budget makes of them, if the group had it alone.
    pub waves: u32,
    /// The max-pods of its nodes at the end; none where it does not change or is not known.
    pub max_pods: Option<u32>,
    /// Nodes that go first.
    pub canaries: u32,
    /// Who else writes its template: it is never edited.
    pub owned_by: Option<String>,
}

impl GroupPlan {
    /// The group that replacements appear in; none where we do not ask for them.
    pub fn takes_over(&self) -> Option<NodeGroup> {
        match &self.method {
            Method::AutoScaling => Some(self.group.clone()),
            Method::BlueGreen { successor } => Some(NodeGroup {
                provider: Provider::ManagedNodeGroup,
                name: successor.clone(),
            }),
            Method::UpdateVersion
            | Method::KarpenterMaxPods { .. }
            | Method::KarpenterAnnotation
            | Method::Drain
            | Method::Wait { .. } => None,
        }
    }
}

/// The budget in nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Out of service at a time, over all groups together.
    pub unavailable: u32,
    /// In addition at a time, over all groups together.
    pub surge: u32,
}

/// Why a plan cannot start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// Something other than new nodes is needed first.
    NotByNewNodes {
        /// The rule of the review.
        rule: String,
        /// What to do.
        fix: String,
    },
    /// No path leads there.
    Never {
        /// The rule of the review.
        rule: String,
    },
    /// The update strategy of the DaemonSet is somebody else's: old nodes cannot be shielded.
    StrategyNotOurs,
    /// A managed add-on cannot shield old nodes.
    ManagedAddon,
    /// A subnet does not carry it.
    Capacity {
        /// The subnet and the numbers.
        what: String,
        /// What mends it.
        fix: String,
    },
    /// A subnet cannot be judged.
    CapacityUnknown {
        /// The subnet and why.
        what: String,
    },
    /// A group is not in a state to be worked on.
    GroupPaused {
        /// The group.
        group: NodeGroup,
        /// Why.
        why: String,
    },
    /// Karpenter would never replace the nodes of a pool.
    PoolDoesNotDrift {
        /// The pool.
        group: NodeGroup,
        /// Why.
        why: String,
    },
    /// EKS would take more nodes at a time than the budget allows.
    UpdateOverBudget {
        /// The group.
        group: NodeGroup,
        /// What EKS takes.
        takes: u32,
        /// What the budget allows.
        allowed: u32,
    },
    /// The budget is zero.
    NoBudget,
    /// Nothing has to be replaced: the change can be made as it is.
    NothingToReplace,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotByNewNodes { rule, fix } => {
                write!(f, "{rule} is not mended by new nodes. {fix}")
            }
            Self::Never { rule } => write!(f, "{rule}: no path leads there"),
            Self::StrategyNotOurs => f.write_str(
                "old nodes must be shielded by updateStrategy OnDelete, and that field of the DaemonSet is owned \
                 by somebody else; let the policy take it over, or set it yourself",
            ),
            Self::ManagedAddon => f.write_str(
                "a managed add-on has no setting that keeps its new configuration away from old nodes; they would \
                 become mixed. Run the CNI as a DaemonSet of your own, or replace the node groups by hand",
            ),
            Self::Capacity { what, fix } => write!(f, "{what}. {fix}"),
            Self::CapacityUnknown { what } => write!(f, "it cannot be proved that the subnets carry it: {what}"),
            Self::GroupPaused { group, why } => write!(f, "{group} cannot be worked on: {why}"),
            Self::PoolDoesNotDrift { group, why } => write!(f, "Karpenter will not replace {group}: {why}"),
            Self::UpdateOverBudget { group, takes, allowed } => write!(
                f,
                "EKS takes {} of {group} at a time, and the budget allows {allowed}; lower the group's update setting \
                 or choose BlueGreen",
                counted(*takes, "node")
            ),
            Self::NoBudget => f.write_str("the budget allows no node to be replaced"),
            Self::NothingToReplace => f.write_str("no node has to be replaced"),
        }
    }
}

/// Whether there is a way back, and what it costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollbackPlan {
    /// Whether it could be done now.
    pub feasible: bool,
    /// Nodes it would replace.
    pub nodes: u32,
    /// How long it would take.
    pub eta: SignedDuration,
    /// What stands in its way.
    pub blocked_by: Vec<String>,
}

/// The whole plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationPlan {
    /// What an approval names.
    pub hash: ChangeHash,
    /// The version of the way it was made.
    pub version: u32,
    /// Shrinking if one of its stages is.
    pub direction: Direction,
    /// Changes of the configuration one after the other, each with all nodes replaced and verified.
    pub stages: Vec<Stage>,
    /// Groups in the order they are worked on.
    pub groups: Vec<GroupPlan>,
    /// The budget.
    pub budget: Budget,
    /// Linux nodes on EC2, which the budget is a part of.
    pub taking_part: u32,
    /// Nodes to replace in the first stage.
    pub nodes: u32,
    /// The proof that subnets carry it.
    pub capacity: Capacity,
    /// Calls to AWS that we make, about.
    pub aws_calls: u32,
    /// How long it takes if nothing blocks.
    pub eta: SignedDuration,
    /// What goes on without us if we stop, and what stays as we left it.
    pub without_us: Vec<String>,
    /// What a reader should know before approving, and does not stop it.
    pub notes: Vec<String>,
    /// Why it cannot start; empty where it can.
    pub obstacles: Vec<Obstacle>,
    /// The way back, once all is done.
    pub rollback: RollbackPlan,
    /// Nodes that are mixed now and go first.
    pub mixed: Vec<NodeName>,
    /// What it was made with.
    pub settings: Settings,
}

impl MigrationPlan {
    /// What a group is to be treated like; none for a group that came later.
    pub fn group(&self, group: &NodeGroup) -> Option<&GroupPlan> {
        self.groups.iter().find(|plan| plan.group == *group)
    }

    /// Groups that take over, with the groups they replace.
    pub fn successors(&self) -> BTreeMap<NodeGroup, NodeGroup> {
        let successor = |plan: &GroupPlan| {
            let group = plan.takes_over().filter(|group| *group != plan.group)?;
            Some((group, plan.group.clone()))
        };
        self.groups.iter().filter_map(successor).collect()
    }
}
