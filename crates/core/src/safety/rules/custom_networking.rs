//! U8, U13, U14 and U15: custom networking switched under nodes that exist, and where it cannot work.

use super::{CODE, CUSTOM_GUIDE};
use crate::config::{Effective, Key};
use crate::safety::affected::{Affected, pods_in, single};
use crate::safety::change::{Change, Part};
use crate::safety::finding::{Resolution, RuleId, Severity, SubjectKind};
use crate::safety::rule::{Basis, Rule, Violation};
use crate::safety::world::{Compute, IpFamily, NodeFacts, Os, World};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: RuleId("custom-networking-in-place"),
        title: "Custom networking switched under nodes that exist",
        unsafe_ids: &["U8"],
        keys: &[Key::CustomNetworkCfg],
        parts: &[],
        severity: Severity::Refuse,
        resolution: Resolution::ReplaceNodes,
        acceptable: true,
        basis: &[
            Basis {
                says: "Enabling or disabling custom networking requires terminating the previous instances.",
                source: CODE,
            },
            Basis {
                says: "The primary interface gives no addresses in custom networking, so max-pods changes \
                       by one interface; create new node groups.",
                source: CUSTOM_GUIDE,
            },
        ],
        fix: replace_nodes!("Replace the nodes instead of changing them."),
        check: in_place,
    },
    Rule {
        id: RuleId("custom-networking-ipv6"),
        title: "Custom networking in IPv6",
        unsafe_ids: &["U13"],
        keys: &[Key::CustomNetworkCfg, Key::EnableIpv6],
        parts: &[],
        severity: Severity::Never,
        resolution: Resolution::None,
        acceptable: false,
        basis: &[Basis {
            says: "ipamd exits when both are on.",
            source: CODE,
        }],
        fix: "Leave custom networking off: in IPv6 addresses do not run out.",
        check: ipv6,
    },
    Rule {
        id: RuleId("custom-networking-windows"),
        title: "Custom networking beside Windows nodes",
        unsafe_ids: &["U14"],
        keys: &[Key::CustomNetworkCfg],
        parts: &[],
        severity: Severity::Warn,
        resolution: Resolution::None,
        acceptable: true,
        basis: &[Basis {
            says: "Custom networking is not supported on Windows nodes; their addresses come from the VPC \
                   resource controller, which does not read ENIConfigs.",
            source: CUSTOM_GUIDE,
        }],
        fix: "Leave room for Windows pods in the subnets of their nodes.",
        check: windows,
    },
    Rule {
        id: RuleId("no-interface-left-for-pods"),
        title: "Custom networking and a trunk leave no interface for pods",
        unsafe_ids: &["U15"],
        keys: &[Key::CustomNetworkCfg, Key::EnablePodEni, Key::MaxEni],
        parts: &[Part::Version],
        severity: Severity::Refuse,
        resolution: Resolution::FixPrerequisite,
        acceptable: false,
        basis: &[Basis {
            says: "Custom networking takes the primary interface and security groups for pods take one \
                   more, so a type with two interfaces has none for other pods.",
            source: "amazon-vpc-cni-k8s issue 2792",
        }],
        fix: "Give these groups types with three interfaces or more, or leave one of the two off.",
        check: no_interface_left,
    },
];

fn in_place(change: &Change<'_>, world: &World) -> Vec<Violation> {
    let on = change.switches_on(Effective::custom_networking);
    if !on && !change.switches_off(Effective::custom_networking) {
        return Vec::new();
    }
    // A node without any pod and without a second interface has nothing of the old way: a cluster that gets its CNI.
    let bare = |node: &NodeFacts| {
        node.enis.is_yes_and(|enis| enis.attached <= 1) && node.pods.is_yes_and(|pods| pods.pods == 0)
    };
    let fresh = |node: &NodeFacts| !change.from.present && bare(node);
    if let Some(nodes) = Affected::among(world, |node| !fresh(node)) {
        let consequence = if on {
            "their interfaces stay in the old subnets and groups and go on giving addresses, and each \
             loses the primary interface's"
        } else {
            "their interfaces stay in the subnets of the ENIConfigs and go on giving addresses beside new \
             ones"
        };
        let message = format!(
            "Custom networking would go {} under {} with {}: {consequence}.",
            if on { "on" } else { "off" },
            nodes.phrase(),
            pods_in(world, |pods| pods.pods)
        );
        return vec![Violation::new(nodes.subjects(), message)];
    }
    Affected::among(world, |_| true).map_or_else(Vec::new, |nodes| {
        let message = format!(
            "Custom networking changes; {} have no pod and no second interface yet.",
            nodes.phrase()
        );
        vec![Violation::new(nodes.subjects(), message).warn()]
    })
}

fn ipv6(change: &Change<'_>, world: &World) -> Vec<Violation> {
    let will = &change.will;
    let six = will.ipv6()
        || world
            .cluster
            .ip_family
            .is_yes_and(|family| *family == IpFamily::V6);
    if !six || !will.custom_networking() {
        return Vec::new();
    }
    vec![Violation::new(
        vec![single(SubjectKind::Setting, Key::CustomNetworkCfg)],
        "Custom networking is on in an IPv6 cluster: ipamd would exit on every node.",
    )]
}

fn windows(change: &Change<'_>, world: &World) -> Vec<Violation> {
    if !change.will.custom_networking() {
        return Vec::new();
    }
    let windows = world
        .nodes
        .iter()
        .filter(|node| node.os == Os::Windows && node.compute == Compute::Ec2);
    Affected::of(windows).map_or_else(Vec::new, |nodes| {
        let message = format!(
            "Custom networking does not reach {} with Windows: their pods stay in the subnets of the nodes.",
            nodes.phrase()
        );
        vec![Violation::new(nodes.subjects(), message)]
    })
}

fn no_interface_left(change: &Change<'_>, world: &World) -> Vec<Violation> {
    let will = &change.will;
    if !will.custom_networking() || !will.pod_eni() {
        return Vec::new();
    }
    let none_left = |node: &NodeFacts| {
        let limits = node.limits.as_option();
        limits.is_some_and(|limits| limits.trunk != Some(false) && will.max_enis_on(limits) <= 2)
    };
    let mut violations: Vec<Violation> = Affected::among(world, none_left)
        .into_iter()
        .map(|nodes| {
            let message = format!(
                "{} can have two interfaces at most: with custom networking and a trunk no other pod gets \
                 an address there.",
                nodes.phrase()
            );
            Violation::new(nodes.subjects(), message)
        })
        .collect();
    let touched = change.any_key(&[Key::CustomNetworkCfg, Key::EnablePodEni]);
    let unread = Affected::among(world, |node| touched && node.limits.as_option().is_none());
    violations.extend(unread.map(|nodes| {
        let message = format!(
            "The limits of the instance types of {} could not be read, so nobody knows whether an \
             interface is left for pods.",
            nodes.phrase()
        );
        Violation::new(nodes.subjects(), message)
    }));
    violations
}
