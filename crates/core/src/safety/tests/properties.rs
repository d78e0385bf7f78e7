//! What holds for any two set-ups in any world.

use super::build::*;
use crate::config::arbitrary::any_config;
use crate::config::{ChangeClass, Key};
use crate::known::Known;
use crate::safety::change::Change;
use crate::safety::*;
use crate::version::CniVersion;
use proptest::prelude::*;
use proptest::sample::select;

fn any_setup() -> impl Strategy<Value = CniSetup> {
    let version = select(vec![
        CniVersion::new(1, 8, 0),
        CniVersion::new(1, 12, 6),
        CniVersion::new(1, 17, 1),
        CniVersion::new(1, 22, 4),
        CniVersion::REFERENCE,
    ]);
    let parts = (
        any_config(),
        version,
        any::<[bool; 4]>(),
        select(vec!["poda", "podb", "gone"]),
    );
    parts.prop_map(|(config, version, [agent, zones, absent, overwrites], subnet)| {
        let base = if zones { custom() } else { setup() }.eni_config("default", subnet);
        CniSetup {
            config,
            version,
            node_agent: agent.then(|| CniVersion::new(1, 4, 1)),
            eni_configs: base.eni_configs,
            present: !absent,
            overwrites_unmanaged: overwrites,
        }
    })
}

fn any_node() -> impl Strategy<Value = NodeFacts> {
    let types = select(vec![
        "m5.large",
        "m4.large",
        "t3.large",
        "m5.metal",
        "a1.medium",
        "zz9.large",
    ]);
    let groups = select(vec!["blue", "green", ""]);
    (
        0_u32..1000,
        types,
        groups,
        any::<[bool; 4]>(),
        0_u32..4,
        0_u32..60,
    )
        .prop_map(
            |(number, of_type, group, [prefixes, unread, trunk, mixed], attached, pods)| {
                let name = format!("node-{number}");
                let base = if prefixes { prefix_node(&name) } else { node(&name) };
                let mut node = base.of_type(of_type).in_group(group);
                node = node.enis(|enis| {
                    enis.attached = attached;
                    enis.trunk = trunk;
                    enis.secondary_ips += u32::from(mixed) * 3;
                });
                node = node.pods(|facts| facts.pods = pods);
                if unread {
                    node.enis = unknown();
                    node.max_pods = None;
                }
                node
            },
        )
}

fn any_world() -> impl Strategy<Value = World> {
    (proptest::collection::vec(any_node(), 0..6), any::<[bool; 4]>()).prop_map(
        |(nodes, [six, unread, edits, b])| {
            world(nodes).but(|world| {
                if six {
                    world.cluster.ip_family = Known::Yes(IpFamily::V6);
                }
                if unread {
                    world.subnets = unknown();
                    world.security_groups = unknown();
                    world.cluster.may_manage_branches = unknown();
                    world.workloads.node_local_dns = unknown();
                }
                if edits {
                    world.hand_edits = vec!["WARM_IP_TARGET".to_owned()];
                }
                if b {
                    world.zones.push(ZoneFacts {
                        zone: zone("b"),
                        nodes: 0,
                        because: Vec::new(),
                    });
                }
            })
        },
    )
}

/// Two set-ups that differ in a few keys only: two arbitrary ones differ in all.
fn any_change() -> impl Strategy<Value = (CniSetup, CniSetup)> {
    let keys = proptest::collection::vec(select(Key::all().collect::<Vec<_>>()), 0..4);
    let whole = (any_setup(), any_setup()).boxed();
    let partly = (any_setup(), any_config(), keys).prop_map(|(from, other, keys)| {
        let mut to = from.clone();
        for key in keys {
            to.config.unset(key);
            if let Some(value) = other.get(key) {
                to.config.set(key, value.clone());
            }
        }
        (from, to)
    });
    prop_oneof![1 => whole, 3 => partly]
}

fn classes(class: ChangeClass) -> bool {
    matches!(
        class,
        ChangeClass::ReplaceNodes | ChangeClass::ReplaceNodesMaxPods | ChangeClass::ClusterLifetime
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn identical_setups_never_refuse(setup in any_setup(), world in any_world()) {
        let review = review(&setup, &setup, &world);
        prop_assert!(review.allows(), "{review:#?}");
    }

    #[test]
    fn what_outlives_a_restart_is_never_silent((from, to) in any_change(), mut world in any_world()) {
        let (mut from, mut to) = (from, to);
        (from.present, to.present) = (true, true);
        // One that is older than either switch.
        world.nodes.extend([node("old"), prefix_node("older")]);
        let change = Change::between(&from, &to);
        let review = review(&from, &to, &world);
        for key in change.was.changed(&change.will) {
            let class = key.field().class;
            if classes(class) {
                let said = review.findings.iter().any(|finding| {
                    explain(finding.rule.0).is_some_and(|rule| rule.keys.contains(&key))
                });
                prop_assert!(said, "{key}: {review:#?}");
            }
            let mode = matches!(class, ChangeClass::ReplaceNodesMaxPods | ChangeClass::ClusterLifetime);
            let restores = key.field().class == ChangeClass::ClusterLifetime
                && review.findings.iter().any(|f| f.rule.0 == "ip-family-changed" && f.severity == Severity::Warn);
            if mode && !restores && !change.will.ipv6() {
                prop_assert!(!review.allows(), "{key}: {review:#?}");
            }
        }
    }

    #[test]
    fn the_order_of_nodes_changes_nothing((from, to) in any_change(), world in any_world()) {
        let mut turned = world.clone();
        turned.nodes.reverse();
        turned.zones.reverse();
        prop_assert_eq!(review(&from, &to, &world), review(&from, &to, &turned));
    }

    #[test]
    fn a_rule_refuses_only_what_touches_it((from, to) in any_change(), world in any_world()) {
        let change = Change::between(&from, &to);
        for finding in review(&from, &to, &world).findings {
            let touched = explain(finding.rule.0).is_some_and(|rule| rule.is_touched_by(&change));
            prop_assert!(touched || finding.severity == Severity::Warn, "{finding:#?}");
            prop_assert!(!finding.message.is_empty() && !finding.fix.0.is_empty());
        }
    }
}
