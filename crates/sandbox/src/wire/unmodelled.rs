//! The one list of what AWS has and the sandbox deliberately has not: it answers `UnsupportedOperation`, so that
//! nobody mistakes a missing model for a wrong spelling.

/// Parameters, by their first element, whatever the action.
const PARAMETERS: [&str; 32] = [
    "AmazonProvidedIpv6CidrBlock",
    "AssociateCarrierIpAddress",
    "AssociatePublicIpAddress",
    "AssociatedSubnetId",
    "BlockDeviceMapping",
    "CapacityReservationSpecification",
    "ConnectionTrackingSpecification",
    "CpuOptions",
    "CreditSpecification",
    "EbsOptimized",
    "EnaQueueCount",
    "EnaSrdSpecification",
    "EnablePrimaryIpv6",
    "HibernationOptions",
    "IamInstanceProfile",
    "InstanceMarketOptions",
    "Ipv4IpamPoolId",
    "Ipv6Address",
    "Ipv6AddressCount",
    "Ipv6Addresses",
    "Ipv6CidrBlock",
    "Ipv6Native",
    "Ipv6Prefix",
    "Ipv6PrefixCount",
    "KeyName",
    "LaunchTemplate",
    "MetadataOptions",
    "Monitoring",
    "OutpostArn",
    "PrimaryIpv6",
    "SecondaryInterface",
    "UserData",
];

/// Actions of EC2 that the VPC CNI or its neighbours use.
const ACTIONS: [&str; 16] = [
    "AssignIpv6Addresses",
    "AssociateTrunkInterface",
    "CreateFleet",
    "CreateLaunchTemplate",
    "DeleteSecurityGroup",
    "DeleteSubnet",
    "DeleteVpc",
    "DescribeImages",
    "DescribeInstanceStatus",
    "DescribeInstanceTypeOfferings",
    "DescribeLaunchTemplates",
    "DescribeNetworkInterfaceAttribute",
    "DescribeTrunkInterfaceAssociations",
    "DisassociateTrunkInterface",
    "ModifySubnetAttribute",
    "UnassignIpv6Addresses",
];

pub(crate) fn parameter(name: &str) -> bool {
    name.split('.').any(|element| PARAMETERS.contains(&element))
}

pub(crate) fn action(name: &str) -> bool {
    ACTIONS.contains(&name)
}
