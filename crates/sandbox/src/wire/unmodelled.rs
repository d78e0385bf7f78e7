//! The one list of what AWS has and the sandbox deliberately has not: it answers `UnsupportedOperation`, so that
//! nobody mistakes a missing model for a wrong spelling.

/// Parameters, by their first element, whatever the action.
const PARAMETERS: &[&str] = &[
    "AlarmSpecification",
    "AmazonProvidedIpv6CidrBlock",
    "AssociateCarrierIpAddress",
    "AssociatePublicIpAddress",
    "AssociatedSubnetId",
    "AvailabilityZoneDistribution",
    "AvailabilityZoneIds",
    "AvailabilityZoneImpairmentPolicy",
    "CapacityReservationTarget",
    "ConnectionTrackingSpecification",
    "Context",
    "DeletionProtection",
    "DesiredCapacityType",
    "ElasticGpuSpecification",
    "ElasticInferenceAccelerator",
    "EnaQueueCount",
    "EnaSrdSpecification",
    "EnablePrimaryIpv6",
    "InstanceLifecyclePolicy",
    "InstanceMaintenancePolicy",
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
    "LaunchConfigurationName",
    "LicenseSpecification",
    "LoadBalancerNames",
    "NotificationTargetARN",
    "Operator",
    "OutpostArn",
    "Placement",
    "PlacementGroup",
    "PrimaryIpv6",
    "PrivateDnsNameOptions",
    "MaxPrice",
    "MinTargetCapacity",
    "PrefixListIds",
    "RamDiskId",
    "RamdiskId",
    "ReservedCapacityOptions",
    "RoleARN",
    "SecondaryInterface",
    "SecurityGroup",
    "SkipZonalShiftValidation",
    "TargetCapacityUnitType",
    "TargetGroupARNs",
    "TrafficSources",
    "WeightedCapacity",
];

/// Actions of EC2 that the VPC CNI or its neighbours use.
const ACTIONS: &[&str] = &[
    "AllocateAddress",
    "AssociateAddress",
    "CreateInternetGateway",
    "CreateNatGateway",
    "CreateRoute",
    "CreateRouteTable",
    "CreateVpcEndpoint",
    "DescribeAddresses",
    "DescribeVolumes",
    "AssignIpv6Addresses",
    "AssociateTrunkInterface",
    "DescribeNetworkInterfaceAttribute",
    "DescribeTrunkInterfaceAssociations",
    "DisassociateTrunkInterface",
    "UnassignIpv6Addresses",
];

pub(crate) fn parameter(name: &str) -> bool {
    name.split('.').any(|element| PARAMETERS.contains(&element))
}

pub(crate) fn action(name: &str) -> bool {
    ACTIONS.contains(&name)
}
