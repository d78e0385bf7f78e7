//! The checks of the ENIConfig rules.

use crate::ids::{EniConfigName, VpcId, Zone};
use crate::known::Known;
use crate::safety::affected::{Affected, counted, single, taking_part};
use crate::safety::change::{Change, Part, eni_config};
use crate::safety::finding::SubjectKind;
use crate::safety::rule::Violation;
use crate::safety::setup::EniConfigSpec;
use crate::safety::world::{NodeFacts, World};
use std::collections::{BTreeMap, BTreeSet};

/// Labels whose value is the node's zone.
const ZONE_LABELS: [&str; 2] = [
    "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/zone",
];

fn asked(change: &Change<'_>) -> bool {
    change.will.custom_networking()
}

pub(super) fn missing(change: &Change<'_>, world: &World) -> Vec<Violation> {
    if !asked(change) {
        return Vec::new();
    }
    let by_zone = ZONE_LABELS.contains(&change.will.eni_config_label());
    let mut violations: Vec<Violation> = world
        .zones
        .iter()
        .filter(|zone| !zone_is_covered(change, world, &zone.zone, by_zone))
        .map(|zone| {
            let because = if zone.because.is_empty() {
                counted(zone.nodes, "node")
            } else {
                zone.because.join(", ")
            };
            let wanted = if by_zone {
                format!("named {}", zone.zone)
            } else {
                "that nodes there would name".to_owned()
            };
            let message = format!(
                "{} can receive a node ({because}) and has no ENIConfig {wanted}.",
                zone.zone
            );
            Violation::new(vec![single(SubjectKind::Zone, &zone.zone)], message)
        })
        .collect();
    let mut lost: BTreeMap<&str, Vec<&NodeFacts>> = BTreeMap::new();
    for node in taking_part(world) {
        let name = change.named_after(node);
        if eni_config(change.to, name).is_none() {
            lost.entry(name).or_default().push(node);
        }
    }
    violations.extend(lost.into_iter().filter_map(|(name, nodes)| {
        let nodes = Affected::of(nodes)?;
        let message = format!(
            "{} name the ENIConfig \"{name}\", which does not exist.",
            nodes.phrase()
        );
        Some(Violation::new(nodes.subjects(), message))
    }));
    violations
}

/// Whether a node that comes up in the zone finds an ENIConfig. Where the label is not the zone's, nobody knows the
/// labels of a node to come: one that is meant for the zone, or lies in it, or is the default, is taken for it.
fn zone_is_covered(change: &Change<'_>, world: &World, zone: &Zone, by_zone: bool) -> bool {
    if by_zone {
        return eni_config(change.to, zone.as_str()).is_some();
    }
    let in_zone = |spec: &EniConfigSpec| {
        let subnets = world.subnets.as_option();
        let subnet = subnets.and_then(|subnets| subnets.get(&spec.subnet));
        spec.zone.as_ref() == Some(zone) || subnet.is_some_and(|subnet| subnet.zone == *zone)
    };
    change.to.eni_configs.values().any(in_zone)
        || eni_config(change.to, crate::eniconfig::DEFAULT_NAME).is_some()
}

/// ENIConfigs the change puts to use: new or rewritten ones, or all where nodes find them in a new way.
fn put_to_use<'c>(change: &'c Change<'_>) -> impl Iterator<Item = (&'c EniConfigName, &'c EniConfigSpec)> {
    let all = change.resolution_is_new();
    let from = &change.from.eni_configs;
    let fresh = move |(name, spec): &(&EniConfigName, &EniConfigSpec)| all || from.get(*name) != Some(*spec);
    change.to.eni_configs.iter().filter(fresh)
}

fn about(name: &EniConfigName, message: String) -> Violation {
    Violation::new(vec![single(SubjectKind::EniConfig, name)], message)
}

