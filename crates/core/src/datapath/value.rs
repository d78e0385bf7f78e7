//! Links, addresses, routes, rules, neighbours and sysctls as plain values. Devices go by name: an index is only
//! known to the namespace that gave it.

use ipnet::IpNet;
use std::fmt;
use std::net::IpAddr;

pub use crate::net::{Mac, NotAMac};

/// The table that routes go to where nothing else is said.
pub const MAIN_TABLE: u32 = 254;

/// Priorities of rules, smallest first.
pub mod priority {
    /// The kernel's own rule for addresses of the node.
    pub const LOCAL: u32 = 0;
    /// Inside a pod: from the address of a further interface to its table.
    pub const POD_INTERFACE: u32 = 1;
    /// From the VLAN link or the veth of a pod with its own groups to the table of its branch.
    pub const BRANCH: u32 = 10;
    /// Where the local rule goes in strict mode, so that traffic of such pods to the node leaves by the branch first.
    pub const LOCAL_STRICT: u32 = 20;
    /// To the address of a pod.
    pub const TO_POD: u32 = 512;
    /// Marked connections leave by the primary interface.
    pub const MARK: u32 = 1024;
    /// To service networks outside the cluster, by the primary interface.
    pub const SERVICE: u32 = 1535;
    /// From the address of a pod to the table of its interface.
    pub const FROM_POD: u32 = 1536;
    /// From the primary address of a secondary interface to its table.
    pub const FROM_ENI: u32 = 32765;
}

/// An address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// The family of a network.
    pub fn of_net(net: &IpNet) -> Self {
        Self::of(net.addr())
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "ip",
            Self::V6 => "ip6",
        })
    }
}

/// What kind of device a link is, as far as we make a difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkKind {
    /// One end of a pair.
    Veth,
    /// A VLAN of another link.
    Vlan,
    /// A physical device, or what else has no kind.
    Plain,
    /// Anything else, by the kernel's word.
    Other(String),
}

/// The other end of a link.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Peer {
    /// Its index in its namespace.
    pub index: u32,
    /// The id of its namespace, where that is not this one.
    pub namespace: Option<i32>,
}

/// A link as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// Its index.
    pub index: u32,
    /// Its address, where it has one of Ethernet.
    pub mac: Option<Mac>,
    /// Its MTU.
    pub mtu: u32,
    /// Whether it is up by administration.
    pub up: bool,
    /// Its kind.
    pub kind: LinkKind,
    /// The other end of a veth, the parent of a VLAN.
    pub peer: Option<Peer>,
}

/// How a link should be: up, with this MTU.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkSettings {
    /// Its name.
    pub name: String,
    /// Its MTU; none leaves what it has.
    pub mtu: Option<u32>,
}

/// An address of a device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// The device.
    pub device: String,
    /// The address with the length of its network.
    pub net: IpNet,
}

/// A unicast route. Without a gateway its scope is the link, with one it is global.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// The table.
    pub table: u32,
    /// The destination.
    pub to: IpNet,
    /// The gateway.
    pub via: Option<IpAddr>,
    /// The device.
    pub device: String,
}

/// A firewall mark under a mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// The bits that are set.
    pub value: u32,
    /// The bits that are looked at.
    pub mask: u32,
}

/// A rule of policy routing that leads to a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// Its family.
    pub family: Family,
    /// Its priority: the smallest goes first.
    pub priority: u32,
    /// Sources.
    pub from: Option<IpNet>,
    /// Destinations.
    pub to: Option<IpNet>,
    /// The device the packet came in by.
    pub iif: Option<String>,
    /// The mark of the packet.
    pub mark: Option<Mark>,
    /// The protocol above IP.
    pub protocol: Option<u8>,
    /// Where it leads.
    pub table: u32,
}

impl Rule {
    /// A rule for every packet.
    pub fn new(family: Family, priority: u32, table: u32) -> Self {
        Self {
            family,
            priority,
            from: None,
            to: None,
            iif: None,
            mark: None,
            protocol: None,
            table,
        }
    }

    /// A rule for packets from a network.
    pub fn from(net: IpNet, priority: u32, table: u32) -> Self {
        Self {
            from: Some(net),
            ..Self::new(Family::of_net(&net), priority, table)
        }
    }

    /// A rule for packets to a network.
    pub fn to(net: IpNet, priority: u32, table: u32) -> Self {
        Self {
            to: Some(net),
            ..Self::new(Family::of_net(&net), priority, table)
        }
    }
}

/// A neighbour that is known for good.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Neighbour {
    /// The device.
    pub device: String,
    /// The address.
    pub address: IpAddr,
    /// Where it is.
    pub mac: Mac,
}

/// A value under `/proc/sys`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sysctl {
    /// The path below `/proc/sys`, such as `net/ipv4/conf/eth0/rp_filter`.
    pub path: String,
    /// The value.
    pub value: String,
    /// Whether a kernel without it is fine: IPv6 can be left out of a kernel.
    pub optional: bool,
}

impl Sysctl {
    /// A value that must be there.
    pub fn new(path: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            value: value.into(),
            optional: false,
        }
    }

    /// A value that a kernel may lack.
    pub fn optional(path: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            optional: true,
            ..Self::new(path, value)
        }
    }
}
