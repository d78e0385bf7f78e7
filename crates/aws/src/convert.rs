//! Wire types to domain types. What has an id that does not parse, or lacks what its type requires, is left out and
//! reported: one odd object must not hide the others.

use aws_sdk_ec2::types as wire;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::Ipv4Addr;
use std::str::FromStr;
use vpccni_core::ids::{InstanceType, SubnetId};
use vpccni_core::limits::InstanceLimits;
use vpccni_core::net::{Ipv4Net, Ipv4Prefix};
use vpccni_core::ports::{
    Attachment, Eni, EniKind, Instance, Nodegroup, Reservation, ReservationKind, SecurityGroup, Subnet,
};

/// Why an object was left out.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub(crate) struct Unreadable {
    field: &'static str,
    problem: String,
}

/// Converts what can be converted, and reports the rest.
pub(crate) fn all<W, D>(
    action: &'static str,
    items: &[W],
    id: impl Fn(&W) -> Option<&str>,
    convert: impl Fn(&W) -> Result<D, Unreadable>,
) -> Vec<D> {
    let mut read = Vec::with_capacity(items.len());
    for item in items {
        match convert(item) {
            Ok(value) => read.push(value),
            Err(error) => {
                let id = id(item).unwrap_or("without an id");
                tracing::warn!(action, id, %error, "left out an object that cannot be read");
            }
        }
    }
    read
}

pub(crate) fn required<'w>(field: &'static str, value: Option<&'w str>) -> Result<&'w str, Unreadable> {
    value.ok_or_else(|| Unreadable {
        field,
        problem: "is missing".to_owned(),
    })
}

pub(crate) fn parsed<T>(field: &'static str, value: Option<&str>) -> Result<T, Unreadable>
where
    T: FromStr,
    T::Err: Display,
{
    required(field, value)?
        .parse()
        .map_err(|error: T::Err| Unreadable {
            field,
            problem: error.to_string(),
        })
}

pub(crate) fn number(field: &'static str, value: Option<i32>) -> Result<u32, Unreadable> {
    let value = value.ok_or_else(|| Unreadable {
        field,
        problem: "is missing".to_owned(),
    })?;
    u32::try_from(value).map_err(|error| Unreadable {
        field,
        problem: error.to_string(),
    })
}

pub(crate) fn tags(tags: &[wire::Tag]) -> BTreeMap<String, String> {
    tags.iter()
        .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned())))
        .collect()
}

pub(crate) fn subnet(subnet: &wire::Subnet) -> Result<Subnet, Unreadable> {
    Ok(Subnet {
        id: parsed("subnetId", subnet.subnet_id())?,
        vpc: parsed("vpcId", subnet.vpc_id())?,
        zone: parsed("availabilityZone", subnet.availability_zone())?,
        cidr: parsed("cidrBlock", subnet.cidr_block())?,
        available: number("availableIpAddressCount", subnet.available_ip_address_count())?,
        tags: tags(subnet.tags()),
        owner: required("ownerId", subnet.owner_id())?.to_owned(),
    })
}

pub(crate) fn reservation(reservation: &wire::SubnetCidrReservation) -> Result<Reservation, Unreadable> {
    let kind = match reservation.reservation_type() {
        Some(wire::SubnetCidrReservationType::Prefix) => ReservationKind::Prefix,
        Some(wire::SubnetCidrReservationType::Explicit) => ReservationKind::Explicit,
        other => {
            return Err(Unreadable {
                field: "reservationType",
                problem: format!("{other:?} is not known"),
            });
        }
    };
    Ok(Reservation {
        cidr: parsed("cidr", reservation.cidr())?,
        kind,
    })
}

pub(crate) fn security_group(group: &wire::SecurityGroup) -> Result<SecurityGroup, Unreadable> {
    Ok(SecurityGroup {
        id: parsed("groupId", group.group_id())?,
        vpc: parsed("vpcId", group.vpc_id())?,
        tags: tags(group.tags()),
    })
}

pub(crate) fn instance(instance: &wire::Instance) -> Result<Instance, Unreadable> {
    Ok(Instance {
        id: parsed("instanceId", instance.instance_id())?,
        instance_type: parsed(
            "instanceType",
            instance.instance_type().map(wire::InstanceType::as_str),
        )?,
        vpc: parsed("vpcId", instance.vpc_id())?,
        subnet: parsed("subnetId", instance.subnet_id())?,
        tags: tags(instance.tags()),
    })
}

