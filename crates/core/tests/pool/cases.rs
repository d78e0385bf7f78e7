//! Single cases of the plan.

use crate::sim::{Node, effective, id, limits, subnet};
use std::collections::BTreeSet;
use vpccni_core::assign::Role;
use vpccni_core::config::{Key, Value};
use vpccni_core::pool::{CardFacts, Pending, PoolAction, Want};

fn shown(node: &Node) -> Vec<String> {
    node.plan().iter().map(ToString::to_string).collect()
}

fn m5_large(settings: &[(Key, Value)]) -> Node {
    Node::new(limits(3, 10), effective(settings))
}

fn target(key: Key, value: i64) -> (Key, Value) {
    (key, Value::Int(value))
}

const PREFIX: (Key, Value) = (Key::EnablePrefixDelegation, Value::Bool(true));

/// Starts and ends all that is planned, without time passing.
fn step(node: &mut Node) {
    for action in node.plan() {
        node.start(action);
    }
    while node.in_flight() > 0 {
        node.finish(0, true);
    }
}

#[test]
fn reasons_can_be_read() {
    let mut node = m5_large(&[target(Key::WarmIpTarget, 12)]);
    assert_eq!(
        shown(&node),
        [
            "ask for 9 addresses on eni-0: 0 addresses are free, 12 more are wanted",
            "attach an interface with 3 addresses to network card 0: 9 addresses are free, 3 more are wanted",
        ]
    );
    step(&mut node);
    node.effective = effective(&[target(Key::WarmIpTarget, 6)]);
    assert_eq!(
        shown(&node),
        [
            "give 10.0.0.12/32, 10.0.0.11/32, 10.0.0.10/32 of eni-n1 back: 6 more are free than the targets ask for",
            "give 10.0.0.9/32, 10.0.0.8/32, 10.0.0.7/32 of eni-0 back: 6 more are free than the targets ask for",
        ]
    );
    node.clock = 60;
    assert_eq!(
        shown(&node),
        ["delete eni-n1: no pod uses it, and the others have enough"]
    );
}

#[test]
fn the_well_known_pair_of_targets() {
    let mut node = m5_large(&[target(Key::MinimumIpTarget, 12), target(Key::WarmIpTarget, 2)]);
    node.settle();
    let mut totals = vec![node.stats().total];
    for pod in 1..=13 {
        node.add_pod(pod).unwrap();
        node.settle();
        totals.push(node.stats().total);
    }
    assert_eq!(totals, [12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 13, 14, 15]);
}

#[test]
fn addresses_in_cooldown_are_replaced_and_kept() {
    let mut node = m5_large(&[target(Key::WarmIpTarget, 2)]);
    for pod in 0..3 {
        node.settle();
        node.add_pod(pod).unwrap();
    }
    node.settle();
    node.clock += 100;
    node.del_pod(0).unwrap();
    node.del_pod(1).unwrap();
    // Two are free and two rest: nothing is short, and nothing that rests goes.
    assert_eq!(shown(&node), Vec::<String>::new());
    node.add_pod(7).unwrap();
    assert_eq!(
        shown(&node),
        ["ask for 1 address on eni-0: 1 address is free, 1 more is wanted"]
    );
    node.clock += 30;
    assert_eq!(
        shown(&node),
        ["give 10.0.0.5/32 of eni-0 back: 1 more are free than the targets ask for"]
    );
}

#[test]
fn shrinking_waits_half_a_minute() {
    let mut node = m5_large(&[target(Key::WarmIpTarget, 4)]);
    step(&mut node);
    node.effective = effective(&[target(Key::WarmIpTarget, 3)]);
    step(&mut node);
    node.effective = effective(&[target(Key::WarmIpTarget, 2)]);
    node.clock = 29;
    assert_eq!(shown(&node).len(), 0);
    node.clock = 30;
    assert_eq!(shown(&node).len(), 1);
}

