//! What the data store does, case by case.

use super::*;
use crate::ids::EniId;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

pub(super) fn eni(number: u32, card: u32) -> Eni {
    Eni {
        id: EniId::parse(&format!("eni-{card}{number}")).unwrap(),
        card,
        device: number,
        role: Role {
            primary: number == 0 && card == 0,
            ..Role::default()
        },
        subnet: None,
        added: at(0),
    }
}

pub(super) fn rules(mode: Mode) -> Rules {
    Rules {
        mode,
        skip_primary: false,
        cooldown: SignedDuration::from_secs(30),
    }
}

pub(super) fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

pub(super) fn key(name: &str) -> Key {
    Key {
        container: name.to_owned(),
        interface: "eth0".to_owned(),
        network: "aws-cni".to_owned(),
    }
}

fn store(mode: Mode, blocks: &[(Eni, &[&str])]) -> Store {
    let mut store = Store::new(rules(mode));
    for (eni, nets) in blocks {
        store.add_eni(eni.clone()).unwrap();
        for text in *nets {
            store.add_cidr(&eni.id, net(text), at(0)).unwrap();
        }
    }
    store
}

fn add(store: &mut Store, name: &str, second: i64) -> Result<String, Refusal> {
    let request = Request::Add {
        key: key(name),
        pod: None,
        every_card: false,
    };
    let given = transition(store, request, at(second)).reply?;
    Ok(given.iter().map(|given| given.address.to_string()).collect())
}

fn del(store: &mut Store, name: &str, second: i64) -> Result<usize, Refusal> {
    let request = Request::Del { key: key(name) };
    let given = transition(store, request, at(second)).reply?;
    Ok(given.len())
}

#[test]
fn addresses_come_in_order_and_rest_after_use() {
    let mut store = store(Mode::Prefix, &[(eni(0, 0), &["10.0.0.16/28"])]);
    assert_eq!(add(&mut store, "a", 0), Ok("10.0.0.16".to_owned()));
    assert_eq!(add(&mut store, "b", 0), Ok("10.0.0.17".to_owned()));
    assert_eq!(add(&mut store, "a", 1), Ok("10.0.0.16".to_owned()));
    assert_eq!(del(&mut store, "a", 2), Ok(1));
    assert_eq!(del(&mut store, "a", 2), Err(Refusal::UnknownPod));
    assert_eq!(add(&mut store, "c", 31), Ok("10.0.0.18".to_owned()));
    assert_eq!(add(&mut store, "d", 32), Ok("10.0.0.16".to_owned()));
    let stats = store.stats(0, at(32));
    assert_eq!((stats.total, stats.assigned, stats.available()), (16, 3, 13));
}

#[test]
fn a_clock_set_back_blocks_no_address() {
    let mut store = store(Mode::Secondary, &[(eni(0, 0), &["10.0.0.5/32"])]);
    assert_eq!(add(&mut store, "a", 3600), Ok("10.0.0.5".to_owned()));
    assert_eq!(del(&mut store, "a", 3600), Ok(1));
    assert_eq!(add(&mut store, "b", 3590), Err(Refusal::NoAddress));
    assert_eq!(add(&mut store, "b", 0), Ok("10.0.0.5".to_owned()));
}

#[test]
fn pods_get_addresses_of_the_mode_on_interfaces_that_serve() {
    let trunk = Eni {
        role: Role {
            trunk: true,
            ..Role::default()
        },
        ..eni(1, 0)
    };
    let blocks: &[(Eni, &[&str])] = &[
        (eni(0, 0), &["10.0.0.5/32"]),
        (trunk, &["10.0.1.0/28"]),
        (eni(2, 0), &["10.0.2.0/28"]),
    ];
    let mut store = store(Mode::Prefix, blocks);
    assert_eq!(add(&mut store, "a", 0), Ok("10.0.2.0".to_owned()));
    store.set_rules(Rules {
        skip_primary: true,
        ..rules(Mode::Secondary)
    });
    assert_eq!(add(&mut store, "b", 0), Err(Refusal::NoAddress));
    store.set_rules(rules(Mode::Secondary));
    assert_eq!(add(&mut store, "b", 0), Ok("10.0.0.5".to_owned()));
    assert_eq!(add(&mut store, "a", 0), Ok("10.0.2.0".to_owned()));
}

