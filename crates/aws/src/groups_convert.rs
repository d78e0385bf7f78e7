//! Wire types of Auto Scaling, launch templates and node groups to domain types, as `convert` does it for the others.

use crate::convert::{Unreadable, number, parsed, required};
use aws_sdk_autoscaling::types as scaling;
use aws_sdk_eks::types as eks;
use std::collections::BTreeMap;
use vpccni_core::ids::{InstanceType, LaunchTemplateId, SubnetId};
use vpccni_core::ports::groups::{
    AtOnce, GroupIssue, GroupSize, GroupTaint, LaunchSource, ManagedGroup, ManagedStatus, Member,
    MemberState, ScalingGroup, TemplateRef,
};

/// What a group uses that names no version.
const DEFAULT_VERSION: &str = "$Default";

pub(crate) fn scaling_group(group: &scaling::AutoScalingGroup) -> Result<ScalingGroup, Unreadable> {
    let subnets = group
        .vpc_zone_identifier()
        .unwrap_or_default()
        .split(',')
        .map(str::trim);
    let suspended = group.suspended_processes().iter();
    let tags = group.tags().iter();
    Ok(ScalingGroup {
        name: required("AutoScalingGroupName", group.auto_scaling_group_name())?.to_owned(),
        size: GroupSize {
            min: number("MinSize", group.min_size())?,
            max: number("MaxSize", group.max_size())?,
            desired: number("DesiredCapacity", group.desired_capacity())?,
        },
        launch: launch(group)?,
        subnets: subnets
            .filter(|id| !id.is_empty())
            .map(|id| parsed("VPCZoneIdentifier", Some(id)))
            .collect::<Result<_, _>>()?,
        tags: tags
            .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned())))
            .collect(),
        suspended: suspended
            .filter_map(|process| process.process_name().map(str::to_owned))
            .collect(),
        protects_new: group.new_instances_protected_from_scale_in() == Some(true),
        // AWS gives a status of a group only while it is being deleted.
        deleting: group.status().is_some(),
        members: group.instances().iter().map(member).collect::<Result<_, _>>()?,
    })
}

fn launch(group: &scaling::AutoScalingGroup) -> Result<LaunchSource, Unreadable> {
    if let Some(template) = group.launch_template() {
        return scaling_template(template).map(LaunchSource::Template);
    }
    if let Some(name) = group.launch_configuration_name() {
        return Ok(LaunchSource::Configuration(name.to_owned()));
    }
    let mixed = group
        .mixed_instances_policy()
        .and_then(|policy| policy.launch_template());
    let Some((mixed, template)) =
        mixed.and_then(|mixed| Some((mixed, mixed.launch_template_specification()?)))
    else {
        return Ok(LaunchSource::Unknown);
    };
    let types = mixed.overrides().iter().filter_map(|way| way.instance_type());
    let own = mixed
        .overrides()
        .iter()
        .filter_map(|way| way.launch_template_specification());
    Ok(LaunchSource::Mixed {
        template: scaling_template(template)?,
        types: types
            .map(|name| parsed("InstanceType", Some(name)))
            .collect::<Result<_, _>>()?,
        own: own.map(scaling_template).collect::<Result<_, _>>()?,
    })
}

fn scaling_template(template: &scaling::LaunchTemplateSpecification) -> Result<TemplateRef, Unreadable> {
    Ok(TemplateRef {
        id: parsed("LaunchTemplateId", template.launch_template_id())?,
        version: template.version().unwrap_or(DEFAULT_VERSION).to_owned(),
    })
}

fn member(member: &scaling::Instance) -> Result<Member, Unreadable> {
    Ok(Member {
        id: parsed("InstanceId", member.instance_id())?,
        zone: parsed("AvailabilityZone", member.availability_zone())?,
        instance_type: member
            .instance_type()
            .and_then(|name| InstanceType::parse(name).ok()),
        state: member_state(member.lifecycle_state().map_or("", |state| state.as_str())),
        healthy: member.health_status() == Some("Healthy"),
        protected: member.protected_from_scale_in() == Some(true),
        template: member
            .launch_template()
            .and_then(|template| scaling_template(template).ok()),
    })
}

/// Hooks hold an instance in `:Wait` and `:Proceed` of its state.
fn member_state(state: &str) -> MemberState {
    match state.split(':').next().unwrap_or_default() {
        "InService" => MemberState::InService,
        "Pending" => MemberState::Pending,
        "Terminating" | "Terminated" | "Detaching" | "Detached" => MemberState::Leaving,
        _ => MemberState::Aside,
    }
}