pub(super) fn wrong_subnet(change: &Change<'_>, world: &World) -> Vec<Violation> {
    if !asked(change) {
        return Vec::new();
    }
    let subnets = match &world.subnets {
        Known::Yes(subnets) => subnets,
        Known::Unknown(why) => {
            let unread = |(name, spec): (&EniConfigName, &EniConfigSpec)| {
                about(
                    name,
                    format!(
                        "Whether {} of ENIConfig {name} can be used is not known: {why}.",
                        spec.subnet
                    ),
                )
            };
            return put_to_use(change).map(unread).collect();
        }
    };
    let zones = zones_of_users(change, world);
    let mut violations = Vec::new();
    for (name, spec) in &change.to.eni_configs {
        let id = &spec.subnet;
        let Some(subnet) = subnets.get(id) else {
            violations.push(about(
                name,
                format!("ENIConfig {name} names {id}, which is not in the VPC of the cluster."),
            ));
            continue;
        };
        if let Some(vpc) = world.cluster.vpc.as_option().filter(|vpc| subnet.vpc != **vpc) {
            let message = format!(
                "ENIConfig {name} names {id}, which is in {} and not in {vpc}.",
                subnet.vpc
            );
            violations.push(about(name, message));
        }
        let mut wanted: BTreeSet<&Zone> = zones.get(name.as_str()).cloned().unwrap_or_default();
        wanted.extend(spec.zone.as_ref());
        wanted.remove(&subnet.zone);
        if !wanted.is_empty() {
            let wanted: Vec<&str> = wanted.iter().map(|zone| zone.as_str()).collect();
            let message = format!(
                "ENIConfig {name} is for {} and its {id} is in {}: no interface can be attached.",
                wanted.join(", "),
                subnet.zone
            );
            violations.push(about(name, message));
        }
    }
    violations
}

/// Zones of the nodes, and of the nodes that may come, that name each ENIConfig.
fn zones_of_users<'w>(change: &Change<'_>, world: &'w World) -> BTreeMap<&'w str, BTreeSet<&'w Zone>> {
    let mut zones: BTreeMap<&str, BTreeSet<&Zone>> = BTreeMap::new();
    for node in taking_part(world) {
        if let Some(zone) = &node.zone {
            zones.entry(change.named_after(node)).or_default().insert(zone);
        }
    }
    if ZONE_LABELS.contains(&change.will.eni_config_label()) {
        for zone in &world.zones {
            zones.entry(zone.zone.as_str()).or_default().insert(&zone.zone);
        }
    }
    zones
}

pub(super) fn wrong_security_group(change: &Change<'_>, world: &World) -> Vec<Violation> {
    if !asked(change) {
        return Vec::new();
    }
    let groups = match &world.security_groups {
        Known::Yes(groups) => groups,
        Known::Unknown(why) => {
            return put_to_use(change)
                .filter(|(_, spec)| !spec.security_groups.is_empty())
                .map(|(name, _)| {
                    about(
                        name,
                        format!(
                            "Whether the security groups of ENIConfig {name} can be used is not known: {why}."
                        ),
                    )
                })
                .collect();
        }
    };
    let vpc = world.cluster.vpc.as_option();
    let mut violations = Vec::new();
    for (name, spec) in &change.to.eni_configs {
        for id in &spec.security_groups {
            let wrong = match (groups.get(id), vpc) {
                (None, _) => Some(format!("ENIConfig {name} names {id}, which does not exist.")),
                (Some(group), Some(vpc)) if group.vpc != *vpc => {
                    Some(in_other_vpc(name, id, &group.vpc, vpc))
                }
                _ => None,
            };
            violations.extend(wrong.map(|message| about(name, message)));
        }
    }
    violations
}

fn in_other_vpc(
    name: &EniConfigName,
    id: &crate::ids::SecurityGroupId,
    is: &VpcId,
    wanted: &VpcId,
) -> String {
    format!("ENIConfig {name} names {id}, which is in {is} and not in {wanted}.")
}

/// Nodes that use each ENIConfig under what runs.
fn users<'w>(change: &Change<'_>, world: &'w World) -> BTreeMap<&'w str, Vec<&'w NodeFacts>> {
    let mut users: BTreeMap<&str, Vec<&NodeFacts>> = BTreeMap::new();
    if change.was.custom_networking() && asked(change) {
        for node in taking_part(world) {
            users.entry(change.named_before(node)).or_default().push(node);
        }
    }
    users
}

