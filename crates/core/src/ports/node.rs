//! What the agent of one node asks of EC2 and of the metadata service of its instance.

use super::{Answer, CloudError, EniKind, Subnet};
use crate::ids::{EniId, InstanceId, InstanceType, SecurityGroupId, SubnetId, VpcId, Zone};
use crate::net::{Ipv4Net, Ipv4Prefix, Mac};
use ipnet::Ipv6Net;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

/// What has no room left when EC2 refuses for want of room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capacity {
    /// The subnet: no free address, or no free block of sixteen.
    Subnet,
    /// The interface: it carries all that its type allows, which is more than was known here.
    Interface,
    /// The instance: it has all the interfaces that its type allows.
    Instance,
    /// The account: its quota of interfaces is used up.
    Account,
}

/// What has no room, where that is what the error says. One of the answers has no code of its own: EC2 gives
/// `InvalidParameterValue` with a sentence when a new interface does not find enough free prefixes.
pub fn capacity(error: &CloudError) -> Option<Capacity> {
    match error.code.as_str() {
        "InsufficientCidrBlocks"
        | "InsufficientFreeAddressesInSubnet"
        | "InsufficientFreeAddressesInSubnetException" => Some(Capacity::Subnet),
        "InvalidParameterValue" if says_no_room(&error.message) => Some(Capacity::Subnet),
        "PrivateIpAddressLimitExceeded" => Some(Capacity::Interface),
        "AttachmentLimitExceeded" => Some(Capacity::Instance),
        "NetworkInterfaceLimitExceeded" | "ResourceLimitExceeded" => Some(Capacity::Account),
        _ => None,
    }
}

fn says_no_room(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("sufficient free") && (message.contains("address") || message.contains("prefix"))
}

/// How an interface is attached to an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeAttachment {
    /// Names the attachment when it is ended or changed.
    pub id: String,
    /// The instance.
    pub instance: InstanceId,
    /// 0 is the primary interface of the card.
    pub device_index: u32,
    /// The network card.
    pub network_card: u32,
}

/// Idle time-outs of tracked connections, in seconds; none is EC2's default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConnectionTracking {
    /// Of established TCP connections.
    pub tcp_established: Option<u32>,
    /// Of UDP flows with one packet or traffic in one direction only.
    pub udp: Option<u32>,
    /// Of UDP streams.
    pub udp_stream: Option<u32>,
}

/// An interface as the agent of its node sees it in EC2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeEni {
    /// Its id.
    pub id: EniId,
    /// Its MAC address.
    pub mac: Mac,
    /// Its kind.
    pub kind: EniKind,
    /// Its subnet.
    pub subnet: SubnetId,
    /// Its description.
    pub description: String,
    /// Where it is attached.
    pub attachment: Option<NodeAttachment>,
    /// Its primary address.
    pub primary_ip: Option<Ipv4Addr>,
    /// Its secondary addresses.
    pub secondary_ips: Vec<Ipv4Addr>,
    /// Its prefixes.
    pub prefixes: Vec<Ipv4Prefix>,
    /// Its IPv6 addresses.
    pub ipv6: Vec<Ipv6Addr>,
    /// Its IPv6 prefixes.
    pub ipv6_prefixes: Vec<Ipv6Net>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its groups.
    pub security_groups: Vec<SecurityGroupId>,
    /// Its time-outs.
    pub tracking: ConnectionTracking,
}

/// So many addresses or prefixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Single secondary addresses.
    Addresses(u32),
    /// Blocks of sixteen.
    Prefixes(u32),
}

/// What a new interface carries beside its primary address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// Nothing.
    Empty,
    /// IPv4.
    Ipv4(Count),
    /// One IPv6 address.
    Ipv6,
}

/// An interface to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInterface {
    /// In which subnet.
    pub subnet: SubnetId,
    /// With which groups.
    pub security_groups: Vec<SecurityGroupId>,
    /// Its description.
    pub description: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// What it carries.
    pub fill: Fill,
    /// Its time-outs.
    pub tracking: ConnectionTracking,
}

