//! The second family of a pod.

use crate::scene::{Sandbox, has, on_a_node, pod, pod_of_primary, run, succeeds};
use vpccni_core::datapath::{Egress, EgressFamily, Random, egress_chain_name, host_mac, host_veth_name};
use vpccni_netlink::{egress, pod as wire};

fn v4() -> Egress {
    Egress {
        family: EgressFamily::V4,
        host_veth: host_veth_name("veth", "default", "a", 0),
        address: "169.254.172.2/22".parse().unwrap(),
        host_mac: host_mac("container-a", 100),
        primary_if: "eth0".to_owned(),
        mtu: 9001,
        node_ip: "10.0.0.10".parse().unwrap(),
        random: Random::Full,
        chain: egress_chain_name(EgressFamily::V4, "aws-cni", "container-a"),
    }
}

#[test]
fn a_pod_of_an_ipv6_cluster_reaches_ipv4() {
    on_a_node(|| {
        if !has(&["ping", "nft"]) {
            return;
        }
        let sandbox = Sandbox::new();
        wire::add(&sandbox.path(), &pod_of_primary("a", "2001:db8:0:1::5")).unwrap();
        egress::add(&sandbox.path(), &v4()).unwrap();
        sandbox.run("ping -c1 -W2 10.0.0.10");
        let routes = sandbox.run("ip route");
        assert!(routes.contains("default via 169.254.172.1 dev v4if0"), "{routes}");
        assert!(
            routes.contains("169.254.172.0/22 via 169.254.172.1 dev v4if0"),
            "{routes}"
        );
        assert!(!routes.contains("169.254.172.0/22 dev v4if0"), "{routes}");
        assert!(run("ip route").contains(&format!("169.254.172.2 dev {}", v4().host_veth)));
        assert_eq!(
            egress::addresses(&sandbox.path(), EgressFamily::V4).unwrap(),
            [v4().address.addr()]
        );
        let rules = run("nft list table ip vpc-cni-egress");
        assert!(rules.contains("snat to 10.0.0.10 fully-random"), "{rules}");
        assert!(
            rules.contains(&format!("ip saddr 169.254.172.2 jump {}", v4().chain)),
            "{rules}"
        );
    });
}

#[test]
fn chains_of_egress_come_and_go_by_container() {
    on_a_node(|| {
        if !has(&["nft"]) {
            return;
        }
        let (first, second) = (Sandbox::new(), Sandbox::new());
        let other = Egress {
            host_veth: "vethb".to_owned(),
            host_mac: host_mac("container-b", 100),
            address: "169.254.172.3/22".parse().unwrap(),
            chain: egress_chain_name(EgressFamily::V4, "aws-cni", "container-b"),
            ..v4()
        };
        egress::add(&first.path(), &v4()).unwrap();
        egress::add(&second.path(), &other).unwrap();
        let once = run("nft list table ip vpc-cni-egress");
        egress::add(&first.path(), &v4()).unwrap();
        let twice = run("nft list table ip vpc-cni-egress");
        assert_eq!(twice.lines().count(), once.lines().count(), "{twice}");
        egress::delete(EgressFamily::V4, &v4().chain).unwrap();
        egress::delete(EgressFamily::V4, &v4().chain).unwrap();
        let left = run("nft list table ip vpc-cni-egress");
        assert!(!left.contains(&v4().chain), "{left}");
        assert!(left.contains(&other.chain), "{left}");
        egress::delete(EgressFamily::V6, "E6-none").unwrap();
    });
}

#[test]
fn a_pod_of_an_ipv4_cluster_reaches_ipv6() {
    on_a_node(|| {
        if !has(&["ping", "nft"]) {
            return;
        }
        run("sysctl -qw net.ipv6.conf.all.forwarding=1");
        run("ip addr add 2001:db8::1/64 dev eth0 nodad");
        let sandbox = Sandbox::new();
        wire::add(&sandbox.path(), &pod("a", "10.0.1.5")).unwrap();
        let v6 = Egress {
            family: EgressFamily::V6,
            address: "fd00::ac:2/118".parse().unwrap(),
            node_ip: "2001:db8::1".parse().unwrap(),
            chain: egress_chain_name(EgressFamily::V6, "aws-cni", "container-a"),
            ..v4()
        };
        egress::add(&sandbox.path(), &v6).unwrap();
        sandbox.run("ping -6 -c1 -W2 2001:db8::1");
        assert_eq!(
            sandbox.run("ip -6 addr show dev eth0").trim(),
            "",
            "the pod's own interface has no IPv6"
        );
        assert!(run("nft list table ip6 vpc-cni-egress").contains("snat to 2001:db8::1"));
        assert!(succeeds(&format!(
            "ip -6 route get fd00::ac:2 oif {}",
            v6.host_veth
        )));
        egress::delete(EgressFamily::V6, &v6.chain).unwrap();
        assert!(!run("nft list table ip6 vpc-cni-egress").contains("E6-"));
    });
}
