//! CreateAutoScalingGroup, UpdateAutoScalingGroup, DeleteAutoScalingGroup, SetDesiredCapacity, SuspendProcesses,
//! ResumeProcesses.

use super::{GROUP, all_named, hooks, named, not_allowed, source, tags};
use crate::action::{Effect, Family};
use crate::error::{ApiError, Code};
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::{GroupChange, HealthCheckType, NewScalingGroup, Process, TerminationPolicy};
use vpccni_core::ids::{SubnetId, Zone};

pub(super) const ACTIONS: Family = &[
    ("CreateAutoScalingGroup", create),
    ("UpdateAutoScalingGroup", update),
    ("DeleteAutoScalingGroup", delete),
    ("SetDesiredCapacity", set_desired),
    ("SuspendProcesses", suspend),
    ("ResumeProcesses", resume),
];

fn create(params: &mut Params) -> Result<Effect, ApiError> {
    let name = params.required(GROUP)?;
    if params.text("InstanceId").is_some() {
        return Err(ApiError::new(
            Code::UnsupportedOperation,
            "The sandbox makes no launch configuration from an instance: give a launch template",
        ));
    }
    let new = NewScalingGroup {
        setup: read_change(params)?,
        tags: tags::read(params, Some(&name))?,
        hooks: params.structures("LifecycleHookSpecificationList.member", hooks::read)?,
        name,
    };
    Ok(Box::new(move |world| {
        world.create_scaling_group(new)?;
        Ok(Xml::default())
    }))
}

fn update(params: &mut Params) -> Result<Effect, ApiError> {
    let name = params.required(GROUP)?;
    let change = read_change(params)?;
    Ok(Box::new(move |world| {
        world.update_scaling_group(&name, change)?;
        Ok(Xml::default())
    }))
}

fn read_change(params: &mut Params) -> Result<GroupChange, ApiError> {
    let subnets = params.text("VPCZoneIdentifier").map(|list| {
        let ids = list.split(',').map(str::trim).filter(|id| !id.is_empty());
        ids.map(|id| SubnetId::parse(id).map_err(|_| not_allowed("VPCZoneIdentifier", id)))
            .collect()
    });
    let zones = params.list("AvailabilityZones.member");
    let zones: Vec<Zone> = zones
        .iter()
        .map(|zone| Zone::parse(zone).map_err(|_| not_allowed("AvailabilityZones", zone)))
        .collect::<Result<_, _>>()?;
    let policies = all_named(params, "TerminationPolicies.member", TerminationPolicy::parse)?;
    // The role is the one that every account has; another one would do the same.
    params.text("ServiceLinkedRoleARN");
    Ok(GroupChange {
        source: source::read(params)?,
        subnets: subnets.transpose()?,
        zones: (!zones.is_empty()).then_some(zones),
        min: params.parsed("MinSize")?,
        max: params.parsed("MaxSize")?,
        desired: params.parsed("DesiredCapacity")?,
        default_cooldown: params.parsed("DefaultCooldown")?,
        default_warmup: params.parsed("DefaultInstanceWarmup")?,
        health_check_type: named(params, "HealthCheckType", HealthCheckType::parse)?,
        grace: params.parsed("HealthCheckGracePeriod")?,
        protect_new: params.parsed("NewInstancesProtectedFromScaleIn")?,
        termination_policies: (!policies.is_empty()).then_some(policies),
        capacity_rebalance: params.parsed("CapacityRebalance")?,
        max_lifetime: params.parsed("MaxInstanceLifetime")?,
    })
}

fn delete(params: &mut Params) -> Result<Effect, ApiError> {
    let name = params.required(GROUP)?;
    let force = params.parsed("ForceDelete")?.unwrap_or(false);
    Ok(Box::new(move |world| {
        world.delete_scaling_group(&name, force)?;
        Ok(Xml::default())
    }))
}

fn set_desired(params: &mut Params) -> Result<Effect, ApiError> {
    let name = params.required(GROUP)?;
    let desired = params.required_parsed("DesiredCapacity")?;
    let honour = params.parsed("HonorCooldown")?.unwrap_or(false);
    Ok(Box::new(move |world| {
        world.set_desired(&name, desired, honour)?;
        Ok(Xml::default())
    }))
}

fn suspend(params: &mut Params) -> Result<Effect, ApiError> {
    let name = params.required(GROUP)?;
    let processes = all_named(params, "ScalingProcesses.member", Process::parse)?;
    Ok(Box::new(move |world| {
        world.suspend_processes(&name, &processes)?;
        Ok(Xml::default())
    }))
}

fn resume(params: &mut Params) -> Result<Effect, ApiError> {
    let name = params.required(GROUP)?;
    let processes = all_named(params, "ScalingProcesses.member", Process::parse)?;
    Ok(Box::new(move |world| {
        world.resume_processes(&name, &processes)?;
        Ok(Xml::default())
    }))
}
