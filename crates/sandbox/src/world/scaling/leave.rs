//! How members leave a group: terminated by it, or let go.

use super::activity::{Activity, ActivityStatus, Subject};
use super::hook::Transition;
use super::invalid;
use super::members::{Lifecycle, Member};
use crate::error::ApiError;
use crate::world::{InstanceState, World};
use std::time::Duration;
use vpccni_core::ids::InstanceId;

/// What marks an instance as a member.
pub(super) const GROUP_TAG: &str = "aws:autoscaling:groupName";

/// AWS's limit on the instances of one call.
pub(super) const MAX_INSTANCES: usize = 20;

impl World {
    /// Terminates a member; another takes its place, unless the desired capacity goes down with it. Scale-in
    /// protection does not hold here. Gives the activity.
    pub fn terminate_in_group(&mut self, id: &InstanceId, decrement: bool) -> Result<&Activity, ApiError> {
        let unknown = || {
            invalid(format!(
                "Instance Id not found - No managed instance found for instance ID: {id}"
            ))
        };
        let group = self.scaling.group_of(id).ok_or_else(unknown)?;
        let (name, min, desired) = (group.name.clone(), group.min, group.desired);
        let member = group.members.get(id).ok_or_else(unknown)?;
        let (lifecycle, known) = (member.lifecycle, member.activity);
        if decrement && lifecycle.is_active() && desired <= min {
            return Err(invalid(format!(
                "Currently, desiredSize equals minSize ({min}). Terminating instance without replacement will \
                 violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or \
                 lower group's min size."
            )));
        }
        let stamp = self.stamp();
        let mut cause =
            format!("At {stamp} instance {id} was taken out of service in response to a user request");
        if decrement && lifecycle.is_active() {
            let group = self.scaling_group_mut(&name)?;
            group.desired -= 1;
            let shrunk = format!(", shrinking the capacity from {desired} to {}", group.desired);
            cause.push_str(&shrunk);
        }
        let number = if lifecycle.is_ending() {
            known
        } else {
            self.end_member(id, cause + ".")
        };
        self.wake_group(&name, self.timings.scaling_step);
        number
            .and_then(|number| self.activity(number))
            .ok_or_else(unknown)
    }

    /// The end of a member begins: hooks hold one that served, any other is terminated at once. Gives the activity.
    pub(super) fn end_member(&mut self, id: &InstanceId, cause: String) -> Option<u64> {
        let group = self.scaling.group_of(id)?;
        let (name, member) = (group.name.clone(), group.members.get(id)?);
        let (lifecycle, before) = (member.lifecycle, member.activity);
        if lifecycle.is_ending() {
            return before;
        }
        let details = details_of(member);
        let served = matches!(
            lifecycle,
            Lifecycle::InService | Lifecycle::Standby | Lifecycle::EnteringStandby
        );
        if !served {
            let message = format!("Instance {id} was terminated before it was in service");
            self.advance_activity(before, ActivityStatus::Cancelled, Some(message));
        }
        let number = self.begin_activity(Subject {
            group: &name,
            description: format!("Terminating EC2 instance: {id}"),
            cause,
            details,
            instance: Some(id.clone()),
        });
        if let Some(member) = self.member_mut(id) {
            member.activity = Some(number);
            member.waits.clear();
        }
        if served && self.hold(id, Transition::Terminating) {
            self.set_lifecycle(id, Lifecycle::TerminatingWait);
            self.advance_activity(Some(number), ActivityStatus::MidLifecycleAction, None);
        } else {
            self.set_lifecycle(id, Lifecycle::Terminating);
            self.terminate_member(id);
        }
        self.wake_group(&name, Duration::ZERO);
        Some(number)
    }

    /// EC2 terminates a member, if it has not already.
    pub(super) fn terminate_member(&mut self, id: &InstanceId) {
        let alive = self
            .instances
            .get(id)
            .is_some_and(|i| !matches!(i.state, InstanceState::ShuttingDown | InstanceState::Terminated));
        if !alive {
            return;
        }
        if let Err(error) = self.terminate(std::slice::from_ref(id)) {
            tracing::warn!(%id, %error, "a member of an Auto Scaling group was not terminated");
        }
    }

