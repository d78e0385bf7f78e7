//! A node as the stock agent and its plugin leave it, made with `ip` and iptables: what ours takes over.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};
use vpccni_testbed::boxes::{NodeBox, Pod};

/// Which iptables the stock agent found on the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    Legacy,
    Nft,
}

/// An address for a pod, and the number of the interface that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) address: Ipv4Addr,
    pub(crate) device: u32,
}

impl Held {
    /// The routing table of the interface.
    pub(crate) fn table(self) -> u32 {
        if self.device == 0 { 254 } else { self.device + 1 }
    }
}

impl Backend {
    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::Legacy => "xtables-legacy-multi",
            Self::Nft => "xtables-nft-multi",
        }
    }

    /// The rules of a table, as iptables prints them.
    pub(crate) fn list(self, node: &NodeBox, table: &str) -> String {
        node.run(self.program(), &["iptables", "-t", table, "-S"])
            .unwrap()
    }
}

/// Runs `ip` on the node.
fn ip(node: &NodeBox, line: &str) {
    node.run("ip", &line.split_whitespace().collect::<Vec<_>>())
        .unwrap();
}

/// What the stock agent does at its start: values, rules, the secondary interface, source translation.
pub(crate) fn set_up(node: &NodeBox, backend: Backend, second: Option<Ipv4Addr>) {
    node.run("sh", &["-c", "echo 2 >/proc/sys/net/ipv4/conf/eth0/rp_filter"])
        .unwrap();
    ip(node, "link set eth0 mtu 9001");
    ip(node, "rule add fwmark 0x80/0x80 lookup main priority 1024");
    if let Some(own) = second {
        let [a, b, c, _] = own.octets();
        // The subnets of the VPC are of 4096 addresses.
        let gateway = Ipv4Addr::new(a, b, c & 0xf0, 1);
        ip(node, "link set eth1 up mtu 9001");
        ip(node, &format!("addr add {own}/20 dev eth1 noprefixroute"));
        ip(
            node,
            &format!("route add {gateway}/32 dev eth1 scope link table 2"),
        );
        ip(node, &format!("route add default via {gateway} dev eth1 table 2"));
        ip(node, &format!("rule add from {own} lookup 2 priority 32765"));
    }
    translate(node, backend);
}

/// Its rules of iptables, and its table of nftables where iptables are those of nft.
pub(crate) fn translate(node: &NodeBox, backend: Backend) {
    let primary = node.primary();
    let mut lines = vec![
        "-t nat -N AWS-SNAT-CHAIN-0".to_owned(),
        "-t nat -A AWS-SNAT-CHAIN-0 -d 10.0.0.0/16 -m comment --comment AWS~SNAT~CHAIN -j RETURN".to_owned(),
        "-t nat -A AWS-SNAT-CHAIN-0 -d 100.64.0.0/16 -m comment --comment AWS~SNAT~CHAIN -j RETURN"
            .to_owned(),
        format!(
            "-t nat -A AWS-SNAT-CHAIN-0 ! -o vlan+ -m comment --comment AWS,~SNAT -m addrtype \
             ! --dst-type LOCAL -j SNAT --to-source {primary} --random-fully"
        ),
        "-t nat -A POSTROUTING -m comment --comment AWS~SNAT~CHAIN -j AWS-SNAT-CHAIN-0".to_owned(),
        "-t mangle -A PREROUTING -i eth0 -m comment --comment AWS,~primary~ENI -m addrtype --dst-type LOCAL \
         --limit-iface-in -j CONNMARK --set-xmark 0x80/0x80"
            .to_owned(),
        "-t mangle -A PREROUTING -i eni+ -m comment --comment AWS,~primary~ENI -j CONNMARK --restore-mark \
         --mask 0x80"
            .to_owned(),
        "-t nat -A POSTROUTING -d 203.0.113.77 -m comment --comment somebody~else -j MASQUERADE".to_owned(),
    ];
    if backend == Backend::Legacy {
        lines.extend([
            "-t nat -N AWS-CONNMARK-CHAIN-0".to_owned(),
            "-t nat -A AWS-CONNMARK-CHAIN-0 -d 10.0.0.0/16 -m comment --comment AWS~CONNMARK~CHAIN -j RETURN"
                .to_owned(),
            "-t nat -A AWS-CONNMARK-CHAIN-0 -m comment --comment AWS,~CONNMARK -j CONNMARK --set-xmark 0x80/0x80"
                .to_owned(),
            "-t nat -A PREROUTING -i eni+ -m comment --comment AWS,~outbound~connections -j AWS-CONNMARK-CHAIN-0"
                .to_owned(),
            "-t nat -A PREROUTING -m comment --comment AWS,~CONNMARK -j CONNMARK --restore-mark --mask 0x80"
                .to_owned(),
        ]);
    } else {
        node.space().run("nft", &["-f", "-"], CONNMARK).unwrap();
    }
    for line in lines {
        let words: Vec<String> = line
            .split_whitespace()
            .map(|word| word.replace('~', " "))
            .collect();
        let mut args = vec!["iptables"];
        args.extend(words.iter().map(String::as_str));
        node.run(backend.program(), &args).unwrap();
    }
}

