//! Whatever is wanted and seen: the changes lead there, once there nothing is left to do, and what is nobody's stays.

use crate::datapath::{
    Address, Change, Desired, Family, Link, LinkKind, LinkSettings, Route, Rule, Seen, TableState, diff,
};
use proptest::prelude::*;
use std::collections::BTreeSet;

const DEVICES: [&str; 3] = ["eth0", "eth1", "eni1"];

fn device() -> impl Strategy<Value = String> {
    proptest::sample::select(&DEVICES).prop_map(str::to_owned)
}

fn address() -> impl Strategy<Value = Address> {
    (device(), 0u8..3, 1u8..4).prop_map(|(device, third, last)| Address {
        device,
        net: format!("10.0.{third}.{last}/24").parse().unwrap(),
    })
}

fn route() -> impl Strategy<Value = Route> {
    (2u32..5, 0u8..3, proptest::option::of(1u8..3), device()).prop_map(|(table, to, via, device)| Route {
        table,
        to: format!("10.1.{to}.0/24").parse().unwrap(),
        via: via.map(|last| format!("10.0.0.{last}").parse().unwrap()),
        device,
    })
}

fn rule() -> impl Strategy<Value = Rule> {
    (proptest::sample::select(&[512u32, 1024, 1536]), 0u8..3, 2u32..4).prop_map(|(priority, last, table)| {
        Rule::from(format!("10.0.0.{last}/32").parse().unwrap(), priority, table)
    })
}

fn set<T: Ord + std::fmt::Debug>(of: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    proptest::collection::btree_set(of, 0..5).prop_map(|items| items.into_iter().collect())
}

/// The kernel has one route to a destination in a table, and so has what is wanted.
fn routes() -> impl Strategy<Value = Vec<Route>> {
    set(route()).prop_map(|routes| {
        let mut places = BTreeSet::new();
        routes
            .into_iter()
            .filter(|route| places.insert((route.table, route.to)))
            .collect()
    })
}

prop_compose! {
    fn desired()(
        addresses in set(address()),
        owned_addresses in set(device()),
        routes in routes(),
        owned_tables in set(2u32..5),
        absent_routes in routes(),
        rules in set(rule()),
        owned_priorities in set(proptest::sample::select(&[512u32, 1024, 1536])),
        absent_rules in set(rule()),
    ) -> Desired {
        let of = |items: Vec<u32>| items.into_iter().map(|item| (Family::V4, item)).collect();
        Desired {
            links: DEVICES.map(|name| LinkSettings { name: name.to_owned(), mtu: Some(9001) }).to_vec(),
            // What is wanted and unwanted at once is a mistake of the caller.
            absent_routes: absent_routes.into_iter().filter(|route| !routes.contains(route)).collect(),
            absent_rules: absent_rules.into_iter().filter(|rule| !rules.contains(rule)).collect(),
            owned_addresses: owned_addresses.into_iter().map(|device| (Family::V4, device)).collect(),
            owned_tables: of(owned_tables),
            owned_priorities: of(owned_priorities),
            addresses,
            routes,
            rules,
            absent_nft: [(Family::V4, "aws-cni".to_owned())].into(),
            ..Desired::default()
        }
    }
}

prop_compose! {
    fn seen()(
        addresses in set(address()),
        routes in routes(),
        rules in set(rule()),
        mtu in 1500u32..1502,
        has_table in any::<bool>(),
    ) -> Seen {
        let links = DEVICES.iter().zip(1..).map(|(name, index)| Link {
            name: (*name).to_owned(), index, mac: None, mtu, up: true, kind: LinkKind::Plain, peer: None,
        });
        Seen {
            links: links.collect(),
            nft: has_table.then(|| ((Family::V4, "aws-cni".to_owned()), TableState::Different)).into_iter().collect(),
            addresses, routes, rules, ..Seen::default()
        }
    }
}

/// What the kernel does.
fn make(seen: &mut Seen, change: &Change) {
    match change {
        Change::SetLink(settings) => {
            let link = seen
                .links
                .iter_mut()
                .find(|link| link.name == settings.name)
                .unwrap();
            link.mtu = settings.mtu.unwrap_or(link.mtu);
        }
        Change::AddAddress(address) => seen.addresses.push(address.clone()),
        Change::RemoveAddress(address) => seen.addresses.retain(|other| other != address),
        Change::SetRoute(route) => {
            seen.routes
                .retain(|other| (other.table, other.to) != (route.table, route.to));
            seen.routes.push(route.clone());
        }
        Change::RemoveRoute(route) => seen.routes.retain(|other| other != route),
        Change::AddRule(rule) => seen.rules.push(rule.clone()),
        Change::RemoveRule(rule) => seen.rules.retain(|other| other != rule),
        Change::RemoveTable(family, name) => {
            seen.nft.remove(&(*family, name.clone()));
        }
        other => panic!("{other} was not asked for"),
    }
}

proptest! {
    #[test]
    fn changes_lead_to_what_is_wanted(desired in desired(), mut seen in seen()) {
        for change in diff(&desired, &seen) {
            make(&mut seen, &change);
        }
        prop_assert_eq!(diff(&desired, &seen), vec![]);
        prop_assert!(desired.routes.iter().all(|route| seen.routes.contains(route)));
        prop_assert!(desired.rules.iter().all(|rule| seen.rules.contains(rule)));
        prop_assert!(desired.absent_rules.iter().all(|rule| !seen.rules.contains(rule)));
    }

    #[test]
    fn what_is_nobodys_stays(desired in desired(), mut seen in seen()) {
        let before = seen.clone();
        for change in diff(&desired, &seen) {
            make(&mut seen, &change);
        }
        for rule in &before.rules {
            let is_owned = desired.owned_priorities.contains(&(rule.family, rule.priority));
            prop_assert!(is_owned || desired.absent_rules.contains(rule) || seen.rules.contains(rule));
        }
        for address in &before.addresses {
            let is_owned = desired.owned_addresses.contains(&(Family::V4, address.device.clone()));
            prop_assert!(is_owned || seen.addresses.contains(address));
        }
        for route in &before.routes {
            let is_replaced = desired.routes.iter().any(|new| (new.table, new.to) == (route.table, route.to));
            let is_owned = desired.owned_tables.contains(&(Family::V4, route.table));
            prop_assert!(is_owned || is_replaced || desired.absent_routes.contains(route) || seen.routes.contains(route));
        }
    }
}
