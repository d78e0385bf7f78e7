//! What the kernel should have for one interface of one pod, in the pod and on the node.

use super::value::{
    Address, Family, LinkSettings, MAIN_TABLE, Mac, Neighbour, Route, Rule, Sysctl, priority,
};
use super::{POD_ENI_TABLE_OFFSET, vlan_name};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use crate::config::PodEniMode as Enforcing;

/// The branch interface of a pod with its own groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// The VLAN of the branch on the trunk.
    pub vlan: u16,
    /// The address of the branch.
    pub mac: Mac,
    /// The gateway of its subnet.
    pub gateway: IpAddr,
    /// The index of the trunk's link on the node.
    pub trunk_index: u32,
    /// How its groups are enforced.
    pub enforcing: Enforcing,
}

/// One interface of one pod. Where its namespace is, is said beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodNetwork {
    /// The name of the link in the pod.
    pub container_if: String,
    /// The name of the link on the node.
    pub host_veth: String,
    /// The address of the link on the node: what the pod sends to.
    pub host_mac: Mac,
    /// The pod's address.
    pub address: IpAddr,
    /// 0 for the pod's first interface; further ones have a table of this number in the pod.
    pub index: u32,
    /// The MTU of both ends.
    pub mtu: u32,
    /// The table of the interface the address is from; [`MAIN_TABLE`] for the primary one. Not used with a branch.
    pub table: u32,
    /// The branch interface, for a pod with its own groups.
    pub branch: Option<Branch>,
}

/// What one namespace should have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodState {
    /// Values to be set before links come up.
    pub sysctls: Vec<Sysctl>,
    /// Links that are up.
    pub links: Vec<LinkSettings>,
    /// Addresses.
    pub addresses: Vec<Address>,
    /// Routes, in an order in which the kernel takes them.
    pub routes: Vec<Route>,
    /// Rules.
    pub rules: Vec<Rule>,
    /// Neighbours.
    pub neighbours: Vec<Neighbour>,
}

/// An address as the network that holds it alone.
pub(super) fn single(address: IpAddr) -> IpNet {
    IpNet::from(address)
}

/// An IPv6 address of a link, with the length such addresses have.
pub(super) fn link_local(address: IpAddr) -> IpNet {
    IpNet::new(address, 64).unwrap_or_else(|_| single(address))
}

/// Everything, in a family.
pub(super) fn everything(family: Family) -> IpNet {
    match family {
        Family::V4 => IpNet::V4(ipnet::Ipv4Net::default()),
        Family::V6 => IpNet::V6(ipnet::Ipv6Net::default()),
    }
}

/// The gateway a pod sends to: nobody has this address, its Ethernet address is a fixed entry.
pub fn gateway(family: Family, index: u32) -> IpAddr {
    let [.., high, low] = index.saturating_add(1).to_be_bytes();
    match family {
        Family::V4 => Ipv4Addr::new(169, 254, high.saturating_add(1), low).into(),
        Family::V6 => Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, u16::from_be_bytes([high, low])).into(),
    }
}

/// What the pod and the node should have, in this order.
pub fn pod(pod: &PodNetwork) -> (PodState, PodState) {
    (inside(pod), outside(pod))
}

/// A link the node talks to a pod or a branch by: no host takes router advertisements of a pod.
fn host_sysctls(device: &str, family: Family) -> Vec<Sysctl> {
    let conf = |name: &str, value: &str| Sysctl::optional(format!("net/ipv6/conf/{device}/{name}"), value);
    let mut sysctls = vec![
        conf("accept_ra", "0"),
        conf("accept_redirects", "1"),
        conf("forwarding", "0"),
    ];
    if family == Family::V6 {
        sysctls.push(conf("accept_dad", "0"));
    }
    sysctls
}

