//! Wire types of interfaces to those of a node's agent.

use crate::convert::{Unreadable, eni, ipv4_prefix, parsed, tags};
use aws_sdk_ec2::types as wire;
use std::net::Ipv4Addr;
use vpccni_core::ports::node::{Assigned, ConnectionTracking, NodeAttachment, NodeEni};

/// An interface, whoever it is attached to.
pub(crate) fn node_eni(wire_eni: &wire::NetworkInterface) -> Result<NodeEni, Unreadable> {
    let read = eni(wire_eni)?;
    let id = wire_eni
        .attachment()
        .and_then(wire::NetworkInterfaceAttachment::attachment_id);
    let attachment = read.attachment.map(|attachment| NodeAttachment {
        id: id.unwrap_or_default().to_owned(),
        instance: attachment.instance,
        device_index: attachment.device_index,
        network_card: attachment.network_card,
    });
    let ipv6 = wire_eni
        .ipv6_addresses()
        .iter()
        .map(|address| parsed("ipv6AddressesSet", address.ipv6_address()))
        .collect::<Result<_, _>>()?;
    let ipv6_prefixes = wire_eni
        .ipv6_prefixes()
        .iter()
        .map(|prefix| parsed("ipv6PrefixSet", prefix.ipv6_prefix()))
        .collect::<Result<_, _>>()?;
    // A new interface answers with `tagSet` as a described one does; both are read by the same accessor.
    Ok(NodeEni {
        id: read.id,
        mac: parsed("macAddress", wire_eni.mac_address())?,
        kind: read.kind,
        subnet: read.subnet,
        description: wire_eni.description().unwrap_or_default().to_owned(),
        attachment,
        primary_ip: read.primary_ip,
        secondary_ips: read.secondary_ips,
        prefixes: read.prefixes,
        ipv6,
        ipv6_prefixes,
        tags: tags(wire_eni.tag_set()),
        security_groups: read.security_groups,
        tracking: tracking(wire_eni.connection_tracking_configuration()),
    })
}

fn tracking(configuration: Option<&wire::ConnectionTrackingConfiguration>) -> ConnectionTracking {
    let seconds = |value: Option<i32>| value.and_then(|seconds| u32::try_from(seconds).ok());
    configuration.map_or_else(ConnectionTracking::default, |configuration| ConnectionTracking {
        tcp_established: seconds(configuration.tcp_established_timeout()),
        udp: seconds(configuration.udp_timeout()),
        udp_stream: seconds(configuration.udp_stream_timeout()),
    })
}

/// The time-outs for a new interface; none where all are EC2's own.
pub(crate) fn wire_tracking(
    tracking: ConnectionTracking,
) -> Option<wire::ConnectionTrackingSpecificationRequest> {
    let seconds = |value: Option<u32>| value.and_then(|seconds| i32::try_from(seconds).ok());
    (tracking != ConnectionTracking::default()).then(|| {
        wire::ConnectionTrackingSpecificationRequest::builder()
            .set_tcp_established_timeout(seconds(tracking.tcp_established))
            .set_udp_timeout(seconds(tracking.udp))
            .set_udp_stream_timeout(seconds(tracking.udp_stream))
            .build()
    })
}

/// What AssignPrivateIpAddresses says it did.
pub(crate) fn assigned(
    addresses: &[wire::AssignedPrivateIpAddress],
    prefixes: &[wire::Ipv4PrefixSpecification],
) -> Result<Assigned, Unreadable> {
    Ok(Assigned {
        addresses: addresses
            .iter()
            .map(|address| parsed::<Ipv4Addr>("assignedPrivateIpAddressesSet", address.private_ip_address()))
            .collect::<Result<_, _>>()?,
        prefixes: prefixes
            .iter()
            .map(|prefix| ipv4_prefix(prefix.ipv4_prefix()))
            .collect::<Result<_, _>>()?,
    })
}
