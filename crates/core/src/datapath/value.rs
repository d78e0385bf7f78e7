//! Links, addresses, routes, rules, neighbours and sysctls as plain values. Devices go by name: an index is only
//! known to the namespace that gave it.

use ipnet::IpNet;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

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

/// An Ethernet address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// These bytes as an address that is unicast and locally administered: for a veth nobody else gave one.
    pub fn local(mut bytes: [u8; 6]) -> Self {
        bytes[0] = (bytes[0] & 0xfc) | 0x02;
        Self(bytes)
    }
}

impl Mac {
    /// The IPv6 address of a link that follows from this one.
    pub fn link_local(self) -> Ipv6Addr {
        let mut octets = [0; 16];
        octets[..2].copy_from_slice(&[0xfe, 0x80]);
        octets[8..11].copy_from_slice(&self.0[..3]);
        octets[11..13].copy_from_slice(&[0xff, 0xfe]);
        octets[13..].copy_from_slice(&self.0[3..]);
        octets[8] ^= 0x02;
        Ipv6Addr::from(octets)
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02x}", if place == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

/// A text that is no Ethernet address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an Ethernet address")]
pub struct NotAMac(String);

impl FromStr for Mac {
    type Err = NotAMac;

    fn from_str(text: &str) -> Result<Self, NotAMac> {
        let wrong = || NotAMac(text.to_owned());
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2).ok_or_else(wrong)?;
            *byte = u8::from_str_radix(part, 16).map_err(|_| wrong())?;
        }
        parts.next().map_or(Ok(Self(bytes)), |_| Err(wrong()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ethernet_address_is_six_pairs() {
        assert_eq!(
            "0a:58:a9:fe:01:01".parse(),
            Ok(Mac([0x0a, 0x58, 0xa9, 0xfe, 1, 1]))
        );
        assert_eq!(Mac([0, 1, 2, 3, 4, 255]).to_string(), "00:01:02:03:04:ff");
        for wrong in [
            "",
            "0a:58:a9:fe:01",
            "0a:58:a9:fe:01:01:01",
            "0a:58:a9:fe:1:1",
            "+a:58:a9:fe:01:zz",
        ] {
            assert!(wrong.parse::<Mac>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_local_address_is_unicast_and_locally_administered() {
        assert_eq!(Mac::local([0xff; 6]).0[0], 0xfe);
        assert_eq!(Mac::local([0; 6]).0[0], 0x02);
    }

    #[test]
    fn a_link_local_address_follows_from_the_ethernet_address() {
        let mac: Mac = "52:54:00:12:34:56".parse().unwrap();
        assert_eq!(mac.link_local().to_string(), "fe80::5054:ff:fe12:3456");
    }
}
