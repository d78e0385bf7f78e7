//! U24, U25 and checks before the flight: what pods were wired with, and what cannot be a value of it.

use super::{CODE, README};
use crate::config::Key;
use crate::safety::affected::{Affected, single};
use crate::safety::change::{Change, Part};
use crate::safety::finding::{Resolution, RuleId, Severity, SubjectKind};
use crate::safety::rule::{Basis, Rule, Violation};
use crate::safety::world::World;

const SNAT: &[Key] = &[Key::ExternalSnat, Key::ExcludeSnatCidrs, Key::RandomizeSnat];

/// What ipamd and the entrypoint take for an MTU, at most, and at least in either family.
const GREATEST_MTU: i64 = 9001;
const LEAST_MTU_V4: i64 = 576;
const LEAST_MTU_V6: i64 = 1280;

const REPLACE: &str = replace_nodes!("Replace the nodes instead of changing them.");

/// What all rules of U24 have in common; a row says the rest.
const WIRED: Rule = Rule {
    id: RuleId(""),
    title: "",
    unsafe_ids: &["U24"],
    keys: &[],
    parts: &[Part::Version],
    severity: Severity::Refuse,
    resolution: Resolution::ReplaceNodes,
    acceptable: true,
    basis: &[],
    fix: REPLACE,
    check: |_, _| Vec::new(),
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: RuleId("veth-prefix-changed"),
        title: "The prefix of pod links changes",
        keys: &[Key::VethPrefix],
        basis: &[Basis {
            says: "Rules of the host match links by this prefix; those of pods that exist match no longer.",
            source: CODE,
        }],
        check: |change, world| {
            wired(
                change,
                world,
                Key::VethPrefix,
                "their links keep the old prefix and lose their rules",
            )
        },
        ..WIRED
    },
    Rule {
        id: RuleId("mtu-changed"),
        title: "The MTU of interfaces changes",
        keys: &[Key::EniMtu],
        basis: &[Basis {
            says: "Interfaces get the new MTU when aws-node starts, links of pods that exist keep the old \
                   one: large packets are lost on the way.",
            source: CODE,
        }],
        check: |change, world| {
            wired(
                change,
                world,
                Key::EniMtu,
                "their interfaces change at once and their pods do not",
            )
        },
        ..WIRED
    },
    Rule {
        id: RuleId("pod-mtu-changed"),
        title: "The MTU of pods changes",
        keys: &[Key::PodMtu],
        resolution: Resolution::RecyclePods,
        basis: &[Basis {
            says: "A pod keeps the MTU it was started with, so pods of one node differ until all are \
                   recreated.",
            source: CODE,
        }],
        fix: "Make the change when you can recreate the pods, and accept this rule for it.",
        check: |change, world| wired(change, world, Key::PodMtu, "their pods keep the old one"),
        ..WIRED
    },
    Rule {
        id: RuleId("nftables-changed"),
        title: "The firewall back end changes",
        keys: &[Key::EnableNftables],
        basis: &[Basis {
            says: "Rules written by one back end stay beside those of the other until the host restarts. \
                   Read from v1.12.1 until v1.13.2 only.",
            source: README,
        }],
        check: |change, world| {
            wired(
                change,
                world,
                Key::EnableNftables,
                "rules of the old back end stay there",
            )
        },
        ..WIRED
    },
    Rule {
        id: RuleId("connmark-changed"),
        title: "The firewall mark changes",
        keys: &[Key::Connmark],
        basis: &[Basis {
            says: "Connections that run carry the old mark and rules of the old mark stay, so answers can \
                   leave by the wrong interface.",
            source: CODE,
        }],
        check: |change, world| {
            wired(
                change,
                world,
                Key::Connmark,
                "their connections carry the old mark",
            )
        },
        ..WIRED
    },
    Rule {
        id: RuleId("checkpoint-moved"),
        title: "The checkpoint of ipamd moves",
        keys: &[Key::BackingStore],
        acceptable: false,
        basis: &[Basis {
            says: "ipamd restores from this file who holds which address; under another path it starts \
                   without, and gives addresses of running pods to new ones.",
            source: CODE,
        }],
        check: |change, world| {
            wired(
                change,
                world,
                Key::BackingStore,
                "ipamd forgets which pods hold which addresses",
            )
        },
        ..WIRED
    },
    Rule {
        id: RuleId("snat-changed"),
        title: "Source addresses of connections change",
        unsafe_ids: &["U25"],
        keys: SNAT,
        parts: &[],
        severity: Severity::Warn,
        resolution: Resolution::Acknowledge,
        basis: &[Basis {
            says: "Rules are rewritten when aws-node starts: live flows change their source address and \
                   break; without SNAT a NAT gateway and its routes must be there.",
            source: README,
        }],
        fix: "Check NAT gateways, route tables and security groups that name node addresses before you \
              apply it.",
        check: snat,
        ..WIRED
    },
    Rule {
        id: RuleId("veth-prefix-invalid"),
        title: "A prefix of pod links that cannot be",
        unsafe_ids: &["P"],
        keys: &[Key::VethPrefix],
        parts: &[],
        severity: Severity::Never,
        resolution: Resolution::None,
        acceptable: false,
        basis: &[Basis {
            says: "The entrypoint exits on a prefix of more than 4 characters and on eth, lo and vlan.",
            source: CODE,
        }],
        fix: "Use at most 4 characters, and none of eth, lo and vlan.",
        check: veth_invalid,
    },
    Rule {
        id: RuleId("mtu-out-of-range"),
        title: "An MTU outside the range of the IP family",
        unsafe_ids: &["P"],
        keys: &[Key::EniMtu, Key::PodMtu, Key::EnableIpv6],
        parts: &[],
        severity: Severity::Never,
        resolution: Resolution::None,
        acceptable: false,
        basis: &[Basis {
            says: "The entrypoint exits unless both MTUs are from 576 to 9001, in IPv6 from 1280 on.",
            source: CODE,
        }],
        fix: "Use 576 to 9001 in IPv4 and 1280 to 9001 in IPv6.",
        check: mtu_out_of_range,
    },
];

