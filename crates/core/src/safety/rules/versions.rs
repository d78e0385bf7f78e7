//! U6, U27 and U29: versions that are too old for a mode, jumps, and pods on several network cards.

use super::{CODE, README};
use crate::config::{Effective, Key, Value};
use crate::safety::affected::{Affected, pods_in, single};
use crate::safety::change::{Change, Part};
use crate::safety::finding::{Resolution, RuleId, Severity, SubjectKind};
use crate::safety::rule::{Basis, Rule, Violation};
use crate::safety::world::{NodeFacts, World};
use crate::version::CniVersion;

const PREFIXES: CniVersion = CniVersion::new(1, 9, 0);
const IPV6: CniVersion = CniVersion::new(1, 10, 1);
const BARE_METAL_PREFIXES: CniVersion = CniVersion::new(1, 11, 0);
const MULTI_NIC: CniVersion = CniVersion::new(1, 20, 0);
/// The release that needs an agent of its own time, and that agent.
const NEEDS_AGENT: CniVersion = CniVersion::new(1, 23, 0);
const AGENT: CniVersion = CniVersion::new(1, 4, 1);

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: RuleId("version-too-old"),
        title: "A version too old for a mode that is on",
        unsafe_ids: &["U6"],
        keys: &[Key::EnablePrefixDelegation, Key::EnableIpv6],
        parts: &[Part::Version],
        severity: Severity::Never,
        resolution: Resolution::None,
        acceptable: false,
        basis: &[Basis {
            says: "Going below v1.9.0 with prefix delegation, v1.10.1 with IPv6 or v1.11.0 with prefixes \
                   on bare metal is disruptive and not supported without removing the nodes.",
            source: README,
        }],
        fix: "Stay at a version that knows the mode.",
        check: too_old,
    },
    Rule {
        id: RuleId("multi-nic-off"),
        title: "Pods on several network cards lose their owner",
        unsafe_ids: &["U27"],
        keys: &[Key::EnableMultiNic],
        parts: &[Part::Version],
        severity: Severity::Refuse,
        resolution: Resolution::FixPrerequisite,
        acceptable: false,
        basis: &[Basis {
            says: "With ENABLE_MULTI_NIC off, or before v1.20.0, nobody releases the addresses such pods \
                   hold on further cards: they leak.",
            source: README,
        }],
        fix: "Remove every pod with the annotation k8s.amazonaws.com/nicConfig first.",
        check: multi_nic_off,
    },
    Rule {
        id: RuleId("version-jump"),
        title: "More than one minor version at once",
        unsafe_ids: &["U29"],
        keys: &[],
        parts: &[Part::Version],
        severity: Severity::Refuse,
        resolution: Resolution::FixPrerequisite,
        acceptable: true,
        basis: &[Basis {
            says: "Upgrade the CNI one minor version at a time.",
            source: "EKS best practices, Amazon VPC CNI",
        }],
        fix: "Go to the next minor version first, and on from there.",
        check: jump,
    },
    Rule {
        id: RuleId("node-agent-too-old"),
        title: "A node agent too old for the version",
        unsafe_ids: &["U29"],
        keys: &[],
        parts: &[Part::Version, Part::NodeAgent],
        severity: Severity::Refuse,
        resolution: Resolution::FixPrerequisite,
        acceptable: false,
        basis: &[Basis {
            says: "From v1.23.0 on the plugin needs the network policy agent v1.4.1 or later.",
            source: "amazon-vpc-cni-k8s releases",
        }],
        fix: "Upgrade the node agent to v1.4.1 or later in the same step.",
        check: agent_too_old,
    },
    Rule {
        id: RuleId("version-downgrade"),
        title: "An older version",
        unsafe_ids: &["U29"],
        keys: &[],
        parts: &[Part::Version],
        severity: Severity::Warn,
        resolution: Resolution::Acknowledge,
        acceptable: true,
        basis: &[Basis {
            says: "An older version does not read variables that came later and acts as if they were absent.",
            source: CODE,
        }],
        fix: "Read the list of settings that lose their effect before you apply it.",
        check: downgrade,
    },
];

