//! What holds for any sequence of pods, answers, failures and delays. The model of EC2 itself fails when a plan passes
//! a limit, touches an interface twice at a time, or releases what is held or in cooldown.

use crate::sim::{Node, effective, limits, subnet};
use proptest::prelude::*;
use vpccni_core::assign::{EniView, Mode, Role};
use vpccni_core::config::{Key, Value};
use vpccni_core::pool::{Demand, PoolAction, Supply, capacity_blocked_until};

#[derive(Debug, Clone)]
enum Event {
    Add(u32),
    Del(u32),
    Plan,
    Finish(usize, bool),
    Wait(i64),
    Cordon(bool),
    /// No room in the subnet, until the clock says otherwise.
    Full,
    /// The mode a node was pinned to changes under its pods, as with a pin that was taken away.
    Prefixes(bool),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0..60_u32).prop_map(Event::Add),
        5 => (0..60_u32).prop_map(Event::Del),
        8 => Just(Event::Plan),
        8 => (0..8_usize, prop::bool::weighted(0.85)).prop_map(|(at, works)| Event::Finish(at, works)),
        4 => (0..70_i64).prop_map(Event::Wait),
        1 => any::<bool>().prop_map(Event::Cordon),
        1 => Just(Event::Full),
        1 => any::<bool>().prop_map(Event::Prefixes),
    ]
}

#[derive(Debug, Clone)]
struct Setup {
    prefix: bool,
    custom: bool,
    pod_eni: bool,
    targets: [Option<i64>; 4],
    max_eni: Option<i64>,
    limits: (u32, u32),
    max_pods: u32,
    unmanaged: u32,
    trunk: bool,
    efa: bool,
    excluded: bool,
}

fn setup() -> impl Strategy<Value = Setup> {
    let target = |most| prop::option::weighted(0.4, 0..=most);
    let targets = (target(3_i64), target(20), target(30), target(3)).prop_map(|(a, b, c, d)| [a, b, c, d]);
    let roles = (
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.2),
    );
    let modes = (
        any::<bool>(),
        prop::bool::weighted(0.25),
        prop::bool::weighted(0.25),
    );
    let size = (
        prop::option::weighted(0.2, 1..6_i64),
        (2..6_u32, 2..12_u32),
        4..60_u32,
        0..2_u32,
    );
    (modes, targets, size, roles).prop_map(|(modes, targets, size, roles)| Setup {
        prefix: modes.0,
        custom: modes.1,
        pod_eni: modes.2,
        targets,
        max_eni: size.0,
        limits: size.1,
        max_pods: size.2,
        unmanaged: size.3,
        trunk: roles.0,
        efa: roles.1,
        excluded: roles.2,
    })
}

fn node(setup: &Setup) -> Node {
    let mut settings = vec![
        (Key::EnablePrefixDelegation, Value::Bool(setup.prefix)),
        (Key::CustomNetworkCfg, Value::Bool(setup.custom)),
        (Key::EnablePodEni, Value::Bool(setup.pod_eni)),
    ];
    let keys = [
        Key::WarmEniTarget,
        Key::WarmIpTarget,
        Key::MinimumIpTarget,
        Key::WarmPrefixTarget,
        Key::MaxEni,
    ];
    let values = setup.targets.iter().chain([&setup.max_eni]);
    let set = keys
        .into_iter()
        .zip(values)
        .filter_map(|(key, v)| Some((key, Value::Int((*v)?))));
    settings.extend(set);
    let mut node = Node::new(limits(setup.limits.0, setup.limits.1), effective(&settings));
    node.max_pods = setup.max_pods;
    // No more than the instance takes.
    let mut places = node.effective.max_enis_on(&node.limits).saturating_sub(1);
    let roles = [
        (
            setup.trunk,
            Role {
                trunk: true,
                ..Role::default()
            },
        ),
        (
            setup.efa,
            Role {
                efa: true,
                ..Role::default()
            },
        ),
        (
            setup.excluded,
            Role {
                excluded: true,
                ..Role::default()
            },
        ),
    ];
    for (number, (_, role)) in (1..).zip(roles.iter().filter(|(there, _)| *there)) {
        if places > 0 {
            places -= 1;
            node.attach(&format!("eni-x{number}"), 0, *role);
        }
    }
    node.cards.get_mut(&0).unwrap().unmanaged = setup.unmanaged.min(places);
    node
}

