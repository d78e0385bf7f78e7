//! The nodes in numbers, and whether their kubelets fit what their interfaces can carry.

use crate::config::Effective;
use crate::known::Known;
use crate::max_pods::possible;
use crate::safety::{NodeFacts, NodeGroup, NodeMode, World};
use std::collections::BTreeMap;

/// Nodes by what they show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NodeCounts {
    /// Linux nodes on EC2.
    pub total: u32,
    /// Of those, with secondary addresses only.
    pub secondary_ip: u32,
    /// With prefixes only.
    pub prefix: u32,
    /// With both.
    pub mixed: u32,
    /// With nothing to tell by.
    pub unknown: u32,
    /// Fargate, Auto Mode, hybrid and Windows nodes: aws-node does not run there.
    pub ignored: u32,
    /// Nodes whose max-pods is more than their interfaces can carry.
    pub max_pods_mismatch: u32,
}

impl NodeCounts {
    /// Counts the nodes of a world under a configuration.
    pub fn of(world: &World, effective: &Effective) -> Self {
        let mut counts = Self::default();
        for node in &world.nodes {
            counts.add(node, effective);
        }
        counts
    }

    fn add(&mut self, node: &NodeFacts, effective: &Effective) {
        if !node.takes_part() {
            self.ignored += 1;
            return;
        }
        self.total += 1;
        match node.mode {
            NodeMode::SecondaryIp => self.secondary_ip += 1,
            NodeMode::Prefix => self.prefix += 1,
            NodeMode::Mixed => self.mixed += 1,
            NodeMode::Unknown => self.unknown += 1,
        }
        self.max_pods_mismatch += u32::from(is_over_committed(node, effective));
    }
}

/// Whether the scheduler may put more pods on a node than its interfaces can carry.
pub fn is_over_committed(node: &NodeFacts, effective: &Effective) -> bool {
    match (node.max_pods, node.limits.as_option()) {
        (Some(max_pods), Some(limits)) => max_pods > possible(limits, effective),
        (None, _) | (_, None) => false,
    }
}

/// A group whose next node will accept more pods than it can carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OverCommittedTemplate {
    pub(super) group: NodeGroup,
    /// What its template says.
    pub(super) says: u32,
    /// What the smallest type of its nodes carries.
    pub(super) carries: u32,
}

/// The templates that promise too much, judged by the types of the nodes their groups have. Of a group without nodes the
/// types are not known.
pub(super) fn over_committed_templates(
    world: &World,
    templates: &BTreeMap<NodeGroup, Known<Option<u32>>>,
    effective: &Effective,
) -> Vec<OverCommittedTemplate> {
    let mut carries: BTreeMap<&NodeGroup, u32> = BTreeMap::new();
    for node in world.nodes.iter().filter(|node| node.takes_part()) {
        if let Some(limits) = node.limits.as_option() {
            let possible = possible(limits, effective);
            let least = carries.entry(&node.group).or_insert(possible);
            *least = (*least).min(possible);
        }
    }
    let judged = templates.iter().filter_map(|(group, template)| {
        let (says, carries) = ((*template.as_option()?)?, *carries.get(group)?);
        (says > carries).then(|| OverCommittedTemplate {
            group: group.clone(),
            says,
            carries,
        })
    });
    judged.collect()
}

/// Nodes that hold both kinds of addresses, for messages: at most three names and a count.
pub(super) fn mixed_nodes(world: &World) -> Option<String> {
    let mixed: Vec<&str> = world
        .nodes
        .iter()
        .filter(|node| node.takes_part() && node.mode == NodeMode::Mixed)
        .map(|node| node.name.as_str())
        .collect();
    let more = mixed.len().saturating_sub(3);
    let names = mixed.iter().take(3).copied().collect::<Vec<_>>().join(", ");
    match (mixed.len(), more) {
        (0, _) => None,
        (_, 0) => Some(names),
        (_, more) => Some(format!("{names} and {more} more")),
    }
}
