//! U22, U23 and checks before the flight: the IP family of the cluster, and egress of the other family.

use super::{CODE, README};
use crate::config::{Effective, Key};
use crate::known::Known;
use crate::safety::affected::{Affected, single};
use crate::safety::change::{Change, Part};
use crate::safety::finding::{Resolution, RuleId, Severity, Subject, SubjectKind};
use crate::safety::rule::{Basis, Rule, Violation};
use crate::safety::world::{IpFamily, NodeFacts, World};

const FAMILY: &[Key] = &[
    Key::EnableIpv4,
    Key::EnableIpv6,
    Key::InitEnableIpv6,
    Key::AgentEnableIpv6,
];
const EGRESS: &[Key] = &[Key::EnableV6Egress, Key::InitEnableV6Egress, Key::EnableV4Egress];

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: RuleId("ip-family-changed"),
        title: "The IP family changes",
        unsafe_ids: &["U22"],
        keys: FAMILY,
        parts: &[],
        severity: Severity::Never,
        resolution: Resolution::None,
        acceptable: false,
        basis: &[Basis {
            says: "The IP family is chosen when the cluster is made; services and nodes have it for good, \
                   and the add-on's schema does not offer the variables.",
            source: README,
        }],
        fix: "Make a new cluster of the other family and move there.",
        check: changed,
    },
    Rule {
        id: RuleId("ip-family-invalid"),
        title: "The settings of the IP family contradict each other",
        unsafe_ids: &["U22", "P"],
        keys: &[Key::EnableIpv4, Key::EnableIpv6, Key::EnablePrefixDelegation],
        parts: &[Part::Version],
        severity: Severity::Never,
        resolution: Resolution::None,
        acceptable: false,
        basis: &[Basis {
            says: "ipamd exits unless exactly one of IPv4 and IPv6 is on, and in IPv6 unless prefix \
                   delegation is on. The code's default of ENABLE_IPv4 is false, so removing the variable \
                   is turning it off.",
            source: CODE,
        }],
        fix: "Set the variable of the cluster's family to true and the other to false; in IPv6 keep \
              ENABLE_PREFIX_DELEGATION on.",
        check: invalid,
    },
    Rule {
        id: RuleId("ipv6-needs-nitro"),
        title: "IPv6 on instance types that cannot carry prefixes",
        unsafe_ids: &["U4", "U22", "P"],
        keys: &[Key::EnableIpv6, Key::EnablePrefixDelegation],
        parts: &[],
        severity: Severity::Never,
        resolution: Resolution::None,
        acceptable: false,
        basis: &[Basis {
            says: "In IPv6 ipamd exits on a type that is neither nitro nor bare metal.",
            source: CODE,
        }],
        fix: "Give these groups a nitro type.",
        check: needs_nitro,
    },
    Rule {
        id: RuleId("egress-changed"),
        title: "Egress of the other IP family changes",
        unsafe_ids: &["U23"],
        keys: EGRESS,
        parts: &[Part::Version],
        severity: Severity::Refuse,
        resolution: Resolution::RecyclePods,
        acceptable: true,
        basis: &[Basis {
            says: "Only pods made afterwards see ENABLE_V6_EGRESS and ENABLE_V4_EGRESS; a reboot of the \
                   nodes is recommended.",
            source: README,
        }],
        fix: "Make the change when you can recreate the pods that need it, and accept this rule for it.",
        check: egress,
    },
];

fn settings(keys: &[Key]) -> Vec<Subject> {
    keys.iter().map(|key| single(SubjectKind::Setting, key)).collect()
}

fn family(effective: &Effective) -> Option<IpFamily> {
    match (effective.ipv4(), effective.ipv6()) {
        (true, false) => Some(IpFamily::V4),
        (false, true) => Some(IpFamily::V6),
        _ => None,
    }
}

fn name(family: Option<IpFamily>) -> &'static str {
    match family {
        Some(IpFamily::V4) => "IPv4",
        Some(IpFamily::V6) => "IPv6",
        None => "neither of IPv4 and IPv6 alone",
    }
}

