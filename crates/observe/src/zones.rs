//! Zones that can receive a node that takes part, and why we think so.

use crate::seen::{NodePoolSeen, NodeSeen, PoolZones};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use vpccni_core::ids::{SubnetId, Zone};
use vpccni_core::ports::Nodegroup;
use vpccni_core::safety::{NodeGroup, Provider, ZoneFacts};

#[derive(Default)]
struct Reasons {
    nodes: u32,
    because: BTreeSet<String>,
}

/// What nodes can come from.
#[derive(Debug, Clone, Copy)]
pub struct Makers<'a> {
    /// The nodes that are there.
    pub nodes: &'a [Arc<NodeSeen>],
    /// NodePools of Karpenter.
    pub pools: &'a [Arc<NodePoolSeen>],
    /// Managed node groups.
    pub nodegroups: &'a [Nodegroup],
    /// The zones of the subnets of the VPC.
    pub subnets: &'a BTreeMap<SubnetId, Zone>,
}

/// The zones of nodes that are there, and those where node groups and NodePools may make some. A pool that names no
/// zones may use any that the VPC has a subnet in.
pub fn zones(makers: Makers<'_>) -> Vec<ZoneFacts> {
    let Makers {
        nodes,
        pools,
        nodegroups,
        subnets,
    } = makers;
    let all: BTreeSet<Zone> = subnets.values().cloned().collect();
    let mut found: BTreeMap<Zone, Reasons> = BTreeMap::new();
    for node in nodes.iter().filter(|node| node.takes_part()) {
        if let Some(zone) = &node.zone {
            let reasons = found.entry(zone.clone()).or_default();
            reasons.nodes += 1;
            reasons.because.insert(maker(&node.group));
        }
    }
    let with_nodes: BTreeSet<Zone> = found.keys().cloned().collect();
    for pool in pools {
        let (zones, because) = match &pool.zones {
            PoolZones::Only(only) => (only.clone(), format!("NodePool {}", pool.name)),
            PoolZones::AnyBut(not) => {
                let open = &(&all | &with_nodes) - not;
                (open, format!("NodePool {}, which names no zones", pool.name))
            }
        };
        for zone in zones {
            found.entry(zone).or_default().because.insert(because.clone());
        }
    }
    for group in nodegroups.iter().filter(|group| group.max_size > 0) {
        for zone in group.subnets.iter().filter_map(|id| subnets.get(id)) {
            let reasons = found.entry(zone.clone()).or_default();
            let has_nodes = format!("nodes of nodegroup {}", group.name);
            if !reasons.because.contains(&has_nodes) {
                reasons.because.insert(format!("nodegroup {}", group.name));
            }
        }
    }
    found
        .into_iter()
        .map(|(zone, Reasons { nodes, because })| ZoneFacts {
            zone,
            nodes,
            because: because.into_iter().collect(),
        })
        .collect()
}

fn maker(group: &NodeGroup) -> String {
    match group.provider {
        Provider::ManagedNodeGroup => format!("nodes of nodegroup {}", group.name),
        Provider::AutoScalingGroup => format!("nodes of Auto Scaling group {}", group.name),
        Provider::Karpenter => format!("nodes of NodePool {}", group.name),
        Provider::SelfManaged => "self-managed nodes".to_owned(),
    }
}
