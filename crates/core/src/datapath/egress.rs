//! The second family of a pod: an address that is the same on every node, translated to the node's own.

use super::PodState;
use super::name::hex;
use super::nft::{Action, Chain, Match, NftRule, Random};
use super::pod::{everything, link_local, single};
use super::value::{Address, Family, LinkSettings, MAIN_TABLE, Mac, Neighbour, Route, Sysctl};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use sha1::{Digest, Sha1};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The table with a chain for each pod, apart from the node's own: the plugin writes here, ipamd there.
pub const EGRESS_TABLE: &str = "vpc-cni-egress";

/// As many digits as make a collision on a node a matter of luck nobody has.
const DIGITS: usize = 24;

/// Which family a pod gets beside its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EgressFamily {
    /// IPv4 for pods of an IPv6 cluster.
    V4,
    /// IPv6 for pods of an IPv4 cluster.
    V6,
}

impl EgressFamily {
    /// As a family.
    pub fn family(self) -> Family {
        match self {
            Self::V4 => Family::V4,
            Self::V6 => Family::V6,
        }
    }

    /// Where the addresses are from.
    pub fn range(self) -> IpNet {
        match self {
            Self::V4 => IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 172, 0), 22)),
            Self::V6 => IpNet::V6(Ipv6Net::new_assert(
                Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0xac, 0),
                118,
            )),
        }
    }

    /// The name of the link in the pod.
    pub fn interface(self) -> &'static str {
        match self {
            Self::V4 => "v4if0",
            Self::V6 => "v6if0",
        }
    }

    fn multicast(self) -> IpNet {
        match self {
            Self::V4 => IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(224, 0, 0, 0), 4)),
            Self::V6 => IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8)),
        }
    }
}

/// The egress interface of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Egress {
    /// Which family.
    pub family: EgressFamily,
    /// The name of the link on the node.
    pub host_veth: String,
    /// The pod's address in this family, with the length of its range.
    pub address: IpNet,
    /// The Ethernet address of that link.
    pub host_mac: Mac,
    /// The interface of the pod's own family, whose IPv6 is turned off where the pod gets IPv6 here.
    pub primary_if: String,
    /// The MTU of both ends.
    pub mtu: u32,
    /// The node's address that the world sees.
    pub node_ip: IpAddr,
    /// What decides about ports.
    pub random: Random,
    /// The chain, see [`egress_chain_name`].
    pub chain: String,
}

/// The chain of a container: `E4-` or `E6-` and a hash of network and container.
pub fn egress_chain_name(family: EgressFamily, network: &str, container: &str) -> String {
    let prefix = match family {
        EgressFamily::V4 => "E4-",
        EgressFamily::V6 => "E6-",
    };
    // A zero byte keeps ("ab", "c") and ("a", "bc") apart.
    let hash = Sha1::digest(format!("{network}\0{container}"));
    format!("{prefix}{}", hex(&hash, DIGITS))
}

impl Egress {
    /// What the pod sends to, and the node's end answers for.
    pub fn gateway(&self) -> IpAddr {
        match self.address {
            IpNet::V4(net) => IpAddr::V4(net.network().to_bits().saturating_add(1).into()),
            IpNet::V6(_) => IpAddr::V6(self.host_mac.link_local()),
        }
    }

    /// What the pod should have.
    pub fn inside(&self) -> PodState {
        let gateway = self.gateway();
        let device = self.family.interface().to_owned();
        let route = |to, via| Route {
            table: MAIN_TABLE,
            to,
            via,
            device: device.clone(),
        };
        let sysctls = match self.family {
            EgressFamily::V4 => Vec::new(),
            EgressFamily::V6 => vec![
                Sysctl::optional(format!("net/ipv6/conf/{}/disable_ipv6", self.primary_if), "1"),
                Sysctl::new(format!("net/ipv6/conf/{device}/disable_ipv6"), "0"),
                Sysctl::new(format!("net/ipv6/conf/{device}/accept_dad"), "0"),
            ],
        };
        let mut routes = vec![route(single(gateway), None)];
        if self.family == EgressFamily::V4 {
            routes.push(route(self.address.trunc(), Some(gateway)));
        }
        routes.push(route(everything(self.family.family()), Some(gateway)));
        PodState {
            sysctls,
            links: vec![self.settings(&device)],
            addresses: vec![Address {
                device: device.clone(),
                net: self.address,
            }],
            routes,
            neighbours: vec![Neighbour {
                device,
                address: gateway,
                mac: self.host_mac,
            }],
            ..PodState::default()
        }
    }

    /// What the node should have.
    pub fn outside(&self) -> PodState {
        let device = &self.host_veth;
        let gateway = match self.family {
            EgressFamily::V4 => single(self.gateway()),
            EgressFamily::V6 => link_local(self.gateway()),
        };
        PodState {
            sysctls: vec![Sysctl::optional(
                format!("net/ipv6/conf/{device}/accept_dad"),
                "0",
            )],
            links: vec![self.settings(device)],
            addresses: vec![Address {
                device: device.clone(),
                net: gateway,
            }],
            routes: vec![Route {
                table: MAIN_TABLE,
                to: single(self.address.addr()),
                via: None,
                device: device.clone(),
            }],
            ..PodState::default()
        }
    }

    /// The chain that translates this pod's connections.
    pub fn chain(&self) -> Chain {
        Chain {
            name: self.chain.clone(),
            hook: None,
            rules: vec![
                NftRule::new(
                    [Match::To(self.family.multicast())],
                    Action::Accept,
                    "multicast stays as it is",
                ),
                NftRule::new(
                    [],
                    Action::Snat(self.node_ip, self.random),
                    "egress by the node's address",
                ),
            ],
        }
    }

    /// The rule that leads to the chain.
    pub fn jump(&self) -> NftRule {
        NftRule::new(
            [Match::From(single(self.address.addr()))],
            Action::Jump(self.chain.clone()),
            self.chain.clone(),
        )
    }

    fn settings(&self, name: &str) -> LinkSettings {
        LinkSettings {
            name: name.to_owned(),
            mtu: Some(self.mtu),
        }
    }
}
