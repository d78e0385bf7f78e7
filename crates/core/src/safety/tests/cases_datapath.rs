//! Cases of the IP family, the data path, versions and ownership.

use super::build::*;
use super::{Case, case};
use crate::config::{Key, Value};
use crate::known::Known;
use crate::safety::Severity::{Never, Refuse, Warn};
use crate::safety::{CniSetup, IpFamily, World};
use crate::version::CniVersion;

fn six() -> CniSetup {
    prefix()
        .off(Key::EnableIpv4)
        .on(Key::EnableIpv6)
        .on(Key::InitEnableIpv6)
        .on(Key::AgentEnableIpv6)
}

fn six_world(world: World) -> World {
    world.but(|world| world.cluster.ip_family = Known::Yes(IpFamily::V6))
}

pub(super) fn cases() -> Vec<Case> {
    [
        family(),
        egress(),
        wired(),
        invalid(),
        versions(),
        upgrades(),
        ownership(),
    ]
    .concat()
}

fn family() -> Vec<Case> {
    let unread = || empty().but(|world| world.cluster.ip_family = unknown());
    let released = || setup().without(Key::EnableIpv4);
    vec![
        case(
            "ip-family-changed",
            Never,
            (setup(), six(), empty()),
            (released(), setup(), empty()),
        ),
        // Putting back what a hand took away is not a flip.
        case(
            "ip-family-changed",
            Never,
            (setup(), released(), empty()),
            (released(), setup(), empty()),
        ),
        case(
            "ip-family-changed",
            Refuse,
            (released(), setup(), unread()),
            (released(), setup(), empty()),
        ),
        // One place of three.
        case(
            "ip-family-changed",
            Never,
            (setup(), setup().on(Key::InitEnableIpv6), empty()),
            (six().off(Key::InitEnableIpv6), six(), six_world(empty())),
        ),
    ]
}

fn egress() -> Vec<Case> {
    let released = || setup().without(Key::EnableIpv4);
    vec![
        case(
            "ip-family-invalid",
            Never,
            (setup(), released(), empty()),
            (setup(), six(), six_world(empty())),
        ),
        case(
            "ip-family-invalid",
            Never,
            (six(), six().off(Key::EnablePrefixDelegation), six_world(empty())),
            (six(), six(), six_world(empty())),
        ),
        case(
            "ipv6-needs-nitro",
            Never,
            (
                setup(),
                six(),
                six_world(world([node("xen").of_type("m4.large")])),
            ),
            (setup(), six(), six_world(one())),
        ),
        case(
            "egress-changed",
            Refuse,
            (setup(), setup().on(Key::EnableV6Egress), one()),
            (
                setup(),
                setup().on(Key::EnableV6Egress),
                world([node("one").pods(|pods| pods.pods = 0)]),
            ),
        ),
        // In IPv4 nobody reads the other one.
        case(
            "egress-changed",
            Refuse,
            (
                six(),
                six().off(Key::EnableV4Egress),
                six_world(world([prefix_node("one")])),
            ),
            (setup(), setup().off(Key::EnableV4Egress), one()),
        ),
    ]
}

