//! Source translation and marks: as `nft` shows them, and as packets meet them.

use crate::scene::{NODE_IP, Sandbox, has, on_a_node, pod_of_primary, run};
use std::net::UdpSocket;
use std::time::Duration;
use vpccni_core::datapath::{Change, Desired, EgressFamily, Random, Snat, snat};
use vpccni_core::ports::Kernel;
use vpccni_netlink::netns::{self, NetNs};
use vpccni_netlink::{Host, pod as wire};

pub(crate) fn settings() -> Snat {
    Snat {
        primary: "eth0".to_owned(),
        primary_ip: NODE_IP.parse().unwrap(),
        veth_prefix: "eni".to_owned(),
        vpc_cidrs: vec!["10.0.0.0/16".parse().unwrap()],
        excluded: vec!["192.0.2.0/24".parse().unwrap()],
        external: false,
        node_port: true,
        random: Random::Full,
        mark: 0x80,
        egress: None,
    }
}

fn desired(settings: &Snat) -> Desired {
    Desired::default().with_nft(snat(settings).unwrap())
}

#[test]
fn nft_shows_what_was_wanted_and_nothing_is_written_twice() {
    on_a_node(|| {
        if !has(&["nft"]) {
            return;
        }
        let all = Snat {
            egress: Some(EgressFamily::V4),
            ..settings()
        };
        assert_eq!(Host.apply(&desired(&all)).unwrap().len(), 2);
        let connmark = run("nft list table ip aws-cni");
        for line in [
            "type nat hook prerouting priority dstnat + 10; policy accept;",
            "fib daddr type local return",
            "iifname \"eni*\" jump snat-mark",
            "ip daddr 192.0.2.0/24 return",
            "ip daddr 10.0.0.0/16 return",
            "ct mark set ct mark | 0x00000080",
            "ct mark & 0x00000080 == 0x00000080 meta mark set meta mark | 0x00000080",
        ] {
            assert!(connmark.contains(line), "{line} is not in {connmark}");
        }
        let host = run("nft list table ip vpc-cni-host");
        for line in [
            "type nat hook postrouting priority srcnat; policy accept;",
            "oifname != \"vlan*\" fib daddr type != local snat to 10.0.0.10 fully-random comment \"AWS, SNAT\"",
            "type filter hook prerouting priority mangle; policy accept;",
            "iifname \"eth0\" fib daddr . iif type local ct mark set ct mark | 0x00000080",
            "iifname \"vlan*\" ct mark",
            "ip daddr 169.254.172.0/22 ct state new reject",
        ] {
            assert!(host.contains(line), "{line} is not in {host}");
        }
        assert_eq!(
            Host.apply(&desired(&all)).unwrap(),
            vec![],
            "a second time changes nothing"
        );
        run("nft flush chain ip vpc-cni-host nat-postrouting");
        let changes = Host.apply(&desired(&all)).unwrap();
        assert!(matches!(changes.as_slice(), [Change::ReplaceTable(table)] if table.name == "vpc-cni-host"));
    });
}

#[test]
fn every_setting_is_read_back_as_it_was_written() {
    on_a_node(|| {
        for random in [Random::None, Random::Hash, Random::Full] {
            for (external, node_port) in [(false, false), (false, true), (true, true), (true, false)] {
                for egress in [None, Some(EgressFamily::V4), Some(EgressFamily::V6)] {
                    let settings = Snat {
                        random,
                        external,
                        node_port,
                        egress,
                        excluded: vec!["0.0.0.0/0".parse().unwrap(), "10.9.8.7/32".parse().unwrap()],
                        ..settings()
                    };
                    Host.apply(&desired(&settings)).unwrap();
                    assert_eq!(Host.plan(&desired(&settings)).unwrap(), vec![], "{settings:?}");
                }
            }
        }
    });
}

/// The world behind `eth0`: what it hears, it answers.
fn world() -> NetNs {
    let world = netns::create().unwrap();
    let pid = std::process::id();
    let path = world.path();
    let descriptor = path.file_name().unwrap().to_str().unwrap().to_owned();
    run(&format!("ip link set fabric0 netns /proc/{pid}/fd/{descriptor}"));
    netns::within(&world, || {
        run("ip link set lo up");
        run("ip link set fabric0 up");
        run("ip addr add 10.0.0.1/24 dev fabric0");
        run("ip addr add 198.51.100.1/32 dev lo");
        run("ip addr add 192.0.2.1/32 dev lo");
        run("ip route add 10.0.1.0/24 via 10.0.0.10");
    })
    .unwrap();
    run("ip route add default via 10.0.0.1");
    world
}

fn listen(world: &NetNs, address: &str) -> UdpSocket {
    let socket = netns::within(world, || UdpSocket::bind((address, 5000)).unwrap()).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    socket
}

fn speak(pod: &Sandbox, address: &str) -> UdpSocket {
    let socket = netns::within(&pod.0, || UdpSocket::bind("0.0.0.0:0").unwrap()).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    socket.connect((address, 5000)).unwrap();
    socket
}

/// Sends a word and gives the address it came from; the answer must arrive.
fn exchange(speaker: &UdpSocket, listener: &UdpSocket) -> std::net::SocketAddr {
    let mut buffer = [0; 16];
    speaker.send(b"hello").unwrap();
    let (_, from) = listener.recv_from(&mut buffer).unwrap();
    listener.send_to(b"welcome", from).unwrap();
    assert_eq!(speaker.recv(&mut buffer).unwrap(), 7);
    from
}

#[test]
fn the_world_sees_the_node_and_the_vpc_sees_the_pod() {
    on_a_node(|| {
        Host.apply(&desired(&settings())).unwrap();
        let world = world();
        let sandbox = Sandbox::new();
        wire::add(&sandbox.path(), &pod_of_primary("a", "10.0.1.5")).unwrap();
        for (address, seen_as) in [
            ("198.51.100.1", NODE_IP),
            ("10.0.0.1", "10.0.1.5"),
            ("192.0.2.1", "10.0.1.5"),
        ] {
            let from = exchange(&speak(&sandbox, address), &listen(&world, address));
            assert_eq!(from.ip().to_string(), seen_as, "to {address}");
        }
    });
}

#[test]
fn a_connection_survives_the_replacement_of_its_rules() {
    on_a_node(|| {
        Host.apply(&desired(&settings())).unwrap();
        let world = world();
        let sandbox = Sandbox::new();
        wire::add(&sandbox.path(), &pod_of_primary("a", "10.0.1.5")).unwrap();
        let (speaker, listener) = (speak(&sandbox, "198.51.100.1"), listen(&world, "198.51.100.1"));
        let before = exchange(&speaker, &listener);
        // The world joins the VPC: connections from now on are not translated, this one still is.
        let mut grown = settings();
        grown.vpc_cidrs.push("198.51.100.0/24".parse().unwrap());
        assert_eq!(Host.apply(&desired(&grown)).unwrap().len(), 2);
        assert_eq!(exchange(&speaker, &listener), before);
        let newcomer = speak(&sandbox, "198.51.100.1");
        assert_eq!(
            exchange(&newcomer, &listener).ip().to_string(),
            "10.0.1.5",
            "a new connection goes by the new rules"
        );
    });
}