    /// Lets members go: they run on, and belong to nobody. Gives the activities.
    pub fn detach_from_group(
        &mut self,
        name: &str,
        ids: &[InstanceId],
        decrement: bool,
    ) -> Result<Vec<Activity>, ApiError> {
        check_number(ids, MAX_INSTANCES)?;
        self.check_members(
            name,
            ids,
            &[Lifecycle::InService, Lifecycle::Standby],
            "InService or Standby",
        )?;
        let group = self.scaling_group(name)?;
        let active = ids
            .iter()
            .filter(|id| group.members.get(id).is_some_and(|m| m.lifecycle.is_active()))
            .count();
        self.shrink(name, if decrement { active } else { 0 }, "detach")?;
        let stamp = self.stamp();
        let mut numbers = Vec::new();
        for id in ids {
            let cause = format!("At {stamp} instance {id} was detached in response to a user request.");
            numbers.push(self.begin_move(name, id, format!("Detaching EC2 instance: {id}"), cause));
            self.set_lifecycle(id, Lifecycle::Detaching);
        }
        self.wake_group(name, self.timings.scaling_step);
        Ok(self.copies(&numbers))
    }

    /// A member is one no more.
    pub(super) fn forget_member(&mut self, id: &InstanceId) {
        let Some(name) = self.scaling.owners.remove(id) else {
            return;
        };
        if let Some(group) = self.scaling.groups.get_mut(&name) {
            group.members.remove(id);
            group.last_scaled = Some(self.now);
        }
    }

    /// A detached member runs on without the mark of its group.
    pub(super) fn let_go(&mut self, id: &InstanceId) {
        self.forget_member(id);
        if let Some(instance) = self.instances.get_mut(id) {
            instance.tags.remove(GROUP_TAG);
        }
    }

    /// The instances are members, each in one of the states.
    pub(super) fn check_members(
        &self,
        name: &str,
        ids: &[InstanceId],
        allowed: &[Lifecycle],
        in_words: &str,
    ) -> Result<(), ApiError> {
        let group = self.scaling_group(name)?;
        for id in ids {
            let Some(member) = group.members.get(id) else {
                return Err(invalid(format!(
                    "The instance {id} is not part of Auto Scaling group {name}."
                )));
            };
            if !allowed.contains(&member.lifecycle) {
                return Err(invalid(format!("The instance {id} is not in {in_words}.")));
            }
        }
        Ok(())
    }

    /// The desired capacity goes down by so many, not below the smallest size.
    pub(super) fn shrink(&mut self, name: &str, by: usize, verb: &str) -> Result<(), ApiError> {
        let by = u32::try_from(by).unwrap_or(u32::MAX);
        let group = self.scaling_group_mut(name)?;
        if group.desired < group.min.saturating_add(by) {
            return Err(sizes(group, verb, by));
        }
        group.desired -= by;
        Ok(())
    }

    pub(super) fn begin_move(
        &mut self,
        name: &str,
        id: &InstanceId,
        description: String,
        cause: String,
    ) -> Option<u64> {
        let details = details_of(self.scaling.groups.get(name)?.members.get(id)?);
        let number = self.begin_activity(Subject {
            group: name,
            description,
            cause,
            details,
            instance: Some(id.clone()),
        });
        self.member_mut(id)?.activity = Some(number);
        Some(number)
    }

    pub(super) fn copies(&self, numbers: &[Option<u64>]) -> Vec<Activity> {
        numbers
            .iter()
            .flatten()
            .filter_map(|number| self.activity(*number).cloned())
            .collect()
    }
}

/// The instances of one call are not none, and not too many.
pub(super) fn check_number(ids: &[InstanceId], most: usize) -> Result<(), ApiError> {
    if ids.is_empty() {
        return Err(invalid("At least one instance ID is required"));
    }
    if ids.len() > most {
        return Err(invalid(
            "List exceeds the maximum number of instances. Please retry your request with fewer instances.",
        ));
    }
    Ok(())
}

/// The refusal to change a group by more than its sizes allow.
pub(super) fn sizes(group: &super::ScalingGroup, verb: &str, count: u32) -> ApiError {
    let plural = if count == 1 { "" } else { "s" };
    invalid(format!(
        "AutoScalingGroup {} has min-size={}, max-size={}, and desired-size={}. To {verb} {count} instance{plural}, \
         please update the AutoScalingGroup sizes appropriately.",
        group.name, group.min, group.max, group.desired
    ))
}

fn details_of(member: &Member) -> String {
    details(&member.subnet, &member.zone)
}

/// Where an activity was, as its details have it.
pub(super) fn details(subnet: &vpccni_core::ids::SubnetId, zone: &vpccni_core::ids::Zone) -> String {
    format!("{{\"Subnet ID\":\"{subnet}\",\"Availability Zone\":\"{zone}\"}}")
}
