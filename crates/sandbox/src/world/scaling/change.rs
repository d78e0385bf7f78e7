//! Groups are made, changed and deleted. All is checked first; what then has to happen, the next step does.

use super::group::{GroupChange, HealthCheckType, NewScalingGroup, Process, ScalingGroup, TerminationPolicy};
use super::invalid;
use crate::error::{ApiError, Code};
use crate::world::{ACCOUNT, Tags, World};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use vpccni_core::ids::{SubnetId, Zone};

/// AWS's default, in seconds.
const COOLDOWN: u32 = 300;
/// AWS's bounds of MaxInstanceLifetime, in seconds: a day and a year.
const LIFETIME: std::ops::RangeInclusive<u32> = 86_400..=31_536_000;

impl World {
    /// Makes a group; its instances come with its first step.
    pub fn create_scaling_group(&mut self, new: NewScalingGroup) -> Result<(), ApiError> {
        let name = new.name.clone();
        if self.scaling.groups.contains_key(&name) {
            return Err(ApiError::new(
                Code::AlreadyExists,
                format!(
                    "AutoScalingGroup by this name already exists - A group with the name {name} already exists"
                ),
            ));
        }
        if self.scaling.groups.len() >= self.quotas.scaling_groups as usize {
            return Err(ApiError::new(
                Code::LimitExceeded,
                "You have reached the maximum number of Auto Scaling groups for this account.",
            ));
        }
        let mut group = self.empty_group(&new)?;
        self.apply(&mut group, new.setup)?;
        group.request = Some(format!(
            "At {} a user request created an AutoScalingGroup changing the desired capacity from 0 to {}.",
            self.stamp(),
            group.desired
        ));
        self.scaling.groups.insert(name.clone(), group);
        let hooks = new.hooks.iter().map(|hook| self.put_hook(&name, hook));
        let hooked: Result<Vec<()>, ApiError> = hooks.collect();
        let tagged = hooked.and_then(|_| self.tag_scaling_groups(&new.tags));
        if tagged.is_err() {
            self.scaling.groups.remove(&name);
            return tagged;
        }
        self.wake_group(&name, self.timings.scaling_step);
        Ok(())
    }

    fn empty_group(&mut self, new: &NewScalingGroup) -> Result<ScalingGroup, ApiError> {
        let name = &new.name;
        // "The name can't contain a colon"; control characters and more than 255 are refused by its pattern.
        if name.is_empty() || name.len() > 255 || name.contains(':') || name.chars().any(char::is_control) {
            return Err(invalid(format!(
                "Value '{name}' at 'autoScalingGroupName' failed to satisfy constraint"
            )));
        }
        let setup = &new.setup;
        let Some(source) = setup.source.clone() else {
            return Err(invalid(
                "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or \
                 MixedInstancesPolicy parameter.",
            ));
        };
        if setup.subnets.as_ref().is_none_or(Vec::is_empty) {
            // Zones alone would mean the default VPC, and there is none here.
            return Err(invalid(
                "At least one Availability Zone or VPC Subnet is required.",
            ));
        }
        let (Some(min), Some(max)) = (setup.min, setup.max) else {
            return Err(invalid(
                "The request must contain the parameters MinSize and MaxSize",
            ));
        };
        let uuid = self.random.request_id();
        Ok(ScalingGroup {
            name: name.clone(),
            arn: format!(
                "arn:aws:autoscaling:{}:{ACCOUNT}:autoScalingGroup:{uuid}:autoScalingGroupName/{name}",
                self.region
            ),
            created: self.now,
            source,
            subnets: Vec::new(),
            min,
            max,
            desired: setup.desired.unwrap_or(min),
            default_cooldown: COOLDOWN,
            default_warmup: None,
            health_check_type: HealthCheckType::Ec2,
            grace: 0,
            protect_new: false,
            termination_policies: vec![TerminationPolicy::Default],
            capacity_rebalance: false,
            max_lifetime: None,
            suspended: BTreeMap::new(),
            tags: Tags::new(),
            propagated: BTreeSet::new(),
            hooks: BTreeMap::new(),
            members: BTreeMap::new(),
            refreshes: Vec::new(),
            deleting: false,
            last_scaled: None,
            request: None,
            replacing: 0,
            rebalancing: false,
            avoided: BTreeMap::new(),
            failures: 0,
            generation: 0,
            next_step: None,
        })
    }

