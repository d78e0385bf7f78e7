//! The one list of what AWS has and the sandbox deliberately has not: it answers `UnsupportedOperation`, so that
//! nobody mistakes a missing model for a wrong spelling.

/// Parameters, by their first element, whatever the action.
const PARAMETERS: &[&str] = &[
    "AmazonProvidedIpv6CidrBlock",
    "AssociateCarrierIpAddress",
    "AssociatePublicIpAddress",
    "AssociatedSubnetId",
    "ConnectionTrackingSpecification",
    "CapacityReservationTarget",
    "ElasticGpuSpecification",
    "ElasticInferenceAccelerator",
    "EnaQueueCount",
    "EnaSrdSpecification",
    "EnablePrimaryIpv6",
    "InstanceRequirements",
    "Ipv4IpamPoolId",
    "Ipv6Address",
    "Ipv6AddressCount",
    "Ipv6Addresses",
    "Ipv6CidrBlock",
    "Ipv6Native",
    "Ipv6Prefix",
    "Ipv6PrefixCount",
    "KernelId",
    "LicenseSpecification",
    "Operator",
    "OutpostArn",
    "Placement",
    "PrimaryIpv6",
    "PrivateDnsNameOptions",
    "RamDiskId",
    "RamdiskId",
    "SecondaryInterface",
    "SecurityGroup",
];

/// Actions of EC2 that the VPC CNI or its neighbours use.
const ACTIONS: &[&str] = &[
    "AssignIpv6Addresses",
    "AssociateTrunkInterface",
    "CreateFleet",
    "DeleteSecurityGroup",
    "DeleteSubnet",
    "DeleteVpc",
    "DescribeImages",
    "DescribeInstanceStatus",
    "DescribeInstanceTypeOfferings",
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