/// A node group; what of it cannot be read is left out, as the rest still tells what it is.
pub(crate) fn managed_group(name: &str, group: &eks::Nodegroup) -> Result<ManagedGroup, Unreadable> {
    let size = group.scaling_config();
    let scaling_groups = group
        .resources()
        .map(aws_sdk_eks::types::NodegroupResources::auto_scaling_groups)
        .unwrap_or_default();
    let issues = group
        .health()
        .map(aws_sdk_eks::types::NodegroupHealth::issues)
        .unwrap_or_default();
    Ok(ManagedGroup {
        name: name.to_owned(),
        status: status(group.status()),
        size: GroupSize {
            min: number(
                "minSize",
                size.and_then(aws_sdk_eks::types::NodegroupScalingConfig::min_size),
            )?,
            max: number(
                "maxSize",
                size.and_then(aws_sdk_eks::types::NodegroupScalingConfig::max_size),
            )?,
            desired: number(
                "desiredSize",
                size.and_then(aws_sdk_eks::types::NodegroupScalingConfig::desired_size),
            )?,
        },
        scaling_groups: scaling_groups
            .iter()
            .filter_map(|group| group.name().map(str::to_owned))
            .collect(),
        template: group.launch_template().map(eks_template).transpose()?,
        ami_type: group.ami_type().map(|kind| kind.as_str().to_owned()),
        version: group.version().map(str::to_owned),
        release: group.release_version().map(str::to_owned),
        instance_types: group
            .instance_types()
            .iter()
            .filter_map(|name| InstanceType::parse(name).ok())
            .collect(),
        subnets: group
            .subnets()
            .iter()
            .filter_map(|id| SubnetId::parse(id).ok())
            .collect(),
        disk_gib: group.disk_size().and_then(|size| u32::try_from(size).ok()),
        remote_access: group.remote_access().is_some(),
        at_once: group.update_config().and_then(at_once),
        labels: sorted(group.labels()),
        taints: group.taints().iter().filter_map(taint).collect(),
        tags: sorted(group.tags()),
        issues: issues.iter().map(issue).collect(),
    })
}

fn eks_template(template: &eks::LaunchTemplateSpecification) -> Result<TemplateRef, Unreadable> {
    let id: LaunchTemplateId = parsed("launchTemplate.id", template.id())?;
    Ok(TemplateRef {
        id,
        version: template.version().unwrap_or(DEFAULT_VERSION).to_owned(),
    })
}

fn status(status: Option<&eks::NodegroupStatus>) -> ManagedStatus {
    match status {
        Some(eks::NodegroupStatus::Active) => ManagedStatus::Active,
        Some(eks::NodegroupStatus::Creating) => ManagedStatus::Creating,
        Some(eks::NodegroupStatus::Updating) => ManagedStatus::Updating,
        Some(eks::NodegroupStatus::Deleting) => ManagedStatus::Deleting,
        Some(eks::NodegroupStatus::CreateFailed) => ManagedStatus::CreateFailed,
        Some(eks::NodegroupStatus::DeleteFailed) => ManagedStatus::DeleteFailed,
        Some(eks::NodegroupStatus::Degraded) => ManagedStatus::Degraded,
        other => ManagedStatus::Other(other.map_or("no status", |status| status.as_str()).to_owned()),
    }
}

fn at_once(config: &eks::NodegroupUpdateConfig) -> Option<AtOnce> {
    let whole = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok());
    let nodes = whole(config.max_unavailable()).map(AtOnce::Nodes);
    nodes.or_else(|| whole(config.max_unavailable_percentage()).map(AtOnce::Percent))
}

fn taint(taint: &eks::Taint) -> Option<GroupTaint> {
    Some(GroupTaint {
        key: taint.key()?.to_owned(),
        value: taint.value().map(str::to_owned),
        effect: taint.effect()?.as_str().to_owned(),
    })
}

/// The SDK gives its maps in no order.
fn sorted(map: Option<&std::collections::HashMap<String, String>>) -> BTreeMap<String, String> {
    let pairs = map.into_iter().flatten();
    pairs.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn issue(issue: &eks::Issue) -> GroupIssue {
    GroupIssue {
        code: issue.code().map_or("Unknown", |code| code.as_str()).to_owned(),
        message: issue.message().unwrap_or("no message").to_owned(),
        resources: issue.resource_ids().to_vec(),
    }
}

pub(crate) fn update_issue(error: &eks::ErrorDetail) -> GroupIssue {
    GroupIssue {
        code: error
            .error_code()
            .map_or("Unknown", |code| code.as_str())
            .to_owned(),
        message: error.error_message().unwrap_or("no message").to_owned(),
        resources: error.resource_ids().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_of_an_instance_has_its_place() {
        for (state, place) in [
            ("InService", MemberState::InService),
            ("Pending", MemberState::Pending),
            ("Pending:Wait", MemberState::Pending),
            ("Terminating:Proceed", MemberState::Leaving),
            ("Detaching", MemberState::Leaving),
            ("EnteringStandby", MemberState::Aside),
            ("Warmed:Pending", MemberState::Aside),
            ("Something", MemberState::Aside),
        ] {
            assert_eq!(member_state(state), place, "{state}");
        }
    }

    #[test]
    fn a_group_that_names_no_version_uses_the_default_one() {
        let template = scaling::LaunchTemplateSpecification::builder()
            .launch_template_id("lt-1")
            .build();
        let read = scaling_template(&template).map(|template| template.version);
        assert_eq!(read, Ok("$Default".to_owned()));
        let nameless = scaling::LaunchTemplateSpecification::builder().build();
        assert!(scaling_template(&nameless).is_err());
    }
}