#[test]
fn an_ipv6_node_starts_at_the_network_address() {
    let mut store = store(Mode::Ipv6, &[(eni(0, 0), &["2600:1f14:1:2:3::/80"])]);
    assert_eq!(add(&mut store, "a", 0), Ok("2600:1f14:1:2:3::".to_owned()));
    assert_eq!(add(&mut store, "b", 0), Ok("2600:1f14:1:2:3::1".to_owned()));
}

#[test]
fn a_pod_gets_one_address_a_card_or_none() {
    let blocks: &[(Eni, &[&str])] = &[
        (eni(0, 0), &["10.0.0.5/32", "10.0.0.6/32"]),
        (eni(0, 1), &["10.0.1.5/32"]),
    ];
    let mut store = store(Mode::Secondary, blocks);
    let both = |name: &str| Request::Add {
        key: key(name),
        pod: None,
        every_card: true,
    };
    let first = transition(&mut store, both("a"), at(0));
    assert_eq!(first.checkpoint, [0, 1]);
    let addresses: Vec<String> = first
        .reply
        .unwrap()
        .iter()
        .map(|g| g.address.to_string())
        .collect();
    assert_eq!(addresses, ["10.0.0.5", "10.0.1.5"]);
    let before = store.clone();
    let second = transition(&mut store, both("b"), at(0));
    assert_eq!(second.reply, Err(Refusal::NoAddress));
    assert_eq!(store, before);
    // The first card comes first, and the next one helps out.
    assert_eq!(add(&mut store, "c", 0), Ok("10.0.0.6".to_owned()));
    assert_eq!(del(&mut store, "a", 0), Ok(2));
    assert_eq!(add(&mut store, "d", 30), Ok("10.0.0.5".to_owned()));
    assert_eq!(add(&mut store, "e", 30), Ok("10.0.1.5".to_owned()));
}

#[test]
fn a_card_without_an_interface_yet_is_a_card() {
    let mut store = store(Mode::Secondary, &[(eni(0, 0), &["10.0.0.5/32"])]);
    store.manage(1);
    let both = Request::Add {
        key: key("a"),
        pod: None,
        every_card: true,
    };
    assert_eq!(transition(&mut store, both, at(0)).reply, Err(Refusal::NoAddress));
    assert_eq!(add(&mut store, "a", 0), Ok("10.0.0.5".to_owned()));
}

#[test]
fn what_the_runtime_forgot_is_released() {
    let mut store = store(Mode::Prefix, &[(eni(0, 0), &["10.0.0.0/28"])]);
    for name in ["a", "b", "c"] {
        add(&mut store, name, 0).unwrap();
    }
    let request = Request::Collect {
        network: "aws-cni".to_owned(),
        keep: BTreeSet::from([key("b")]),
    };
    assert_eq!(transition(&mut store, request, at(1)).reply.unwrap().len(), 2);
    assert_eq!(add(&mut store, "b", 1), Ok("10.0.0.1".to_owned()));
    assert_eq!(store.entries(0).len(), 1);
    let other = Request::Collect {
        network: "other".to_owned(),
        keep: BTreeSet::new(),
    };
    assert_eq!(transition(&mut store, other, at(1)).checkpoint, Vec::<u32>::new());
}

#[test]
fn a_key_taken_over_from_the_runtime_is_found() {
    let mut store = store(Mode::Secondary, &[(eni(0, 0), &["10.0.0.5/32"])]);
    let entry = Entry {
        key: key("a").migrated(),
        address: "10.0.0.5".parse().unwrap(),
        since: at(0),
        pod: None,
        interfaces: 1,
    };
    assert_eq!(store.restore([entry]).held, 1);
    assert_eq!(del(&mut store, "a", 1), Ok(1));
}