/// What was put on an interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assigned {
    /// Addresses.
    pub addresses: Vec<Ipv4Addr>,
    /// Prefixes.
    pub prefixes: Vec<Ipv4Prefix>,
}

/// Where left-over interfaces are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOver<'a> {
    /// In this VPC.
    pub vpc: &'a VpcId,
    /// With the tag of this cluster, where its name is known.
    pub cluster: Option<&'a str>,
}

/// The part of EC2 that the agent of a node reads and writes.
pub trait NodeEc2: Send + Sync + std::fmt::Debug {
    /// The interfaces attached to the instance, in one call.
    fn interfaces_of<'a>(&'a self, instance: &'a InstanceId) -> Answer<'a, Vec<NodeEni>>;
    /// An interface; none where it does not exist.
    fn interface<'a>(&'a self, eni: &'a EniId) -> Answer<'a, Option<NodeEni>>;
    /// The device indexes in use on the cards of the instance, as pairs of card and index.
    fn devices<'a>(&'a self, instance: &'a InstanceId) -> Answer<'a, Vec<(u32, u32)>>;
    /// The subnets of a VPC in a zone.
    fn subnets_in<'a>(&'a self, vpc: &'a VpcId, zone: &'a Zone) -> Answer<'a, Vec<Subnet>>;
    /// A subnet, wherever it is; none where it does not exist.
    fn subnet<'a>(&'a self, id: &'a SubnetId) -> Answer<'a, Option<Subnet>>;
    /// Interfaces that carry the tag of an instance and are attached to none.
    fn left_over<'a>(&'a self, which: LeftOver<'a>) -> Answer<'a, Vec<NodeEni>>;
    /// Makes an interface.
    fn create_interface<'a>(&'a self, new: &'a NewInterface) -> Answer<'a, NodeEni>;
    /// Attaches it, and gives the id of the attachment.
    fn attach<'a>(
        &'a self,
        eni: &'a EniId,
        instance: &'a InstanceId,
        card: u32,
        device_index: u32,
    ) -> Answer<'a, String>;
    /// Lets the interface go with its instance.
    fn delete_on_termination<'a>(&'a self, eni: &'a EniId, attachment: &'a str) -> Answer<'a, ()>;
    /// Puts addresses or prefixes on an interface, and says which.
    fn assign<'a>(&'a self, eni: &'a EniId, count: Count) -> Answer<'a, Assigned>;
    /// Takes addresses from an interface.
    fn unassign_addresses<'a>(&'a self, eni: &'a EniId, addresses: &'a [Ipv4Addr]) -> Answer<'a, ()>;
    /// Takes prefixes from an interface.
    fn unassign_prefixes<'a>(&'a self, eni: &'a EniId, prefixes: &'a [Ipv4Prefix]) -> Answer<'a, ()>;
    /// Puts one IPv6 prefix on an interface, and says which.
    fn assign_ipv6_prefix<'a>(&'a self, eni: &'a EniId) -> Answer<'a, Vec<Ipv6Net>>;
    /// Begins to detach.
    fn detach<'a>(&'a self, attachment: &'a str) -> Answer<'a, ()>;
    /// Deletes an interface that is attached to nothing.
    fn delete_interface<'a>(&'a self, eni: &'a EniId) -> Answer<'a, ()>;
    /// Replaces the groups of an interface.
    fn set_security_groups<'a>(&'a self, eni: &'a EniId, groups: &'a [SecurityGroupId]) -> Answer<'a, ()>;
    /// Adds tags to an interface.
    fn tag<'a>(&'a self, eni: &'a EniId, tags: &'a BTreeMap<String, String>) -> Answer<'a, ()>;
}