/// A setting that nodes and pods that exist keep the old value of.
fn wired(change: &Change<'_>, world: &World, key: Key, consequence: &str) -> Vec<Violation> {
    if !change.goes_on() || change.was.value(key) == change.will.value(key) {
        return Vec::new();
    }
    Affected::among(world, |_| true).map_or_else(Vec::new, |nodes| {
        let message = format!("{key} would change under {}: {consequence}.", nodes.phrase());
        vec![Violation::new(nodes.subjects(), message)]
    })
}

fn snat(change: &Change<'_>, _: &World) -> Vec<Violation> {
    let changed: Vec<Key> = SNAT.iter().copied().filter(|key| change.key(*key)).collect();
    if changed.is_empty() || !change.goes_on() {
        return Vec::new();
    }
    let names: Vec<String> = changed.iter().map(Key::to_string).collect();
    let subjects = changed
        .iter()
        .map(|key| single(SubjectKind::Setting, key))
        .collect();
    let to = if change.will.external_snat() {
        "connections leave with the pod's own address"
    } else {
        "connections out of the VPC leave with the node's address"
    };
    let message = format!(
        "{} would change: {to}, and live flows break.",
        names.join(" and ")
    );
    vec![Violation::new(subjects, message)]
}

fn veth_invalid(change: &Change<'_>, _: &World) -> Vec<Violation> {
    let prefix = change.will.veth_prefix();
    if prefix.len() <= 4 && !matches!(prefix, "eth" | "lo" | "vlan") {
        return Vec::new();
    }
    let message = format!("AWS_VPC_K8S_CNI_VETHPREFIX is \"{prefix}\": aws-node would exit on every node.");
    vec![Violation::new(
        vec![single(SubjectKind::Setting, Key::VethPrefix)],
        message,
    )]
}

fn mtu_out_of_range(change: &Change<'_>, _: &World) -> Vec<Violation> {
    let will = &change.will;
    let least = if will.ipv6() { LEAST_MTU_V6 } else { LEAST_MTU_V4 };
    let mtus = [(Key::EniMtu, will.eni_mtu()), (Key::PodMtu, will.pod_mtu())];
    mtus.into_iter()
        .filter(|(key, _)| will.int(*key).is_some())
        .filter(|(_, mtu)| !(least..=GREATEST_MTU).contains(mtu))
        .map(|(key, mtu)| {
            let message = format!(
                "{key} is {mtu}, not from {least} to {GREATEST_MTU}: aws-node would exit on every node."
            );
            Violation::new(vec![single(SubjectKind::Setting, key)], message)
        })
        .collect()
}