fn happen(node: &mut Node, event: &Event) {
    match event {
        Event::Add(pod) => {
            let _full = node.add_pod(*pod);
        }
        Event::Del(pod) => {
            let _unknown = node.del_pod(*pod);
        }
        Event::Plan => {
            for action in node.plan() {
                node.start(action);
            }
        }
        Event::Finish(at, works) => {
            if node.in_flight() > 0 {
                node.finish(at % node.in_flight(), *works);
            }
        }
        Event::Wait(seconds) => node.clock += seconds,
        Event::Cordon(cordoned) => node.cordoned = *cordoned,
        Event::Full => {
            let until = capacity_blocked_until(node.now(), 0);
            node.full.insert(subnet("subnet-0"), until);
        }
        Event::Prefixes(on) => {
            while node.in_flight() > 0 {
                node.finish(0, true);
            }
            let mut rules = *node.store.rules();
            rules.mode = if *on { Mode::Prefix } else { Mode::Secondary };
            node.store.set_rules(rules);
        }
    }
}

/// Whether the pool could still grow: a free slot, or a place for an interface.
fn can_grow(node: &Node) -> bool {
    let slots = node.limits.slots_per_eni() as usize;
    let views = node.store.enis(0, node.now());
    let has_slot = views.iter().any(|view| view.serves && view.blocks.len() < slots);
    let trunk = views.iter().any(|view| view.eni.role.trunk);
    let reserved = usize::from(node.effective.pod_eni() && !trunk);
    let most = node.effective.max_enis_on(&node.limits) as usize;
    has_slot || views.len() + node.cards[&0].unmanaged as usize + reserved < most
}

fn is_low(node: &Node) -> bool {
    let demand = Demand {
        effective: &node.effective,
        mode: node.mode(),
        card: 0,
        slots: node.limits.slots_per_eni(),
        max_pods: node.max_pods,
    };
    demand.is_low(&Supply::from(node.stats()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_pool_settles_and_then_keeps_still(setup in setup(), events in prop::collection::vec(event(), 0..150)) {
        let mut node = node(&setup);
        for event in &events {
            happen(&mut node, event);
        }
        while node.in_flight() > 0 {
            node.finish(0, true);
        }
        node.cordoned = false;
        node.full.clear();
        node.settle();
        prop_assert!(!is_low(&node) || !can_grow(&node), "low, and nothing is planned");
        let now = node.now();
        let left_over = |view: &EniView<'_>| {
            let mut blocks = view.blocks.iter();
            view.serves && blocks.any(|block| !block.current && block.held == 0)
        };
        prop_assert!(!node.store.enis(0, now).iter().any(left_over), "something of the other mode is left");
        let calls = node.calls.len();
        for _ in 0..30 {
            node.clock += 20;
            prop_assert_eq!(node.plan(), vec![]);
        }
        prop_assert_eq!(node.calls.len(), calls);
    }

    #[test]
    fn a_quiet_pool_gives_nothing_back_that_it_asks_for_again(setup in setup(), pods in 0..40_u32) {
        let mut node = node(&setup);
        node.settle();
        for pod in 0..pods {
            if node.add_pod(pod).is_err() {
                break;
            }
            node.settle();
        }
        // Pods only came: what was once asked for is still there.
        let gone = node.calls.iter().find(|call| {
            matches!(call, PoolAction::Release { .. })
                || matches!(call, PoolAction::DeleteEni { eni, .. } if !eni.as_str().starts_with("eni-x"))
        });
        prop_assert_eq!(gone, None);
    }
}
