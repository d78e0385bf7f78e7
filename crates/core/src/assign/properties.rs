//! What holds for any sequence of requests.

use super::tests::{at, eni, key, net, rules};
use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

#[derive(Debug, Clone)]
enum Op {
    Add { name: u8, every_card: bool },
    Del(u8),
    Collect(BTreeSet<u8>),
    Wait(i64),
    Fail,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..24_u8, prop::bool::weighted(0.1)).prop_map(|(name, every_card)| Op::Add { name, every_card }),
        4 => (0..24_u8).prop_map(Op::Del),
        1 => prop::collection::btree_set(0..24_u8, 0..24).prop_map(Op::Collect),
        2 => (0..40_i64).prop_map(Op::Wait),
        2 => Just(Op::Fail),
    ]
}

fn store(mode: Mode) -> Store {
    let mut store = Store::new(rules(mode));
    let blocks = match mode {
        Mode::Secondary => [("10.0.0.4/32", "10.0.0.9/32"), ("10.0.1.4/32", "10.0.1.5/32")],
        Mode::Prefix => [("10.0.0.16/28", "10.0.0.48/28"), ("10.0.1.0/28", "10.0.1.20/32")],
        Mode::Ipv6 => [("2600::/80", "10.0.0.4/32"), ("2600:0:0:1::/80", "10.0.1.0/28")],
    };
    let places = [eni(0, 0), eni(0, 1)];
    for (eni, (one, two)) in places.into_iter().zip(blocks) {
        let id = eni.id.clone();
        store.add_eni(eni).unwrap();
        store.add_cidr(&id, net(one), at(0)).unwrap();
        store.add_cidr(&id, net(two), at(0)).unwrap();
    }
    store
}

fn request(op: &Op) -> Option<Request> {
    let named = |name: u8| key(&name.to_string());
    match op {
        Op::Add { name, every_card } => Some(Request::Add {
            key: named(*name),
            pod: Some(PodRef {
                namespace: "default".to_owned(),
                name: name.to_string(),
            }),
            every_card: *every_card,
        }),
        Op::Del(name) => Some(Request::Del { key: named(*name) }),
        Op::Collect(keep) => Some(Request::Collect {
            network: "aws-cni".to_owned(),
            keep: keep.iter().copied().map(named).collect(),
        }),
        Op::Wait(_) | Op::Fail => None,
    }
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Secondary), Just(Mode::Prefix), Just(Mode::Ipv6)]
}

fn entries(store: &Store) -> Vec<Entry> {
    store.cards().flat_map(|card| store.entries(card)).collect()
}

proptest! {
    #[test]
    fn no_address_is_held_twice_or_given_in_cooldown(mode in mode(), ops in prop::collection::vec(op(), 1..120)) {
        let mut store = store(mode);
        let mut now = 0;
        let mut holders: BTreeMap<IpAddr, Key> = BTreeMap::new();
        let mut released: BTreeMap<IpAddr, i64> = BTreeMap::new();
        for op in &ops {
            if let Op::Wait(seconds) = op {
                now += seconds;
            }
            let Some(request) = request(op) else { continue };
            let before: BTreeSet<Entry> = entries(&store).into_iter().collect();
            let done = transition(&mut store, request, at(now));
            let after: BTreeSet<Entry> = entries(&store).into_iter().collect();
            prop_assert_eq!(done.checkpoint.is_empty(), before == after);
            for entry in before.difference(&after) {
                prop_assert_eq!(holders.remove(&entry.address), Some(entry.key.clone()));
                released.insert(entry.address, now);
            }
            for entry in after.difference(&before) {
                prop_assert_eq!(holders.insert(entry.address, entry.key.clone()), None);
                let rested = released.get(&entry.address).is_none_or(|at| now - at >= 30);
                prop_assert!(rested, "{} was given in cooldown", entry.address);
            }
            let held: u64 = store.cards().map(|card| store.stats(card, at(now)).assigned).sum();
            prop_assert_eq!(held, holders.len() as u64);
        }
    }

    #[test]
    fn a_transition_and_its_undo_change_nothing(mode in mode(), ops in prop::collection::vec(op(), 1..80)) {
        let mut store = store(mode);
        let mut now = 0;
        let mut history = vec![];
        for op in &ops {
            match op {
                Op::Wait(seconds) => now += seconds,
                // All that was not yet written down is taken back, the last one first.
                Op::Fail => for (before, undo) in history.drain(..).rev() {
                    store.undo(undo);
                    prop_assert_eq!(&store, &before);
                },
                Op::Add { .. } | Op::Del(_) | Op::Collect(_) => {
                    let before = store.clone();
                    let done = transition(&mut store, request(op).unwrap(), at(now));
                    history.push((before, done.undo));
                }
            }
        }
    }

    #[test]
    fn a_repeated_add_changes_nothing(mode in mode(), ops in prop::collection::vec(op(), 1..60)) {
        let mut store = store(mode);
        for op in &ops {
            let Some(request) = request(op) else { continue };
            let done = transition(&mut store, request.clone(), at(0));
            if matches!(request, Request::Add { .. }) {
                let before = store.clone();
                let again = transition(&mut store, request, at(5));
                prop_assert_eq!(again.reply, done.reply);
                prop_assert_eq!(again.checkpoint, Vec::<u32>::new());
                prop_assert_eq!(&store, &before);
            }
        }
    }

    #[test]
    fn a_checkpoint_brings_back_all_that_was_held(mode in mode(), ops in prop::collection::vec(op(), 1..120)) {
        let mut old = store(mode);
        for op in &ops {
            if let Some(request) = request(op) {
                let _done = transition(&mut old, request, at(0));
            }
        }
        let held = entries(&old);
        let mut new = store(mode);
        let restored = new.restore(held.clone());
        prop_assert_eq!(restored.held as usize, held.len());
        prop_assert_eq!(&entries(&new), &held);
        // The same when the interfaces come after the checkpoint.
        let mut late = Store::new(rules(mode));
        late.restore(held.clone());
        for view in [0, 1].iter().flat_map(|card| new.enis(*card, at(0))) {
            late.add_eni(view.eni.clone()).unwrap();
            for block in view.blocks {
                late.add_cidr(&view.eni.id, block.net, at(0)).unwrap();
            }
        }
        prop_assert_eq!(&late, &new);
    }
}