    /// Changes a group. Where the desired capacity does not fit new bounds and is not given, it follows them.
    pub fn update_scaling_group(&mut self, name: &str, change: GroupChange) -> Result<(), ApiError> {
        let known = self.scaling_group(name)?;
        let before = known.desired;
        let mut group = known.clone();
        if group.deleting {
            return Err(being_deleted(name));
        }
        self.apply(&mut group, change)?;
        group.try_again();
        if group.desired != before {
            group.request = Some(format!(
                "At {} a user request update of AutoScalingGroup constraints to min: {}, max: {}, desired: {} \
                 changing the desired capacity from {before} to {}.",
                self.stamp(),
                group.min,
                group.max,
                group.desired,
                group.desired
            ));
        }
        self.scaling.groups.insert(name.to_owned(), group);
        self.wake_group(name, self.timings.scaling_step);
        Ok(())
    }

    fn apply(&self, group: &mut ScalingGroup, change: GroupChange) -> Result<(), ApiError> {
        let GroupChange {
            source,
            subnets,
            zones,
            min,
            max,
            desired,
            default_cooldown,
            default_warmup,
            health_check_type,
            grace,
            protect_new,
            termination_policies,
            capacity_rebalance,
            max_lifetime,
        } = change;
        group.resize(min, max, desired)?;
        if let Some(source) = source {
            self.check_source(&source)?;
            group.source = source;
        }
        if let Some(subnets) = subnets {
            group.subnets = self.with_zones(subnets)?;
            group.avoided.clear();
        }
        if zones.is_some_and(|zones| zones.iter().collect::<BTreeSet<_>>() != group.zones()) {
            return Err(invalid(
                "The availability zones of the specified subnets and the Auto Scaling group do not match",
            ));
        }
        group.default_cooldown = default_cooldown.unwrap_or(group.default_cooldown);
        if let Some(warmup) = default_warmup {
            group.default_warmup = u32::try_from(warmup).ok();
        }
        group.health_check_type = health_check_type.unwrap_or(group.health_check_type);
        group.grace = grace.unwrap_or(group.grace);
        group.protect_new = protect_new.unwrap_or(group.protect_new);
        if let Some(policies) = termination_policies {
            group.termination_policies = policies;
        }
        group.capacity_rebalance = capacity_rebalance.unwrap_or(group.capacity_rebalance);
        match max_lifetime {
            None => {}
            Some(0) => group.max_lifetime = None,
            Some(seconds) if LIFETIME.contains(&seconds) => group.max_lifetime = Some(seconds),
            Some(_) => {
                return Err(invalid(format!(
                    "Max instance lifetime must be between {} and {} seconds, or 0",
                    LIFETIME.start(),
                    LIFETIME.end()
                )));
            }
        }
        Ok(())
    }

    /// Subnets with their zones; they are all of one VPC.
    fn with_zones(&self, ids: Vec<SubnetId>) -> Result<Vec<(SubnetId, Zone)>, ApiError> {
        let mut subnets = Vec::new();
        let mut vpcs = BTreeSet::new();
        for id in ids {
            let subnet = self.subnet(&id).map_err(|error| invalid(error.message()))?;
            vpcs.insert(&subnet.vpc);
            subnets.push((id, subnet.zone.clone()));
        }
        if vpcs.len() > 1 {
            return Err(invalid("All subnets of an Auto Scaling group must be in one VPC"));
        }
        Ok(subnets)
    }

    /// Sets the desired capacity alone.
    pub fn set_desired(&mut self, name: &str, desired: u32, honour_cooldown: bool) -> Result<(), ApiError> {
        let (now, stamp) = (self.now, self.stamp());
        let group = self.scaling_group_mut(name)?;
        if group.deleting {
            return Err(being_deleted(name));
        }
        let outside = if desired > group.max {
            Some(("above max", group.max))
        } else if desired < group.min {
            Some(("below min", group.min))
        } else {
            None
        };
        if let Some((side, bound)) = outside {
            return Err(invalid(format!(
                "New SetDesiredCapacity value {desired} is {side} value {bound} for the AutoScalingGroup."
            )));
        }
        let cooldown = Duration::from_secs(group.default_cooldown.into());
        let cools = group.last_scaled.and_then(|last| last.checked_add(cooldown).ok());
        if honour_cooldown && cools.is_some_and(|until| now < until) {
            return Err(ApiError::new(
                Code::ScalingActivityInProgress,
                "Scaling activity is in progress and blocks this action: the group is in its cooldown",
            ));
        }
        if group.desired != desired {
            group.request = Some(format!(
                "At {stamp} a user request explicitly set group desired capacity changing the desired capacity \
                 from {} to {desired}.",
                group.desired
            ));
        }
        group.desired = desired;
        group.try_again();
        self.wake_group(name, self.timings.scaling_step);
        Ok(())
    }

