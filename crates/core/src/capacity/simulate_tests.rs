//! The walk by hand on small subnets: surge, both modes, reservations, unknown maps.

use super::*;
use crate::config::{CniConfig, Key, Value};
use crate::ids::InstanceType;
use crate::limits;
use crate::version::CniVersion;
use std::net::Ipv4Addr;

fn subnet(name: &str) -> SubnetId {
    SubnetId::parse(&format!("subnet-{name}")).unwrap()
}

fn map(used: &[u8], prefixes: &[&str], available: u32) -> Known<BlockMap> {
    let used = used.iter().map(|last| Ipv4Addr::new(10, 0, 0, *last));
    let prefixes = prefixes.iter().map(|prefix| prefix.parse().unwrap());
    BlockMap::of("10.0.0.0/24".parse().unwrap(), used, prefixes, &[], available)
}

fn maps(map: Known<BlockMap>) -> BTreeMap<SubnetId, Known<BlockMap>> {
    BTreeMap::from([(subnet("a"), map)])
}

fn effective(on: &[Key]) -> Effective {
    let mut config = CniConfig::default();
    for key in on {
        config.set(*key, Value::Bool(true));
    }
    config.set(Key::WarmPrefixTarget, Value::Int(1));
    config.set(Key::WarmIpTarget, Value::Int(0));
    Effective::of(&config, CniVersion::REFERENCE)
}

fn old(pods: u32, prefixes: u32, singles: u32) -> MovedNode {
    MovedNode {
        limits: limits::find(&InstanceType::parse("m5.large").unwrap()).unwrap(),
        pods,
        holds: vec![Holding {
            subnet: subnet("a"),
            prefixes,
            singles,
        }],
    }
}

fn leg(on: &[Key], per_wave: u32, nodes: usize) -> Leg {
    Leg {
        effective: effective(on),
        per_wave,
        places: vec![(subnet("a"), subnet("a"), None); nodes],
    }
}

const PREFIX: [Key; 1] = [Key::EnablePrefixDelegation];

#[test]
fn to_prefixes_blocks_only_get_fewer() {
    // Each new node: one block for its 10 pods, one warm, one address of its own, which breaks a third block once.
    let capacity = simulate(
        &[old(10, 0, 20), old(10, 0, 20)],
        &[leg(&PREFIX, 1, 2)],
        &maps(map(&[], &[], 251)),
    );
    let low = &capacity.subnets[0];
    // The addresses the first old node gives back serve the second new one.
    assert_eq!((low.now, low.free, low.step, low.end), (14, 9, 2, 9));
    assert!(capacity.holds());
}

#[test]
fn broken_blocks_serve_single_addresses_first() {
    let capacity = simulate(
        &[old(10, 0, 20)],
        &[leg(&PREFIX, 1, 1)],
        &maps(map(&[40], &[], 250)),
    );
    assert_eq!((capacity.subnets[0].now, capacity.subnets[0].free), (13, 11));
}

#[test]
fn prefixes_come_back_when_their_node_goes() {
    let held = ["10.0.0.16/28", "10.0.0.32/28"];
    let nodes = [old(10, 2, 1)];
    let capacity = simulate(&nodes, &[leg(&PREFIX, 1, 1)], &maps(map(&[50], &held, 218)));
    let low = &capacity.subnets[0];
    assert_eq!((low.now, low.free, low.end), (11, 9, 11));
    let forecast = &capacity.forecast[0];
    assert_eq!(
        (forecast.size, forecast.now, forecast.most, forecast.end),
        (251, 33, 66, 33)
    );
    assert_eq!((forecast.left(), forecast.step), (185, 1));
}

#[test]
fn waves_decide_how_deep_it_goes() {
    let nodes: Vec<MovedNode> = (0..6).map(|_| old(10, 2, 1)).collect();
    let held: Vec<String> = (1..13).map(|block| format!("10.0.0.{}/28", block * 16)).collect();
    let held: Vec<&str> = held.iter().map(String::as_str).collect();
    let free = |per_wave| {
        let capacity = simulate(&nodes, &[leg(&PREFIX, per_wave, 6)], &maps(map(&[], &held, 59)));
        capacity.subnets[0].free
    };
    // Two blocks are free; one is broken by the address of the first new node.
    assert_eq!([free(1), free(2), free(6)], [-1, -3, -11]);
}

#[test]
fn single_addresses_break_blocks_only_when_they_must() {
    // Two full interfaces of nine and one kept ready: 27 addresses and three primaries.
    let capacity = simulate(
        &[old(10, 1, 1)],
        &[leg(&[], 1, 1)],
        &maps(map(&[50], &["10.0.0.16/28"], 234)),
    );
    let low = &capacity.subnets[0];
    assert_eq!((low.now, low.free, low.end), (12, 11, 12));
}

#[test]
fn what_is_missing_is_mended_where_fewest_addresses_are_in_the_way() {
    let used: Vec<u8> = (1..15)
        .flat_map(|block| {
            if block < 3 {
                vec![block * 16]
            } else {
                vec![block * 16, block * 16 + 1]
            }
        })
        .collect();
    let mapped = map(&used, &[], 251 - 26);
    let capacity = simulate(&[old(10, 0, 5)], &[leg(&PREFIX, 1, 1)], &maps(mapped));
    assert_eq!(capacity.subnets[0].free, -2);
    let reserve = Reserve {
        subnet: subnet("a"),
        cidr: "10.0.0.16/28".parse().unwrap(),
        gains: 1,
    };
    let other = Reserve {
        cidr: "10.0.0.32/28".parse().unwrap(),
        ..reserve.clone()
    };
    assert_eq!(capacity.reservations, [reserve, other]);
    assert_eq!(capacity.beyond_mending, []);
    assert!(capacity.is_short() && !capacity.holds());
}

#[test]
fn an_unknown_map_proves_nothing() {
    let capacity = simulate(
        &[old(1, 0, 1)],
        &[leg(&PREFIX, 1, 1)],
        &maps(Known::Unknown("shared".to_owned())),
    );
    assert_eq!(capacity.unknown, [(subnet("a"), "shared".to_owned())]);
    assert!(!capacity.holds() && !capacity.is_short());
}

#[test]
fn custom_networking_takes_the_pods_elsewhere() {
    let mut both = maps(map(&[], &[], 251));
    let other = BlockMap::of("10.64.0.0/24".parse().unwrap(), [], [], &[], 251);
    both.insert(subnet("pods"), other);
    let leg = Leg {
        places: vec![(subnet("a"), subnet("pods"), Some(110))],
        ..leg(&[Key::EnablePrefixDelegation, Key::CustomNetworkCfg], 1, 1)
    };
    let capacity = simulate(&[old(10, 0, 20)], &[leg], &both);
    let free: BTreeMap<String, i64> = capacity
        .subnets
        .iter()
        .map(|low| (low.subnet.to_string(), low.free))
        .collect();
    // One block broken by the primary there; two prefixes and one broken here.
    assert_eq!(
        free,
        BTreeMap::from([("subnet-a".to_owned(), 13), ("subnet-pods".to_owned(), 11)])
    );
}