/// One violation an ENIConfig that is in use and for which the test holds. The count is that of the nodes that name it,
/// or what was counted by their interfaces where that is more: a label may have changed since.
fn in_use(
    change: &Change<'_>,
    world: &World,
    test: impl Fn(&EniConfigName, &EniConfigSpec) -> Option<String>,
) -> Vec<Violation> {
    if !change.part(Part::EniConfigs) || !change.was.custom_networking() || !asked(change) {
        return Vec::new();
    }
    let users = users(change, world);
    let mut violations = Vec::new();
    for (name, spec) in &change.from.eni_configs {
        let nodes = users.get(name.as_str()).cloned().and_then(Affected::of);
        let counted_by_interfaces = world.eni_configs_in_use.get(name).copied().unwrap_or(0);
        let Some(what) = test(name, spec).filter(|_| nodes.is_some() || counted_by_interfaces > 0) else {
            continue;
        };
        let mut subjects = vec![single(SubjectKind::EniConfig, name)];
        subjects.extend(nodes.iter().flat_map(Affected::subjects));
        let who = nodes.map_or_else(|| counted(counted_by_interfaces, "node"), |nodes| nodes.phrase());
        violations.push(Violation::new(subjects, format!("{what}, and is used by {who}.")));
    }
    violations
}

pub(super) fn changed(change: &Change<'_>, world: &World) -> Vec<Violation> {
    in_use(change, world, |name, was| {
        let will = change.to.eni_configs.get(name)?;
        let subnet =
            (was.subnet != will.subnet).then(|| format!("its subnet from {} to {}", was.subnet, will.subnet));
        // Their order has no meaning.
        let groups = |spec: &EniConfigSpec| spec.security_groups.iter().cloned().collect::<BTreeSet<_>>();
        let groups = (groups(was) != groups(will)).then(|| "its security groups".to_owned());
        let parts: Vec<String> = subnet.into_iter().chain(groups).collect();
        (!parts.is_empty()).then(|| format!("ENIConfig {name} would change {}", parts.join(" and ")))
    })
}

pub(super) fn removed(change: &Change<'_>, world: &World) -> Vec<Violation> {
    in_use(change, world, |name, _| {
        let gone = !change.to.eni_configs.contains_key(name);
        gone.then(|| format!("ENIConfig {name} would be removed"))
    })
}

pub(super) fn resolved_elsewhere(change: &Change<'_>, world: &World) -> Vec<Violation> {
    if !change.was.custom_networking() || !asked(change) {
        return Vec::new();
    }
    let elsewhere = |node: &NodeFacts| {
        let before = eni_config(change.from, change.named_before(node));
        let after = eni_config(change.to, change.named_after(node));
        // Another name for the same subnet and groups moves nothing; a missing one is rule `eni-config-missing`.
        change.named_before(node) != change.named_after(node)
            && after.is_some_and(|after| {
                before.is_none_or(|before| {
                    (&before.subnet, &before.security_groups) != (&after.subnet, &after.security_groups)
                })
            })
    };
    Affected::among(world, elsewhere).map_or_else(Vec::new, |nodes| {
        let message = format!(
            "{} would find another ENIConfig: new interfaces go to another subnet or get other security \
             groups, those that exist stay.",
            nodes.phrase()
        );
        vec![Violation::new(nodes.subjects(), message)]
    })
}

pub(super) fn not_followed(change: &Change<'_>, world: &World) -> Vec<Violation> {
    // Before it is switched on nobody can have followed it.
    if !change.was.custom_networking() || !asked(change) {
        return Vec::new();
    }
    let outside = |node: &NodeFacts| {
        let spec = eni_config(change.to, change.named_after(node));
        spec.zip(node.enis.as_option())
            .is_some_and(|(spec, enis)| enis.pod_subnets.iter().any(|subnet| *subnet != spec.subnet))
    };
    Affected::among(world, outside).map_or_else(Vec::new, |nodes| {
        let message = format!(
            "{} have interfaces outside the subnet of the ENIConfig they name, so their pods are in two \
             subnets.",
            nodes.phrase()
        );
        vec![Violation::new(nodes.subjects(), message)]
    })
}
