//! What the kernel should have for the interfaces of a node.

use super::diff::Desired;
use super::pod::{everything, single};
use super::value::{Address, Family, LinkSettings, MAIN_TABLE, Mark, Route, Rule, Sysctl, priority};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr};

/// The table of addresses of the node.
const LOCAL_TABLE: u32 = 255;
const ICMPV6: u8 = 58;
/// The IPv6 router of every subnet of a VPC.
const V6_GATEWAY: Ipv6Addr = Ipv6Addr::new(0xfe80, 0xec2, 0, 0, 0, 0, 0, 1);

/// What the primary interface depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrimaryEni {
    /// Its link.
    pub device: String,
    /// Its MTU.
    pub mtu: u32,
    /// The family of pods.
    pub family: Family,
    /// The mark of connections that stay on this interface: with node ports or source translation.
    pub mark: Option<u32>,
    /// Pods with their own groups exist, and these are enforced strictly.
    pub strict: bool,
}

/// What is set once for a node, before its agent starts, by somebody who may write every value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeInit {
    /// The link of the primary interface.
    pub device: String,
    /// Pods have IPv6 addresses, or reach IPv6 by the node.
    pub ipv6: bool,
    /// Probes of the kubelet reach pods with their own groups (`DISABLE_TCP_EARLY_DEMUX`).
    pub no_early_demux: bool,
}

/// What a secondary interface depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondaryEni {
    /// Its link.
    pub device: String,
    /// Its MTU.
    pub mtu: u32,
    /// Its primary address.
    pub address: IpAddr,
    /// Its subnet.
    pub subnet: IpNet,
    /// Its table.
    pub table: u32,
    /// A trunk has no rule for its own address.
    pub trunk: bool,
}

/// The primary interface and the rules that do not depend on pods.
pub fn primary_eni(eni: &PrimaryEni) -> Desired {
    let local = |priority| Rule::new(eni.family, priority, LOCAL_TABLE);
    let mut desired = Desired {
        links: vec![LinkSettings {
            name: eni.device.clone(),
            mtu: Some(eni.mtu),
        }],
        sysctls: forwarding(&eni.device, eni.family == Family::V6),
        ..Desired::default()
    };
    desired.owned_priorities.insert((eni.family, priority::MARK));
    desired.rules.extend(eni.mark.map(|mark| Rule {
        mark: Some(Mark {
            value: mark,
            mask: mark,
        }),
        ..Rule::new(eni.family, priority::MARK, MAIN_TABLE)
    }));
    let router = Rule {
        protocol: Some(ICMPV6),
        ..Rule::from(single(V6_GATEWAY.into()), priority::LOCAL, LOCAL_TABLE)
    };
    if eni.strict {
        desired.rules.push(local(priority::LOCAL_STRICT));
        desired.absent_rules.push(local(priority::LOCAL));
        // Answers of the router are for the node even where they come in by a branch.
        desired.rules.extend((eni.family == Family::V6).then_some(router));
    } else {
        desired.rules.push(local(priority::LOCAL));
        desired.absent_rules.push(local(priority::LOCAL_STRICT));
        desired
            .absent_rules
            .extend((eni.family == Family::V6).then_some(router));
    }
    desired
}

/// The values that [`NodeInit`] asks for. The agent wants most of them, too, but may not be allowed to write them.
pub fn node_init(init: &NodeInit) -> Desired {
    let mut sysctls = forwarding(&init.device, init.ipv6);
    sysctls.push(Sysctl::optional(
        "net/ipv4/tcp_early_demux",
        if init.no_early_demux { "0" } else { "1" },
    ));
    Desired {
        sysctls,
        ..Desired::default()
    }
}

fn forwarding(device: &str, ipv6: bool) -> Vec<Sysctl> {
    // Loose: answers to a pod on another interface come by a way the strict check does not know.
    let mut sysctls = vec![Sysctl::new(format!("net/ipv4/conf/{device}/rp_filter"), "2")];
    if ipv6 {
        for (name, value) in [
            ("all/disable_ipv6", "0"),
            ("default/disable_ipv6", "0"),
            ("all/forwarding", "1"),
            ("default/forwarding", "1"),
        ] {
            sysctls.push(Sysctl::new(format!("net/ipv6/conf/{name}"), value));
        }
        sysctls.push(Sysctl::new(format!("net/ipv6/conf/{device}/accept_ra"), "2"));
    }
    sysctls
}

/// The gateway of a subnet: its second address, or the router of all IPv6 subnets.
fn gateway(subnet: &IpNet) -> IpAddr {
    match subnet {
        IpNet::V4(net) => IpAddr::V4(net.network().to_bits().saturating_add(1).into()),
        IpNet::V6(_) => IpAddr::V6(V6_GATEWAY),
    }
}

/// A secondary interface: its own table, which only traffic of its addresses takes.
pub fn secondary_eni(eni: &SecondaryEni) -> Desired {
    let gateway = gateway(&eni.subnet);
    let route = |to, via| Route {
        table: eni.table,
        to,
        via,
        device: eni.device.clone(),
    };
    let family = Family::of(eni.address);
    // Adding the address makes a route to the subnet in main; traffic of the primary interface would take it.
    let connected = Route {
        table: MAIN_TABLE,
        to: eni.subnet.trunc(),
        via: None,
        device: eni.device.clone(),
    };
    let net = IpNet::new(eni.address, eni.subnet.prefix_len()).unwrap_or_else(|_| single(eni.address));
    let own = Rule::from(single(eni.address), priority::FROM_ENI, eni.table);
    let (rules, absent_rules) = if eni.trunk {
        (Vec::new(), vec![own])
    } else {
        (vec![own], Vec::new())
    };
    Desired {
        links: vec![LinkSettings {
            name: eni.device.clone(),
            mtu: Some(eni.mtu),
        }],
        addresses: vec![Address {
            device: eni.device.clone(),
            net,
        }],
        owned_addresses: [(family, eni.device.clone())].into(),
        routes: vec![
            route(single(gateway), None),
            route(everything(family), Some(gateway)),
        ],
        owned_tables: [(family, eni.table)].into(),
        absent_routes: vec![connected],
        rules,
        absent_rules,
        ..Desired::default()
    }
}

/// What an interface that is gone leaves behind: routes go with its link, its rule does not.
pub fn eni_gone(address: IpAddr, table: u32) -> Desired {
    Desired {
        owned_tables: [(Family::of(address), table)].into(),
        absent_rules: vec![Rule::from(single(address), priority::FROM_ENI, table)],
        ..Desired::default()
    }
}

/// Services outside the cluster that pods reach by the primary interface; rules for others go.
pub fn service_cidrs(family: Family, nets: &[IpNet]) -> Desired {
    Desired {
        rules: nets
            .iter()
            .filter(|net| Family::of_net(net) == family)
            .map(|net| Rule::to(net.trunc(), priority::SERVICE, MAIN_TABLE))
            .collect(),
        owned_priorities: [(family, priority::SERVICE)].into(),
        ..Desired::default()
    }
}
