//! The CniNodeState of every node: what it should say, and which objects to write.

use crate::config::Effective;
use crate::ids::NodeName;
use crate::max_pods::possible;
use crate::safety::{EniFacts, NodeFacts, NodeGroup, NodeMode};
use std::collections::{BTreeMap, BTreeSet};

/// What the status of one CniNodeState says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeStatus {
    /// Instance id, type and zone, as far as known.
    pub instance: (Option<String>, Option<String>, Option<String>),
    /// Its group.
    pub group: NodeGroup,
    /// How it gives addresses.
    pub mode: NodeMode,
    /// The revision of its aws-node pod.
    pub revision: Option<String>,
    /// Its interfaces, where EC2 could be asked.
    pub enis: Option<EniFacts>,
    /// Pods the scheduler may put there now (`status.allocatable`).
    pub max_pods_seen: Option<u32>,
    /// Pods the kubelet was started for (`status.capacity`).
    pub max_pods_declared: Option<u32>,
    /// Pods its interfaces can carry under the configuration that runs.
    pub max_pods_possible: Option<u32>,
    /// What could not be read, in a sentence.
    pub unknown: Option<String>,
}

/// One node with what only the node controller needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSeen {
    /// The facts of the review.
    pub facts: NodeFacts,
    /// The uid of the Node object, which owns the state.
    pub uid: String,
    /// The revision of its aws-node pod.
    pub revision: Option<String>,
    /// `status.capacity.pods`.
    pub capacity_pods: Option<u32>,
}

/// One write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeAction {
    /// The object is not there yet.
    Create {
        /// Its name.
        name: NodeName,
        /// The uid of the Node that owns it.
        uid: String,
    },
    /// Its status is to say this.
    Status {
        /// Its name.
        name: NodeName,
        /// What.
        status: Box<NodeStatus>,
    },
    /// Its node is not one of those aws-node runs on, or belongs to an earlier Node of that name.
    Delete {
        /// Its name.
        name: NodeName,
    },
}

/// A CniNodeState as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeStateSeen {
    /// The uid of the Node that owns it.
    pub owner: Option<String>,
    /// What its status says; none where it says nothing yet.
    pub status: Option<NodeStatus>,
    /// Whether ipamd writes it: then the operator does not.
    pub by_agent: bool,
}

/// What the status of a node is to say.
pub fn status_of(node: &NodeSeen, effective: &Effective) -> NodeStatus {
    let facts = &node.facts;
    let limits = facts.limits.as_option();
    let unknown = match &facts.enis {
        crate::known::Known::Yes(_) => None,
        crate::known::Known::Unknown(why) => Some(why.clone()),
    };
    NodeStatus {
        instance: (
            facts.instance.as_ref().map(ToString::to_string),
            facts.instance_type.as_ref().map(ToString::to_string),
            facts.zone.as_ref().map(ToString::to_string),
        ),
        group: facts.group.clone(),
        mode: facts.mode,
        revision: node.revision.clone(),
        enis: facts.enis.as_option().cloned(),
        max_pods_seen: facts.max_pods,
        max_pods_declared: node.capacity_pods,
        max_pods_possible: limits.map(|limits| possible(limits, effective)),
        unknown,
    }
}

/// Which objects to write: only what changed, creations first.
pub fn plan(
    nodes: &[NodeSeen],
    states: &BTreeMap<NodeName, NodeStateSeen>,
    effective: &Effective,
) -> Vec<NodeAction> {
    let mut creates = Vec::new();
    let mut updates = Vec::new();
    let mut wanted = BTreeSet::new();
    for node in nodes.iter().filter(|node| node.facts.takes_part()) {
        let name = &node.facts.name;
        wanted.insert(name);
        let state = states.get(name);
        let (delete, create) = match state {
            None => (false, true),
            Some(state) => (
                state.owner.as_ref().is_some_and(|owner| *owner != node.uid),
                false,
            ),
        };
        if delete {
            updates.push(NodeAction::Delete { name: name.clone() });
            continue;
        }
        if create {
            creates.push(NodeAction::Create {
                name: name.clone(),
                uid: node.uid.clone(),
            });
        }
        let status = status_of(node, effective);
        if state.is_none_or(|state| !state.by_agent && state.status.as_ref() != Some(&status)) {
            updates.push(NodeAction::Status {
                name: name.clone(),
                status: Box::new(status),
            });
        }
    }
    let orphans = states.keys().filter(|name| !wanted.contains(name));
    updates.extend(orphans.map(|name| NodeAction::Delete { name: name.clone() }));
    creates.extend(updates);
    creates
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CniConfig;
    use crate::known::Known;
    use crate::safety::{Compute, NodePodFacts, Os, Provider};
    use crate::version::CniVersion;

    fn node(name: &str) -> NodeSeen {
        NodeSeen {
            facts: NodeFacts {
                name: NodeName::parse(name).unwrap(),
                os: Os::Linux,
                compute: Compute::Ec2,
                instance: None,
                instance_type: None,
                limits: Known::not_read("the type"),
                zone: None,
                group: NodeGroup {
                    provider: Provider::SelfManaged,
                    name: "self-managed".to_owned(),
                },
                mode: NodeMode::Unknown,
                enis: Known::not_read("the interfaces"),
                pods: Known::Yes(NodePodFacts::default()),
                max_pods: Some(29),
                labels: BTreeMap::new(),
                annotations: BTreeMap::new(),
            },
            uid: "u1".to_owned(),
            revision: None,
            capacity_pods: Some(29),
        }
    }

    fn effective() -> Effective {
        Effective::of(&CniConfig::default(), CniVersion::REFERENCE)
    }

    #[test]
    fn a_new_node_gets_a_state_and_an_unchanged_one_no_write() {
        let nodes = vec![node("a")];
        let actions = plan(&nodes, &BTreeMap::new(), &effective());
        assert!(matches!(
            actions.as_slice(),
            [NodeAction::Create { .. }, NodeAction::Status { .. }]
        ));
        let state = NodeStateSeen {
            owner: Some("u1".to_owned()),
            status: Some(status_of(&nodes[0], &effective())),
            by_agent: false,
        };
        let states = BTreeMap::from([(NodeName::parse("a").unwrap(), state)]);
        assert_eq!(plan(&nodes, &states, &effective()), Vec::new());
    }

    #[test]
    fn what_the_agent_writes_is_left_alone_and_orphans_go() {
        let nodes = vec![node("a")];
        let seen = |owner: &str, by_agent| NodeStateSeen {
            owner: Some(owner.to_owned()),
            status: None,
            by_agent,
        };
        let name = |name: &str| NodeName::parse(name).unwrap();
        let states = BTreeMap::from([(name("a"), seen("u1", true)), (name("gone"), seen("u2", false))]);
        assert_eq!(
            plan(&nodes, &states, &effective()),
            vec![NodeAction::Delete { name: name("gone") }]
        );
    }

    #[test]
    fn a_state_of_an_earlier_node_of_that_name_goes_and_windows_nodes_have_none() {
        let mut windows = node("w");
        windows.facts.os = Os::Windows;
        let nodes = vec![node("a"), windows];
        let seen = NodeStateSeen {
            owner: Some("old".to_owned()),
            status: None,
            by_agent: false,
        };
        let states = BTreeMap::from([(NodeName::parse("a").unwrap(), seen)]);
        assert_eq!(
            plan(&nodes, &states, &effective()),
            vec![NodeAction::Delete {
                name: NodeName::parse("a").unwrap()
            }]
        );
    }
}
