//! CreateNetworkInterface, DescribeNetworkInterfaces, DeleteNetworkInterface.

use super::addresses::{address, prefix};
use super::describe::Query;
use super::done;
use super::ipv6::{read_wanted, write_held};
use super::settings::{self, CONNECTIONS};
use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::filter::Filterable;
use crate::wire::ids;
use crate::wire::params::Params;
use crate::wire::tags::{self, Specifications};
use crate::wire::xml::Xml;
use crate::world::{Interface, InterfaceKind, NewInterface, Settings, Tags, Want, World};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use vpccni_core::ids::{EniId, InstanceId, SecurityGroupId, SubnetId};

pub(super) const ACTIONS: Family = &[
    ("CreateNetworkInterface", create),
    ("DeleteNetworkInterface", delete),
    ("DescribeNetworkInterfaces", describe),
];

impl Filterable for Interface {
    const NAMES: &'static [&'static str] = &[
        "addresses.primary",
        "addresses.private-ip-address",
        "attachment.attach-time",
        "attachment.attachment-id",
        "attachment.delete-on-termination",
        "attachment.device-index",
        "attachment.instance-id",
        "attachment.instance-owner-id",
        "attachment.network-card-index",
        "attachment.status",
        "availability-zone",
        "description",
        "group-id",
        "ipv6-addresses.ipv6-address",
        "interface-type",
        "mac-address",
        "network-interface-id",
        "owner-id",
        "private-ip-address",
        "requester-managed",
        "source-dest-check",
        "status",
        "subnet-id",
        "vpc-id",
    ];

    fn values(&self, name: &str) -> Vec<Cow<'_, str>> {
        if let Some(field) = name.strip_prefix("attachment.") {
            return self.attachment_values(field);
        }
        vec![match name {
            "addresses.private-ip-address" => {
                let all = std::iter::once(&self.primary).chain(&self.secondary);
                return all.map(|a| a.to_string().into()).collect();
            }
            "addresses.primary" => {
                let some = !self.secondary.is_empty();
                let all = [Some("true"), some.then_some("false")];
                return all.into_iter().flatten().map(Cow::from).collect();
            }
            "ipv6-addresses.ipv6-address" => {
                return self.ipv6.addresses.iter().map(|a| a.to_string().into()).collect();
            }
            "source-dest-check" => self.source_dest_check.to_string().into(),
            "group-id" => return self.groups.iter().map(|g| g.as_str().into()).collect(),
            "availability-zone" => self.zone.as_str().into(),
            "description" => self.description.as_str().into(),
            "interface-type" => self.kind.as_str().into(),
            "mac-address" => self.mac.as_str().into(),
            "network-interface-id" => self.id.as_str().into(),
            "owner-id" => self.owner.as_str().into(),
            "private-ip-address" => self.primary.to_string().into(),
            "requester-managed" => "false".into(),
            "status" => self.status().into(),
            "subnet-id" => self.subnet.as_str().into(),
            "vpc-id" => self.vpc.as_str().into(),
            _ => return Vec::new(),
        }]
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

impl Interface {
    fn attachment_values(&self, field: &str) -> Vec<Cow<'_, str>> {
        let Some(attachment) = &self.attachment else {
            return Vec::new();
        };
        vec![match field {
            "attachment-id" => attachment.id.as_str().into(),
            "delete-on-termination" => attachment.delete_on_termination.to_string().into(),
            "device-index" => attachment.device_index.to_string().into(),
            "instance-id" => attachment.instance.as_str().into(),
            "network-card-index" => attachment.network_card.to_string().into(),
            "instance-owner-id" => self.owner.as_str().into(),
            "attach-time" => attachment.time.to_string().into(),
            "status" => attachment.status.as_str().into(),
            _ => return Vec::new(),
        }]
    }
}

