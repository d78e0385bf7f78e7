//! Why a migration stopped by itself. A halt stays until a person resumes.

use super::plan::ChangeHash;
use crate::ids::NodeName;
use crate::plural::{agreeing, counted};
use crate::safety::{NodeGroup, Provider};
use jiff::Timestamp;
use std::fmt;

/// What made it stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HaltReason {
    /// More nodes than allowed could not be emptied.
    BlockedNodes {
        /// The nodes that are set aside.
        nodes: Vec<NodeName>,
        /// How many may be.
        allowed: u32,
    },
    /// New nodes do not become what they should be.
    NewNodesFail {
        /// Each with what is wrong with it.
        nodes: Vec<(NodeName, String)>,
        /// So many failures stop it; one is enough among the canaries.
        threshold: u32,
    },
    /// Pods do not get a network on migrated nodes.
    SandboxFailures {
        /// Seen inside the window.
        seen: u32,
        /// So many stop it.
        threshold: u32,
    },
    /// More pods wait for a node than when it started.
    PendingPods {
        /// Now.
        now: u32,
        /// At the start.
        baseline: u32,
    },
    /// AWS denies a call.
    AwsDenied {
        /// The call and what AWS said.
        what: String,
    },
    /// What would be done now is not what was approved.
    PlanOutdated {
        /// What was approved.
        approved: ChangeHash,
        /// What is planned now.
        planned: ChangeHash,
    },
    /// The shield of the old nodes was taken away again and again.
    ShieldLost,
    /// Somebody set the configuration of the CNI to something else.
    ConfigurationReverted,
    /// Somebody set the template of a group back.
    TemplateReverted {
        /// The group.
        group: NodeGroup,
        /// What it says now.
        max_pods: Option<u32>,
    },
    /// Somebody set the NodePool or its NodeClass back.
    NodePoolReverted {
        /// The pool.
        group: NodeGroup,
    },
    /// EKS could not update a managed group.
    UpdateFailed {
        /// The group.
        group: NodeGroup,
        /// The code and the message EKS gave.
        error: String,
    },
    /// A subnet no longer has the blocks the rest of the plan needs.
    CapacityLost {
        /// The subnet and the numbers, in a sentence.
        what: String,
    },
}

impl HaltReason {
    /// The word for conditions and metrics; the name of its runbook page.
    pub fn word(&self) -> &'static str {
        match self {
            Self::BlockedNodes { .. } => "BlockedNodes",
            Self::NewNodesFail { .. } => "NewNodesFail",
            Self::SandboxFailures { .. } => "SandboxFailures",
            Self::PendingPods { .. } => "PendingPods",
            Self::AwsDenied { .. } => "AwsDenied",
            Self::PlanOutdated { .. } => "PlanOutdated",
            Self::ShieldLost => "ShieldLost",
            Self::ConfigurationReverted => "ConfigurationReverted",
            Self::TemplateReverted { .. } => "TemplateReverted",
            Self::NodePoolReverted { .. } => "NodePoolReverted",
            Self::UpdateFailed { .. } => "UpdateFailed",
            Self::CapacityLost { .. } => "CapacityLost",
        }
    }
}