pub(crate) fn eni(eni: &wire::NetworkInterface) -> Result<Eni, Unreadable> {
    let mut secondary_ips = Vec::new();
    for address in eni
        .private_ip_addresses()
        .iter()
        .filter(|a| a.primary() != Some(true))
    {
        secondary_ips.push(parsed::<Ipv4Addr>(
            "privateIpAddressesSet",
            address.private_ip_address(),
        )?);
    }
    let prefixes = eni
        .ipv4_prefixes()
        .iter()
        .map(|prefix| ipv4_prefix(prefix.ipv4_prefix()))
        .collect::<Result<_, _>>()?;
    let security_groups = eni
        .groups()
        .iter()
        .map(|group| parsed("groupSet", group.group_id()))
        .collect::<Result<_, _>>()?;
    Ok(Eni {
        id: parsed("networkInterfaceId", eni.network_interface_id())?,
        kind: eni_kind(eni.interface_type()),
        subnet: parsed("subnetId", eni.subnet_id())?,
        attachment: eni.attachment().map(attachment).transpose()?.flatten(),
        // An interface of an IPv6-only subnet has none.
        primary_ip: eni
            .private_ip_address()
            .map(|address| parsed("privateIpAddress", Some(address)))
            .transpose()?,
        secondary_ips,
        prefixes,
        tags: tags(eni.tag_set()),
        security_groups,
    })
}

/// Load balancers and the like are attached to something that is no instance: that is no attachment to us.
fn attachment(attachment: &wire::NetworkInterfaceAttachment) -> Result<Option<Attachment>, Unreadable> {
    let Some(instance) = attachment.instance_id() else {
        return Ok(None);
    };
    Ok(Some(Attachment {
        instance: parsed("instanceId", Some(instance))?,
        device_index: number("deviceIndex", attachment.device_index())?,
        network_card: number("networkCardIndex", attachment.network_card_index().or(Some(0)))?,
    }))
}

fn eni_kind(kind: Option<&wire::NetworkInterfaceType>) -> EniKind {
    match kind {
        // EC2 leaves the field out of old answers; they knew one kind.
        None | Some(wire::NetworkInterfaceType::Interface) => EniKind::Interface,
        Some(wire::NetworkInterfaceType::Trunk) => EniKind::Trunk,
        Some(wire::NetworkInterfaceType::Branch) => EniKind::Branch,
        Some(wire::NetworkInterfaceType::Efa) => EniKind::Efa,
        Some(wire::NetworkInterfaceType::EfaOnly) => EniKind::EfaOnly,
        Some(_) => EniKind::Other,
    }
}

pub(crate) fn ipv4_prefix(value: Option<&str>) -> Result<Ipv4Prefix, Unreadable> {
    let net: Ipv4Net = parsed("ipv4Prefix", value)?;
    Ipv4Prefix::from_net(net).ok_or_else(|| Unreadable {
        field: "ipv4Prefix",
        problem: format!("{net} is not a /28"),
    })
}

pub(crate) fn instance_limits(
    info: &wire::InstanceTypeInfo,
) -> Result<(InstanceType, InstanceLimits), Unreadable> {
    let name = parsed(
        "instanceType",
        info.instance_type().map(wire::InstanceType::as_str),
    )?;
    let network = info.network_info().ok_or_else(|| Unreadable {
        field: "networkInfo",
        problem: "is missing".to_owned(),
    })?;
    let default_card = network.default_network_card_index().unwrap_or(0);
    let on_card = network
        .network_cards()
        .iter()
        .find(|card| card.network_card_index() == Some(default_card))
        .and_then(wire::NetworkCardInfo::maximum_network_interfaces);
    let nitro = info.hypervisor() == Some(&wire::InstanceTypeHypervisor::Nitro);
    let bare_metal = info.bare_metal() == Some(true);
    let limits = InstanceLimits {
        max_enis: number(
            "maximumNetworkInterfaces",
            on_card.or_else(|| network.maximum_network_interfaces()),
        )?,
        ipv4_per_eni: number(
            "ipv4AddressesPerInterface",
            network.ipv4_addresses_per_interface(),
        )?,
        prefix_delegation: nitro || bare_metal,
        nitro,
        bare_metal,
        // In no answer of EC2.
        trunk: None,
        branches: None,
        vcpus: info
            .v_cpu_info()
            .and_then(wire::VCpuInfo::default_v_cpus)
            .and_then(|vcpus| u32::try_from(vcpus).ok()),
    };
    Ok((name, limits))
}

