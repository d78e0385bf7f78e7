//! AssignPrivateIpAddresses, UnassignPrivateIpAddresses.

use super::done;
use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::ids;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::{Grant, Want};
use std::net::Ipv4Addr;
use vpccni_core::ids::EniId;
use vpccni_core::net::{Ipv4Net, Ipv4Prefix};

pub(super) const ACTIONS: Family = &[
    ("AssignPrivateIpAddresses", assign),
    ("UnassignPrivateIpAddresses", unassign),
];

/// Reads an address.
pub(super) fn address(value: &str) -> Result<Ipv4Addr, ApiError> {
    value
        .parse()
        .map_err(|_| ApiError::value(format!("Invalid IPv4 address: {value}")))
}

/// Reads a prefix: a /28 that starts at a multiple of sixteen.
pub(super) fn prefix(value: &str) -> Result<Ipv4Prefix, ApiError> {
    value
        .parse::<Ipv4Net>()
        .ok()
        .filter(|net| net.addr() == net.network())
        .and_then(Ipv4Prefix::from_net)
        .ok_or_else(|| ApiError::value(format!("Invalid IPv4 prefix: {value}")))
}

fn assign(params: &mut Params) -> Result<Effect, ApiError> {
    let id: EniId = ids::required(params, "NetworkInterfaceId")?;
    let want = Want {
        addresses: addresses(params)?,
        count: params.parsed("SecondaryPrivateIpAddressCount")?.unwrap_or(0),
        prefixes: prefixes(params)?,
        prefix_count: params.parsed("Ipv4PrefixCount")?.unwrap_or(0),
    };
    let reassign: bool = params.parsed("AllowReassignment")?.unwrap_or(false);
    let ways = [
        !want.addresses.is_empty(),
        want.count > 0,
        !want.prefixes.is_empty(),
        want.prefix_count > 0,
    ];
    match ways.iter().filter(|way| **way).count() {
        1 => {}
        0 => return Err(ApiError::missing("PrivateIpAddress")),
        _ => {
            return Err(ApiError::combination(
                "Only one of addresses, a number of addresses, prefixes and a number of prefixes may be given",
            ));
        }
    }
    Ok(Box::new(move |world| {
        let given = world.assign(&id, &want, reassign)?;
        let mut xml = Xml::default();
        xml.text("networkInterfaceId", &id)
            .set(
                "assignedPrivateIpAddressesSet",
                given.addresses,
                |xml, address| {
                    xml.text("privateIpAddress", address);
                },
            )
            .set("assignedIpv4PrefixSet", given.prefixes, |xml, prefix| {
                xml.text("ipv4Prefix", prefix);
            })
            .text("return", true);
        Ok(xml)
    }))
}

fn unassign(params: &mut Params) -> Result<Effect, ApiError> {
    let id: EniId = ids::required(params, "NetworkInterfaceId")?;
    let what = Grant {
        addresses: addresses(params)?,
        prefixes: prefixes(params)?,
    };
    match (what.addresses.is_empty(), what.prefixes.is_empty()) {
        (true, true) => return Err(ApiError::missing("PrivateIpAddress")),
        (false, false) => {
            return Err(ApiError::combination(
                "Only one of addresses and prefixes may be given",
            ));
        }
        _ => {}
    }
    Ok(Box::new(move |world| {
        world.unassign(&id, &what)?;
        Ok(done())
    }))
}

fn addresses(params: &mut Params) -> Result<Vec<Ipv4Addr>, ApiError> {
    params
        .list("PrivateIpAddress")
        .iter()
        .map(|a| address(a))
        .collect()
}

fn prefixes(params: &mut Params) -> Result<Vec<Ipv4Prefix>, ApiError> {
    params.list("Ipv4Prefix").iter().map(|p| prefix(p)).collect()
}
