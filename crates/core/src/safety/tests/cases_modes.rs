//! Cases of prefix mode, modes, the warm pool, and subnets.

use super::build::*;
use super::{Case, case};
use crate::config::Key;
use crate::known::Known;
use crate::safety::Severity::{Never, Refuse, Warn};
use crate::safety::{EniFacts, NodeFacts, NodeMode};

/// All slots taken by pods: 3 interfaces, 27 addresses, 27 pods.
fn packed() -> NodeFacts {
    node("packed")
        .enis(|enis| {
            enis.attached = 3;
            enis.secondary_ips = 27;
            enis.secondary_ips_not_primary = 18;
        })
        .pods(|pods| pods.pods = 27)
}

/// Every slot a prefix with a pod.
fn packed_prefixes() -> NodeFacts {
    prefix_node("packed")
        .enis(|enis| {
            enis.attached = 3;
            enis.prefixes = 27;
        })
        .pods(|pods| pods.pods = 100)
}

fn many(count: usize) -> Vec<NodeFacts> {
    (0..count).map(|number| node(&format!("node-{number}"))).collect()
}

pub(super) fn cases() -> Vec<Case> {
    [
        prefix_switches(),
        other_switches(),
        types(),
        needed_targets(),
        large_targets(),
        blocks(),
        discovery(),
    ]
    .concat()
}

fn prefix_switches() -> Vec<Case> {
    let fully_mixed = |mode| {
        let mut node = prefix_node("one");
        node.mode = mode;
        node.enis(|enis: &mut EniFacts| enis.secondary_ips = 3)
    };
    vec![
        case(
            "prefix-mode-in-place",
            Refuse,
            (setup(), prefix(), one()),
            (setup(), prefix(), world([prefix_node("one")])),
        ),
        // Left over from an earlier switch.
        case(
            "prefix-mode-in-place",
            Refuse,
            (setup(), prefix(), world([fully_mixed(NodeMode::Mixed)])),
            (setup(), setup(), world([fully_mixed(NodeMode::Mixed)])),
        ),
        case(
            "prefix-slots-exhausted",
            Refuse,
            (setup(), prefix(), world([packed()])),
            (setup(), prefix(), world([packed().pods(|pods| pods.pods = 26)])),
        ),
    ]
}

fn other_switches() -> Vec<Case> {
    vec![
        case(
            "prefix-mode-off-in-place",
            Refuse,
            (prefix(), setup(), world([prefix_node("one")])),
            (prefix(), setup(), one()),
        ),
        // A released variable is the same switch; a node of secondary mode with too high a max-pods is concerned, too.
        case(
            "prefix-mode-off-in-place",
            Refuse,
            (
                prefix(),
                prefix().without(Key::EnablePrefixDelegation),
                world([node("one").max_pods(110)]),
            ),
            (prefix(), prefix().without(Key::EnablePrefixDelegation), one()),
        ),
        case(
            "secondary-slots-exhausted",
            Refuse,
            (prefix(), setup(), world([packed_prefixes()])),
            (
                prefix(),
                setup(),
                world([packed_prefixes().enis(|enis| enis.prefixes = 26)]),
            ),
        ),
        case(
            "max-pods-above-capacity",
            Refuse,
            (prefix(), setup(), world([prefix_node("one")])),
            (prefix(), setup(), world([prefix_node("one").max_pods(29)])),
        ),
        // One interface less: (3 - 1) * 9 + 2.
        case(
            "max-pods-above-capacity",
            Refuse,
            (setup(), custom(), world([node("one").max_pods(21)])),
            (setup(), custom(), one()),
        ),
        case(
            "several-switches-at-once",
            Refuse,
            (setup(), custom().on(Key::EnablePrefixDelegation), one()),
            (setup(), custom(), one()),
        ),
        case(
            "kept-until-replaced",
            Warn,
            (setup(), pod_eni(), one()),
            (setup(), pod_eni(), empty()),
        ),
    ]
}

fn types() -> Vec<Case> {
    let xen = || node("xen").of_type("m4.large");
    vec![
        // m4.large carries 20 pods.
        case(
            "prefix-needs-nitro",
            Refuse,
            (setup(), prefix(), world([xen().max_pods(110)])),
            (setup(), prefix(), world([xen()])),
        ),
        case(
            "prefix-needs-nitro",
            Warn,
            (setup(), prefix(), world([xen()])),
            (setup(), prefix(), one()),
        ),
        // Newer than the table and not asked of EC2: unsafe only where the setting changes.
        case(
            "prefix-needs-nitro",
            Refuse,
            (setup(), prefix(), world([node("new").of_type("zz9.large")])),
            (
                prefix(),
                prefix().int(Key::WarmEniTarget, 2),
                world([node("new").of_type("zz9.large")]),
            ),
        ),
    ]
}