fn inside(pod: &PodNetwork) -> PodState {
    let family = Family::of(pod.address);
    let device = &pod.container_if;
    let gateway = gateway(family, pod.index);
    let table = if pod.index == 0 { MAIN_TABLE } else { pod.index };
    let route = |to, via| Route {
        table,
        to,
        via,
        device: device.clone(),
    };
    let sysctls = match family {
        Family::V4 => Vec::new(),
        Family::V6 => vec![
            Sysctl::new(format!("net/ipv6/conf/{device}/disable_ipv6"), "0"),
            Sysctl::new("net/ipv6/conf/lo/disable_ipv6", "0"),
            // Nobody else is on this wire, so looking for a duplicate only costs the pod its first second.
            Sysctl::new(format!("net/ipv6/conf/{device}/accept_dad"), "0"),
        ],
    };
    let rules = (pod.index > 0).then(|| Rule::from(single(pod.address), priority::POD_INTERFACE, table));
    PodState {
        sysctls,
        links: vec![LinkSettings {
            name: device.clone(),
            mtu: Some(pod.mtu),
        }],
        addresses: vec![Address {
            device: device.clone(),
            net: single(pod.address),
        }],
        routes: vec![
            route(single(gateway), None),
            route(everything(family), Some(gateway)),
        ],
        rules: rules.into_iter().collect(),
        neighbours: vec![Neighbour {
            device: device.clone(),
            address: gateway,
            mac: pod.host_mac,
        }],
    }
}

fn outside(pod: &PodNetwork) -> PodState {
    let family = Family::of(pod.address);
    let mut state = PodState {
        sysctls: host_sysctls(&pod.host_veth, family),
        links: vec![LinkSettings {
            name: pod.host_veth.clone(),
            mtu: Some(pod.mtu),
        }],
        ..PodState::default()
    };
    if family == Family::V6 {
        // The node asks for the pod from a link-local address. One that the kernel makes comes when the link has its
        // carrier, a moment after the pod's first packet; this one is there at once.
        state.addresses.push(Address {
            device: pod.host_veth.clone(),
            net: link_local(gateway(family, pod.index)),
        });
    }
    let to_pod = |table| Route {
        table,
        to: single(pod.address),
        via: None,
        device: pod.host_veth.clone(),
    };
    let Some(branch) = &pod.branch else {
        state.routes.push(to_pod(MAIN_TABLE));
        state.rules = by_address(pod.address, pod.table);
        return state;
    };
    let table = u32::from(branch.vlan) + POD_ENI_TABLE_OFFSET;
    add_branch(&mut state, branch, family, table);
    match branch.enforcing {
        Enforcing::Strict => {
            state.routes.push(to_pod(table));
            state.rules = [vlan_name(branch.vlan), pod.host_veth.clone()]
                .map(|iif| Rule {
                    iif: Some(iif),
                    ..Rule::new(family, priority::BRANCH, table)
                })
                .to_vec();
        }
        Enforcing::Standard => {
            state.routes.push(to_pod(MAIN_TABLE));
            state.rules = by_address(pod.address, table);
        }
    }
    state
}

/// To the pod by main, from it by its table.
fn by_address(address: IpAddr, table: u32) -> Vec<Rule> {
    let mut rules = vec![Rule::to(single(address), priority::TO_POD, MAIN_TABLE)];
    if table != MAIN_TABLE {
        rules.push(Rule::from(single(address), priority::FROM_POD, table));
    }
    rules
}

/// The VLAN link of a branch, and its table with a gateway.
fn add_branch(state: &mut PodState, branch: &Branch, family: Family, table: u32) {
    let vlan = vlan_name(branch.vlan);
    let route = |to, via| Route {
        table,
        to,
        via,
        device: vlan.clone(),
    };
    state.sysctls.extend(host_sysctls(&vlan, family));
    state.links.push(LinkSettings {
        name: vlan.clone(),
        // The VLAN has what the trunk has.
        mtu: None,
    });
    state.routes = vec![
        route(single(branch.gateway), None),
        route(everything(family), Some(branch.gateway)),
    ];
}