#[test]
fn what_is_under_way_is_not_asked_for_again() {
    let mut node = m5_large(&[target(Key::WarmIpTarget, 12)]);
    for action in node.plan() {
        node.start(action);
    }
    assert_eq!(shown(&node).len(), 0);
    // More demand goes where nothing is under way, once what is under way cannot take it.
    node.effective = effective(&[target(Key::WarmIpTarget, 15)]);
    let plan = node.plan();
    assert!(
        matches!(
            plan.as_slice(),
            [PoolAction::CreateEni {
                device: 2,
                count: 3,
                ..
            }]
        ),
        "{plan:?}"
    );
    let mut node = m5_large(&[target(Key::WarmIpTarget, 3)]);
    for action in node.plan() {
        node.start(action);
    }
    node.effective = effective(&[target(Key::WarmIpTarget, 5)]);
    assert_eq!(shown(&node).len(), 0);
    node.finish(0, true);
    assert_eq!(shown(&node).len(), 1);
}

#[test]
fn an_interface_that_is_being_detached_still_has_its_place() {
    let mut node = m5_large(&[target(Key::MaxEni, 2)]);
    step(&mut node);
    node.add_pod(1).unwrap();
    node.pending.insert(id("eni-old"), Pending::Delete { card: 0 });
    assert_eq!(shown(&node).len(), 0);
    node.pending.clear();
    assert_eq!(shown(&node).len(), 1);
}

#[test]
fn a_cordoned_node_does_not_grow_and_still_gives_back() {
    let mut node = m5_large(&[target(Key::WarmIpTarget, 4)]);
    node.cordoned = true;
    assert_eq!(shown(&node).len(), 0);
    node.cordoned = false;
    step(&mut node);
    node.cordoned = true;
    node.effective = effective(&[target(Key::WarmIpTarget, 3)]);
    assert_eq!(shown(&node).len(), 1);
    node.terminating = true;
    node.cordoned = false;
    node.effective = effective(&[target(Key::WarmIpTarget, 9)]);
    assert_eq!(shown(&node).len(), 0);
    node.terminating = false;
    node.effective = effective(&[(Key::DisableResourceProvisioning, Value::Bool(true))]);
    assert_eq!(shown(&node).len(), 0);
}

#[test]
fn a_full_subnet_is_left_alone_and_another_is_used() {
    let mut node = m5_large(&[]);
    let until = node.now() + jiff::SignedDuration::from_secs(120);
    node.full.insert(subnet("subnet-0"), until);
    assert_eq!(shown(&node).len(), 0);
    node.subnets = vec![subnet("subnet-0"), subnet("subnet-1")];
    let plan = node.plan();
    let [
        PoolAction::CreateEni {
            subnets, count: 9, ..
        },
    ] = plan.as_slice()
    else {
        panic!("{plan:?}");
    };
    assert_eq!(*subnets, [subnet("subnet-1")]);
    node.clock = 120;
    assert!(matches!(
        node.plan().as_slice(),
        [PoolAction::Assign { count: 9, .. }]
    ));
}

#[test]
fn places_are_kept_for_a_trunk_and_taken_by_what_others_manage() {
    let pod_eni = (Key::EnablePodEni, Value::Bool(true));
    let mut node = m5_large(&[pod_eni.clone(), target(Key::WarmEniTarget, 5)]);
    node.settle();
    assert_eq!(node.ec2.len(), 2);
    let trunk = Role {
        trunk: true,
        ..Role::default()
    };
    node.attach("eni-t", 0, trunk);
    node.settle();
    // The trunk has its place, and gives no address.
    assert_eq!((node.ec2.len(), node.stats().total), (3, 18));
    let mut node = m5_large(&[target(Key::WarmEniTarget, 5)]);
    let others = CardFacts {
        unmanaged: 1,
        devices: BTreeSet::from([1]),
    };
    node.cards.insert(0, others);
    let plan = node.plan();
    assert!(
        matches!(plan.last(), Some(PoolAction::CreateEni { device: 2, .. })),
        "{plan:?}"
    );
    node.settle();
    assert_eq!(node.ec2.len(), 2);
}

