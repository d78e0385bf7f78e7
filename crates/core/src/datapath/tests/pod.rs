//! Pods and their second family.

use crate::datapath::{
    Branch, Egress, EgressFamily, Enforcing, Family, Mac, PodNetwork, Random, container_if_name,
    egress_chain_name, gateway, host_mac, pod,
};

fn ordinary(address: &str, index: u32, table: u32) -> PodNetwork {
    PodNetwork {
        container_if: container_if_name("eth0", index),
        host_veth: "eni1".to_owned(),
        host_mac: Mac([2, 0, 0, 0, 0, 1]),
        address: address.parse().unwrap(),
        index,
        mtu: 9001,
        table,
        branch: None,
    }
}

fn with_branch(enforcing: Enforcing) -> PodNetwork {
    PodNetwork {
        branch: Some(Branch {
            vlan: 7,
            mac: Mac([2, 0, 0, 0, 0, 7]),
            gateway: "10.0.3.1".parse().unwrap(),
            trunk_index: 3,
            enforcing,
        }),
        ..ordinary("10.0.3.5", 0, 2)
    }
}

fn words<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

#[test]
fn what_a_pod_has_inside() {
    for (network, routes, rules) in [
        (
            ordinary("10.0.1.5", 0, 254),
            [
                "169.254.1.1/32 dev eth0 table 254",
                "0.0.0.0/0 via 169.254.1.1 dev eth0 table 254",
            ],
            vec![],
        ),
        (
            ordinary("10.0.1.5", 2, 10_102),
            [
                "169.254.1.3/32 dev mNicIf2 table 2",
                "0.0.0.0/0 via 169.254.1.3 dev mNicIf2 table 2",
            ],
            vec!["ip 1: from 10.0.1.5/32 lookup 2"],
        ),
        (
            ordinary("2001:db8::5", 1, 3),
            [
                "fe80::2/128 dev mNicIf1 table 1",
                "::/0 via fe80::2 dev mNicIf1 table 1",
            ],
            vec!["ip6 1: from 2001:db8::5/128 lookup 1"],
        ),
    ] {
        let (inside, _) = pod(&network);
        assert_eq!(words(&inside.routes), routes);
        assert_eq!(words(&inside.rules), rules);
        assert_eq!(inside.neighbours[0].mac, network.host_mac);
        assert_eq!(
            inside.addresses[0].net.prefix_len(),
            inside.addresses[0].net.max_prefix_len()
        );
    }
}

#[test]
fn what_the_node_has_for_a_pod() {
    for (network, routes, rules) in [
        (
            ordinary("10.0.1.5", 0, 254),
            vec!["10.0.1.5/32 dev eni1 table 254"],
            vec!["ip 512: to 10.0.1.5/32 lookup 254"],
        ),
        (
            ordinary("10.0.1.5", 0, 2),
            vec!["10.0.1.5/32 dev eni1 table 254"],
            vec![
                "ip 512: to 10.0.1.5/32 lookup 254",
                "ip 1536: from 10.0.1.5/32 lookup 2",
            ],
        ),
        (
            with_branch(Enforcing::Standard),
            vec![
                "10.0.3.1/32 dev vlan.eth.7 table 107",
                "0.0.0.0/0 via 10.0.3.1 dev vlan.eth.7 table 107",
                "10.0.3.5/32 dev eni1 table 254",
            ],
            vec![
                "ip 512: to 10.0.3.5/32 lookup 254",
                "ip 1536: from 10.0.3.5/32 lookup 107",
            ],
        ),
        (
            with_branch(Enforcing::Strict),
            vec![
                "10.0.3.1/32 dev vlan.eth.7 table 107",
                "0.0.0.0/0 via 10.0.3.1 dev vlan.eth.7 table 107",
                "10.0.3.5/32 dev eni1 table 107",
            ],
            vec!["ip 10: iif vlan.eth.7 lookup 107", "ip 10: iif eni1 lookup 107"],
        ),
    ] {
        let (_, outside) = pod(&network);
        assert_eq!(words(&outside.routes), routes);
        assert_eq!(words(&outside.rules), rules);
    }
}

#[test]
fn links_of_pods_take_no_router_advertisements() {
    let (_, outside) = pod(&with_branch(Enforcing::Strict));
    for device in ["eni1", "vlan.eth.7"] {
        for (name, value) in [("accept_ra", "0"), ("accept_redirects", "1"), ("forwarding", "0")] {
            let path = format!("net/ipv6/conf/{device}/{name}");
            assert!(
                outside
                    .sysctls
                    .iter()
                    .any(|sysctl| sysctl.path == path && sysctl.value == value && sysctl.optional),
                "{path}"
            );
        }
    }
}

#[test]
fn gateways_count_from_one() {
    for (family, index, expected) in [
        (Family::V4, 0, "169.254.1.1"),
        (Family::V4, 14, "169.254.1.15"),
        (Family::V6, 0, "fe80::1"),
        (Family::V6, 14, "fe80::f"),
    ] {
        assert_eq!(gateway(family, index).to_string(), expected);
    }
}

#[test]
fn ethernet_addresses_and_chains_follow_from_the_container() {
    assert_eq!(host_mac("a", 0), host_mac("a", 0));
    assert_ne!(host_mac("a", 0), host_mac("a", 1));
    assert_ne!(host_mac("a", 0), host_mac("b", 0));
    let chain = |network, container| egress_chain_name(EgressFamily::V4, network, container);
    assert_ne!(chain("ab", "c"), chain("a", "bc"));
    assert_eq!(chain("ab", "c").len(), 27);
}

#[test]
fn the_other_family_goes_by_the_node() {
    let egress = |family, address: &str| Egress {
        family,
        host_veth: "veth1".to_owned(),
        host_mac: Mac([2, 0, 0, 0, 0, 1]),
        address: address.parse().unwrap(),
        primary_if: "eth0".to_owned(),
        mtu: 9001,
        node_ip: "10.0.0.10".parse().unwrap(),
        random: Random::Full,
        chain: "E4-1".to_owned(),
    };
    let v4 = egress(EgressFamily::V4, "169.254.172.2/22");
    assert_eq!(
        words(&v4.inside().routes),
        [
            "169.254.172.1/32 dev v4if0 table 254",
            "169.254.172.0/22 via 169.254.172.1 dev v4if0 table 254",
            "0.0.0.0/0 via 169.254.172.1 dev v4if0 table 254",
        ]
    );
    assert_eq!(
        words(&v4.outside().routes),
        ["169.254.172.2/32 dev veth1 table 254"]
    );
    let v6 = egress(EgressFamily::V6, "fd00::ac:2/118");
    assert_eq!(
        words(&v6.inside().routes),
        [
            "fe80::ff:fe00:1/128 dev v6if0 table 254",
            "::/0 via fe80::ff:fe00:1 dev v6if0 table 254"
        ]
    );
    assert!(
        v6.inside()
            .sysctls
            .iter()
            .any(|sysctl| sysctl.path == "net/ipv6/conf/eth0/disable_ipv6" && sysctl.value == "1")
    );
}
