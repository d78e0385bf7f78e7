//! What is known of a node group: its size, the template its nodes are made from, and who may change that.

use crate::ids::SubnetId;
use crate::known::Known;
use crate::ports::groups::GroupSize;
use jiff::SignedDuration;
use std::collections::BTreeSet;

/// What Karpenter's objects say of a NodePool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KarpenterFacts {
    /// The EC2NodeClass it uses. Pools share one: a change of it replaces the nodes of all of them.
    pub node_class: String,
    /// Its disruption budgets, as text for the plan.
    pub budgets: Vec<String>,
    /// Whether a budget allows no drifted node at all, now or ever.
    pub allows_none: Option<String>,
    /// `expireAfter`: nodes that reach it go, whatever holds them.
    pub expire_after: Option<SignedDuration>,
    /// `terminationGracePeriod`: after it, neither budgets nor holds count.
    pub termination_grace: Option<SignedDuration>,
    /// Nodes of this pool are not replaced by drift (static pools, Auto Mode), and why.
    pub does_not_drift: Option<String>,
    /// Who else writes the pool itself, such as a Git tool; who writes its class is told by the template.
    pub pool_owned_by: Option<String>,
    /// `RESERVED_ENIS` of its controller: interfaces that it leaves out where it counts what a node takes.
    pub reserved_enis: Known<u32>,
}

/// What the nodes of a group are made from: launch template, launch configuration, NodeClass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The max-pods it gives its nodes; none where it leaves that to the image.
    pub max_pods: Known<Option<u32>>,
    /// Who else writes it (a Git tool, CloudFormation, EKS): then it is never edited, and we wait for them.
    pub owned_by: Option<String>,
    /// Whether every type it can give is a nitro type.
    pub nitro_only: Known<bool>,
    /// What Karpenter adds.
    pub karpenter: Option<KarpenterFacts>,
}

/// One group when a plan is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupFacts {
    /// Its size, where the provider has one.
    pub size: Option<GroupSize>,
    /// What its nodes are made from.
    pub template: Template,
    /// Subnets its nodes can be put into.
    pub subnets: BTreeSet<SubnetId>,
    /// Why nothing can be done with it now: another update runs, it is being deleted, it is unhealthy.
    pub paused: Option<String>,
    /// `UpdateVersion` only: nodes EKS takes out of service or adds at a time by its own settings.
    pub update_surge: Option<u32>,
}
