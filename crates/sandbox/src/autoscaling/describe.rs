//! DescribeAutoScalingGroups and DescribeAutoScalingInstances.

use super::{PAGE, source, tags};
use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::filter::{Filterable, Filters};
use crate::wire::page::Page;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::{ACCOUNT, Member, ScalingGroup, Tags, World};
use std::borrow::Cow;

pub(super) const ACTIONS: Family = &[
    ("DescribeAutoScalingGroups", groups),
    ("DescribeAutoScalingInstances", instances),
];

impl Filterable for ScalingGroup {
    const NAMES: &'static [&'static str] = &["tag-value"];

    fn values(&self, name: &str) -> Vec<Cow<'_, str>> {
        match name {
            "tag-value" => self.tags.values().map(Into::into).collect(),
            _ => Vec::new(),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

fn groups(params: &mut Params) -> Result<Effect, ApiError> {
    let names = params.list("AutoScalingGroupNames.member");
    let filters = Filters::parse_named::<ScalingGroup>(params, "Filters.member", "Values.member")?;
    let with_instances = params.parsed("IncludeInstances")?.unwrap_or(true);
    let request = format!("groups?{}?{}", names.join(","), filters.fingerprint());
    let page = Page::named(params, PAGE, (50, 100), &request)?;
    Ok(Box::new(move |world| {
        let found = world
            .scaling
            .groups
            .values()
            .filter(|group| names.is_empty() || names.contains(&group.name))
            .filter(|group| filters.accept(*group));
        let cut = page.cut(found.map(|group| (group.name.clone(), group)));
        let mut xml = Xml::default();
        xml.members("AutoScalingGroups", cut.items, |xml, group| {
            write_group(xml, world, group, with_instances);
        })
        .maybe("NextToken", cut.next);
        Ok(xml)
    }))
}

fn write_group(xml: &mut Xml, world: &World, group: &ScalingGroup, with_instances: bool) {
    let subnets: Vec<&str> = group.subnets.iter().map(|(id, _)| id.as_str()).collect();
    xml.text("AutoScalingGroupName", &group.name)
        .text("AutoScalingGroupARN", &group.arn);
    source::write(xml, world, &group.source);
    xml.text("MinSize", group.min)
        .text("MaxSize", group.max)
        .text("DesiredCapacity", group.desired)
        .text("DefaultCooldown", group.default_cooldown)
        .maybe("DefaultInstanceWarmup", group.default_warmup)
        .members("AvailabilityZones", group.zones(), |xml, zone| {
            xml.plain(zone.as_str());
        })
        .members("LoadBalancerNames", [], |_, (): ()| {})
        .members("TargetGroupARNs", [], |_, (): ()| {})
        .text("HealthCheckType", group.health_check_type.as_str())
        .text("HealthCheckGracePeriod", group.grace);
    if with_instances {
        xml.members("Instances", group.members.values(), write_member);
    }
    xml.text("CreatedTime", group.created)
        .members(
            "SuspendedProcesses",
            &group.suspended,
            |xml, (process, reason)| {
                xml.text("ProcessName", process.as_str())
                    .text("SuspensionReason", reason);
            },
        )
        .text("VPCZoneIdentifier", subnets.join(","))
        .members("EnabledMetrics", [], |_, (): ()| {})
        .maybe("Status", group.deleting.then_some("Delete in progress"));
    tags::write(xml, group);
    xml.members("TerminationPolicies", &group.termination_policies, |xml, policy| {
        xml.plain(policy.as_str());
    })
    .text("NewInstancesProtectedFromScaleIn", group.protect_new)
    .text("CapacityRebalance", group.capacity_rebalance)
    .maybe("MaxInstanceLifetime", group.max_lifetime)
    .text(
        "ServiceLinkedRoleARN",
        format!(
            "arn:aws:iam::{ACCOUNT}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
        ),
    );
}

fn write_member(xml: &mut Xml, member: &Member) {
    let healthy = member.unhealthy.is_none();
    xml.text("InstanceId", &member.id)
        .text("InstanceType", &member.instance_type)
        .text("AvailabilityZone", &member.zone)
        .text("LifecycleState", member.lifecycle.as_str())
        .text("HealthStatus", if healthy { "Healthy" } else { "Unhealthy" });
    write_template(xml, member);
    xml.text("ProtectedFromScaleIn", member.protected);
}

fn write_template(xml: &mut Xml, member: &Member) {
    if let Some(template) = &member.template {
        xml.element("LaunchTemplate", |xml| {
            xml.text("LaunchTemplateId", &template.id)
                .text("LaunchTemplateName", &template.name)
                .text("Version", template.version);
        });
    }
}

fn instances(params: &mut Params) -> Result<Effect, ApiError> {
    let ids = params.list("InstanceIds.member");
    let request = format!("instances?{}", ids.join(","));
    let page = Page::named(params, PAGE, (50, 50), &request)?;
    Ok(Box::new(move |world| {
        let mut found: Vec<(String, (&ScalingGroup, &Member))> = world
            .scaling
            .groups
            .values()
            .flat_map(|group| group.members.values().map(move |member| (group, member)))
            .map(|(group, member)| (member.id.to_string(), (group, member)))
            .filter(|(id, _)| ids.is_empty() || ids.contains(id))
            .collect();
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        let cut = page.cut(found.into_iter());
        let mut xml = Xml::default();
        xml.members("AutoScalingInstances", cut.items, |xml, (group, member)| {
            let healthy = member.unhealthy.is_none();
            xml.text("InstanceId", &member.id)
                .text("InstanceType", &member.instance_type)
                .text("AutoScalingGroupName", &group.name)
                .text("AvailabilityZone", &member.zone)
                .text("LifecycleState", member.lifecycle.as_str())
                // In capitals here, and only here.
                .text("HealthStatus", if healthy { "HEALTHY" } else { "UNHEALTHY" });
            write_template(xml, member);
            xml.text("ProtectedFromScaleIn", member.protected);
        })
        .maybe("NextToken", cut.next);
        Ok(xml)
    }))
}
