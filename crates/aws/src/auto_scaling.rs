//! The port `AutoScaling` over the SDK.

use crate::batches::{all_pages, in_batches};
use crate::client::Aws;
use crate::groups_convert;
use crate::{classify, convert};
use aws_sdk_autoscaling::types as wire;
use std::collections::BTreeMap;
use vpccni_core::ids::InstanceId;
use vpccni_core::ports::groups::{AutoScaling, ScalingGroup, TemplateRef};
use vpccni_core::ports::{Answer, CloudError, CloudErrorKind};

/// The most names, instances and items of a page that Auto Scaling takes at once.
const BATCH: usize = 50;
const PAGE: i32 = 50;

const DESCRIBE_GROUPS: &str = "autoscaling:DescribeAutoScalingGroups";
const DESCRIBE_INSTANCES: &str = "autoscaling:DescribeAutoScalingInstances";
const UPDATE_GROUP: &str = "autoscaling:UpdateAutoScalingGroup";

/// The one kind of resource that has tags in Auto Scaling.
const TAGGED: &str = "auto-scaling-group";

impl Aws {
    async fn wire_groups(&self, names: &[String]) -> Result<Vec<wire::AutoScalingGroup>, CloudError> {
        let call = self
            .scaling
            .describe_auto_scaling_groups()
            .set_auto_scaling_group_names(Some(names.to_vec()))
            .max_records(self.page.min(PAGE));
        let pages = call.into_paginator().items().send();
        all_pages(DESCRIBE_GROUPS, pages).await
    }

    async fn describe_scaling_groups(&self, names: &[String]) -> Result<Vec<ScalingGroup>, CloudError> {
        Ok(convert::all(
            DESCRIBE_GROUPS,
            &self.wire_groups(names).await?,
            wire::AutoScalingGroup::auto_scaling_group_name,
            groups_convert::scaling_group,
        ))
    }

    async fn describe_members(&self, ids: &[InstanceId]) -> Result<Vec<(InstanceId, String)>, CloudError> {
        let ids = ids.iter().map(ToString::to_string).collect();
        let call = self
            .scaling
            .describe_auto_scaling_instances()
            .set_instance_ids(Some(ids))
            .max_records(self.page.min(PAGE));
        let pages = call.into_paginator().items().send();
        let found = all_pages(DESCRIBE_INSTANCES, pages).await?;
        Ok(convert::all(
            DESCRIBE_INSTANCES,
            &found,
            wire::AutoScalingInstanceDetails::instance_id,
            |member| {
                let group = convert::required("AutoScalingGroupName", member.auto_scaling_group_name())?;
                Ok((
                    convert::parsed("InstanceId", member.instance_id())?,
                    group.to_owned(),
                ))
            },
        ))
    }

    /// A mixed instances policy is sent back whole: what an update leaves out of it, AWS sets to its defaults.
    async fn point_to(&self, group: &str, template: &TemplateRef) -> Result<(), CloudError> {
        let groups = self.wire_groups(&[group.to_owned()]).await?;
        let not_its = || CloudError {
            kind: CloudErrorKind::Invalid,
            action: UPDATE_GROUP,
            code: "NotItsTemplate".to_owned(),
            message: format!("the group {group} does not launch from {}", template.id),
        };
        let found = groups.first().ok_or_else(not_its)?;
        let call = self
            .scaling
            .update_auto_scaling_group()
            .auto_scaling_group_name(group);
        let call = if let Some(policy) = found.mixed_instances_policy() {
            call.mixed_instances_policy(repointed(policy, template).ok_or_else(not_its)?)
        } else {
            let now = found.launch_template().ok_or_else(not_its)?;
            let (then, _) = specification(now, template)
                .filter(|(_, its)| *its)
                .ok_or_else(not_its)?;
            call.launch_template(then)
        };
        let done = call.send().await;
        done.map(drop)
            .map_err(|error| classify::error(UPDATE_GROUP, &error))
    }
}

/// A policy with this version wherever it has the template; none where it has it nowhere.
fn repointed(
    policy: &wire::MixedInstancesPolicy,
    template: &TemplateRef,
) -> Option<wire::MixedInstancesPolicy> {
    let launch = policy.launch_template()?;
    let (main, mut found) = specification(launch.launch_template_specification()?, template)?;
    let mut overrides = Vec::new();
    for way in launch.overrides() {
        let mut way = way.clone();
        if let Some(own) = &way.launch_template_specification {
            let (own, its) = specification(own, template)?;
            found |= its;
            way.launch_template_specification = Some(own);
        }
        overrides.push(way);
    }
    let launch = wire::LaunchTemplate::builder()
        .launch_template_specification(main)
        .set_overrides((!overrides.is_empty()).then_some(overrides));
    let changed = wire::MixedInstancesPolicy::builder()
        .launch_template(launch.build())
        .set_instances_distribution(policy.instances_distribution().cloned());
    found.then(|| changed.build())
}