fn create(params: &mut Params) -> Result<Effect, ApiError> {
    let fingerprint = params.fingerprint();
    let subnet: SubnetId = ids::required(params, "SubnetId")?;
    let groups: Vec<SecurityGroupId> = ids::list(params, "SecurityGroupId")?;
    let (primary, want) = read_addresses(params)?;
    let (want6, primary_ipv6) = read_wanted(params)?;
    let tracking = params.structure("ConnectionTrackingSpecification", |p| {
        settings::read(p, CONNECTIONS)
    })?;
    let kind = params
        .text("InterfaceType")
        .map_or(Ok(InterfaceKind::Interface), |kind| InterfaceKind::parse(&kind))?;
    let description = params.text("Description").unwrap_or_default();
    let tags = Specifications::parse(params, &["network-interface"])?.of("network-interface");
    let token = params.text("ClientToken");
    let new = NewInterface {
        subnet,
        kind,
        description,
        groups,
        primary,
        want,
        want6,
        primary_ipv6,
        tracking: tracking.unwrap_or_default(),
        tags,
        token: token.clone().map(|token| (token, fingerprint)),
    };
    Ok(Box::new(move |world| {
        let id = world.create_interface(new)?;
        let mut xml = Xml::default();
        // A token may outlive what it made: then the id says so.
        let interface = world.interface(&id)?;
        xml.element("networkInterface", |xml| write(xml, interface, world, "pending"))
            .maybe("clientToken", token);
        Ok(xml)
    }))
}

/// The primary address and the rest, which CreateNetworkInterface and RunInstances spell alike.
pub(super) fn read_addresses(params: &mut Params) -> Result<(Option<Ipv4Addr>, Want), ApiError> {
    let mut primary = params
        .text("PrivateIpAddress")
        .map(|value| address(&value))
        .transpose()?;
    let listed = params.structures("PrivateIpAddresses", |item| {
        let main: bool = item.parsed("Primary")?.unwrap_or(false);
        Ok((main, address(&item.required("PrivateIpAddress")?)?))
    })?;
    let prefixes = params.structures("Ipv4Prefix", |item| prefix(&item.required("Ipv4Prefix")?))?;
    let mut want = Want {
        addresses: Vec::new(),
        count: params.parsed("SecondaryPrivateIpAddressCount")?.unwrap_or(0),
        prefixes,
        prefix_count: params.parsed("Ipv4PrefixCount")?.unwrap_or(0),
    };
    for (main, address) in listed {
        if !main {
            want.addresses.push(address);
        } else if primary.replace(address).is_some() {
            return Err(ApiError::combination(
                "Only one primary private IP address can be specified",
            ));
        }
    }
    let singles = !want.addresses.is_empty() || want.count > 0;
    let blocks = !want.prefixes.is_empty() || want.prefix_count > 0;
    let doubled = (!want.addresses.is_empty() && want.count > 0)
        || (!want.prefixes.is_empty() && want.prefix_count > 0)
        || (singles && blocks);
    if doubled {
        return Err(ApiError::combination(
            "Only one of secondary addresses, their number, prefixes and their number may be given",
        ));
    }
    Ok((primary, want))
}

fn describe(params: &mut Params) -> Result<Effect, ApiError> {
    // Nothing here is managed by another service, so there is nothing that this would hide or show.
    let _managed: Option<bool> = params.parsed("IncludeManagedResources")?;
    let query: Query<EniId> = Query::parse::<Interface>(params, "NetworkInterfaceId")?;
    Ok(Box::new(move |world| {
        let cut = match indexed(world, &query) {
            Some(found) if query.ids.is_empty() => {
                query.cut(found.into_iter().filter(|(_, i)| i.owner == world.caller.account))
            }
            _ if query.ids.is_empty() => query.cut(
                world
                    .interfaces
                    .iter()
                    .filter(|(_, i)| i.owner == world.caller.account),
            ),
            _ => query.select(&world.interfaces, |id| world.interface(id))?,
        };
        let mut xml = Xml::default();
        xml.set("networkInterfaceSet", cut.items, |xml, interface| {
            write(xml, interface, world, interface.status());
        })
        .maybe("nextToken", cut.next);
        Ok(xml)
    }))
}