fn on(value: Option<&Value>) -> bool {
    value == Some(&Value::Bool(true))
}

fn too_old(change: &Change<'_>, world: &World) -> Vec<Violation> {
    let version = change.to.version;
    // What is written counts: a version that is too old does not read it, and its nodes still hold what was made by it.
    let written = |key: Key| on(change.to.config.get(key));
    let prefixes = written(Key::EnablePrefixDelegation);
    let too_old = |since: CniVersion| !version.has(since);
    let mut violations = Vec::new();
    let modes = [
        (prefixes, PREFIXES, Key::EnablePrefixDelegation),
        (written(Key::EnableIpv6), IPV6, Key::EnableIpv6),
    ];
    for (is_on, since, key) in modes {
        if is_on && too_old(since) {
            let message = format!("{key} is on, and {version} is older than {since}, which it needs.");
            violations.push(Violation::new(vec![single(SubjectKind::Setting, key)], message));
        }
    }
    let metal = |node: &NodeFacts| {
        prefixes
            && too_old(BARE_METAL_PREFIXES)
            && !too_old(PREFIXES)
            && node.limits.is_yes_and(|limits| limits.bare_metal)
    };
    violations.extend(Affected::among(world, metal).map(|nodes| {
        let message = format!(
            "ENABLE_PREFIX_DELEGATION is on for {} of bare metal, and {version} is older than \
             {BARE_METAL_PREFIXES}, which they need.",
            nodes.phrase()
        );
        Violation::new(nodes.subjects(), message)
    }));
    violations
}

fn multi_nic_off(change: &Change<'_>, world: &World) -> Vec<Violation> {
    if !change.switches_off(Effective::multi_nic)
        && (change.to.version.has(MULTI_NIC) || !change.from.version.has(MULTI_NIC))
    {
        return Vec::new();
    }
    let has = |node: &NodeFacts| node.pods.as_option().is_none_or(|pods| pods.multi_nic > 0);
    Affected::among(world, has).map_or_else(Vec::new, |nodes| {
        let message = format!(
            "{} would no longer have their cards managed, with {} on several cards, or pods that could not \
             be read.",
            nodes.phrase(),
            pods_in(world, |pods| pods.multi_nic)
        );
        vec![Violation::new(nodes.subjects(), message)]
    })
}

fn cluster() -> Vec<crate::safety::finding::Subject> {
    vec![single(SubjectKind::Cluster, "version")]
}

fn jump(change: &Change<'_>, _: &World) -> Vec<Violation> {
    let (from, to) = (change.from.version, change.to.version);
    if !change.goes_on() || (from.major == to.major && from.minor.abs_diff(to.minor) <= 1) {
        return Vec::new();
    }
    let message = format!("The version would go from {from} to {to}, which is more than one minor version.");
    vec![Violation::new(cluster(), message)]
}

fn agent_too_old(change: &Change<'_>, _: &World) -> Vec<Violation> {
    let version = change.to.version;
    match change.to.node_agent {
        Some(agent) if version.has(NEEDS_AGENT) && !agent.has(AGENT) => {
            let message = format!("{version} needs the node agent {AGENT} or later, and it is {agent}.");
            vec![Violation::new(cluster(), message)]
        }
        _ => Vec::new(),
    }
}

fn downgrade(change: &Change<'_>, _: &World) -> Vec<Violation> {
    let (from, to) = (change.from.version, change.to.version);
    if !change.goes_on() || to.has(from) {
        return Vec::new();
    }
    let lost: Vec<String> = change
        .from
        .config
        .iter()
        .filter(|(key, _)| from.has(key.field().since) && !to.has(key.field().since))
        .map(|(key, _)| key.to_string())
        .collect();
    let lost = if lost.is_empty() {
        "no setting in use loses its effect".to_owned()
    } else {
        format!("{} lose their effect", lost.join(", "))
    };
    vec![Violation::new(
        cluster(),
        format!("The version would go back from {from} to {to}: {lost}."),
    )]
}
