//! What is seen of the cluster in one round of a migration.

use super::group::Template;
use crate::capacity::BlockMap;
use crate::ids::{NodeName, SubnetId};
use crate::known::Known;
use crate::ports::groups::GroupSize;
use crate::safety::{CniSetup, NodeFacts, NodeGroup};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// How a pod can be moved away from a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PodKind {
    /// By the eviction API.
    Evictable,
    /// It belongs to a DaemonSet: skipped.
    DaemonSet,
    /// It is made by the kubelet from a file: skipped.
    Mirror,
    /// It is on its way out: waited for.
    Terminating,
    /// It has ended: skipped.
    Finished,
}

/// A budget that guards a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pdb {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `status.disruptionsAllowed`.
    pub allowed: u32,
}

/// One pod of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodView {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid: an eviction names it, so that a namesake is never hit.
    pub uid: String,
    /// How it can be moved.
    pub kind: PodKind,
    /// Why it may not be moved at all: do-not-disrupt, safe-to-evict false, nobody would make it again.
    pub keeps: Option<String>,
    /// The budget that allows least.
    pub pdb: Option<Pdb>,
}

impl PodView {
    /// Whether the node cannot be terminated while the pod is there.
    pub fn must_leave(&self) -> bool {
        matches!(self.kind, PodKind::Evictable | PodKind::Terminating)
    }

    /// Whether an eviction can be asked for now.
    pub fn can_be_evicted(&self) -> bool {
        self.kind == PodKind::Evictable
            && self.keeps.is_none()
            && self.pdb.as_ref().is_none_or(|pdb| pdb.allowed > 0)
    }
}

/// What on a node is ours, and is given back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ours {
    /// It is cordoned, and by us.
    pub cordon: bool,
    /// `karpenter.sh/do-not-disrupt` was set by us.
    pub hold: bool,
    /// The node whose replacement it is: with it go scale-in protection and `scale-down-disabled`.
    pub replaces: Option<NodeName>,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeView {
    /// Group, zone, instance, mode, interfaces, max-pods, labels.
    pub facts: NodeFacts,
    /// Whether it is Ready.
    pub ready: bool,
    /// When it joined.
    pub created: Timestamp,
    /// Whether it is going: its object is being deleted, or its instance is shutting down, or Karpenter took it.
    pub deleting: bool,
    /// Whether nothing new is scheduled there, whoever did it.
    pub cordoned: bool,
    /// What of it is ours.
    pub ours: Ours,
    /// Whether somebody else set `karpenter.sh/do-not-disrupt` there: Karpenter does not take it, whatever we do.
    pub kept_by_others: bool,
    /// Whether its aws-node pod runs the newest revision of the target; none where it cannot be told.
    pub newest_revision: Option<bool>,
    /// Whether Karpenter finds that it differs from its pool; none where it is not Karpenter's or that cannot be told.
    pub drifted: Option<bool>,
    /// Its pods.
    pub pods: Known<Vec<PodView>>,
    /// Whether a pod outside the host's network got an address there; none as long as there was no such pod.
    pub proof: Option<bool>,
}

/// One Auto Scaling group, managed group or NodePool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupView {
    /// Its size, where the provider has one.
    pub size: Option<GroupSize>,
    /// Instances it has, those included that have not joined; none where it cannot be told.
    pub instances: Option<u32>,
    /// What its nodes are made from now.
    pub template: Template,
    /// The generation annotation of a NodePool's template that we set, as it is now.
    pub drift_annotation: Option<String>,
    /// Whether we keep it from rebalancing between zones.
    pub suspended: bool,
    /// Whether we keep it from growing.
    pub frozen: bool,
    /// Whether we lowered its minimum, so that it can be emptied.
    pub minimum_lowered: bool,
    /// What EKS does with it.
    pub update: Update,
    /// Whether we noted an update of EKS that we began.
    pub update_noted: bool,
    /// What the newest version of its launch template says of max-pods, where EKS rolls to it; the group itself still
    /// launches from another one.
    pub newest_max_pods: Option<u32>,
    /// Why it does not give a node, in the provider's words: no capacity, a limit.
    pub trouble: Option<String>,
}

/// An update of a managed group by EKS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// There is none.
    None,
    /// It runs.
    Running,
    /// It failed.
    Failed {
        /// The code and the message.
        error: String,
        /// When the update was begun: one from before a resume is answered already.
        at: Timestamp,
    },
    /// It is done.
    Done,
}

/// The target that carries the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarrierView {
    /// What new nodes run.
    pub live: Known<CniSetup>,
    /// Whether old nodes are kept from it (OnDelete); where nothing needs to be done for that, always true.
    pub shielded: Known<bool>,
    /// Whether that is our doing, so that we put it back.
    pub shielded_by_us: bool,
}

/// Whether nodes may be selected now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowView {
    /// Now.
    pub open: bool,
    /// When it next opens, or closes, in words.
    pub text: String,
}

/// Where the operator itself runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ourselves {
    /// Its node.
    pub node: NodeName,
    /// Whether another replica is ready on another node.
    pub standby: bool,
}

/// Everything seen in one round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    /// Nodes by name; those that do not take part are left out or ignored.
    pub nodes: BTreeMap<NodeName, NodeView>,
    /// Groups.
    pub groups: BTreeMap<NodeGroup, GroupView>,
    /// The target.
    pub carrier: CarrierView,
    /// The /28 maps of the subnets that nodes use.
    pub subnets: BTreeMap<SubnetId, Known<BlockMap>>,
    /// Pods that have been pending for more than ten minutes.
    pub pods_pending_long: u32,
    /// FailedCreatePodSandBox on migrated nodes inside the window of the settings, and since the last resume.
    pub sandbox_failures: u32,
    /// The window.
    pub window: WindowView,
    /// A call that AWS denied, and what it said.
    pub aws_denied: Option<String>,
    /// Where we run.
    pub ourselves: Option<Ourselves>,
}