/// As a request takes it, by id alone; with the new version and `true` where it is the template.
fn specification(
    now: &wire::LaunchTemplateSpecification,
    template: &TemplateRef,
) -> Option<(wire::LaunchTemplateSpecification, bool)> {
    let id = now.launch_template_id()?;
    let its = id == template.id.as_str();
    let version = if its {
        Some(template.version.as_str())
    } else {
        now.version()
    };
    let then = wire::LaunchTemplateSpecification::builder()
        .launch_template_id(id)
        .set_version(version.map(str::to_owned));
    Some((then.build(), its))
}

fn size(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn tag(group: &str, key: &str) -> wire::builders::TagBuilder {
    wire::Tag::builder()
        .resource_id(group)
        .resource_type(TAGGED)
        .key(key)
        .propagate_at_launch(false)
}

impl AutoScaling for Aws {
    fn groups<'a>(&'a self, names: &'a [String]) -> Answer<'a, Vec<ScalingGroup>> {
        Box::pin(in_batches(names, BATCH, |batch| {
            self.describe_scaling_groups(batch)
        }))
    }

    fn groups_of<'a>(&'a self, instances: &'a [InstanceId]) -> Answer<'a, BTreeMap<InstanceId, String>> {
        Box::pin(in_batches(instances, BATCH, |batch| self.describe_members(batch)))
    }

    fn set_desired<'a>(&'a self, group: &'a str, desired: u32) -> Answer<'a, ()> {
        let call = self.scaling.set_desired_capacity().auto_scaling_group_name(group);
        let call = call.desired_capacity(size(desired)).honor_cooldown(false);
        Box::pin(async move {
            let done = call.send().await;
            done.map(drop)
                .map_err(|error| classify::error("autoscaling:SetDesiredCapacity", &error))
        })
    }

    fn set_bounds<'a>(&'a self, group: &'a str, min: Option<u32>, max: Option<u32>) -> Answer<'a, ()> {
        let call = self
            .scaling
            .update_auto_scaling_group()
            .auto_scaling_group_name(group)
            .set_min_size(min.map(size))
            .set_max_size(max.map(size));
        Box::pin(async move {
            let done = call.send().await;
            done.map(drop)
                .map_err(|error| classify::error(UPDATE_GROUP, &error))
        })
    }

    fn protect<'a>(&'a self, group: &'a str, instances: &'a [InstanceId], on: bool) -> Answer<'a, ()> {
        Box::pin(async move {
            for batch in instances.chunks(BATCH) {
                let ids = batch.iter().map(ToString::to_string).collect();
                let call = self.scaling.set_instance_protection();
                let call = call.auto_scaling_group_name(group).set_instance_ids(Some(ids));
                let done = call.protected_from_scale_in(on).send().await;
                done.map_err(|error| classify::error("autoscaling:SetInstanceProtection", &error))?;
            }
            Ok(())
        })
    }

    fn suspend<'a>(&'a self, group: &'a str, processes: &'a [String]) -> Answer<'a, ()> {
        let call = self.scaling.suspend_processes().auto_scaling_group_name(group);
        let call = call.set_scaling_processes(Some(processes.to_vec()));
        Box::pin(async move {
            let done = call.send().await;
            done.map(drop)
                .map_err(|error| classify::error("autoscaling:SuspendProcesses", &error))
        })
    }

    fn resume<'a>(&'a self, group: &'a str, processes: &'a [String]) -> Answer<'a, ()> {
        let call = self.scaling.resume_processes().auto_scaling_group_name(group);
        let call = call.set_scaling_processes(Some(processes.to_vec()));
        Box::pin(async move {
            let done = call.send().await;
            done.map(drop)
                .map_err(|error| classify::error("autoscaling:ResumeProcesses", &error))
        })
    }

    fn terminate<'a>(&'a self, instance: &'a InstanceId, decrement: bool) -> Answer<'a, ()> {
        let call = self.scaling.terminate_instance_in_auto_scaling_group();
        let call = call
            .instance_id(instance.as_str())
            .should_decrement_desired_capacity(decrement);
        Box::pin(async move {
            let done = call.send().await;
            done.map(drop)
                .map_err(|error| classify::error("autoscaling:TerminateInstanceInAutoScalingGroup", &error))
        })
    }

    fn use_template<'a>(&'a self, group: &'a str, template: &'a TemplateRef) -> Answer<'a, ()> {
        Box::pin(self.point_to(group, template))
    }

    fn tag<'a>(&'a self, group: &'a str, tags: &'a BTreeMap<String, String>) -> Answer<'a, ()> {
        let tags = tags
            .iter()
            .map(|(key, value)| tag(group, key).value(value).build());
        let call = self
            .scaling
            .create_or_update_tags()
            .set_tags(Some(tags.collect()));
        Box::pin(async move {
            let done = call.send().await;
            done.map(drop)
                .map_err(|error| classify::error("autoscaling:CreateOrUpdateTags", &error))
        })
    }

    fn untag<'a>(&'a self, group: &'a str, keys: &'a [String]) -> Answer<'a, ()> {
        let tags = keys.iter().map(|key| tag(group, key).build());
        let call = self.scaling.delete_tags().set_tags(Some(tags.collect()));
        Box::pin(async move {
            let done = call.send().await;
            done.map(drop)
                .map_err(|error| classify::error("autoscaling:DeleteTags", &error))
        })
    }
}