fn wired() -> Vec<Case> {
    let changes: [(&'static str, Key, Value); 5] = [
        (
            "veth-prefix-changed",
            Key::VethPrefix,
            Value::Text("cni".to_owned()),
        ),
        ("mtu-changed", Key::EniMtu, Value::Int(1500)),
        ("pod-mtu-changed", Key::PodMtu, Value::Int(1500)),
        ("connmark-changed", Key::Connmark, Value::Int(64)),
        (
            "checkpoint-moved",
            Key::BackingStore,
            Value::Text("/data/ipam.json".to_owned()),
        ),
    ];
    let mut cases: Vec<Case> = changes
        .into_iter()
        .map(|(rule, key, value)| {
            let to = setup().set(key, value);
            // Nodes to come have nothing of the old value.
            case(rule, Refuse, (setup(), to.clone(), one()), (setup(), to, empty()))
        })
        .collect();
    let old = |setup: CniSetup, minor| setup.at((1, minor, 0));
    let nft = || setup().on(Key::EnableNftables);
    cases.extend([
        // Read until 1.13.2 only.
        case(
            "nftables-changed",
            Refuse,
            (old(setup(), 13), old(nft(), 13), one()),
            (setup(), nft(), one()),
        ),
        // Writing the default down changes nothing.
        case(
            "mtu-changed",
            Refuse,
            (setup(), setup().int(Key::EniMtu, 9000), one()),
            (setup(), setup().int(Key::EniMtu, 9001), one()),
        ),
        case(
            "snat-changed",
            Warn,
            (setup(), setup().on(Key::ExternalSnat), one()),
            (setup(), setup().off(Key::ExternalSnat), one()),
        ),
    ]);
    cases
}

fn invalid() -> Vec<Case> {
    let mtu = |key, mtu| (setup(), setup().int(key, mtu), empty());
    vec![
        case(
            "veth-prefix-invalid",
            Never,
            (setup(), setup().text(Key::VethPrefix, "vlan"), empty()),
            (setup(), setup().text(Key::VethPrefix, "vla"), empty()),
        ),
        case(
            "aws-node-would-exit",
            Never,
            (setup(), setup().text(Key::PluginLogFile, "stdout"), empty()),
            (setup(), setup().text(Key::PluginLogFile, "stderr"), empty()),
        ),
        // The version does not act on it and exits all the same.
        case(
            "aws-node-would-exit",
            Never,
            (
                setup(),
                setup().text(Key::NetworkPolicyEnforcingMode, "Loose"),
                empty(),
            ),
            (
                setup(),
                setup().text(Key::NetworkPolicyEnforcingMode, "none"),
                empty(),
            ),
        ),
        case(
            "mtu-out-of-range",
            Never,
            mtu(Key::PodMtu, 9002),
            mtu(Key::PodMtu, 576),
        ),
        case(
            "mtu-out-of-range",
            Never,
            (six(), six().int(Key::EniMtu, 1279), six_world(empty())),
            (six(), six().int(Key::EniMtu, 1280), six_world(empty())),
        ),
    ]
}

fn versions() -> Vec<Case> {
    let metal = || world([prefix_node("metal").of_type("m5.metal")]);
    vec![
        case(
            "version-too-old",
            Never,
            (prefix().at((1, 9, 0)), prefix().at((1, 8, 0)), empty()),
            (prefix().at((1, 9, 1)), prefix().at((1, 9, 0)), empty()),
        ),
        case(
            "version-too-old",
            Never,
            (setup().at((1, 8, 0)), prefix().at((1, 8, 0)), empty()),
            (
                setup().at((1, 8, 0)),
                setup().at((1, 8, 0)).int(Key::WarmIpTarget, 1),
                empty(),
            ),
        ),
        case(
            "version-too-old",
            Never,
            (six().at((1, 10, 1)), six().at((1, 10, 0)), six_world(empty())),
            (six().at((1, 10, 2)), six().at((1, 10, 1)), six_world(empty())),
        ),
        case(
            "version-too-old",
            Never,
            (prefix().at((1, 11, 0)), prefix().at((1, 10, 4)), metal()),
            (
                prefix().at((1, 11, 0)),
                prefix().at((1, 10, 4)),
                world([prefix_node("one")]),
            ),
        ),
    ]
}

fn upgrades() -> Vec<Case> {
    let multi = || setup().on(Key::EnableMultiNic);
    let attached = || world([node("one").pods(|pods| pods.multi_nic = 1)]);
    let agent = |patch| {
        let mut setup = setup().at((1, 23, 0));
        setup.node_agent = Some(CniVersion::new(1, 4, patch));
        setup
    };
    let old_agent = |mut setup: CniSetup| {
        setup.node_agent = Some(CniVersion::new(1, 4, 0));
        setup
    };
    vec![
        case(
            "multi-nic-off",
            Refuse,
            (multi(), setup(), attached()),
            (multi(), setup(), one()),
        ),
        case(
            "multi-nic-off",
            Refuse,
            (multi().at((1, 20, 0)), multi().at((1, 19, 6)), attached()),
            (multi().at((1, 21, 0)), multi().at((1, 20, 0)), attached()),
        ),
        case(
            "version-jump",
            Refuse,
            (setup().at((1, 20, 0)), setup().at((1, 22, 0)), empty()),
            (setup().at((1, 21, 0)), setup().at((1, 22, 4)), empty()),
        ),
        case(
            "version-jump",
            Refuse,
            (setup(), setup().at((1, 21, 0)), empty()),
            (setup(), setup().at((1, 22, 0)), empty()),
        ),
        case(
            "node-agent-too-old",
            Refuse,
            (agent(1).at((1, 22, 4)), agent(0), empty()),
            (agent(1).at((1, 22, 4)), agent(1), empty()),
        ),
        // It was so before, and a patch release does not make it worse: then it is only said.
        case(
            "node-agent-too-old",
            Refuse,
            (old_agent(setup().at((1, 22, 4))), agent(0), empty()),
            (
                old_agent(setup()),
                old_agent(setup()).int(Key::WarmIpTarget, 1),
                empty(),
            ),
        ),
        case(
            "version-downgrade",
            Warn,
            (setup().at((1, 22, 0)), setup().at((1, 21, 0)), empty()),
            (setup().at((1, 21, 0)), setup().at((1, 22, 0)), empty()),
        ),
    ]
}

fn ownership() -> Vec<Case> {
    let overwrites = |mut setup: CniSetup| {
        setup.overwrites_unmanaged = true;
        setup
    };
    let edited = || one().but(|world| world.hand_edits = vec!["WARM_IP_TARGET".to_owned()]);
    let louder = || setup().text(Key::LogLevel, "INFO");
    let removed = || {
        let mut setup = setup();
        setup.present = false;
        setup
    };
    vec![
        case(
            "hand-edits-reset",
            Refuse,
            (setup(), overwrites(louder()), edited()),
            (setup(), louder(), edited()),
        ),
        case(
            "hand-edits-reset",
            Refuse,
            (overwrites(setup()), overwrites(louder()), edited()),
            (overwrites(setup()), overwrites(setup()), edited()),
        ),
        case(
            "cni-removed",
            Never,
            (setup(), removed(), one()),
            (setup(), removed(), empty()),
        ),
    ]
}
