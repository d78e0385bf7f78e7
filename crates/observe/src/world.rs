//! All that was seen, put together for a review. Nothing is read here and nothing decided.

use crate::deep::DeepFacts;
use crate::inventory::Inventory;
use crate::seen::NodeSeen;
use crate::stores::Stores;
use crate::target::LiveTarget;
use crate::zones::{self, Makers};
use std::collections::BTreeMap;
use vpccni_core::config::Effective;
use vpccni_core::eniconfig;
use vpccni_core::ids::{EniConfigName, NodeName, SubnetId, Zone};
use vpccni_core::known::Known;
use vpccni_core::safety::{
    ClusterFacts, Compute, EniFacts, IpFamily, NodeFacts, NodeGroup, NodeMode, NodePodFacts, Os, Provider,
    World,
};

/// What a world is made of.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// What the API server has.
    pub stores: &'a Stores,
    /// What EC2 said.
    pub inventory: &'a Inventory,
    /// What was counted.
    pub deep: &'a DeepFacts,
    /// The DaemonSet, where there is one.
    pub live: Option<&'a LiveTarget>,
    /// What its configuration means to its version, where that is known.
    pub running: Option<&'a Effective>,
}

/// Everything a review may use.
pub fn world(sources: &Sources<'_>) -> World {
    let Sources {
        stores,
        inventory,
        deep,
        live,
        running,
    } = *sources;
    let seen = stores.nodes.all();
    let mut nodes: Vec<_> = seen.iter().map(|node| facts(node, inventory, deep)).collect();
    nodes.extend(
        stores
            .nodes
            .malformed()
            .iter()
            .filter_map(|(name, m)| unreadable(name, &m.error)),
    );
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    let zones_of_subnets: BTreeMap<SubnetId, Zone> = inventory
        .subnets
        .as_option()
        .into_iter()
        .flatten()
        .map(|(id, subnet)| (id.clone(), subnet.zone.clone()))
        .collect();
    let nodegroups = inventory.nodegroups.as_option();
    World {
        cluster: ClusterFacts {
            ip_family: ip_family(running),
            vpc: inventory.vpc.clone(),
            may_manage_branches: may_manage_branches(&nodes),
        },
        eni_configs_in_use: eni_configs_in_use(&nodes, running),
        nodes,
        zones: zones::zones(Makers {
            nodes: &seen,
            pools: &stores.node_pools.all(),
            nodegroups: nodegroups.map_or(&[], Vec::as_slice),
            subnets: &zones_of_subnets,
        }),
        subnets: inventory.subnets.clone(),
        security_groups: inventory.security_groups.clone(),
        workloads: deep.workloads.clone(),
        hand_edits: live.map(LiveTarget::hand_edits).unwrap_or_default(),
        invisible: inventory.invisible.clone(),
    }
}

/// How a node gives addresses. Primary addresses are on every interface and tell nothing.
pub fn mode(enis: &Known<EniFacts>) -> NodeMode {
    let Some(enis) = enis.as_option() else {
        return NodeMode::Unknown;
    };
    match (enis.secondary_ips > 0, enis.prefixes > 0) {
        (true, false) => NodeMode::SecondaryIp,
        (false, true) => NodeMode::Prefix,
        (true, true) => NodeMode::Mixed,
        (false, false) => NodeMode::Unknown,
    }
}

/// Labels tell it, or the tags of the instance; where EC2 was not read, that nobody makes it cannot be told either.
fn group(node: &NodeSeen, inventory: &Inventory) -> NodeGroup {
    match &node.instance {
        Some(instance) if node.group.provider == Provider::SelfManaged => inventory
            .groups
            .get(instance)
            .cloned()
            .unwrap_or_else(NodeGroup::unknown),
        _ => node.group.clone(),
    }
}

/// One node, with what EC2 and the pods say of it.
pub fn facts(node: &NodeSeen, inventory: &Inventory, deep: &DeepFacts) -> NodeFacts {
    let enis = node.instance.as_ref().map_or_else(
        || Known::Unknown(format!("{} has no EC2 instance in its provider id", node.name)),
        |instance| inventory.of_instance(instance),
    );
    let limits = node
        .instance_type
        .as_ref()
        .and_then(|name| inventory.limits.get(name))
        .cloned();
    NodeFacts {
        name: node.name.clone(),
        os: node.os,
        compute: node.compute,
        instance: node.instance.clone(),
        instance_type: node.instance_type.clone(),
        limits: limits.unwrap_or_else(|| Known::not_read(&format!("the instance type of {}", node.name))),
        zone: node.zone.clone(),
        group: group(node, inventory),
        mode: mode(&enis),
        enis,
        pods: pods_of(node.name.as_str(), deep),
        max_pods: node.allocatable_pods,
        labels: node.labels.clone(),
        annotations: node.annotations.clone(),
    }
}

fn pods_of(name: &str, deep: &DeepFacts) -> Known<NodePodFacts> {
    match &deep.pods {
        Known::Yes(pods) => Known::Yes(pods.get(name).copied().unwrap_or_default()),
        Known::Unknown(why) => Known::Unknown(why.clone()),
    }
}

/// A Node that cannot be read is still a node: it counts as one that takes part, of which nothing is known.
fn unreadable(name: &str, error: &str) -> Option<NodeFacts> {
    let why = || format!("the Node {name} cannot be read: {error}");
    Some(NodeFacts {
        name: NodeName::parse(name).ok()?,
        os: Os::Linux,
        compute: Compute::Ec2,
        instance: None,
        instance_type: None,
        limits: Known::Unknown(why()),
        zone: None,
        group: NodeGroup::unknown(),
        mode: NodeMode::Unknown,
        enis: Known::Unknown(why()),
        pods: Known::Unknown(why()),
        max_pods: None,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
    })
}

fn ip_family(running: Option<&Effective>) -> Known<IpFamily> {
    match running {
        Some(running) if running.ipv6() => Known::Yes(IpFamily::V6),
        Some(running) if running.ipv4() => Known::Yes(IpFamily::V4),
        Some(_) => Known::Unknown("aws-node has neither ENABLE_IPv4 nor ENABLE_IPv6".to_owned()),
        None => {
            Known::Unknown("no configuration of aws-node was read that would tell the IP family".to_owned())
        }
    }
}

/// Only a branch or trunk that is there proves it. What a role may do cannot be seen otherwise.
fn may_manage_branches(nodes: &[NodeFacts]) -> Known<bool> {
    let works = |enis: &EniFacts| enis.trunk || enis.branches > 0;
    if nodes.iter().any(|node| node.enis.is_yes_and(works)) {
        return Known::Yes(true);
    }
    Known::Unknown(
        "no node has a trunk interface, so nothing shows that the cluster role may make them".to_owned(),
    )
}

fn eni_configs_in_use(nodes: &[NodeFacts], running: Option<&Effective>) -> BTreeMap<EniConfigName, u32> {
    let mut in_use = BTreeMap::new();
    let Some(running) = running.filter(|running| running.custom_networking()) else {
        return in_use;
    };
    let (label, annotation) = (running.eni_config_label(), running.eni_config_annotation());
    for node in nodes.iter().filter(|node| node.takes_part()) {
        let name = eniconfig::resolve(&node.labels, &node.annotations, label, annotation);
        if let Ok(name) = EniConfigName::parse(name) {
            *in_use.entry(name).or_default() += 1;
        }
    }
    in_use
}

#[cfg(test)]
mod tests;
