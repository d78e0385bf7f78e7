//! Whether an ENIConfig can work: its subnet, its groups, and the nodes that resolve to it.

use crate::eniconfig::resolve;
use crate::ids::{EniConfigName, VpcId, Zone};
use crate::known::Known;
use crate::safety::{EniConfigSpec, NodeFacts, World};
use std::collections::{BTreeMap, BTreeSet};

/// Where nodes choose by this label, the name of an ENIConfig is a zone.
const ZONE_LABEL: &str = "topology.kubernetes.io/zone";

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
                    "ENIConfig {name}: subnet {} is in zone {}, but it is for nodes of zone {zone}: interfaces \
                     cannot be attached across zones",
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

/// The zone an ENIConfig is for by its name alone, where nodes choose it by their zone: its nodes may come later. A name
/// counts as a zone when it differs from one of the VPC's in the last letter only, so that `pods` does not.
pub(super) fn zone_by_name(name: &EniConfigName, label_key: &str, world: &World) -> Option<Zone> {
    let subnets = world.subnets.as_option()?;
    let region = |zone: &str| {
        zone.strip_suffix(|last: char| last.is_ascii_lowercase())
            .map(str::to_owned)
    };
    let wanted = region(name.as_str()).filter(|_| label_key == ZONE_LABEL)?;
    let is_zone = subnets
        .values()
        .any(|subnet| region(subnet.zone.as_str()).as_ref() == Some(&wanted));
    is_zone.then(|| Zone::parse(name.as_str()).ok()).flatten()
}

/// Zones that can receive a node whose nodes would find no ENIConfig, where the name is the zone.
pub fn uncovered_zones<'a>(world: &'a World, label_key: &str, names: &BTreeSet<String>) -> Vec<&'a Zone> {
    if label_key != ZONE_LABEL || names.contains("default") {
        return Vec::new();
    }
    world
        .zones
        .iter()
        .map(|zone| &zone.zone)
        .filter(|zone| !names.contains(zone.as_str()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::SubnetId;
    use crate::safety::SubnetFacts;

    fn world() -> World {
        let id = SubnetId::parse("subnet-0a1").unwrap();
        let subnet = SubnetFacts {
            id: id.clone(),
            vpc: VpcId::parse("vpc-0a1").unwrap(),
            zone: Zone::parse("us-west-2a").unwrap(),
            available: 251,
            blocks: Known::Unknown("not asked".to_owned()),
            tags: BTreeMap::new(),
        };
        World {
            subnets: Known::Yes(BTreeMap::from([(id, subnet)])),
            ..World::empty()
        }
    }

    #[test]
    fn a_name_is_a_zone_only_where_nodes_choose_by_zone_and_it_looks_like_one_of_the_vpc() {
        for (name, label, is_zone) in [
            ("us-west-2d", ZONE_LABEL, true),
            ("us-west-2a", ZONE_LABEL, true),
            ("us-west-2d", "k8s.amazonaws.com/eniConfig", false),
            ("default", ZONE_LABEL, false),
            ("us-west-2-pods", ZONE_LABEL, false),
            ("us-east-1a", ZONE_LABEL, false),
        ] {
            let config = EniConfigName::parse(name).unwrap();
            let found = zone_by_name(&config, label, &world());
            assert_eq!(found.is_some(), is_zone, "{name} by {label}");
        }
    }

    #[test]
    fn a_subnet_of_another_zone_is_found_before_a_node_comes() {
        let name = EniConfigName::parse("us-west-2d").unwrap();
        let world = world();
        let spec = EniConfigSpec {
            subnet: SubnetId::parse("subnet-0a1").unwrap(),
            security_groups: Vec::new(),
            zone: None,
        };
        let zones = BTreeSet::from_iter(zone_by_name(&name, ZONE_LABEL, &world));
        let problems = problems_of(&name, &spec, &zones, &world).unwrap();
        assert!(
            problems[0].contains("is in zone us-west-2a, but it is for nodes of zone us-west-2d"),
            "{problems:?}"
        );
        assert_eq!(
            problems_of(&name, &spec, &BTreeSet::new(), &world),
            Ok(Vec::new())
        );
    }
}
