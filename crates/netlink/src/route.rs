//! Routes as messages and from messages.

use crate::link::Names;
use crate::socket::{Request, Socket};
use ipnet::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_REPLACE};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use nix::libc::{EHOSTUNREACH, ENETUNREACH, ENODEV, ESRCH};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use vpccni_core::datapath::{Family, Route};
use vpccni_core::ports::KernelError;

pub(crate) fn family(family: Family) -> AddressFamily {
    match family {
        Family::V4 => AddressFamily::Inet,
        Family::V6 => AddressFamily::Inet6,
    }
}

/// The family of a message; none for those we do not know.
pub(crate) fn known(family: AddressFamily) -> Option<Family> {
    match family {
        AddressFamily::Inet => Some(Family::V4),
        AddressFamily::Inet6 => Some(Family::V6),
        _ => None,
    }
}

fn message(route: &Route, index: u32) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = family(Family::of_net(&route.to));
    message.header.destination_prefix_length = route.to.prefix_len();
    // The header has a byte for the table; the attribute has them all.
    message.header.table = RouteHeader::RT_TABLE_UNSPEC;
    message.header.kind = RouteType::Unicast;
    message.header.scope = if route.via.is_none() && route.to.addr().is_ipv4() {
        RouteScope::Link
    } else {
        RouteScope::Universe
    };
    message.attributes = vec![RouteAttribute::Table(route.table), RouteAttribute::Oif(index)];
    if route.to.prefix_len() > 0 {
        message
            .attributes
            .push(RouteAttribute::Destination(route.to.network().into()));
    }
    message
        .attributes
        .extend(route.via.map(|via| RouteAttribute::Gateway(via.into())));
    message
}

/// Adds a route, or puts it in the place of another to the same destination in the same table.
pub(crate) fn set(route: &Route, index: u32) -> Request {
    let mut message = message(route, index);
    message.header.protocol = RouteProtocol::Boot;
    Request {
        message: RouteNetlinkMessage::NewRoute(message),
        flags: NLM_F_CREATE | NLM_F_REPLACE,
        call: "set",
        object: format!("route {route}"),
        fine: &[],
    }
}

/// Removes a route; one that is not there is fine.
pub(crate) fn remove(route: &Route, index: u32) -> Request {
    let mut message = message(route, index);
    // Whoever made it and whatever its scope: an unset scope of an IPv4 route would mean global.
    message.header.scope = RouteScope::NoWhere;
    Request {
        message: RouteNetlinkMessage::DelRoute(message),
        flags: 0,
        call: "remove",
        object: format!("route {route}"),
        fine: &[ESRCH, ENODEV],
    }
}

/// The way to an address, as a packet of this namespace would go, if there is one.
fn lookup(
    socket: &mut Socket,
    address: IpAddr,
    flags: RouteFlags,
) -> Result<Option<RouteMessage>, KernelError> {
    let mut message = RouteMessage::default();
    message.header.address_family = family(Family::of(address));
    message.header.destination_prefix_length = IpNet::from(address).prefix_len();
    message.header.flags = flags;
    message.attributes = vec![RouteAttribute::Destination(address.into())];
    let request = Request {
        message: RouteNetlinkMessage::GetRoute(message),
        flags: 0,
        call: "look up",
        object: format!("the way to {address}"),
        fine: &[ENETUNREACH, EHOSTUNREACH],
    };
    let replies = socket.batch(vec![request])?;
    Ok(replies.into_iter().find_map(|reply| match reply {
        RouteNetlinkMessage::NewRoute(route) => Some(route),
        _ => None,
    }))
}

/// Whether packets to the address are taken here.
pub(crate) fn is_local(socket: &mut Socket, address: IpAddr) -> Result<bool, KernelError> {
    let route = lookup(socket, address, RouteFlags::empty())?;
    Ok(route.is_some_and(|route| route.header.kind == RouteType::Local))
}

/// The index of the link that a route to this one address leads through.
pub(crate) fn link_of(socket: &mut Socket, address: IpAddr) -> Result<Option<u32>, KernelError> {
    // The entry itself, not what a lookup makes of it: only its length tells it from the route of a subnet.
    let Some(route) = lookup(socket, address, RouteFlags::FibMatch)? else {
        return Ok(None);
    };
    let is_its_own = route.header.kind == RouteType::Unicast
        && route.header.destination_prefix_length == IpNet::from(address).prefix_len();
    Ok(route
        .attributes
        .into_iter()
        .find_map(|attribute| match attribute {
            RouteAttribute::Oif(index) if is_its_own => Some(index),
            _ => None,
        }))
}

/// All unicast routes of all tables.
pub(crate) fn all(socket: &mut Socket, names: &Names) -> Result<Vec<Route>, KernelError> {
    let mut routes = Vec::new();
    for of in [Family::V4, Family::V6] {
        let mut message = RouteMessage::default();
        message.header.address_family = family(of);
        let question = RouteNetlinkMessage::GetRoute(message);
        routes.extend(socket.dump("list routes", &question, |reply| match reply {
            RouteNetlinkMessage::NewRoute(message) => parse(message, names),
            _ => None,
        })?);
    }
    Ok(routes)
}

fn parse(message: RouteMessage, names: &Names) -> Option<Route> {
    if message.header.kind != RouteType::Unicast {
        return None;
    }
    let any = match known(message.header.address_family)? {
        Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let (mut to, mut via, mut device) = (any, None, None);
    let mut table = u32::from(message.header.table);
    for attribute in message.attributes {
        match attribute {
            RouteAttribute::Destination(address) => to = ip(&address)?,
            RouteAttribute::Gateway(address) => via = Some(ip(&address)?),
            RouteAttribute::Oif(index) => device = names.name(index).map(str::to_owned),
            RouteAttribute::Table(number) => table = number,
            _ => {}
        }
    }
    Some(Route {
        table,
        to: IpNet::new(to, message.header.destination_prefix_length).ok()?,
        via,
        device: device?,
    })
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some(IpAddr::V4(*address)),
        RouteAddress::Inet6(address) => Some(IpAddr::V6(*address)),
        _ => None,
    }
}