/// What EKS says is wrong with an add-on, a line each.
pub(crate) fn issues(health: &aws_sdk_eks::types::AddonHealth) -> Vec<String> {
    let line = |issue: &aws_sdk_eks::types::AddonIssue| {
        let code = issue.code().map_or("Unknown", |code| code.as_str());
        format!("{code}: {}", issue.message().unwrap_or("no message"))
    };
    health.issues().iter().map(line).collect()
}

/// A subnet whose id cannot be read is left out: the others still tell their zones.
pub(crate) fn nodegroup(name: &str, group: &aws_sdk_eks::types::Nodegroup) -> Nodegroup {
    let scaling = group.scaling_config();
    Nodegroup {
        name: name.to_owned(),
        subnets: group
            .subnets()
            .iter()
            .filter_map(|id| SubnetId::parse(id).ok())
            .collect(),
        max_size: scaling
            .and_then(|scaling| u32::try_from(scaling.max_size()?).ok())
            .unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface() -> wire::builders::NetworkInterfaceBuilder {
        wire::NetworkInterface::builder()
            .network_interface_id("eni-1")
            .subnet_id("subnet-1")
            .private_ip_address("10.0.0.4")
    }

    #[test]
    fn a_load_balancers_attachment_is_none_of_ours() {
        let attached = wire::NetworkInterfaceAttachment::builder()
            .device_index(1)
            .build();
        let read = eni(&interface().attachment(attached).build()).unwrap();
        assert_eq!(read.attachment, None);
        assert_eq!(read.kind, EniKind::Interface);
    }

    #[test]
    fn an_interface_without_ipv4_is_read() {
        let read = wire::NetworkInterface::builder()
            .network_interface_id("eni-1")
            .subnet_id("subnet-1")
            .interface_type(wire::NetworkInterfaceType::NatGateway)
            .build();
        let read = eni(&read).unwrap();
        assert_eq!((read.primary_ip, read.kind), (None, EniKind::Other));
    }

    #[test]
    fn what_does_not_parse_is_left_out_and_says_why() {
        let odd = wire::Ipv4PrefixSpecification::builder()
            .ipv4_prefix("10.0.0.0/27")
            .build();
        let error = eni(&interface().ipv4_prefixes(odd).build()).map_err(|e| e.to_string());
        assert_eq!(error, Err("ipv4Prefix: 10.0.0.0/27 is not a /28".to_owned()));
        let nameless = wire::NetworkInterface::builder().subnet_id("subnet-1").build();
        let items = [interface().build(), nameless];
        let read = all(
            "ec2:DescribeNetworkInterfaces",
            &items,
            wire::NetworkInterface::network_interface_id,
            eni,
        );
        assert_eq!(read.len(), 1);
    }

    #[test]
    fn limits_are_those_of_the_default_card() {
        let card = |index, count| {
            wire::NetworkCardInfo::builder()
                .network_card_index(index)
                .maximum_network_interfaces(count)
                .build()
        };
        let network = wire::NetworkInfo::builder()
            .maximum_network_interfaces(9)
            .default_network_card_index(1)
            .ipv4_addresses_per_interface(50)
            .network_cards(card(0, 2))
            .network_cards(card(1, 7))
            .build();
        let info = wire::InstanceTypeInfo::builder()
            .instance_type(wire::InstanceType::from("x9.huge"))
            .bare_metal(true)
            .network_info(network)
            .build();
        let (name, limits) = instance_limits(&info).unwrap();
        assert_eq!(name.as_str(), "x9.huge");
        assert_eq!((limits.max_enis, limits.ipv4_per_eni), (7, 50));
        assert!(limits.prefix_delegation && !limits.nitro);
    }
}