#[test]
fn a_held_address_waits_for_its_interface() {
    let mut store = store(Mode::Secondary, &[(eni(0, 0), &["10.0.0.5/32"])]);
    let entry = |name: &str, address: &str, second| Entry {
        key: key(name),
        address: address.parse().unwrap(),
        since: at(second),
        pod: None,
        interfaces: 1,
    };
    let restored = store.restore([
        entry("late", "10.0.0.5", 2),
        entry("a", "10.0.0.5", 1),
        entry("b", "10.0.0.6", 1),
    ]);
    assert_eq!(restored.held, 1);
    assert_eq!(restored.waiting, [entry("b", "10.0.0.6", 1)]);
    assert_eq!(restored.conflicts, [entry("late", "10.0.0.5", 2)]);
    // The same once more, as from the file of another network card, is no conflict.
    let again = store.restore([entry("a", "10.0.0.5", 1), entry("b", "10.0.0.6", 1)]);
    assert_eq!((again.held, again.conflicts), (1, vec![]));
    // The next checkpoint still has it.
    assert_eq!(store.entries(0).len(), 2);
    store.add_cidr(&eni(0, 0).id, net("10.0.0.6/32"), at(3)).unwrap();
    assert_eq!(store.waiting().count(), 0);
    assert_eq!(add(&mut store, "b", 3), Ok("10.0.0.6".to_owned()));
    assert_eq!(add(&mut store, "c", 3), Err(Refusal::NoAddress));
}

#[test]
fn a_held_address_that_no_interface_has_can_be_released() {
    let mut store = store(Mode::Secondary, &[(eni(0, 0), &[])]);
    let entry = Entry {
        key: key("a"),
        address: "10.0.0.6".parse().unwrap(),
        since: at(0),
        pod: None,
        interfaces: 1,
    };
    store.restore([entry]);
    let before = store.clone();
    let released = transition(&mut store, Request::Del { key: key("a") }, at(1));
    assert_eq!(released.reply.unwrap()[0].eni, None);
    assert_eq!(released.checkpoint, [0]);
    assert_eq!(store.entries(0), []);
    store.undo(released.undo);
    assert_eq!(store, before);
}

#[test]
fn what_pods_hold_goes_only_by_force() {
    let mut store = store(Mode::Secondary, &[(eni(0, 0), &["10.0.0.5/32"])]);
    let id = eni(0, 0).id;
    add(&mut store, "a", 0).unwrap();
    let refused = store.remove_cidr(&id, net("10.0.0.5/32"), Force::No);
    assert_eq!(
        refused.unwrap_err().to_string(),
        "failed to remove 10.0.0.5/32 of eni-00: pods hold 1 of its addresses"
    );
    assert!(store.remove_eni(&id, Force::No).is_err());
    assert_eq!(store.remove_eni(&id, Force::Yes).unwrap().len(), 1);
    assert_eq!(store.entries(0), []);
    assert!(store.eni(&id, at(0)).is_none());
}

#[test]
fn blocks_do_not_overlap() {
    let mut store = store(Mode::Prefix, &[(eni(0, 0), &["10.0.0.0/28"]), (eni(1, 0), &[])]);
    let id = eni(1, 0).id;
    let refused = store.add_cidr(&id, net("10.0.0.7/32"), at(0)).unwrap_err();
    assert!(matches!(refused, StoreError::Overlap { owner, .. } if owner == eni(0, 0).id));
    assert!(store.add_cidr(&id, net("10.0.0.16/32"), at(0)).is_ok());
    assert!(store.add_cidr(&id, net("10.0.0.16/28"), at(0)).is_err());
    let unsuited = store.add_cidr(&id, net("10.0.0.0/24"), at(0)).unwrap_err();
    assert_eq!(unsuited, StoreError::Unsuited(net("10.0.0.0/24")));
}

/// 735 addresses on 15 interfaces: a pair of transitions must stay in the microseconds.
#[test]
#[ignore = "a measurement: run it with --release --ignored --nocapture"]
#[expect(clippy::disallowed_methods, reason = "a measurement needs a clock")]
fn speed() {
    let mut store = Store::new(rules(Mode::Secondary));
    for number in 0..15 {
        store.add_eni(eni(number, 0)).unwrap();
        for host in 1..50 {
            let address = net(&format!("10.0.{number}.{host}/32"));
            store.add_cidr(&eni(number, 0).id, address, at(0)).unwrap();
        }
    }
    for pod in 0..700 {
        add(&mut store, &format!("{pod:064}"), 0).unwrap();
    }
    let rounds = 20_000;
    let start = std::time::Instant::now();
    for round in 0..rounds {
        let name = format!("n{round:063}");
        add(&mut store, &name, i64::from(round)).unwrap();
        del(&mut store, &name, i64::from(round)).unwrap();
    }
    println!("{:?} a pair", start.elapsed() / rounds);
}
