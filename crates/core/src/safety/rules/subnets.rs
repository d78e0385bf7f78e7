//! U33: subnets that discovery no longer finds.

use super::CODE;
use crate::config::{Effective, Key};
use crate::ids::{SubnetId, Zone};
use crate::safety::affected::{Affected, single};
use crate::safety::change::{Change, Part};
use crate::safety::finding::{Resolution, RuleId, Severity, SubjectKind};
use crate::safety::rule::{Basis, Rule, Violation};
use crate::safety::world::{NodeFacts, SubnetFacts, World};
use std::collections::BTreeMap;

/// The tag by which a subnet takes part in discovery (`1`) or is kept out of it (`0`).
const ROLE_TAG: &str = "kubernetes.io/role/cni";

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: RuleId("subnet-discovery-off"),
        title: "Subnet discovery off while nodes use other subnets",
        unsafe_ids: &["U33"],
        keys: &[Key::EnableSubnetDiscovery],
        parts: &[Part::Version],
        severity: Severity::Refuse,
        resolution: Resolution::ReplaceNodes,
        acceptable: true,
        basis: &[Basis {
            says: "Without discovery new interfaces go to the subnet of the primary interface only, while \
                   those that exist in other subnets go on giving addresses: pods of one node are in two \
                   subnets.",
            source: CODE,
        }],
        fix: "Keep ENABLE_SUBNET_DISCOVERY on, or make sure the primary subnets have room and replace the \
              nodes.",
        check: discovery_off,
    },
    Rule {
        id: RuleId("no-subnet-for-interfaces"),
        title: "All subnets of a zone are kept out of discovery",
        unsafe_ids: &["U33"],
        keys: &[Key::EnableSubnetDiscovery],
        parts: &[Part::Version],
        severity: Severity::Refuse,
        resolution: Resolution::FixPrerequisite,
        acceptable: false,
        basis: &[Basis {
            says: "A subnet tagged kubernetes.io/role/cni=0 is left out of discovery, also the primary \
                   interface's own from the versions on that honour the tag there (v1.22.1); with no other \
                   tagged subnet in the zone no interface can be made.",
            source: "amazon-vpc-cni-k8s releases",
        }],
        fix: "Remove the tag kubernetes.io/role/cni=0 from a subnet of the zone, or tag another one with 1.",
        check: no_subnet,
    },
];

fn discovery_off(change: &Change<'_>, world: &World) -> Vec<Violation> {
    // Custom networking by-passes discovery.
    if !change.switches_off(Effective::subnet_discovery) || change.will.custom_networking() {
        return Vec::new();
    }
    let elsewhere = |node: &NodeFacts| {
        node.enis.as_option().is_none_or(|enis| {
            let primary = enis.primary_subnet.as_ref();
            enis.pod_subnets.iter().any(|subnet| Some(subnet) != primary)
        })
    };
    Affected::among(world, elsewhere).map_or_else(Vec::new, |nodes| {
        let message = format!(
            "ENABLE_SUBNET_DISCOVERY would go off, and {} have interfaces outside the subnet of their \
             primary interface, or their interfaces could not be read.",
            nodes.phrase()
        );
        vec![Violation::new(nodes.subjects(), message)]
    })
}

fn no_subnet(change: &Change<'_>, world: &World) -> Vec<Violation> {
    if !change.will.subnet_discovery() || change.will.custom_networking() {
        return Vec::new();
    }
    let Some(subnets) = world.subnets.as_option() else {
        return Vec::new();
    };
    let zones: BTreeMap<&Zone, Vec<&SubnetId>> = zones_with_nodes(world, subnets);
    let role = |id: &SubnetId| {
        subnets
            .get(id)
            .and_then(|subnet| subnet.tags.get(ROLE_TAG))
            .map(String::as_str)
    };
    let mut violations = Vec::new();
    for (zone, primaries) in zones {
        let tagged = subnets
            .values()
            .any(|subnet| subnet.zone == *zone && subnet.tags.get(ROLE_TAG).is_some_and(|role| role == "1"));
        if !tagged && primaries.iter().all(|id| role(id) == Some("0")) {
            let ids: Vec<&str> = primaries.iter().map(|id| id.as_str()).collect();
            let message = format!(
                "In {zone} the subnets of the nodes ({}) are tagged {ROLE_TAG}=0 and no other subnet is \
                 tagged 1: no new interface can be made there.",
                ids.join(", ")
            );
            violations.push(Violation::new(vec![single(SubjectKind::Zone, zone)], message));
        }
    }
    violations
}

/// Zones of nodes that take part, with the subnets of their primary interfaces.
fn zones_with_nodes<'a>(
    world: &'a World,
    subnets: &'a BTreeMap<SubnetId, SubnetFacts>,
) -> BTreeMap<&'a Zone, Vec<&'a SubnetId>> {
    let mut zones: BTreeMap<&Zone, Vec<&SubnetId>> = BTreeMap::new();
    for node in world.nodes.iter().filter(|node| node.takes_part()) {
        let primary = node
            .enis
            .as_option()
            .and_then(|enis| enis.primary_subnet.as_ref());
        if let Some((id, subnet)) = primary.and_then(|id| subnets.get_key_value(id)) {
            let ids = zones.entry(&subnet.zone).or_default();
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    for ids in zones.values_mut() {
        ids.sort_unstable();
    }
    zones
}
