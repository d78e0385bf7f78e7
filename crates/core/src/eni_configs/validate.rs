//! Whether an ENIConfig can work: its subnet, its groups, and the nodes that resolve to it.

use crate::eniconfig::resolve;
use crate::ids::{EniConfigName, VpcId, Zone};
use crate::known::Known;
use crate::safety::{EniConfigSpec, NodeFacts, World};
use std::collections::{BTreeMap, BTreeSet};

/// The ENIConfig a node uses: external label, annotation, label, `default`.
pub fn resolve_node<'a>(node: &'a NodeFacts, label_key: &str, annotation_key: &str) -> &'a str {
    resolve(&node.labels, &node.annotations, label_key, annotation_key)
}

/// How many nodes that take part use each ENIConfig, and in which zones.
pub fn in_use(
    world: &World,
    label_key: &str,
    annotation_key: &str,
) -> BTreeMap<String, (u32, BTreeSet<Zone>)> {
    let mut uses: BTreeMap<String, (u32, BTreeSet<Zone>)> = BTreeMap::new();
    for node in world.nodes.iter().filter(|node| node.takes_part()) {
        let (count, zones) = uses
            .entry(resolve_node(node, label_key, annotation_key).to_owned())
            .or_default();
        *count += 1;
        zones.extend(node.zone.clone());
    }
    uses
}

/// What is wrong with one ENIConfig; empty where nothing is. An error says what could not be checked.
pub fn problems_of(
    name: &EniConfigName,
    spec: &EniConfigSpec,
    node_zones: &BTreeSet<Zone>,
    world: &World,
) -> Result<Vec<String>, String> {
    let subnets = match &world.subnets {
        Known::Yes(subnets) => subnets,
        Known::Unknown(why) => return Err(why.clone()),
    };
    let mut problems = Vec::new();
    let vpc = world.cluster.vpc.as_option();
    match subnets.get(&spec.subnet) {
        None => problems.push(format!("ENIConfig {name}: subnet {} does not exist", spec.subnet)),
        Some(subnet) => {
            if let Some(vpc) = vpc.filter(|vpc| **vpc != subnet.vpc) {
                problems.push(format!(
                    "ENIConfig {name}: subnet {} is in VPC {}, the nodes are in {vpc}",
                    subnet.id, subnet.vpc
                ));
            }
            let declared = spec.zone.iter().chain(node_zones).collect::<BTreeSet<_>>();
            for zone in declared.into_iter().filter(|zone| **zone != subnet.zone) {
                problems.push(format!(
                    "ENIConfig {name}: subnet {} is in zone {}, but nodes of zone {zone} use it: interfaces cannot \
                     be attached across zones",
                    subnet.id, subnet.zone
                ));
            }
        }
    }
    problems.extend(group_problems(name, spec, vpc, world));
    Ok(problems)
}

fn group_problems(
    name: &EniConfigName,
    spec: &EniConfigSpec,
    vpc: Option<&VpcId>,
    world: &World,
) -> Vec<String> {
    let Some(groups) = world.security_groups.as_option() else {
        return Vec::new();
    };
    let problem = |id| match (groups.get(id), vpc) {
        (None, _) => Some(format!("ENIConfig {name}: security group {id} does not exist")),
        (Some(group), Some(vpc)) if group.vpc != *vpc => Some(format!(
            "ENIConfig {name}: security group {id} is in VPC {}, the nodes are in {vpc}",
            group.vpc
        )),
        (Some(_), _) => None,
    };
    spec.security_groups.iter().filter_map(problem).collect()
}

/// Zones that can receive a node whose nodes would find no ENIConfig, where the name is the zone.
pub fn uncovered_zones<'a>(world: &'a World, label_key: &str, names: &BTreeSet<String>) -> Vec<&'a Zone> {
    if label_key != "topology.kubernetes.io/zone" || names.contains("default") {
        return Vec::new();
    }
    world
        .zones
        .iter()
        .map(|zone| &zone.zone)
        .filter(|zone| !names.contains(zone.as_str()))
        .collect()
}