/// Where the stock agent marks connections under iptables of nft; ours has a table of this name, too.
const CONNMARK: &str = "table ip aws-cni {
  chain snat-mark {
    ip daddr 10.0.0.0/16 return
    ip daddr 100.64.0.0/16 return
    ct mark set ct mark or 0x80
  }
  chain nat-prerouting {
    type nat hook prerouting priority -90; policy accept;
    fib daddr type local return
    iifname \"eni*\" jump snat-mark
    meta mark set ct mark and 0x80
  }
}
";

/// The name the stock plugin gives the node's end of a pod's link.
pub(crate) fn veth(node: &NodeBox, pod: &str) -> String {
    let sum = node
        .space()
        .run("sha1sum", &[], &format!("default.{pod}"))
        .unwrap();
    format!("eni{}", &sum[..11])
}

/// A pod as the stock plugin connects it, with what it answered the runtime.
pub(crate) fn connect<'a>(node: &'a NodeBox, name: &str, held: Held, number: u8) -> Pod<'a> {
    let mut pod = node.pod("default", name).unwrap();
    let (veth, Held { address, .. }, table) = (veth(node, name), held, held.table());
    // The stock plugin draws it; nothing of ours would come to this one.
    let mac = format!("86:00:00:00:00:{number:02x}");
    let pid = node.space().pid();
    let within = |line: &str| {
        pod.run("ip", &line.split_whitespace().collect::<Vec<_>>())
            .unwrap()
    };
    within(&format!(
        "link add eth0 mtu 9001 type veth peer name {veth} address {mac} mtu 9001 netns {pid}"
    ));
    for (name, value) in [("accept_ra", "0"), ("accept_redirects", "1"), ("forwarding", "0")] {
        let set = format!("echo {value} >/proc/sys/net/ipv6/conf/{veth}/{name}");
        node.run("sh", &["-ec", &set]).unwrap();
    }
    ip(node, &format!("link set {veth} up"));
    within("link set eth0 up");
    within("route add 169.254.1.1 dev eth0 scope link");
    within("route add default via 169.254.1.1 dev eth0");
    within(&format!("addr add {address}/32 dev eth0"));
    within(&format!(
        "neigh add 169.254.1.1 lladdr {mac} dev eth0 nud permanent"
    ));
    ip(node, &format!("route add {address} dev {veth} scope link"));
    ip(node, &format!("rule add to {address} lookup main priority 512"));
    if table != 254 {
        ip(
            node,
            &format!("rule add from {address} lookup {table} priority 1536"),
        );
    }
    let dummy = format!("dummy{}", veth.trim_start_matches("eni"));
    pod.added_as(json!({
        "cniVersion": "0.4.0",
        "interfaces": [
            {"name": veth},
            {"name": "eth0", "mac": table.to_string(), "sandbox": format!("/var/run/netns/{name}")},
            {"name": dummy, "mac": "0", "sandbox": held.device.to_string()},
        ],
        "ips": [{"version": "4", "interface": 1, "address": format!("{address}/32")}],
        "dns": {},
    }));
    pod
}

/// The checkpoint of these pods, in the stock agent's fields.
pub(crate) fn checkpoint(pods: &[Pod<'_>]) -> Value {
    let allocations: Vec<Value> = pods
        .iter()
        .map(|pod| {
            let IpAddr::V4(address) = pod.address().unwrap() else {
                panic!("an IPv4 pod");
            };
            json!({
                "networkName": "aws-cni",
                "containerID": pod.container(),
                "ifName": "eth0",
                "ipv4": address.to_string(),
                "allocationTimestamp": 1_700_000_000_000_000_000_i64,
                "metadata": {"k8sPodNamespace": "default", "k8sPodName": pod.name(), "interfacesCount": 1},
            })
        })
        .collect();
    json!({"version": "vpc-cni-ipam/1", "allocations": allocations})
}
