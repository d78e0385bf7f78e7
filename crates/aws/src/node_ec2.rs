//! The port `NodeEc2` over the SDK: one call each, and no decision.
//!
//! What takes addresses is not repeated by the SDK: an answer that was lost may still have had its effect, and a second
//! call would take twice as much. The caller reads the interface again instead.

use crate::batches::all_pages;
use crate::client::Aws;
use crate::ec2::filter;
use crate::node_convert::{self, node_eni};
use crate::{classify, convert};
use aws_sdk_ec2::config::Config;
use aws_sdk_ec2::types::{self as wire, Filter};
use aws_smithy_types::retry::RetryConfig;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use vpccni_core::eni_tags::{CLUSTER_TAG, INSTANCE_TAG};
use vpccni_core::ids::{EniId, InstanceId, SecurityGroupId, SubnetId, VpcId, Zone};
use vpccni_core::net::{Ipv4Prefix, Ipv6Net};
use vpccni_core::ports::node::{Assigned, Count, Fill, LeftOver, NewInterface, NodeEc2, NodeEni};
use vpccni_core::ports::{Answer, CloudError, CloudErrorKind, Subnet};

const DESCRIBE: &str = "ec2:DescribeNetworkInterfaces";

/// The count as the wire has it; more than an i32 is refused by EC2 anyway.
fn wire_count(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn once() -> aws_sdk_ec2::config::Builder {
    Config::builder().retry_config(RetryConfig::disabled())
}

fn wire_tags(tags: &BTreeMap<String, String>) -> Vec<wire::Tag> {
    tags.iter()
        .map(|(key, value)| wire::Tag::builder().key(key).value(value).build())
        .collect()
}

fn unreadable(action: &'static str, message: impl Into<String>) -> CloudError {
    CloudError {
        kind: CloudErrorKind::Internal,
        action,
        code: "UnreadableAnswer".to_owned(),
        message: message.into(),
    }
}

impl Aws {
    async fn describe_node_interfaces(&self, filters: Vec<Filter>) -> Result<Vec<NodeEni>, CloudError> {
        let call = self.ec2.describe_network_interfaces().set_filters(Some(filters));
        let pages = call.into_paginator().page_size(self.page).items().send();
        let items = all_pages(DESCRIBE, pages).await?;
        Ok(convert::all(
            DESCRIBE,
            &items,
            wire::NetworkInterface::network_interface_id,
            node_eni,
        ))
    }

    async fn describe_devices(&self, instance: &InstanceId) -> Result<Vec<(u32, u32)>, CloudError> {
        const ACTION: &str = "ec2:DescribeInstances";
        let answer = self
            .ec2
            .describe_instances()
            .instance_ids(instance.as_str())
            .send()
            .await
            .map_err(|error| classify::error(ACTION, &error))?;
        Ok(answer
            .reservations()
            .iter()
            .flat_map(wire::Reservation::instances)
            .flat_map(wire::Instance::network_interfaces)
            .filter_map(wire::InstanceNetworkInterface::attachment)
            .filter_map(|attachment| {
                let card = u32::try_from(attachment.network_card_index().unwrap_or(0)).ok()?;
                Some((card, u32::try_from(attachment.device_index()?).ok()?))
            })
            .collect())
    }

    async fn create(&self, new: &NewInterface) -> Result<NodeEni, CloudError> {
        const ACTION: &str = "ec2:CreateNetworkInterface";
        let groups = new.security_groups.iter().map(ToString::to_string).collect();
        let tags = wire::TagSpecification::builder()
            .resource_type(wire::ResourceType::NetworkInterface)
            .set_tags(Some(wire_tags(&new.tags)))
            .build();
        let mut call = self
            .ec2
            .create_network_interface()
            .subnet_id(new.subnet.as_str())
            .description(&new.description)
            .set_groups(Some(groups))
            .tag_specifications(tags)
            .set_connection_tracking_specification(node_convert::wire_tracking(new.tracking));
        call = match new.fill {
            Fill::Empty => call,
            Fill::Ipv4(Count::Addresses(count)) => call.secondary_private_ip_address_count(wire_count(count)),
            Fill::Ipv4(Count::Prefixes(count)) => call.ipv4_prefix_count(wire_count(count)),
            Fill::Ipv6 => call.ipv6_address_count(1),
        };
        let made = call
            .send()
            .await
            .map_err(|error| classify::error(ACTION, &error))?;
        let made = made
            .network_interface()
            .ok_or_else(|| unreadable(ACTION, "the answer has no interface"))?;
        node_eni(made).map_err(|error| unreadable(ACTION, error.to_string()))
    }

    async fn assign_ipv4(&self, eni: &EniId, count: Count) -> Result<Assigned, CloudError> {
        const ACTION: &str = "ec2:AssignPrivateIpAddresses";
        let call = self
            .ec2
            .assign_private_ip_addresses()
            .network_interface_id(eni.as_str());
        let call = match count {
            Count::Addresses(count) => call.secondary_private_ip_address_count(wire_count(count)),
            Count::Prefixes(count) => call.ipv4_prefix_count(wire_count(count)),
        };
        let answer = call
            .customize()
            .config_override(once())
            .send()
            .await
            .map_err(|error| classify::error(ACTION, &error))?;
        node_convert::assigned(
            answer.assigned_private_ip_addresses(),
            answer.assigned_ipv4_prefixes(),
        )
        .map_err(|error| unreadable(ACTION, error.to_string()))
    }

    async fn unassign(
        &self,
        eni: &EniId,
        addresses: Option<Vec<String>>,
        prefixes: Option<Vec<String>>,
    ) -> Result<(), CloudError> {
        self.ec2
            .unassign_private_ip_addresses()
            .network_interface_id(eni.as_str())
            .set_private_ip_addresses(addresses)
            .set_ipv4_prefixes(prefixes)
            .send()
            .await
            .map(drop)
            .map_err(|error| classify::error("ec2:UnassignPrivateIpAddresses", &error))
    }

    async fn assign_v6(&self, eni: &EniId) -> Result<Vec<Ipv6Net>, CloudError> {
        const ACTION: &str = "ec2:AssignIpv6Addresses";
        let answer = self
            .ec2
            .assign_ipv6_addresses()
            .network_interface_id(eni.as_str())
            .ipv6_prefix_count(1)
            .customize()
            .config_override(once())
            .send()
            .await
            .map_err(|error| classify::error(ACTION, &error))?;
        answer
            .assigned_ipv6_prefixes()
            .iter()
            .map(|prefix| {
                let read: Result<Ipv6Net, _> = prefix.parse();
                read.map_err(|error| unreadable(ACTION, format!("{prefix}: {error}")))
            })
            .collect()
    }

    async fn attach_to(
        &self,
        eni: &EniId,
        instance: &InstanceId,
        card: u32,
        device_index: u32,
    ) -> Result<String, CloudError> {
        const ACTION: &str = "ec2:AttachNetworkInterface";
        let answer = self
            .ec2
            .attach_network_interface()
            .network_interface_id(eni.as_str())
            .instance_id(instance.as_str())
            .device_index(wire_count(device_index))
            .network_card_index(wire_count(card))
            .send()
            .await
            .map_err(|error| classify::error(ACTION, &error))?;
        let id = answer.attachment_id();
        id.map(str::to_owned)
            .ok_or_else(|| unreadable(ACTION, "the answer has no attachment"))
    }

    async fn modify_termination(&self, eni: &EniId, attachment: &str) -> Result<(), CloudError> {
        let changes = wire::NetworkInterfaceAttachmentChanges::builder()
            .attachment_id(attachment)
            .delete_on_termination(true)
            .build();
        self.ec2
            .modify_network_interface_attribute()
            .network_interface_id(eni.as_str())
            .attachment(changes)
            .send()
            .await
            .map(drop)
            .map_err(|error| classify::error("ec2:ModifyNetworkInterfaceAttribute", &error))
    }

    async fn modify_groups(&self, eni: &EniId, groups: &[SecurityGroupId]) -> Result<(), CloudError> {
        self.ec2
            .modify_network_interface_attribute()
            .network_interface_id(eni.as_str())
            .set_groups(Some(groups.iter().map(ToString::to_string).collect()))
            .send()
            .await
            .map(drop)
            .map_err(|error| classify::error("ec2:ModifyNetworkInterfaceAttribute", &error))
    }
}

impl NodeEc2 for Aws {
    fn interfaces_of<'a>(&'a self, instance: &'a InstanceId) -> Answer<'a, Vec<NodeEni>> {
        Box::pin(self.describe_node_interfaces(vec![filter("attachment.instance-id", [instance])]))
    }

    fn interface<'a>(&'a self, eni: &'a EniId) -> Answer<'a, Option<NodeEni>> {
        Box::pin(async move {
            let by = vec![filter("network-interface-id", [eni])];
            Ok(self.describe_node_interfaces(by).await?.pop())
        })
    }

    fn devices<'a>(&'a self, instance: &'a InstanceId) -> Answer<'a, Vec<(u32, u32)>> {
        Box::pin(self.describe_devices(instance))
    }

    fn subnets_in<'a>(&'a self, vpc: &'a VpcId, zone: &'a Zone) -> Answer<'a, Vec<Subnet>> {
        let by = vec![filter("vpc-id", [vpc]), filter("availability-zone", [zone])];
        Box::pin(self.describe_subnets(by))
    }

    fn subnet<'a>(&'a self, id: &'a SubnetId) -> Answer<'a, Option<Subnet>> {
        Box::pin(async move {
            let found = self.describe_subnets(vec![filter("subnet-id", [id])]).await?;
            Ok(found.into_iter().next())
        })
    }

    fn left_over<'a>(&'a self, which: LeftOver<'a>) -> Answer<'a, Vec<NodeEni>> {
        let mut by = vec![
            filter("tag-key", [INSTANCE_TAG]),
            filter("status", ["available"]),
            filter("vpc-id", [which.vpc]),
        ];
        if let Some(cluster) = which.cluster {
            by.push(filter(&format!("tag:{CLUSTER_TAG}"), [cluster]));
        }
        Box::pin(self.describe_node_interfaces(by))
    }

    fn create_interface<'a>(&'a self, new: &'a NewInterface) -> Answer<'a, NodeEni> {
        Box::pin(self.create(new))
    }

    fn attach<'a>(
        &'a self,
        eni: &'a EniId,
        instance: &'a InstanceId,
        card: u32,
        device_index: u32,
    ) -> Answer<'a, String> {
        Box::pin(self.attach_to(eni, instance, card, device_index))
    }

    fn delete_on_termination<'a>(&'a self, eni: &'a EniId, attachment: &'a str) -> Answer<'a, ()> {
        Box::pin(self.modify_termination(eni, attachment))
    }

    fn assign<'a>(&'a self, eni: &'a EniId, count: Count) -> Answer<'a, Assigned> {
        Box::pin(self.assign_ipv4(eni, count))
    }

    fn unassign_addresses<'a>(&'a self, eni: &'a EniId, addresses: &'a [Ipv4Addr]) -> Answer<'a, ()> {
        let addresses = addresses.iter().map(ToString::to_string).collect();
        Box::pin(self.unassign(eni, Some(addresses), None))
    }

    fn unassign_prefixes<'a>(&'a self, eni: &'a EniId, prefixes: &'a [Ipv4Prefix]) -> Answer<'a, ()> {
        let prefixes = prefixes.iter().map(ToString::to_string).collect();
        Box::pin(self.unassign(eni, None, Some(prefixes)))
    }

    fn assign_ipv6_prefix<'a>(&'a self, eni: &'a EniId) -> Answer<'a, Vec<Ipv6Net>> {
        Box::pin(self.assign_v6(eni))
    }

    fn detach<'a>(&'a self, attachment: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            let call = self.ec2.detach_network_interface().attachment_id(attachment);
            let answer = call.send().await;
            answer
                .map(drop)
                .map_err(|error| classify::error("ec2:DetachNetworkInterface", &error))
        })
    }

    fn delete_interface<'a>(&'a self, eni: &'a EniId) -> Answer<'a, ()> {
        Box::pin(async move {
            let call = self
                .ec2
                .delete_network_interface()
                .network_interface_id(eni.as_str());
            let answer = call.send().await;
            answer
                .map(drop)
                .map_err(|error| classify::error("ec2:DeleteNetworkInterface", &error))
        })
    }

    fn set_security_groups<'a>(&'a self, eni: &'a EniId, groups: &'a [SecurityGroupId]) -> Answer<'a, ()> {
        Box::pin(self.modify_groups(eni, groups))
    }

    fn tag<'a>(&'a self, eni: &'a EniId, tags: &'a BTreeMap<String, String>) -> Answer<'a, ()> {
        Box::pin(async move {
            let call = self.ec2.create_tags().resources(eni.as_str());
            let answer = call.set_tags(Some(wire_tags(tags))).send().await;
            answer
                .map(drop)
                .map_err(|error| classify::error("ec2:CreateTags", &error))
        })
    }
}
