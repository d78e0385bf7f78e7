//! Addresses and neighbours as messages and from messages.

use crate::link::Names;
use crate::route::family;
use crate::socket::{Request, Socket};
use ipnet::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_REPLACE};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, AddressScope,
};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use nix::libc::{EADDRNOTAVAIL, ENODEV};
use std::net::IpAddr;
use vpccni_core::datapath::{Address, Family, Mac, Neighbour};
use vpccni_core::ports::KernelError;

/// IPv6 addresses are used at once: EC2 gives an address to one interface only, so there is no duplicate to look for.
fn message(address: &Address, index: u32) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = family(Family::of_net(&address.net));
    message.header.prefix_len = address.net.prefix_len();
    message.header.index = index;
    message.header.scope = AddressScope::Universe;
    let ip = address.net.addr();
    message.attributes = vec![AddressAttribute::Local(ip), AddressAttribute::Address(ip)];
    if ip.is_ipv6() {
        message.header.flags = AddressHeaderFlags::Nodad;
        message
            .attributes
            .push(AddressAttribute::Flags(AddressFlags::Nodad));
    } else if let IpNet::V4(net) = address.net
        && net.prefix_len() < 31
    {
        message
            .attributes
            .push(AddressAttribute::Broadcast(net.broadcast()));
    }
    message
}

pub(crate) fn add(address: &Address, index: u32) -> Request {
    Request {
        message: RouteNetlinkMessage::NewAddress(message(address, index)),
        flags: NLM_F_CREATE | NLM_F_REPLACE,
        call: "add",
        object: format!("address {} to {}", address.net, address.device),
        fine: &[],
    }
}

/// Removes an address; one that is not there is fine.
pub(crate) fn remove(address: &Address, index: u32) -> Request {
    Request {
        message: RouteNetlinkMessage::DelAddress(message(address, index)),
        flags: 0,
        call: "remove",
        object: format!("address {} of {}", address.net, address.device),
        fine: &[EADDRNOTAVAIL, ENODEV],
    }
}

/// All addresses but those of the node alone, such as 127.0.0.1.
pub(crate) fn all(socket: &mut Socket, names: &Names) -> Result<Vec<Address>, KernelError> {
    let parse = |reply| match reply {
        RouteNetlinkMessage::NewAddress(message)
            if matches!(message.header.scope, AddressScope::Universe | AddressScope::Link) =>
        {
            let (mut local, mut shown) = (None, None);
            for attribute in message.attributes {
                match attribute {
                    AddressAttribute::Local(ip) => local = Some(ip),
                    AddressAttribute::Address(ip) => shown = Some(ip),
                    _ => {}
                }
            }
            let net = IpNet::new(local.or(shown)?, message.header.prefix_len).ok()?;
            let device = names.name(message.header.index)?.to_owned();
            Some(Address { device, net })
        }
        _ => None,
    };
    let question = RouteNetlinkMessage::GetAddress(AddressMessage::default());
    socket.dump("list addresses", &question, parse)
}

/// Sets a neighbour for good.
pub(crate) fn set_neighbour(neighbour: &Neighbour, index: u32) -> Request {
    neighbour_as(neighbour, index, NeighbourState::Permanent)
}

/// Sets where a neighbour probably is: packets go there at once, and the kernel asks again if nothing comes back.
pub(crate) fn hint_neighbour(neighbour: &Neighbour, index: u32) -> Request {
    neighbour_as(neighbour, index, NeighbourState::Stale)
}

fn neighbour_as(neighbour: &Neighbour, index: u32, state: NeighbourState) -> Request {
    let mut message = NeighbourMessage::default();
    message.header.family = family(Family::of(neighbour.address));
    message.header.ifindex = index;
    message.header.state = state;
    let address = match neighbour.address {
        IpAddr::V4(address) => NeighbourAddress::Inet(address),
        IpAddr::V6(address) => NeighbourAddress::Inet6(address),
    };
    message.attributes = vec![
        NeighbourAttribute::Destination(address),
        NeighbourAttribute::LinkLayerAddress(neighbour.mac.0.to_vec()),
    ];
    Request {
        message: RouteNetlinkMessage::NewNeighbour(message),
        flags: NLM_F_CREATE | NLM_F_REPLACE,
        call: "set",
        object: format!("neighbour {} on {}", neighbour.address, neighbour.device),
        fine: &[],
    }
}

/// All neighbours that are known for good.
pub(crate) fn neighbours(socket: &mut Socket, names: &Names) -> Result<Vec<Neighbour>, KernelError> {
    let parse = |reply| match reply {
        RouteNetlinkMessage::NewNeighbour(message) if message.header.state == NeighbourState::Permanent => {
            let (mut address, mut mac) = (None, None);
            for attribute in message.attributes {
                match attribute {
                    NeighbourAttribute::Destination(NeighbourAddress::Inet(ip)) => {
                        address = Some(IpAddr::V4(ip));
                    }
                    NeighbourAttribute::Destination(NeighbourAddress::Inet6(ip)) => {
                        address = Some(IpAddr::V6(ip));
                    }
                    NeighbourAttribute::LinkLayerAddress(bytes) => mac = bytes.try_into().ok().map(Mac),
                    _ => {}
                }
            }
            Some(Neighbour {
                device: names.name(message.header.ifindex)?.to_owned(),
                address: address?,
                mac: mac?,
            })
        }
        _ => None,
    };
    let question = RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default());
    socket.dump("list neighbours", &question, parse)
}
