//! U3: enough free, aligned /28 blocks where nodes in prefix mode take them.

use super::PREFIX_GUIDE;
use crate::capacity::{Need, PlannedNode, need};
use crate::config::{Effective, Key};
use crate::ids::SubnetId;
use crate::known::Known;
use crate::safety::affected::{counted, single, taking_part};
use crate::safety::change::{Change, Part, eni_config};
use crate::safety::finding::{Resolution, RuleId, Severity, SubjectKind};
use crate::safety::rule::{Basis, Rule, Violation};
use crate::safety::world::{NodeFacts, World};
use std::collections::BTreeMap;

const KEYS: &[Key] = &[Key::EnablePrefixDelegation, Key::CustomNetworkCfg];

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: RuleId("prefix-blocks-missing"),
        title: "A subnet lacks free /28 blocks",
        unsafe_ids: &["U3", "P"],
        keys: KEYS,
        parts: &[Part::EniConfigs],
        severity: Severity::Refuse,
        resolution: Resolution::FixPrerequisite,
        acceptable: false,
        basis: &[Basis {
            says: "A prefix is sixteen neighbouring addresses; a subnet with thousands of scattered free \
                   addresses still answers InsufficientCidrBlocks.",
            source: PREFIX_GUIDE,
        }],
        fix: "Reserve blocks in the subnet for prefixes (a CIDR reservation of type prefix) and drain \
              nodes so that they come free, or give the nodes a new subnet.",
        check: blocks_missing,
    },
    Rule {
        id: RuleId("prefix-blocks-unknown"),
        title: "Nobody knows how many free /28 blocks a subnet has",
        unsafe_ids: &["U3"],
        keys: KEYS,
        parts: &[Part::EniConfigs],
        severity: Severity::Refuse,
        resolution: Resolution::Acknowledge,
        acceptable: true,
        basis: &[Basis {
            says: "EC2 tells nobody how fragmented a subnet is; it can be computed only where every \
                   interface is visible.",
            source: "amazon-vpc-cni-k8s issue 2749",
        }],
        fix: "Give the operator the right to see all interfaces of the subnet, or make a prefix \
              reservation that is large enough and accept this rule.",
        check: blocks_unknown,
    },
];

/// What the nodes that take their prefixes from one subnet need there.
struct Demand<'a> {
    by_subnet: BTreeMap<&'a SubnetId, Need>,
    /// Nodes of which nobody knows where they take prefixes from, or what they can carry.
    unread: usize,
}

fn demand<'a>(change: &'a Change<'_>, world: &'a World) -> Demand<'a> {
    let will = &change.will;
    let mut by_subnet: BTreeMap<&SubnetId, Vec<PlannedNode>> = BTreeMap::new();
    let mut unread = 0;
    for node in taking_part(world) {
        match (planned(node), subnet_of(change, node)) {
            (Some(planned), Some(subnet)) => by_subnet.entry(subnet).or_default().push(planned),
            _ => unread += 1,
        }
    }
    let switches =
        change.switches_on(Effective::prefix_delegation) || change.switches_on(Effective::custom_networking);
    let needs = by_subnet.into_iter().map(|(subnet, nodes)| {
        // One node in ten, at least one, exists twice while the others are replaced.
        let surge = if switches {
            u32::try_from(nodes.len().div_ceil(10)).unwrap_or(u32::MAX)
        } else {
            0
        };
        (subnet, need(&nodes, will, surge))
    });
    Demand {
        by_subnet: needs.collect(),
        unread,
    }
}

fn planned(node: &NodeFacts) -> Option<PlannedNode> {
    let pods = node.pods.as_option()?;
    Some(PlannedNode {
        limits: *node.limits.as_option()?,
        pods: pods.pods.saturating_sub(pods.with_security_groups),
        max_pods: node.max_pods,
        held: node.enis.as_option()?.prefixes,
    })
}

fn subnet_of<'a>(change: &'a Change<'_>, node: &'a NodeFacts) -> Option<&'a SubnetId> {
    if change.will.custom_networking() {
        eni_config(change.to, change.named_after(node)).map(|spec| &spec.subnet)
    } else {
        node.enis.as_option()?.primary_subnet.as_ref()
    }
}

fn asks(change: &Change<'_>) -> bool {
    change.will.prefix_delegation() && !change.will.ipv6() && !change.will.provisioning_disabled()
}

fn blocks_missing(change: &Change<'_>, world: &World) -> Vec<Violation> {
    let Some(subnets) = world.subnets.as_option().filter(|_| asks(change)) else {
        return Vec::new();
    };
    let demand = demand(change, world);
    let missing = demand.by_subnet.iter().filter_map(|(id, need)| {
        let blocks = subnets.get(*id)?.blocks.as_option()?;
        let (free, wanted) = (blocks.free_prefixes(), need.total());
        (free < wanted).then(|| {
            let message = format!(
                "{id} has {} left, {} of them in reservations, and {} need {wanted} more: {} at once when \
                 they start, {} with their pods, {} for the surge. Its fragmentation is {} of 100.",
                counted(free, "free /28 block"),
                blocks.free_in_reservations(),
                counted(need.nodes, "node"),
                need.start,
                need.steady,
                need.surge,
                blocks.fragmentation()
            );
            Violation::new(vec![single(SubjectKind::Subnet, id)], message)
        })
    });
    missing.collect()
}

fn blocks_unknown(change: &Change<'_>, world: &World) -> Vec<Violation> {
    if !asks(change) || !(change.any_key(KEYS) || change.part(Part::EniConfigs)) {
        return Vec::new();
    }
    let demand = demand(change, world);
    let subnets = match &world.subnets {
        Known::Yes(subnets) => subnets,
        Known::Unknown(why) if !demand.by_subnet.is_empty() => {
            let message = format!("The subnets of the VPC could not be read: {why}.");
            return vec![Violation::new(
                vec![single(SubjectKind::Cluster, "subnets")],
                message,
            )];
        }
        Known::Unknown(_) => return Vec::new(),
    };
    let mut violations: Vec<Violation> = demand
        .by_subnet
        .iter()
        // Without any need it does not matter.
        .filter(|(_, need)| need.total() > 0)
        .filter_map(|(id, _)| {
            let Known::Unknown(why) = &subnets.get(*id)?.blocks else {
                return None;
            };
            let message = format!("The free /28 blocks of {id} are not known: {why}.");
            Some(Violation::new(vec![single(SubjectKind::Subnet, id)], message))
        })
        .collect();
    if demand.unread > 0 {
        let message = format!(
            "The subnet, the pods or the type of {} could not be read, so their need of blocks is not known.",
            counted(demand.unread, "node")
        );
        violations.push(Violation::new(
            vec![single(SubjectKind::Cluster, "nodes")],
            message,
        ));
    }
    violations
}