impl HaltReason {
    /// The command that shows what is wrong.
    pub fn look(&self) -> String {
        let describe = |node: Option<&NodeName>| {
            let node = node.map_or_else(String::new, |node| format!(" {node}"));
            format!("kubectl describe node{node}")
        };
        let of_group = |group: &NodeGroup| match group.provider {
            Provider::Karpenter => format!(
                "kubectl get nodepool {} -o yaml --show-managed-fields",
                group.name
            ),
            Provider::ManagedNodeGroup => {
                format!(
                    "aws eks describe-nodegroup --cluster-name CLUSTER --nodegroup-name {}",
                    group.name
                )
            }
            _ => format!(
                "aws autoscaling describe-auto-scaling-groups --auto-scaling-group-names {}",
                group.name
            ),
        };
        match self {
            Self::BlockedNodes { nodes, .. } => describe(nodes.first()),
            Self::NewNodesFail { nodes, .. } => describe(nodes.first().map(|(node, _)| node)),
            Self::SandboxFailures { .. } => {
                "kubectl get events -A --field-selector reason=FailedCreatePodSandBox".to_owned()
            }
            Self::PendingPods { .. } => {
                "kubectl get pods -A --field-selector status.phase=Pending".to_owned()
            }
            Self::AwsDenied { .. } => "kubectl describe cnipolicy default".to_owned(),
            Self::PlanOutdated { .. } => "kubectl vpc-cni plan".to_owned(),
            Self::ShieldLost | Self::ConfigurationReverted => {
                "kubectl -n kube-system get ds aws-node -o yaml --show-managed-fields".to_owned()
            }
            Self::TemplateReverted { group, .. }
            | Self::NodePoolReverted { group }
            | Self::UpdateFailed { group, .. } => of_group(group),
            Self::CapacityLost { .. } => "kubectl vpc-cni subnets".to_owned(),
        }
    }
}

impl fmt::Display for HaltReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BlockedNodes { nodes, allowed } => write!(
                f,
                "{} could not be emptied in time, and {allowed} may be set aside: {}",
                counted(nodes.len(), "node"),
                listed(nodes.iter())
            ),
            Self::NewNodesFail { nodes, threshold } => {
                let what = nodes.iter().map(|(node, what)| format!("{node}: {what}"));
                write!(
                    f,
                    "{} {} not as {} should be, and {threshold} {} it; {}",
                    counted(nodes.len(), "new node"),
                    agreeing(&nodes.len(), "is", "are"),
                    agreeing(&nodes.len(), "it", "they"),
                    agreeing(threshold, "stops", "stop"),
                    listed(what)
                )
            }
            Self::SandboxFailures { seen, threshold } => write!(
                f,
                "{} got no network on migrated nodes inside the window, and {threshold} {} it",
                counted(*seen, "pod"),
                agreeing(threshold, "stops", "stop")
            ),
            Self::PendingPods { now, baseline } => write!(
                f,
                "{} {} waited for a node for more than ten minutes; {baseline} did when it started",
                counted(*now, "pod"),
                agreeing(now, "has", "have")
            ),
            Self::AwsDenied { what } => write!(f, "AWS denies a call: {what}"),
            Self::PlanOutdated { approved, planned } => {
                write!(f, "the plan is now {planned}, and {approved} was approved")
            }
            Self::ShieldLost => f.write_str(
                "the update strategy that keeps old nodes from the new configuration was taken away repeatedly",
            ),
            Self::ConfigurationReverted => {
                f.write_str("somebody changed the configuration of the CNI while nodes were being replaced")
            }
            Self::TemplateReverted { group, max_pods } => match max_pods {
                Some(max_pods) => write!(f, "the template of {group} was set back to {max_pods} pods"),
                None => write!(f, "the template of {group} no longer says how many pods a node takes"),
            },
            Self::NodePoolReverted { group } => write!(f, "the change of {group} was reverted"),
            Self::UpdateFailed { group, error } => write!(f, "EKS could not update {group}: {error}"),
            Self::CapacityLost { what } => f.write_str(what),
        }
    }
}

/// The first few, and how many more there are.
fn listed(items: impl ExactSizeIterator<Item = impl fmt::Display>) -> String {
    const NAMED: usize = 3;
    let more = items.len().saturating_sub(NAMED);
    let mut named: Vec<String> = items.take(NAMED).map(|item| item.to_string()).collect();
    if more > 0 {
        named.push(format!("and {more} more"));
    }
    named.join(", ")
}

/// A stop that stays until a person resumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Halt {
    /// Why.
    pub reason: HaltReason,
    /// Since when.
    pub since: Timestamp,
}
