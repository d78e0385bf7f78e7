//! The cloud of an operator that has none: every call is answered with what is missing, so that the conditions say it
//! and everything that rests on Kubernetes alone goes on.

use std::collections::BTreeMap;
use vpccni_core::ids::{InstanceId, InstanceType, SecurityGroupId, SubnetId, VpcId};
use vpccni_core::limits::InstanceLimits;
use vpccni_core::ports::{
    Addon, Answer, CloudError, CloudErrorKind, Ec2, Eks, Eni, Instance, Reservation, SecurityGroup, Subnet,
};

/// Answers every call with an error.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCloud;

fn refuse<T: Send + 'static>(action: &'static str) -> Answer<'static, T> {
    let error = CloudError {
        kind: CloudErrorKind::Denied,
        action,
        code: "NotConfigured".to_owned(),
        message: "the operator was started without access to AWS".to_owned(),
    };
    Box::pin(std::future::ready(Err(error)))
}

impl Ec2 for NoCloud {
    fn subnets<'a>(&'a self, _vpc: &'a VpcId) -> Answer<'a, Vec<Subnet>> {
        refuse("ec2:DescribeSubnets")
    }

    fn subnets_by_id<'a>(&'a self, _ids: &'a [SubnetId]) -> Answer<'a, Vec<Subnet>> {
        refuse("ec2:DescribeSubnets")
    }

    fn reservations<'a>(&'a self, _subnet: &'a SubnetId) -> Answer<'a, Vec<Reservation>> {
        refuse("ec2:GetSubnetCidrReservations")
    }

    fn interfaces<'a>(&'a self, _vpc: &'a VpcId) -> Answer<'a, Vec<Eni>> {
        refuse("ec2:DescribeNetworkInterfaces")
    }

    fn security_groups<'a>(&'a self, _vpc: &'a VpcId) -> Answer<'a, Vec<SecurityGroup>> {
        refuse("ec2:DescribeSecurityGroups")
    }

    fn security_groups_by_id<'a>(&'a self, _ids: &'a [SecurityGroupId]) -> Answer<'a, Vec<SecurityGroup>> {
        refuse("ec2:DescribeSecurityGroups")
    }

    fn instances<'a>(&'a self, _ids: &'a [InstanceId]) -> Answer<'a, Vec<Instance>> {
        refuse("ec2:DescribeInstances")
    }

    fn instance_types<'a>(
        &'a self,
        _types: &'a [InstanceType],
    ) -> Answer<'a, BTreeMap<InstanceType, InstanceLimits>> {
        refuse("ec2:DescribeInstanceTypes")
    }
}

impl Eks for NoCloud {
    fn addon<'a>(&'a self, _cluster: &'a str, _name: &'a str) -> Answer<'a, Option<Addon>> {
        refuse("eks:DescribeAddon")
    }
}