fn needed_targets() -> Vec<Case> {
    let minimum = || setup().int(Key::MinimumIpTarget, 10);
    vec![
        case(
            "no-warm-target",
            Never,
            (prefix(), prefix().int(Key::WarmPrefixTarget, 0), empty()),
            (
                prefix(),
                prefix().int(Key::WarmPrefixTarget, 0).int(Key::WarmIpTarget, 1),
                empty(),
            ),
        ),
        case(
            "minimum-without-warm",
            Refuse,
            (setup(), minimum(), one()),
            (setup(), minimum().int(Key::WarmIpTarget, 1), one()),
        ),
        // The pool never has to grow above max-pods.
        case(
            "minimum-without-warm",
            Refuse,
            (setup(), minimum().int(Key::MinimumIpTarget, 19), one()),
            (setup(), minimum().int(Key::MinimumIpTarget, 20), one()),
        ),
        case(
            "warm-targets-too-large",
            Warn,
            (setup(), setup().int(Key::WarmIpTarget, 21), one()),
            (setup(), setup().int(Key::WarmIpTarget, 20), one()),
        ),
        case(
            "warm-targets-too-large",
            Warn,
            (setup(), setup().int(Key::WarmEniTarget, 3), one()),
            (setup(), setup().int(Key::WarmEniTarget, 2), one()),
        ),
    ]
}

fn large_targets() -> Vec<Case> {
    vec![
        case(
            "max-eni-below-attached",
            Warn,
            (setup(), setup().int(Key::MaxEni, 1), one()),
            (setup(), setup().int(Key::MaxEni, 2), one()),
        ),
        // One more interface on each of two nodes: ten addresses each.
        case(
            "warm-eni-drains-subnet",
            Warn,
            (
                setup(),
                setup().int(Key::WarmEniTarget, 2),
                world(many(2)).subnet("a", |subnet| subnet.available = 19),
            ),
            (
                setup(),
                setup().int(Key::WarmEniTarget, 2),
                world(many(2)).subnet("a", |subnet| subnet.available = 20),
            ),
        ),
        case(
            "warm-target-lowered",
            Warn,
            (setup(), setup().int(Key::WarmEniTarget, 0), world(many(501))),
            (setup(), setup().int(Key::WarmEniTarget, 0), world(many(500))),
        ),
    ]
}

fn blocks() -> Vec<Case> {
    vec![
        // Five pods and a warm prefix are 2 blocks, and one more for the surge; a /26 has 2 that are not at its edges.
        case(
            "prefix-blocks-missing",
            Refuse,
            (setup(), prefix(), one().blocks("a", "10.0.0.0/26")),
            (setup(), prefix(), one().blocks("a", "10.0.0.0/25")),
        ),
        // A higher target is hot-safe: it is said, not refused.
        case(
            "prefix-blocks-missing",
            Warn,
            (
                prefix(),
                prefix().int(Key::WarmPrefixTarget, 5),
                world([prefix_node("one")]).blocks("a", "10.0.0.0/26"),
            ),
            (
                prefix(),
                prefix().int(Key::WarmPrefixTarget, 2),
                world([prefix_node("one")]).blocks("a", "10.0.0.0/26"),
            ),
        ),
        case(
            "prefix-blocks-unknown",
            Refuse,
            (
                setup(),
                prefix(),
                one().subnet("a", |subnet| subnet.blocks = unknown()),
            ),
            (
                prefix(),
                prefix().int(Key::WarmPrefixTarget, 2),
                one().subnet("a", |subnet| subnet.blocks = unknown()),
            ),
        ),
        case(
            "prefix-blocks-unknown",
            Refuse,
            (
                setup(),
                prefix(),
                one().but(|world| world.subnets = Known::not_read("DescribeSubnets")),
            ),
            (setup(), prefix(), one()),
        ),
    ]
}

fn discovery() -> Vec<Case> {
    let discovery = || setup().off(Key::EnableSubnetDiscovery);
    let elsewhere = || node("one").enis(|enis| enis.pod_subnets = vec![subnet_id("poda")]);
    let tagged = |role: &str| {
        one().subnet("a", |subnet| {
            subnet
                .tags
                .insert("kubernetes.io/role/cni".to_owned(), role.to_owned());
        })
    };
    vec![
        case(
            "subnet-discovery-off",
            Refuse,
            (setup(), discovery(), world([elsewhere()])),
            (setup(), discovery(), one()),
        ),
        // A version that does not know discovery is the same as off.
        case(
            "subnet-discovery-off",
            Refuse,
            (
                setup().at((1, 18, 0)),
                setup().at((1, 17, 1)),
                world([elsewhere()]),
            ),
            (
                setup().at((1, 18, 0)),
                setup().at((1, 18, 1)),
                world([elsewhere()]),
            ),
        ),
        case(
            "no-subnet-for-interfaces",
            Refuse,
            (discovery(), setup(), tagged("0")),
            (discovery(), setup(), tagged("1")),
        ),
    ]
}
