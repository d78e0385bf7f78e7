//! Interfaces of a node.

use crate::datapath::{
    Address, Change, Desired, Family, Link, LinkKind, NodeInit, PrimaryEni, Route, SecondaryEni, Seen, diff,
    eni_gone, node_init, primary_eni, secondary_eni, service_cidrs,
};

fn words<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

fn primary(family: Family, strict: bool) -> Desired {
    primary_eni(&PrimaryEni {
        device: "eth0".to_owned(),
        mtu: 9001,
        family,
        mark: (family == Family::V4).then_some(0x80),
        strict,
    })
}

#[test]
fn rules_of_the_primary_interface() {
    for (family, strict, rules, absent) in [
        (
            Family::V4,
            false,
            vec!["ip 1024: fwmark 0x80/0x80 lookup 254", "ip 0: lookup 255"],
            vec!["ip 20: lookup 255"],
        ),
        (
            Family::V4,
            true,
            vec!["ip 1024: fwmark 0x80/0x80 lookup 254", "ip 20: lookup 255"],
            vec!["ip 0: lookup 255"],
        ),
        (
            Family::V6,
            true,
            vec![
                "ip6 20: lookup 255",
                "ip6 0: from fe80:ec2::1/128 ipproto 58 lookup 255",
            ],
            vec!["ip6 0: lookup 255"],
        ),
        (
            Family::V6,
            false,
            vec!["ip6 0: lookup 255"],
            vec![
                "ip6 20: lookup 255",
                "ip6 0: from fe80:ec2::1/128 ipproto 58 lookup 255",
            ],
        ),
    ] {
        let desired = primary(family, strict);
        assert_eq!(words(&desired.rules), rules);
        assert_eq!(words(&desired.absent_rules), absent);
    }
}

#[test]
fn the_agent_asks_for_no_value_that_the_start_of_the_node_leaves_otherwise() {
    for (ipv6, no_early_demux) in [(false, false), (false, true), (true, false), (true, true)] {
        let init = node_init(&NodeInit {
            device: "eth0".to_owned(),
            ipv6,
            no_early_demux,
        });
        let demux = init
            .sysctls
            .iter()
            .find(|sysctl| sysctl.path == "net/ipv4/tcp_early_demux")
            .unwrap();
        assert_eq!((demux.value == "0", demux.optional), (no_early_demux, true));
        let seen = Seen {
            sysctls: init
                .sysctls
                .into_iter()
                .map(|sysctl| (sysctl.path, sysctl.value))
                .collect(),
            ..Seen::default()
        };
        let family = if ipv6 { Family::V6 } else { Family::V4 };
        let written: Vec<_> = diff(&primary(family, false), &seen)
            .into_iter()
            .filter(|change| matches!(change, Change::WriteSysctl(_)))
            .collect();
        assert_eq!(written, vec![], "the agent may not write values");
    }
}

#[test]
fn the_local_rule_is_never_missing_on_the_way() {
    let seen = Seen {
        rules: primary(Family::V4, false).rules,
        ..Seen::default()
    };
    let changes = diff(&primary(Family::V4, true), &seen);
    let place = |wanted: &str| {
        changes
            .iter()
            .position(|change| change.to_string() == wanted)
            .unwrap()
    };
    assert!(place("rule ip 20: lookup 255") < place("no rule ip 0: lookup 255"));
}

fn secondary(address: &str, subnet: &str) -> SecondaryEni {
    SecondaryEni {
        device: "eth1".to_owned(),
        mtu: 9001,
        address: address.parse().unwrap(),
        subnet: subnet.parse().unwrap(),
        table: 2,
        trunk: false,
    }
}

#[test]
fn a_secondary_interface_of_either_family() {
    let v4 = secondary_eni(&secondary("10.0.5.20", "10.0.5.0/24"));
    assert_eq!(
        words(&v4.routes),
        [
            "10.0.5.1/32 dev eth1 table 2",
            "0.0.0.0/0 via 10.0.5.1 dev eth1 table 2"
        ]
    );
    assert_eq!(words(&v4.rules), ["ip 32765: from 10.0.5.20/32 lookup 2"]);
    assert_eq!(words(&v4.absent_routes), ["10.0.5.0/24 dev eth1 table 254"]);
    let v6 = secondary_eni(&secondary("2001:db8::20", "2001:db8::/64"));
    assert_eq!(
        words(&v6.routes),
        [
            "fe80:ec2::1/128 dev eth1 table 2",
            "::/0 via fe80:ec2::1 dev eth1 table 2"
        ]
    );
}

#[test]
fn the_route_an_address_brings_is_removed_in_the_same_round() {
    let desired = secondary_eni(&secondary("10.0.5.20", "10.0.5.0/24"));
    let seen = Seen {
        links: vec![Link {
            name: "eth1".to_owned(),
            index: 3,
            mac: None,
            mtu: 9001,
            up: true,
            kind: LinkKind::Plain,
            peer: None,
        }],
        addresses: vec![Address {
            device: "eth1".to_owned(),
            net: "10.0.5.99/24".parse().unwrap(),
        }],
        ..Seen::default()
    };
    assert_eq!(
        words(&diff(&desired, &seen)),
        [
            "no address 10.0.5.99/24 on eth1",
            "address 10.0.5.20/24 on eth1",
            "route 10.0.5.1/32 dev eth1 table 2",
            "route 0.0.0.0/0 via 10.0.5.1 dev eth1 table 2",
            "no route 10.0.5.0/24 dev eth1 table 254",
            "rule ip 32765: from 10.0.5.20/32 lookup 2",
        ]
    );
}

#[test]
fn addresses_the_kernel_gives_are_left_alone() {
    let desired = secondary_eni(&secondary("2001:db8::20", "2001:db8::/64"));
    let seen = Seen {
        addresses: ["fe80::1/64", "2001:db8::99/64"]
            .iter()
            .map(|net| Address {
                device: "eth1".to_owned(),
                net: net.parse().unwrap(),
            })
            .collect(),
        ..Seen::default()
    };
    let removed: Vec<_> = diff(&desired, &seen)
        .into_iter()
        .filter_map(|change| match change {
            Change::RemoveAddress(address) => Some(address.net.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(removed, ["2001:db8::99/64"]);
}

#[test]
fn an_interface_that_is_gone_leaves_nothing() {
    let was = secondary_eni(&secondary("10.0.5.20", "10.0.5.0/24"));
    let other = Route {
        table: 3,
        ..was.routes[0].clone()
    };
    let mut seen = Seen {
        routes: was.routes.clone(),
        rules: was.rules.clone(),
        ..Seen::default()
    };
    seen.routes.push(other);
    let changes = diff(&eni_gone("10.0.5.20".parse().unwrap(), 2), &seen);
    assert_eq!(
        changes.len(),
        3,
        "two routes and a rule, and not the other's: {changes:?}"
    );
}

#[test]
fn services_of_the_other_family_are_not_this_ones() {
    let nets = ["172.20.1.0/16".parse().unwrap(), "fd00::/8".parse().unwrap()];
    assert_eq!(
        words(&service_cidrs(Family::V4, &nets).rules),
        ["ip 1535: to 172.20.0.0/16 lookup 254"]
    );
}
