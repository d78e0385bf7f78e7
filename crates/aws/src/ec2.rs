//! The port `Ec2` over the SDK. Every describe reads all its pages; ids go as filters in batches, so that one that is
//! gone is left out instead of failing the others.

use crate::batches::{all_pages, in_batches};
use crate::client::Aws;
use crate::{classify, convert};
use aws_sdk_ec2::types::{self as wire, Filter};
use std::collections::BTreeMap;
use std::fmt::Display;
use vpccni_core::ids::{InstanceId, InstanceType, SecurityGroupId, SubnetId, VpcId};
use vpccni_core::limits::InstanceLimits;
use vpccni_core::ports::{Answer, CloudError, Ec2, Eni, Instance, Reservation, SecurityGroup, Subnet};

/// Values of one filter; EC2 takes 200.
const BATCH: usize = 100;

/// The most that DescribeInstanceTypes gives at once.
const TYPES_PAGE: i32 = 100;

/// A terminated instance is described for an hour, without a VPC.
const LIVE_STATES: [&str; 5] = ["pending", "running", "shutting-down", "stopping", "stopped"];

pub(crate) fn filter(name: &str, values: impl IntoIterator<Item = impl Display>) -> Filter {
    let values = values.into_iter().map(|value| value.to_string()).collect();
    Filter::builder().name(name).set_values(Some(values)).build()
}

impl Aws {
    pub(crate) async fn describe_subnets(&self, by: Vec<Filter>) -> Result<Vec<Subnet>, CloudError> {
        const ACTION: &str = "ec2:DescribeSubnets";
        let call = self.ec2.describe_subnets().set_filters(Some(by));
        let pages = call.into_paginator().page_size(self.page).items().send();
        let items = all_pages(ACTION, pages).await?;
        Ok(convert::all(
            ACTION,
            &items,
            wire::Subnet::subnet_id,
            convert::subnet,
        ))
    }

    async fn describe_reservations(&self, subnet: &SubnetId) -> Result<Vec<Reservation>, CloudError> {
        const ACTION: &str = "ec2:GetSubnetCidrReservations";
        let mut items = Vec::new();
        let mut token = None;
        // The SDK has no paginator for this one.
        loop {
            let call = self.ec2.get_subnet_cidr_reservations().subnet_id(subnet.as_str());
            let page = call
                .max_results(self.page)
                .set_next_token(token)
                .send()
                .await
                .map_err(|error| classify::error(ACTION, &error))?;
            items.extend_from_slice(page.subnet_ipv4_cidr_reservations());
            token = page
                .next_token()
                .filter(|token| !token.is_empty())
                .map(str::to_owned);
            if token.is_none() {
                break;
            }
        }
        Ok(convert::all(
            ACTION,
            &items,
            wire::SubnetCidrReservation::subnet_cidr_reservation_id,
            convert::reservation,
        ))
    }

    async fn describe_interfaces(&self, by: Filter) -> Result<Vec<Eni>, CloudError> {
        const ACTION: &str = "ec2:DescribeNetworkInterfaces";
        let call = self.ec2.describe_network_interfaces().filters(by);
        let pages = call.into_paginator().page_size(self.page).items().send();
        let items = all_pages(ACTION, pages).await?;
        Ok(convert::all(
            ACTION,
            &items,
            wire::NetworkInterface::network_interface_id,
            convert::eni,
        ))
    }

    async fn describe_groups(&self, by: Filter) -> Result<Vec<SecurityGroup>, CloudError> {
        const ACTION: &str = "ec2:DescribeSecurityGroups";
        let call = self.ec2.describe_security_groups().filters(by);
        let pages = call.into_paginator().page_size(self.page).items().send();
        let items = all_pages(ACTION, pages).await?;
        Ok(convert::all(
            ACTION,
            &items,
            wire::SecurityGroup::group_id,
            convert::security_group,
        ))
    }

    async fn describe_instances(&self, ids: &[InstanceId]) -> Result<Vec<Instance>, CloudError> {
        const ACTION: &str = "ec2:DescribeInstances";
        let call = self
            .ec2
            .describe_instances()
            .filters(filter("instance-id", ids))
            .filters(filter("instance-state-name", LIVE_STATES));
        let mut pages = call.into_paginator().page_size(self.page).send();
        let mut read = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| classify::error(ACTION, &error))?;
            for reservation in page.reservations() {
                let instances = reservation.instances();
                read.extend(convert::all(
                    ACTION,
                    instances,
                    wire::Instance::instance_id,
                    convert::instance,
                ));
            }
        }
        Ok(read)
    }

    async fn describe_types(
        &self,
        types: &[InstanceType],
    ) -> Result<Vec<(InstanceType, InstanceLimits)>, CloudError> {
        const ACTION: &str = "ec2:DescribeInstanceTypes";
        let call = self
            .ec2
            .describe_instance_types()
            .filters(filter("instance-type", types));
        let pages = call
            .into_paginator()
            .page_size(self.page.min(TYPES_PAGE))
            .items()
            .send();
        let items = all_pages(ACTION, pages).await?;
        Ok(convert::all(
            ACTION,
            &items,
            |t| t.instance_type().map(wire::InstanceType::as_str),
            convert::instance_limits,
        ))
    }
}

impl Ec2 for Aws {
    fn subnets<'a>(&'a self, vpc: &'a VpcId) -> Answer<'a, Vec<Subnet>> {
        Box::pin(self.describe_subnets(vec![filter("vpc-id", [vpc])]))
    }

    fn subnets_by_id<'a>(&'a self, ids: &'a [SubnetId]) -> Answer<'a, Vec<Subnet>> {
        Box::pin(in_batches(ids, BATCH, |batch| {
            self.describe_subnets(vec![filter("subnet-id", batch)])
        }))
    }

    fn reservations<'a>(&'a self, subnet: &'a SubnetId) -> Answer<'a, Vec<Reservation>> {
        Box::pin(self.describe_reservations(subnet))
    }

    fn interfaces<'a>(&'a self, vpc: &'a VpcId) -> Answer<'a, Vec<Eni>> {
        Box::pin(self.describe_interfaces(filter("vpc-id", [vpc])))
    }

    fn interfaces_of<'a>(&'a self, instances: &'a [InstanceId]) -> Answer<'a, Vec<Eni>> {
        Box::pin(in_batches(instances, BATCH, |batch| {
            self.describe_interfaces(filter("attachment.instance-id", batch))
        }))
    }

    fn security_groups<'a>(&'a self, vpc: &'a VpcId) -> Answer<'a, Vec<SecurityGroup>> {
        Box::pin(self.describe_groups(filter("vpc-id", [vpc])))
    }

    fn security_groups_by_id<'a>(&'a self, ids: &'a [SecurityGroupId]) -> Answer<'a, Vec<SecurityGroup>> {
        Box::pin(in_batches(ids, BATCH, |batch| {
            self.describe_groups(filter("group-id", batch))
        }))
    }

    fn instances<'a>(&'a self, ids: &'a [InstanceId]) -> Answer<'a, Vec<Instance>> {
        Box::pin(in_batches(ids, BATCH, |batch| self.describe_instances(batch)))
    }

    fn instance_types<'a>(
        &'a self,
        types: &'a [InstanceType],
    ) -> Answer<'a, BTreeMap<InstanceType, InstanceLimits>> {
        Box::pin(in_batches(types, BATCH, |batch| self.describe_types(batch)))
    }
}