#[test]
fn left_overs_of_another_mode_go_when_nothing_holds_them() {
    let mut node = m5_large(&[PREFIX]);
    node.fill(&id("eni-0"), Want::Addresses, 3);
    let mut rules = *node.store.rules();
    rules.mode = vpccni_core::assign::Mode::Secondary;
    node.store.set_rules(rules);
    node.add_pod(1).unwrap();
    rules.mode = vpccni_core::assign::Mode::Prefix;
    node.store.set_rules(rules);
    step(&mut node);
    node.clock = 1;
    step(&mut node);
    let blocks = |node: &Node| node.ec2[&id("eni-0")].blocks.len();
    assert_eq!(blocks(&node), 2);
    // The pod goes, its address rests, and then leaves at once, whatever the shrink gate says.
    node.last_shrink = Some(node.now());
    node.del_pod(1).unwrap();
    assert_eq!(shown(&node).len(), 0);
    node.clock = 31;
    assert_eq!(
        shown(&node),
        ["give 10.0.0.1/32 of eni-0 back: left over from another mode"]
    );
}

#[test]
fn an_excluded_interface_is_emptied_and_deleted() {
    let mut node = m5_large(&[]);
    step(&mut node);
    node.attach("eni-x", 0, Role::default());
    node.fill(&id("eni-x"), Want::Addresses, 2);
    let role = Role {
        excluded: true,
        ..Role::default()
    };
    node.store.set_role(&id("eni-x"), role).unwrap();
    assert_eq!(
        shown(&node),
        ["give 10.0.0.10/32, 10.0.0.11/32 of eni-x back: its subnet is not for this cluster"]
    );
    // The primary one may carry what somebody else put there.
    let primary = Role {
        excluded: true,
        primary: true,
        ..Role::default()
    };
    node.store.set_role(&id("eni-0"), primary).unwrap();
    assert!(
        node.plan()
            .iter()
            .all(|action| !action.to_string().contains("eni-0 "))
    );
}

#[test]
fn no_prefix_target_does_not_make_and_delete_in_turn() {
    let mut node = m5_large(&[PREFIX, target(Key::WarmPrefixTarget, 0)]);
    node.settle();
    for pod in 0..16 * 9 {
        node.add_pod(pod).unwrap();
        node.settle();
    }
    // The first interface is full, and a second one has the next prefix.
    assert_eq!(node.ec2.len(), 2);
    node.clock += 600;
    assert_eq!(shown(&node).len(), 0);
}

#[test]
fn an_ipv6_node_has_one_prefix_an_interface() {
    let settings = [
        PREFIX,
        (Key::EnableIpv6, Value::Bool(true)),
        (Key::EnableIpv4, Value::Bool(false)),
    ];
    let mut node = m5_large(&settings);
    node.attach(
        "eni-t",
        0,
        Role {
            trunk: true,
            ..Role::default()
        },
    );
    node.cards.insert(1, CardFacts::default());
    assert_eq!(
        shown(&node),
        [
            "ask for 1 IPv6 prefix on eni-0: it has no IPv6 prefix yet",
            "attach an interface with 1 IPv6 prefix to network card 1: it has no IPv6 prefix yet",
        ]
    );
    step(&mut node);
    node.clock = 600;
    assert_eq!(shown(&node).len(), 0);
    for pod in 0..40 {
        node.add_pod(pod).unwrap();
    }
    assert_eq!(shown(&node).len(), 0);
}

#[test]
fn every_card_keeps_one_address_free_in_either_mode() {
    for settings in [vec![], vec![PREFIX]] {
        let mut node = m5_large(&settings);
        node.cards.insert(1, CardFacts::default());
        node.settle();
        let stats = node.store.stats(1, node.now());
        assert_eq!(stats.total, if settings.is_empty() { 1 } else { 16 });
        node.clock += 600;
        assert_eq!(shown(&node).len(), 0);
    }
}

#[test]
fn a_budget_cuts_the_plan_from_its_end() {
    let mut node = m5_large(&[target(Key::WarmIpTarget, 20)]);
    assert_eq!(node.plan().len(), 3);
    node.budget = Some(1);
    assert!(matches!(
        node.plan().as_slice(),
        [PoolAction::Assign { count: 9, .. }]
    ));
}
