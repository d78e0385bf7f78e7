//! U7 and U34: max-pods against what a mode can carry, several modes at once, and settings old nodes only half follow.

use super::{CODE, PREFIX_GUIDE};
use crate::config::{CniConfig, Effective, Key};
use crate::max_pods;
use crate::safety::affected::{Affected, range};
use crate::safety::change::{Change, Part};
use crate::safety::finding::{Resolution, RuleId, SEVERAL_SWITCHES, Severity};
use crate::safety::rule::{Basis, Rule, Violation};
use crate::safety::setup::CniSetup;
use crate::safety::world::{NodeFacts, World};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: RuleId("max-pods-above-capacity"),
        title: "max-pods of nodes is above what they can give an address",
        unsafe_ids: &["U7", "P"],
        keys: &[Key::EnablePrefixDelegation, Key::CustomNetworkCfg],
        parts: &[Part::Version],
        severity: Severity::Refuse,
        resolution: Resolution::ReplaceNodes,
        acceptable: false,
        basis: &[
            Basis {
                says: "max-pods is fixed when the kubelet starts, and the scheduler fills a node up to it \
                       whatever its interfaces can carry.",
                source: PREFIX_GUIDE,
            },
            Basis {
                says: "Custom networking takes the primary interface out of use, and a trunk takes one \
                       more; no calculator of AWS subtracts the trunk.",
                source: CODE,
            },
        ],
        fix: replace_nodes!("Lower max-pods on the templates first and replace the nodes."),
        check: above_capacity,
    },
    Rule {
        id: SEVERAL_SWITCHES,
        title: "Several modes switched in one step",
        unsafe_ids: &["U34"],
        keys: &[
            Key::EnablePrefixDelegation,
            Key::CustomNetworkCfg,
            Key::EnablePodEni,
        ],
        parts: &[],
        severity: Severity::Refuse,
        resolution: Resolution::FixPrerequisite,
        acceptable: true,
        basis: &[Basis {
            says: "Each mode has a max-pods formula of its own, and when new pods fail after two switches \
                   nobody can tell which one is the cause.",
            source: "this project",
        }],
        fix: "Switch one mode, replace the nodes, then switch the next.",
        check: several_switches,
    },
    Rule {
        id: RuleId("kept-until-replaced"),
        title: "Nodes that exist follow the new value only in part",
        unsafe_ids: &["U7", "U12", "U16", "U17", "U27"],
        keys: &[
            Key::EnablePodEni,
            Key::EnableMultiNic,
            Key::EniConfigLabelDef,
            Key::EniConfigAnnotationDef,
        ],
        parts: &[],
        severity: Severity::Warn,
        resolution: Resolution::ReplaceNodes,
        acceptable: true,
        basis: &[Basis {
            says: "Interfaces that exist are not moved, detached or given another role by a change of the \
                   setting.",
            source: CODE,
        }],
        fix: "Replace the nodes when it suits, if they are to follow the new value in full.",
        check: kept,
    },
];

/// The configuration without the trunk: what every calculator of AWS computes max-pods from.
fn without_trunk(setup: &CniSetup) -> Effective {
    let mut config: CniConfig = setup.config.clone();
    config.unset(Key::EnablePodEni);
    Effective::of(&config, setup.version)
}

type Test<'a> = &'a dyn Fn(&NodeFacts) -> bool;

fn above_capacity(change: &Change<'_>, world: &World) -> Vec<Violation> {
    let (was, will) = (without_trunk(change.from), without_trunk(change.to));
    // IPv6 gives a node one /80: no max-pods is above it.
    if will.ipv6() {
        return Vec::new();
    }
    let capacity = |node: &NodeFacts, effective: &Effective| {
        let limits = node.limits.as_option();
        limits.map(|limits| max_pods::possible(limits, effective))
    };
    let above = |node: &NodeFacts, capacity: Option<u32>| {
        node.max_pods
            .zip(capacity)
            .is_some_and(|(max, capacity)| max > capacity)
    };
    let worse = |node: &NodeFacts| {
        let now = capacity(node, &will);
        above(node, now) && (now < capacity(node, &was) || !change.from.present)
    };
    let of_trunk = |node: &NodeFacts| above(node, capacity(node, &change.will));
    let by_trunk = |node: &NodeFacts| of_trunk(node) && !above(node, capacity(node, &will));
    let sorts: [(Test<'_>, bool, &str); 3] = [
        (&worse, true, "would have"),
        (
            &|node: &NodeFacts| above(node, capacity(node, &will)) && !worse(node),
            false,
            "have",
        ),
        (
            &by_trunk,
            false,
            "have, once the trunk of security groups for pods takes its slot,",
        ),
    ];
    let mut violations = Vec::new();
    for (test, refuses, verb) in sorts {
        if let Some(nodes) = Affected::among(world, test) {
            let message = format!(
                "{} {verb} a max-pods above the pods they can give an address: {}.",
                nodes.phrase(),
                nodes.listed(|name, nodes| of_group(name, nodes, &change.will), "; ")
            );
            violations.push(Violation::new(nodes.subjects(), message).warn_unless(refuses));
        }
    }
    violations
}

fn of_group(name: &str, nodes: &[&NodeFacts], will: &Effective) -> String {
    let capacity = nodes
        .iter()
        .filter_map(|node| node.limits.as_option())
        .map(|limits| max_pods::possible(limits, will));
    let text = |range: Option<String>| range.unwrap_or_else(|| "unknown".to_owned());
    format!(
        "{name}: max-pods {}, room for {}",
        text(range(nodes.iter().filter_map(|node| node.max_pods))),
        text(range(capacity))
    )
}

type Mode = fn(&Effective) -> bool;

fn several_switches(change: &Change<'_>, world: &World) -> Vec<Violation> {
    let modes: [(Mode, &str); 3] = [
        (Effective::prefix_delegation, "prefix mode"),
        (Effective::custom_networking, "custom networking"),
        (Effective::pod_eni, "security groups for pods"),
    ];
    let switched: Vec<String> = modes
        .iter()
        .filter(|(is, _)| is(&change.was) != is(&change.will))
        .map(|(is, name)| format!("{name} {}", if is(&change.will) { "on" } else { "off" }))
        .collect();
    if switched.len() < 2 || !change.goes_on() {
        return Vec::new();
    }
    Affected::among(world, |_| true).map_or_else(Vec::new, |nodes| {
        let message = format!(
            "{} would be switched at once under {}.",
            switched.join(" and "),
            nodes.phrase()
        );
        vec![Violation::new(nodes.subjects(), message)]
    })
}

fn kept(change: &Change<'_>, world: &World) -> Vec<Violation> {
    let changed: Vec<String> = [
        Key::EnablePodEni,
        Key::EnableMultiNic,
        Key::EniConfigLabelDef,
        Key::EniConfigAnnotationDef,
    ]
    .into_iter()
    .filter(|key| change.key(*key))
    .map(|key| key.to_string())
    .collect();
    if changed.is_empty() {
        return Vec::new();
    }
    Affected::among(world, |_| true).map_or_else(Vec::new, |nodes| {
        let message = format!(
            "{} changes: interfaces that {} have now keep the role they were made with.",
            changed.join(" and "),
            nodes.phrase()
        );
        vec![Violation::new(nodes.subjects(), message)]
    })
}