fn changed(change: &Change<'_>, world: &World) -> Vec<Violation> {
    let keys: Vec<Key> = FAMILY.iter().copied().filter(|key| change.key(*key)).collect();
    if keys.is_empty() {
        return Vec::new();
    }
    let (was, will) = (family(&change.was), family(&change.will));
    // Every place that changes must say the same as the family itself.
    let fits = |cluster: IpFamily| {
        let wanted = |key: Key| (key == Key::EnableIpv4) == (cluster == IpFamily::V4);
        will == Some(cluster) && keys.iter().all(|key| change.will.is_on(*key) == wanted(*key))
    };
    let message = format!(
        "The settings of the IP family change: {} before, {} after",
        name(was),
        name(will)
    );
    let violation = |end: String| Violation::new(settings(&keys), format!("{message}{end}."));
    vec![match &world.cluster.ip_family {
        Known::Yes(cluster) if fits(*cluster) && !change.from.present => return Vec::new(),
        Known::Yes(cluster) if fits(*cluster) => {
            violation(", which is the family of the cluster".to_owned()).warn()
        }
        Known::Yes(cluster) => violation(format!(", and the cluster is {}", name(Some(*cluster)))),
        // Nobody knows that it is wrong, only that it cannot be told to be right.
        Known::Unknown(why) => {
            violation(format!("; the family of the cluster is not known ({why})")).with(Severity::Refuse)
        }
    }]
}

fn invalid(change: &Change<'_>, _: &World) -> Vec<Violation> {
    let will = &change.will;
    let what = match (will.ipv4(), will.ipv6(), will.prefix_delegation()) {
        (false, false, _) => "neither ENABLE_IPv4 nor ENABLE_IPv6 is on",
        (true, true, _) => "ENABLE_IPv4 and ENABLE_IPv6 are both on",
        (false, true, false) => "ENABLE_IPv6 is on and ENABLE_PREFIX_DELEGATION is off",
        _ => return Vec::new(),
    };
    let message = format!("The IP family is not settled, {what}: ipamd would exit on every node.");
    vec![Violation::new(
        settings(&[Key::EnableIpv4, Key::EnableIpv6]),
        message,
    )]
}

fn needs_nitro(change: &Change<'_>, world: &World) -> Vec<Violation> {
    if !change.will.ipv6() {
        return Vec::new();
    }
    let unable = |node: &NodeFacts| node.limits.is_yes_and(|limits| !limits.prefix_delegation);
    Affected::among(world, unable).map_or_else(Vec::new, |nodes| {
        let message = format!(
            "IPv6 is on and {} have types that cannot carry prefixes: ipamd exits there.",
            nodes.phrase()
        );
        vec![Violation::new(nodes.subjects(), message)]
    })
}

fn egress(change: &Change<'_>, world: &World) -> Vec<Violation> {
    // ENABLE_V6_EGRESS is read in IPv4 clusters, ENABLE_V4_EGRESS in IPv6 ones.
    let read: &[Key] = if change.will.ipv6() {
        &[Key::EnableV4Egress]
    } else {
        &[Key::EnableV6Egress, Key::InitEnableV6Egress]
    };
    let keys: Vec<Key> = read.iter().copied().filter(|key| change.key(*key)).collect();
    if keys.is_empty() || !change.goes_on() {
        return Vec::new();
    }
    let has_pods = |node: &NodeFacts| node.pods.as_option().is_none_or(|pods| pods.pods > 0);
    Affected::among(world, has_pods).map_or_else(Vec::new, |nodes| {
        let names: Vec<String> = keys.iter().map(Key::to_string).collect();
        let message = format!(
            "{} would change under {} with pods, which keep the egress they were made with.",
            names.join(" and "),
            nodes.phrase()
        );
        vec![Violation::new(nodes.subjects(), message)]
    })
}
