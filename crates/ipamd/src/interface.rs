//! An attached interface as the agent works with it: what the metadata service shows, and EC2's word where it is known.

use std::collections::BTreeMap;
use std::net::IpAddr;
use vpccni_core::assign::{Eni, IpNet, Mode, Role};
use vpccni_core::datapath::route_table_id;
use vpccni_core::ids::{EniId, SecurityGroupId, SubnetId};
use vpccni_core::net::Mac;
use vpccni_core::ports::EniKind;
use vpccni_core::ports::node::{ImdsAddresses, ImdsEni, NodeEni};

/// An attached interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its id.
    pub id: EniId,
    /// Its MAC address.
    pub mac: Mac,
    /// Its network card.
    pub card: u32,
    /// Its device number.
    pub device: u32,
    /// What it is.
    pub role: Role,
    /// Its subnet.
    pub subnet: SubnetId,
    /// The network of its subnet, of the family that pods have.
    pub subnet_net: Option<IpNet>,
    /// Its own address, of that family.
    pub address: Option<IpAddr>,
    /// What it carries for pods.
    pub blocks: Vec<IpNet>,
    /// Its tags; none where EC2 was not asked.
    pub tags: Option<BTreeMap<String, String>>,
    /// Its groups.
    pub security_groups: Vec<SecurityGroupId>,
}

impl Interface {
    /// From both views; addresses are EC2's where it was asked.
    pub fn new(mode: Mode, shown: &ImdsEni, described: Option<&NodeEni>) -> Self {
        let six = mode == Mode::Ipv6;
        let kind = described.map_or(EniKind::Interface, |eni| eni.kind);
        let address = if six {
            shown.addresses.ipv6.first().copied().map(IpAddr::V6)
        } else {
            shown.addresses.ipv4.first().copied().map(IpAddr::V4)
        };
        let subnet_net = if six {
            shown.subnet_cidr_v6.map(IpNet::V6)
        } else {
            shown.subnet_cidr.map(IpNet::V4)
        };
        Self {
            id: shown.id.clone(),
            mac: shown.mac,
            card: shown.network_card,
            device: shown.device_index,
            role: Role {
                primary: shown.network_card == 0 && shown.device_index == 0,
                trunk: kind == EniKind::Trunk,
                efa: kind == EniKind::Efa,
                excluded: false,
            },
            subnet: shown.subnet.clone(),
            subnet_net,
            address,
            blocks: described.map_or_else(
                || shown_blocks(mode, &shown.addresses),
                |eni| described_blocks(mode, eni),
            ),
            tags: described.map(|eni| eni.tags.clone()),
            security_groups: shown.security_groups.clone(),
        }
    }

    /// Its table.
    pub fn table(&self) -> u32 {
        route_table_id(self.card, self.device)
    }

    /// As the data store knows it.
    pub fn eni(&self, now: jiff::Timestamp) -> Eni {
        Eni {
            id: self.id.clone(),
            card: self.card,
            device: self.device,
            role: self.role,
            subnet: Some(self.subnet.clone()),
            added: now,
        }
    }
}

/// What an interface carries for pods, by EC2.
pub fn described_blocks(mode: Mode, eni: &NodeEni) -> Vec<IpNet> {
    if mode == Mode::Ipv6 {
        return eni.ipv6_prefixes.iter().copied().map(IpNet::V6).collect();
    }
    let prefixes = eni.prefixes.iter().map(|prefix| IpNet::V4(prefix.net()));
    let addresses = eni
        .secondary_ips
        .iter()
        .map(|address| IpNet::from(IpAddr::V4(*address)));
    prefixes.chain(addresses).collect()
}

/// The same, by the metadata service: there the primary address comes first.
pub fn shown_blocks(mode: Mode, addresses: &ImdsAddresses) -> Vec<IpNet> {
    if mode == Mode::Ipv6 {
        return addresses.ipv6_prefixes.iter().copied().map(IpNet::V6).collect();
    }
    let prefixes = addresses.prefixes.iter().map(|prefix| IpNet::V4(prefix.net()));
    let single = addresses.ipv4.iter().skip(1);
    let single = single.map(|address| IpNet::from(IpAddr::V4(*address)));
    prefixes.chain(single).collect()
}
