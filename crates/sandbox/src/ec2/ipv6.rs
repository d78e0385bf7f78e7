//! AssignIpv6Addresses, UnassignIpv6Addresses, AssociateSubnetCidrBlock, DisassociateSubnetCidrBlock, and how IPv6 is
//! spelled elsewhere.

use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::ids;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::{Grant6, Interface, Ipv6Association, Want6};
use ipnet::Ipv6Net;
use std::net::Ipv6Addr;
use vpccni_core::ids::{EniId, SubnetId};

pub(super) const ACTIONS: Family = &[
    ("AssignIpv6Addresses", assign),
    ("AssociateSubnetCidrBlock", associate),
    ("DisassociateSubnetCidrBlock", disassociate),
    ("UnassignIpv6Addresses", unassign),
];

/// The length of a prefix that an interface may hold.
const PREFIX_LENGTH: u8 = 80;

fn address(value: &str) -> Result<Ipv6Addr, ApiError> {
    value
        .parse()
        .map_err(|_| ApiError::value(format!("Invalid IPv6 address: {value}")))
}

fn prefix(value: &str) -> Result<Ipv6Net, ApiError> {
    value
        .parse::<Ipv6Net>()
        .ok()
        .filter(|net| net.prefix_len() == PREFIX_LENGTH && net.addr() == net.network())
        .ok_or_else(|| ApiError::value(format!("Invalid IPv6 prefix: {value}")))
}

fn all<T>(values: &[String], read: impl Fn(&str) -> Result<T, ApiError>) -> Result<Vec<T>, ApiError> {
    values.iter().map(|value| read(value)).collect()
}

/// What an interface that is to be made shall hold, and whether its first address is the primary one. Addresses are
/// structures under one of two names; prefixes are structures.
pub(super) fn read_wanted(params: &mut Params) -> Result<(Want6, bool), ApiError> {
    let read = |item: &mut Params| {
        // Which one is primary is said for the interface; here AWS takes it for the first alone.
        let _primary: Option<bool> = item.parsed("IsPrimaryIpv6")?;
        address(&item.required("Ipv6Address")?)
    };
    let mut addresses = params.structures("Ipv6Addresses", read)?;
    addresses.extend(params.structures("Ipv6Address", read)?);
    let want = Want6 {
        addresses,
        count: params.parsed("Ipv6AddressCount")?.unwrap_or(0),
        prefixes: params.structures("Ipv6Prefix", |item| prefix(&item.required("Ipv6Prefix")?))?,
        prefix_count: params.parsed("Ipv6PrefixCount")?.unwrap_or(0),
    };
    check_ways(&want)?;
    let primary: Option<bool> = params.parsed("EnablePrimaryIpv6")?;
    let named: Option<bool> = params.parsed("PrimaryIpv6")?;
    Ok((want, primary.or(named).unwrap_or(false)))
}

/// Explicit ones and their number exclude each other.
fn check_ways(want: &Want6) -> Result<(), ApiError> {
    let doubled = (!want.addresses.is_empty() && want.count > 0)
        || (!want.prefixes.is_empty() && want.prefix_count > 0);
    if doubled {
        return Err(ApiError::combination(
            "Only one of IPv6 addresses and their number, and of IPv6 prefixes and their number, may be given",
        ));
    }
    Ok(())
}

fn assign(params: &mut Params) -> Result<Effect, ApiError> {
    let id: EniId = ids::required(params, "NetworkInterfaceId")?;
    let want = Want6 {
        addresses: all(&params.list("Ipv6Addresses"), address)?,
        count: params.parsed("Ipv6AddressCount")?.unwrap_or(0),
        prefixes: all(&params.list("Ipv6Prefix"), prefix)?,
        prefix_count: params.parsed("Ipv6PrefixCount")?.unwrap_or(0),
    };
    check_ways(&want)?;
    if want.is_empty() {
        return Err(ApiError::missing("Ipv6Addresses"));
    }
    Ok(Box::new(move |world| {
        let given = world.assign_ipv6(&id, &want)?;
        Ok(answer(
            &id,
            ("assignedIpv6Addresses", "assignedIpv6PrefixSet"),
            &given,
        ))
    }))
}

fn unassign(params: &mut Params) -> Result<Effect, ApiError> {
    let id: EniId = ids::required(params, "NetworkInterfaceId")?;
    let what = Grant6 {
        addresses: all(&params.list("Ipv6Addresses"), address)?,
        prefixes: all(&params.list("Ipv6Prefix"), prefix)?,
    };
    if what == Grant6::default() {
        return Err(ApiError::missing("Ipv6Addresses"));
    }
    Ok(Box::new(move |world| {
        world.unassign_ipv6(&id, &what)?;
        Ok(answer(
            &id,
            ("unassignedIpv6Addresses", "unassignedIpv6PrefixSet"),
            &what,
        ))
    }))
}

fn answer(id: &EniId, (addresses, prefixes): (&str, &str), grant: &Grant6) -> Xml {
    let mut xml = Xml::default();
    xml.text("networkInterfaceId", id)
        .set(addresses, &grant.addresses, |xml, address| {
            xml.plain(&address.to_string());
        })
        .set(prefixes, &grant.prefixes, |xml, prefix| {
            xml.plain(&prefix.to_string());
        });
    xml
}

fn associate(params: &mut Params) -> Result<Effect, ApiError> {
    let id: SubnetId = ids::required(params, "SubnetId")?;
    let cidr: Ipv6Net = params.required_parsed("Ipv6CidrBlock")?;
    Ok(Box::new(move |world| {
        let association = world.associate_subnet_ipv6(&id, cidr)?;
        Ok(subnet_answer(&id, &association, "associating"))
    }))
}

fn disassociate(params: &mut Params) -> Result<Effect, ApiError> {
    let id = params.required("AssociationId")?;
    Ok(Box::new(move |world| {
        let (subnet, association) = world.disassociate_subnet_ipv6(&id)?;
        Ok(subnet_answer(&subnet, &association, "disassociating"))
    }))
}

fn subnet_answer(id: &SubnetId, association: &Ipv6Association, state: &str) -> Xml {
    let mut xml = Xml::default();
    xml.element("ipv6CidrBlockAssociation", |xml| {
        write_association(xml, association, state);
    })
    .text("subnetId", id);
    xml
}

/// A block as VPCs and subnets show it.
pub(super) fn write_association(xml: &mut Xml, association: &Ipv6Association, state: &str) {
    xml.text("associationId", &association.id)
        .text("ipv6CidrBlock", association.cidr)
        .element("ipv6CidrBlockState", |xml| {
            xml.text("state", state);
        })
        .text("ipSource", "amazon")
        .text("ipv6AddressAttribute", "public");
}

/// What an interface holds of IPv6.
pub(super) fn write_held(xml: &mut Xml, interface: &Interface) {
    let held = &interface.ipv6;
    xml.set(
        "ipv6AddressesSet",
        held.addresses.iter().zip(0..),
        |xml, (address, index)| {
            xml.text("ipv6Address", address)
                .text("isPrimaryIpv6", interface.primary_ipv6 && index == 0);
        },
    )
    .set("ipv6PrefixSet", &held.prefixes, |xml, prefix| {
        xml.text("ipv6Prefix", prefix);
    });
}
