//! What is plugged into which machine, and which addresses each port holds, as the sandbox has it now.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};
use vpccni_core::ids::{EniId, InstanceId};
use vpccni_sandbox::world::{AttachmentStatus, Interface, World};

/// The number of a port, and its name in the fabric: `p7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PortName(pub(super) u32);

impl fmt::Display for PortName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", self.0)
    }
}

/// What DHCP and router advertisements tell a primary interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Primary {
    pub(super) address: Ipv4Addr,
    pub(super) subnet: Ipv4Net,
    pub(super) ipv6: Vec<Ipv6Addr>,
    /// Where the fabric answers for the metadata service of this machine.
    pub(super) metadata: Ipv4Addr,
}

impl Primary {
    /// The router of the subnet: its second address.
    pub(super) fn gateway(&self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.subnet.network()) + 1)
    }
}

/// The public address of a primary interface: 198.18.x.y for a.b.x.y, of the range set aside for tests of networks.
pub fn public(private: Ipv4Addr) -> Ipv4Addr {
    let [_, _, high, low] = private.octets();
    Ipv4Addr::new(198, 18, high, low)
}

/// An interface in its socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Port {
    pub(super) instance: InstanceId,
    /// Its name in the machine.
    pub(super) device: String,
    pub(super) mac: String,
    pub(super) ipv4: BTreeSet<Ipv4Net>,
    pub(super) ipv6: BTreeSet<Ipv6Net>,
    /// Whether source and destination are checked.
    pub(super) checked: bool,
    pub(super) primary: Option<Primary>,
}

/// What the sandbox has plugged into the machines that are on.
pub(super) fn ports(world: &World, machines: &BTreeMap<InstanceId, Ipv4Addr>) -> BTreeMap<EniId, Port> {
    let mut ports: BTreeMap<EniId, Port> = machines
        .iter()
        .filter_map(|(id, metadata)| Some((world.instances.get(id)?, *metadata)))
        .flat_map(|(instance, metadata)| {
            instance
                .interfaces
                .iter()
                .map(move |(place, eni)| (*place, eni, metadata))
        })
        .filter_map(|(place, eni, metadata)| {
            let interface = world.interfaces.get(eni)?;
            Some((eni.clone(), attached(world, interface, place, metadata)?))
        })
        .collect();
    let branches: Vec<_> = world
        .trunk_associations
        .values()
        .filter_map(|on| {
            let (trunk, branch) = (ports.get(&on.trunk)?, world.interfaces.get(&on.branch)?);
            // A link of its own stands in for the VLAN of the trunk, under the name that the VLAN has on a node: not
            // every kernel has 802.1Q, and what is tried here is the way of the packets, not their framing.
            let device = format!("vlan.eth.{}", on.vlan);
            Some((on.branch.clone(), port(branch, &trunk.instance, device, None)))
        })
        .collect();
    ports.extend(branches);
    ports
}

/// The blocks of all VPCs: what is in them and held by nobody is lost.
pub(super) fn blocks(world: &World) -> (BTreeSet<Ipv4Net>, BTreeSet<Ipv6Net>) {
    let of4 = world.vpcs.values().flat_map(|vpc| &vpc.cidrs);
    let of6 = world.vpcs.values().flat_map(|vpc| &vpc.ipv6);
    (of4.map(|a| a.cidr).collect(), of6.map(|a| a.cidr).collect())
}

fn attached(world: &World, interface: &Interface, place: (u32, u32), metadata: Ipv4Addr) -> Option<Port> {
    let attachment = interface.attachment.as_ref()?;
    if attachment.status != AttachmentStatus::Attached {
        return None;
    }
    let primary = place == (0, 0);
    let primary = primary.then(|| {
        let subnet = world.subnets.get(&interface.subnet)?;
        Some(Primary {
            address: interface.primary,
            subnet: subnet.cidr,
            ipv6: interface.ipv6.addresses.clone(),
            metadata,
        })
    });
    Some(port(
        interface,
        &attachment.instance,
        device(place),
        primary.flatten(),
    ))
}

fn port(interface: &Interface, instance: &InstanceId, device: String, primary: Option<Primary>) -> Port {
    let addresses = std::iter::once(interface.primary).chain(interface.secondary.iter().copied());
    let prefixes = interface.prefixes.iter().map(|prefix| prefix.net());
    let addresses6 = interface.ipv6.addresses.iter();
    Port {
        instance: instance.clone(),
        device,
        mac: interface.mac.clone(),
        ipv4: addresses.map(Ipv4Net::from).chain(prefixes).collect(),
        ipv6: addresses6
            .map(|address| Ipv6Net::from(*address))
            .chain(interface.ipv6.prefixes.iter().copied())
            .collect(),
        checked: interface.source_dest_check,
        primary,
    }
}

/// Its name in the machine by card and device index.
fn device((card, index): (u32, u32)) -> String {
    match card {
        0 => format!("eth{index}"),
        _ => format!("eth{index}c{card}"),
    }
}
