//! The one list of what AWS has and the sandbox deliberately has not: it answers `UnsupportedOperation`, so that
//! nobody mistakes a missing model for a wrong spelling.

/// Parameters, by their first element, whatever the action.
const PARAMETERS: &[&str] = &[
    "AssociateCarrierIpAddress",
    "AssociatePublicIpAddress",
    "AssociatedSubnetId",
    "AlarmSpecification",
    "AvailabilityZoneDistribution",
    "AvailabilityZoneIds",
    "AvailabilityZoneImpairmentPolicy",
    "CapacityReservationTarget",
    "Context",
    "DeletionProtection",
    "DesiredCapacityType",
    "ElasticGpuSpecification",
    "ElasticInferenceAccelerator",
    "DefaultEnaQueueCount",
    "EnaQueueCount",
    "EnaSrdSpecification",
    "GreKey",
    "InstanceLifecyclePolicy",
    "InstanceMaintenancePolicy",
    "InstanceRequirements",
    "Ipv4IpamPoolId",
    "Ipv4NetmaskLength",
    "Ipv6CidrBlockNetworkBorderGroup",
    "Ipv6IpamPoolId",
    "Ipv6Native",
    "Ipv6NetmaskLength",
    "Ipv6Pool",
    "KernelId",
    "LaunchConfigurationName",
    "LicenseSpecification",
    "LoadBalancerNames",
    "NotificationTargetARN",
    "Operator",
    "OutpostArn",
    "Placement",
    "PlacementGroup",
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
];

pub(crate) fn parameter(name: &str) -> bool {
    name.split('.').any(|element| PARAMETERS.contains(&element))
}

pub(crate) fn action(name: &str) -> bool {
    ACTIONS.contains(&name)
}