    /// Deletes a group. With members it needs `force`, and goes when they are gone; no hook holds them then.
    pub fn delete_scaling_group(&mut self, name: &str, force: bool) -> Result<(), ApiError> {
        let busy = self
            .scaling
            .activities()
            .any(|a| a.group == name && !a.status.is_over());
        let group = self.scaling_group_mut(name)?;
        if !force {
            if !group.members.is_empty() {
                return Err(ApiError::new(
                    Code::ResourceInUse,
                    "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance \
                     request(s) still in the group.",
                ));
            }
            if busy {
                return Err(ApiError::new(
                    Code::ScalingActivityInProgress,
                    "You cannot delete an AutoScalingGroup while there are scaling activities in progress for \
                     that group.",
                ));
            }
        }
        group.deleting = true;
        group.min = 0;
        group.desired = 0;
        group.hooks.clear();
        for member in group.members.values_mut() {
            member.waits.clear();
        }
        let cause = format!(
            "At {} a user request force-deleted AutoScalingGroup changing the desired capacity to 0.",
            self.stamp()
        );
        let members: Vec<_> = self.scaling_group(name)?.members.keys().cloned().collect();
        for id in &members {
            self.end_member(id, cause.clone());
        }
        self.step_group(name);
        Ok(())
    }

    /// What a group does no more by itself; none means everything.
    pub fn suspend_processes(&mut self, name: &str, processes: &[Process]) -> Result<(), ApiError> {
        let reason = format!("User suspended at {}", self.stamp());
        let group = self.scaling_group_mut(name)?;
        let all = if processes.is_empty() {
            Process::ALL
        } else {
            processes
        };
        for process in all {
            group.suspended.entry(*process).or_insert_with(|| reason.clone());
        }
        Ok(())
    }

    /// What a group does again; none means everything.
    pub fn resume_processes(&mut self, name: &str, processes: &[Process]) -> Result<(), ApiError> {
        let group = self.scaling_group_mut(name)?;
        let all = if processes.is_empty() {
            Process::ALL
        } else {
            processes
        };
        group.suspended.retain(|process, _| !all.contains(process));
        group.try_again();
        self.wake_group(name, self.timings.scaling_step);
        Ok(())
    }
}

impl ScalingGroup {
    /// A user's change is tried at once, whatever failed before.
    pub(super) fn try_again(&mut self) {
        self.avoided.clear();
        self.failures = 0;
    }

    fn resize(&mut self, min: Option<u32>, max: Option<u32>, desired: Option<u32>) -> Result<(), ApiError> {
        let (min, max) = (min.unwrap_or(self.min), max.unwrap_or(self.max));
        if max < min {
            return Err(invalid(format!(
                "Max bound, {max}, must be greater than or equal to min bound, {min}"
            )));
        }
        if let Some(desired) = desired.filter(|desired| !(min..=max).contains(desired)) {
            return Err(invalid(format!(
                "Desired capacity:{desired} must be between the specified min size:{min} and max size:{max}"
            )));
        }
        self.desired = desired.unwrap_or_else(|| self.desired.clamp(min, max));
        (self.min, self.max) = (min, max);
        Ok(())
    }
}

fn being_deleted(name: &str) -> ApiError {
    ApiError::new(
        Code::ScalingActivityInProgress,
        format!("AutoScalingGroup {name} is pending delete"),
    )
}

impl World {
    /// A group whose deletion was asked for goes with its last member.
    pub(super) fn finish_deletion(&mut self, name: &str) {
        let gone = self
            .scaling
            .groups
            .get(name)
            .is_some_and(|group| group.deleting && group.members.is_empty());
        if gone {
            self.scaling.groups.remove(name);
        }
    }
}