/// What an index can tell: the interfaces of an instance, of a tag or of a subnet.
fn indexed<'w>(world: &'w World, query: &Query<EniId>) -> Option<BTreeMap<&'w EniId, &'w Interface>> {
    let found: Vec<&Interface> = if let Some(instances) = query.filters.exact("attachment.instance-id") {
        instances
            .iter()
            .filter_map(|id| world.instances.get(&InstanceId::parse(id).ok()?))
            .flat_map(|instance| instance.interfaces.values())
            .filter_map(|eni| world.interfaces.get(eni))
            .collect()
    } else {
        let tagged = query
            .filters
            .exact_tag()
            .map(|(key, values)| world.interfaces_tagged(key, values));
        match tagged {
            Some(tagged) => tagged,
            None => in_subnets(world, query.filters.exact("subnet-id")?),
        }
    };
    Some(
        found
            .into_iter()
            .map(|interface| (&interface.id, interface))
            .collect(),
    )
}

fn in_subnets<'w>(world: &'w World, subnets: &[String]) -> Vec<&'w Interface> {
    let parsed: Vec<SubnetId> = subnets.iter().filter_map(|id| SubnetId::parse(id).ok()).collect();
    parsed.iter().flat_map(|id| world.interfaces_of(id)).collect()
}

fn delete(params: &mut Params) -> Result<Effect, ApiError> {
    let id: EniId = ids::required(params, "NetworkInterfaceId")?;
    Ok(Box::new(move |world| {
        world.delete_interface(&id)?;
        Ok(done())
    }))
}

fn write(xml: &mut Xml, interface: &Interface, world: &World, status: &str) {
    let zone_id = world
        .zones
        .iter()
        .find(|z| z.name == interface.zone)
        .map(|z| &z.id);
    write_shared(xml, interface, world);
    xml.text("status", status)
        .text("availabilityZone", &interface.zone)
        .maybe("availabilityZoneId", zone_id)
        .text("requesterManaged", false);
    write_attachment(xml, interface);
    tags::write(xml, &interface.tags);
}

pub(super) fn write_attachment(xml: &mut Xml, interface: &Interface) {
    let Some(attachment) = &interface.attachment else {
        return;
    };
    xml.element("attachment", |xml| {
        xml.text("attachmentId", &attachment.id)
            .text("instanceId", &attachment.instance)
            .text("instanceOwnerId", &interface.owner)
            .text("deviceIndex", attachment.device_index)
            .text("networkCardIndex", attachment.network_card)
            .text("status", attachment.status.as_str())
            .text("attachTime", attachment.time)
            .text("deleteOnTermination", attachment.delete_on_termination);
    });
}

pub(super) fn write_groups(xml: &mut Xml, interface: &Interface, world: &World) {
    xml.set("groupSet", &interface.groups, |xml, id| {
        xml.text("groupId", id)
            .maybe("groupName", world.groups.get(id).map(|g| &g.name));
    });
}

/// What DescribeNetworkInterfaces and DescribeInstances say alike.
pub(super) fn write_shared(xml: &mut Xml, interface: &Interface, world: &World) {
    xml.text("networkInterfaceId", &interface.id)
        .text("subnetId", &interface.subnet)
        .text("vpcId", &interface.vpc)
        .text("description", &interface.description)
        .text("ownerId", &interface.owner)
        .text("macAddress", &interface.mac)
        .text("interfaceType", interface.kind.as_str())
        .text("sourceDestCheck", interface.source_dest_check)
        .text("privateIpAddress", interface.primary)
        .text("privateDnsName", world.dns_name(interface.primary));
    write_groups(xml, interface, world);
    if interface.tracking != Settings::default() {
        xml.element("connectionTrackingConfiguration", |xml| {
            settings::write(xml, CONNECTIONS, &interface.tracking);
        });
    }
    let addresses = std::iter::once(&interface.primary).chain(&interface.secondary);
    xml.set(
        "privateIpAddressesSet",
        addresses.zip(0..),
        |xml, (address, index)| {
            xml.text("privateIpAddress", address)
                .text("privateDnsName", world.dns_name(*address))
                .text("primary", index == 0);
        },
    )
    .set("ipv4PrefixSet", &interface.prefixes, |xml, prefix| {
        xml.text("ipv4Prefix", prefix);
    });
    write_held(xml, interface);
}
