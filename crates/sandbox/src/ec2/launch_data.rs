//! What a launch is told, as RunInstances and launch templates spell it alike, and as templates show it.

use super::interfaces::read_addresses;
use super::ipv6::read_wanted;
use super::settings::{self, CONNECTIONS, LAUNCH, VOLUME};
use crate::error::ApiError;
use crate::wire::ids;
use crate::wire::params::Params;
use crate::wire::tags::{self, Specifications};
use crate::wire::xml::Xml;
use crate::world::{BlockDevice, InterfaceKind, LaunchData, NetworkSpec, Settings, Want};
use vpccni_core::ids::InstanceType;

/// What a launch makes and tags.
const TAGGED: &[&str] = &[
    "instance",
    "network-interface",
    "spot-instances-request",
    "volume",
];

/// Reads a type; whether there is such a type is seen later.
pub(super) fn instance_type(name: &str) -> Result<InstanceType, ApiError> {
    InstanceType::parse(name)
        .map_err(|_| ApiError::value(format!("Invalid value '{name}' for InstanceType.")))
}

pub(super) fn read(params: &mut Params) -> Result<LaunchData, ApiError> {
    Ok(LaunchData {
        image: params.text("ImageId").filter(|image| !image.is_empty()),
        instance_type: params
            .text("InstanceType")
            .map(|name| instance_type(&name))
            .transpose()?,
        top: NetworkSpec {
            groups: ids::list(params, "SecurityGroupId")?,
            ..NetworkSpec::default()
        },
        networks: params.structures("NetworkInterface", read_network)?,
        devices: params.structures("BlockDeviceMapping", read_device)?,
        tags: Specifications::parse(params, TAGGED)?.into_all(),
        settings: settings::read(params, LAUNCH)?,
    })
}

fn read_network(item: &mut Params) -> Result<NetworkSpec, ApiError> {
    let (primary, want) = read_addresses(item)?;
    let (want6, primary_ipv6) = read_wanted(item)?;
    let tracking = item.structure("ConnectionTrackingSpecification", |p| {
        settings::read(p, CONNECTIONS)
    })?;
    let public_address: Option<bool> = item.parsed("AssociatePublicIpAddress")?;
    if public_address == Some(true) {
        return Err(ApiError::unsupported(
            "The sandbox does not model public addresses: AssociatePublicIpAddress",
        ));
    }
    Ok(NetworkSpec {
        device_index: item.parsed("DeviceIndex")?,
        network_card: item.parsed("NetworkCardIndex")?,
        subnet: ids::optional(item, "SubnetId")?,
        groups: ids::list(item, "SecurityGroupId")?,
        description: item.text("Description"),
        kind: item
            .text("InterfaceType")
            .map(|kind| InterfaceKind::parse(&kind))
            .transpose()?,
        primary,
        want,
        want6,
        primary_ipv6,
        tracking: tracking.unwrap_or_default(),
        delete_on_termination: item.parsed("DeleteOnTermination")?,
        public_address,
    })
}

fn read_device(item: &mut Params) -> Result<BlockDevice, ApiError> {
    Ok(BlockDevice {
        device: item.required("DeviceName")?,
        none: item.text("NoDevice").is_some(),
        ebs: item.structure("Ebs", |ebs| settings::read(ebs, VOLUME))?,
        virtual_name: item.text("VirtualName"),
    })
}

/// Writes what a template tells.
pub(super) fn write(xml: &mut Xml, data: &LaunchData) {
    xml.maybe("imageId", data.image.as_ref())
        .maybe("instanceType", data.instance_type.as_ref());
    settings::write(xml, LAUNCH, &data.settings);
    if !data.top.groups.is_empty() {
        xml.set("securityGroupIdSet", &data.top.groups, |xml, id| {
            xml.plain(id.as_str());
        });
    }
    if !data.devices.is_empty() {
        xml.set("blockDeviceMappingSet", &data.devices, write_device);
    }
    if !data.networks.is_empty() {
        xml.set("networkInterfaceSet", &data.networks, write_network);
    }
    tags::write_specifications(xml, &data.tags);
}

fn write_device(xml: &mut Xml, device: &BlockDevice) {
    xml.text("deviceName", &device.device)
        .maybe("noDevice", device.none.then_some(""))
        .maybe("virtualName", device.virtual_name.as_ref());
    if let Some(ebs) = &device.ebs {
        xml.element("ebs", |xml| settings::write(xml, VOLUME, ebs));
    }
}

fn write_network(xml: &mut Xml, network: &NetworkSpec) {
    let kind = network.kind.map(InterfaceKind::as_str);
    xml.maybe("deviceIndex", network.device_index)
        .maybe("networkCardIndex", network.network_card)
        .maybe("subnetId", network.subnet.as_ref())
        .maybe("description", network.description.as_ref())
        .maybe("interfaceType", kind)
        .maybe("privateIpAddress", network.primary)
        .maybe("deleteOnTermination", network.delete_on_termination)
        .maybe("associatePublicIpAddress", network.public_address);
    if !network.groups.is_empty() {
        xml.set("groupSet", &network.groups, |xml, id| {
            xml.plain(id.as_str());
        });
    }
    write_want(xml, &network.want);
    write_want6(xml, network);
}

fn write_want6(xml: &mut Xml, network: &NetworkSpec) {
    let want = &network.want6;
    let some = |count: u32| (count > 0).then_some(count);
    xml.maybe("ipv6AddressCount", some(want.count))
        .maybe("ipv6PrefixCount", some(want.prefix_count))
        .maybe("primaryIpv6", network.primary_ipv6.then_some(true));
    if !want.addresses.is_empty() {
        xml.set("ipv6AddressesSet", &want.addresses, |xml, address| {
            xml.text("ipv6Address", address);
        });
    }
    if !want.prefixes.is_empty() {
        xml.set("ipv6PrefixSet", &want.prefixes, |xml, prefix| {
            xml.text("ipv6Prefix", prefix);
        });
    }
    if network.tracking != Settings::default() {
        xml.element("connectionTrackingSpecification", |xml| {
            settings::write(xml, CONNECTIONS, &network.tracking);
        });
    }
}

fn write_want(xml: &mut Xml, want: &Want) {
    let some = |count: u32| (count > 0).then_some(count);
    xml.maybe("secondaryPrivateIpAddressCount", some(want.count))
        .maybe("ipv4PrefixCount", some(want.prefix_count));
    if !want.addresses.is_empty() {
        xml.set("privateIpAddressesSet", &want.addresses, |xml, address| {
            xml.text("privateIpAddress", address).text("primary", false);
        });
    }
    if !want.prefixes.is_empty() {
        xml.set("ipv4PrefixSet", &want.prefixes, |xml, prefix| {
            xml.text("ipv4Prefix", prefix);
        });
    }
}