/// Who an instance is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its id.
    pub instance: InstanceId,
    /// Its type.
    pub instance_type: InstanceType,
    /// Its zone.
    pub zone: Zone,
    /// Its region.
    pub region: String,
    /// The MAC address of its primary interface.
    pub primary_mac: Mac,
    /// Its address.
    pub local_ipv4: Option<Ipv4Addr>,
}

/// An interface as the metadata service shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImdsEni {
    /// Its MAC address.
    pub mac: Mac,
    /// Its id.
    pub id: EniId,
    /// Its device index.
    pub device_index: u32,
    /// Its network card.
    pub network_card: u32,
    /// Its subnet.
    pub subnet: SubnetId,
    /// The network of the subnet; an EFA without IP has none.
    pub subnet_cidr: Option<Ipv4Net>,
    /// The IPv6 network of the subnet.
    pub subnet_cidr_v6: Option<Ipv6Net>,
    /// Its VPC.
    pub vpc: VpcId,
    /// Its addresses.
    pub addresses: ImdsAddresses,
    /// Its groups.
    pub security_groups: Vec<SecurityGroupId>,
}

/// The addresses of an interface as the metadata service shows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImdsAddresses {
    /// All addresses, the primary first.
    pub ipv4: Vec<Ipv4Addr>,
    /// Prefixes.
    pub prefixes: Vec<Ipv4Prefix>,
    /// IPv6 addresses.
    pub ipv6: Vec<Ipv6Addr>,
    /// IPv6 prefixes.
    pub ipv6_prefixes: Vec<Ipv6Net>,
}

/// The networks of the VPC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VpcCidrs {
    /// IPv4.
    pub ipv4: Vec<Ipv4Net>,
    /// IPv6.
    pub ipv6: Vec<Ipv6Net>,
}

/// The metadata service of an instance.
pub trait Imds: Send + Sync + std::fmt::Debug {
    /// Who the instance is.
    fn identity(&self) -> Answer<'_, Identity>;
    /// Its interfaces.
    fn macs(&self) -> Answer<'_, Vec<Mac>>;
    /// An interface; none where it is not shown, or not all of it yet.
    fn interface(&self, mac: Mac) -> Answer<'_, Option<ImdsEni>>;
    /// The addresses of an interface; none where it is not shown.
    fn addresses(&self, mac: Mac) -> Answer<'_, Option<ImdsAddresses>>;
    /// The groups of an interface.
    fn security_groups(&self, mac: Mac) -> Answer<'_, Vec<SecurityGroupId>>;
    /// The networks of the interface's VPC.
    fn vpc_cidrs(&self, mac: Mac) -> Answer<'_, VpcCidrs>;
}

#[cfg(test)]
mod tests {
    use super::super::CloudErrorKind;
    use super::*;

    fn error(code: &str, message: &str) -> CloudError {
        CloudError {
            kind: CloudErrorKind::Invalid,
            action: "ec2:CreateNetworkInterface",
            code: code.to_owned(),
            message: message.to_owned(),
        }
    }

    #[test]
    fn want_of_room_is_told_from_a_wrong_request() {
        let of = |code, message| capacity(&error(code, message));
        assert_eq!(of("InsufficientCidrBlocks", ""), Some(Capacity::Subnet));
        assert_eq!(
            of("InsufficientFreeAddressesInSubnet", ""),
            Some(Capacity::Subnet)
        );
        let sentence = "There aren't sufficient free Ipv4 addresses or prefixes";
        assert_eq!(of("InvalidParameterValue", sentence), Some(Capacity::Subnet));
        assert_eq!(of("InvalidParameterValue", "invalid security group"), None);
        assert_eq!(of("PrivateIpAddressLimitExceeded", ""), Some(Capacity::Interface));
        assert_eq!(of("AttachmentLimitExceeded", ""), Some(Capacity::Instance));
        assert_eq!(of("NetworkInterfaceLimitExceeded", ""), Some(Capacity::Account));
        assert_eq!(of("RequestLimitExceeded", ""), None);
    }
}
