//! Zones that can receive a node that takes part, and why we think so.

use crate::seen::{NodePoolSeen, NodeSeen, PoolZones};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use vpccni_core::ids::Zone;
use vpccni_core::safety::{NodeGroup, Provider, ZoneFacts};

#[derive(Default)]
struct Reasons {
    nodes: u32,
    because: BTreeSet<String>,
}

/// The zones of nodes that are there, and those NodePools may use. `all` are the zones the VPC has subnets in: a pool
/// that names no zones may use any of them.
pub fn zones(nodes: &[Arc<NodeSeen>], pools: &[Arc<NodePoolSeen>], all: &BTreeSet<Zone>) -> Vec<ZoneFacts> {
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
                let open = &(all | &with_nodes) - not;
                (open, format!("NodePool {}, which names no zones", pool.name))
            }
        };
        for zone in zones {
            found.entry(zone).or_default().because.insert(because.clone());
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
