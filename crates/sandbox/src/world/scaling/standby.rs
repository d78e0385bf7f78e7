//! What a user does with single members: standby, protection, health, and instances of one's own.

use super::activity::{Activity, ActivityStatus};
use super::leave::{GROUP_TAG, MAX_INSTANCES, check_number, sizes};
use super::members::{Lifecycle, Member};
use super::{ScalingGroup, invalid};
use crate::error::ApiError;
use crate::world::{InstanceState, World};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;
use vpccni_core::ids::InstanceId;

/// "You can specify up to 50 instances", API reference of SetInstanceProtection.
const MAX_PROTECTED: usize = 50;

impl World {
    /// Members stand by: they run and are not replaced, but for the desired capacity they do not count. Without
    /// `decrement` others take their place.
    pub fn enter_standby(
        &mut self,
        name: &str,
        ids: &[InstanceId],
        decrement: bool,
    ) -> Result<Vec<Activity>, ApiError> {
        check_number(ids, MAX_INSTANCES)?;
        self.check_members(name, ids, &[Lifecycle::InService], "InService")?;
        self.shrink(name, if decrement { ids.len() } else { 0 }, "place into standby")?;
        let stamp = self.stamp();
        let mut numbers = Vec::new();
        for id in ids {
            let cause =
                format!("At {stamp} instance {id} was moved to standby in response to a user request.");
            let description = format!("Moving EC2 instance to Standby: {id}");
            numbers.push(self.begin_move(name, id, description, cause));
            self.set_lifecycle(id, Lifecycle::EnteringStandby);
        }
        self.wake_group(name, self.timings.scaling_step);
        Ok(self.copies(&numbers))
    }

    /// Members serve again; the desired capacity goes up by them.
    pub fn exit_standby(&mut self, name: &str, ids: &[InstanceId]) -> Result<Vec<Activity>, ApiError> {
        check_number(ids, MAX_INSTANCES)?;
        self.check_members(name, ids, &[Lifecycle::Standby], "Standby")?;
        self.grow(name, ids.len(), "move out of standby")?;
        let stamp = self.stamp();
        let mut numbers = Vec::new();
        for id in ids {
            let cause =
                format!("At {stamp} instance {id} was moved out of standby in response to a user request.");
            let description = format!("Moving EC2 instance out of Standby: {id}");
            numbers.push(self.begin_move(name, id, description, cause));
            self.set_lifecycle(id, Lifecycle::Pending);
        }
        self.wake_group(name, self.timings.scaling_step);
        Ok(self.copies(&numbers))
    }

    /// Running instances that belong to nobody become members; the desired capacity goes up by them.
    pub fn attach_to_group(&mut self, name: &str, ids: &[InstanceId]) -> Result<(), ApiError> {
        check_number(ids, MAX_INSTANCES)?;
        let group = self.scaling_group(name)?;
        let mut members = Vec::new();
        for id in ids {
            members.push(self.attachable(group, id)?);
        }
        self.grow(name, ids.len(), "attach")?;
        let stamp = self.stamp();
        for member in members {
            let id = member.id.clone();
            self.scaling.owners.insert(id.clone(), name.to_owned());
            self.scaling_group_mut(name)?.members.insert(id.clone(), member);
            if let Some(instance) = self.instances.get_mut(&id) {
                instance.tags.insert(GROUP_TAG.to_owned(), name.to_owned());
            }
            let cause = format!("At {stamp} an instance was attached in response to a user request.");
            self.begin_move(
                name,
                &id,
                format!("Attaching an existing EC2 instance: {id}"),
                cause,
            );
        }
        self.wake_group(name, self.timings.scaling_step);
        Ok(())
    }

    fn attachable(&self, group: &ScalingGroup, id: &InstanceId) -> Result<Member, ApiError> {
        let instance = self.instance(id).map_err(|error| invalid(error.message()))?;
        if instance.state != InstanceState::Running {
            return Err(invalid(format!(
                "Instance {id} is not in correct state. Instance(s) must be in 'running' state."
            )));
        }
        if let Some(other) = self.scaling.group_of(id) {
            return Err(invalid(format!(
                "Instance {id} is already part of AutoScalingGroup: {}",
                other.name
            )));
        }
        if !group.zones().contains(&instance.zone) {
            return Err(invalid(format!(
                "The availability zone {} of instance {id} is not one of AutoScalingGroup {}",
                instance.zone, group.name
            )));
        }
        Ok(Member {
            id: id.clone(),
            zone: instance.zone.clone(),
            subnet: instance.subnet.clone(),
            instance_type: instance.instance_type.clone(),
            template: None,
            spot: instance.spot_request.is_some(),
            lifecycle: Lifecycle::Pending,
            unhealthy: None,
            protected: group.protect_new,
            since: self.now,
            in_service: None,
            waits: BTreeMap::new(),
            generation: group.generation,
            activity: None,
        })
    }

    fn grow(&mut self, name: &str, by: usize, verb: &str) -> Result<(), ApiError> {
        let by = u32::try_from(by).unwrap_or(u32::MAX);
        let group = self.scaling_group_mut(name)?;
        if group.desired.saturating_add(by) > group.max {
            return Err(sizes(group, verb, by));
        }
        group.desired += by;
        Ok(())
    }

    /// Scale-in spares these members, or does not.
    pub fn set_protection(
        &mut self,
        name: &str,
        ids: &[InstanceId],
        protected: bool,
    ) -> Result<(), ApiError> {
        check_number(ids, MAX_PROTECTED)?;
        let any = [
            Lifecycle::InService,
            Lifecycle::EnteringStandby,
            Lifecycle::Standby,
            Lifecycle::Pending,
            Lifecycle::PendingWait,
            Lifecycle::PendingProceed,
        ];
        self.check_members(name, ids, &any, "InService or EnteringStandby or Standby")?;
        for id in ids {
            if let Some(member) = self.member_mut(id) {
                member.protected = protected;
            }
        }
        self.wake_group(name, self.timings.scaling_step);
        Ok(())
    }

    /// Says what somebody outside knows of a member's health. In its grace period a member may seem unhealthy,
    /// if the caller respects that.
    pub fn set_health(
        &mut self,
        id: &InstanceId,
        healthy: bool,
        respect_grace: bool,
    ) -> Result<(), ApiError> {
        let unknown = || {
            invalid(format!(
                "Instance Id not found - No managed instance found for instance ID: {id}"
            ))
        };
        let group = self.scaling.group_of(id).ok_or_else(unknown)?;
        let (name, grace) = (group.name.clone(), group.grace);
        let (now, stamp) = (self.now, self.stamp());
        let member = self.member_mut(id).ok_or_else(unknown)?;
        if healthy {
            member.unhealthy = None;
        } else if !(respect_grace && in_grace(member, grace, now)) {
            member.unhealthy = Some(format!(
                "At {stamp} an instance was taken out of service in response to a user health-check."
            ));
        }
        self.wake_group(&name, self.timings.scaling_step);
        Ok(())
    }

    pub(super) fn member_mut(&mut self, id: &InstanceId) -> Option<&mut Member> {
        let name = self.scaling.owners.get(id)?;
        self.scaling.groups.get_mut(name)?.members.get_mut(id)
    }

    pub(super) fn set_lifecycle(&mut self, id: &InstanceId, lifecycle: Lifecycle) {
        let now = self.now;
        if let Some(member) = self.member_mut(id) {
            member.lifecycle = lifecycle;
            if lifecycle == Lifecycle::InService {
                member.in_service = Some(now);
            }
        }
    }

    pub(super) fn finish_move(&mut self, id: &InstanceId, lifecycle: Lifecycle) {
        self.set_lifecycle(id, lifecycle);
        let activity = self.member_mut(id).and_then(|member| member.activity);
        self.advance_activity(activity, ActivityStatus::Successful, None);
    }
}

fn in_grace(member: &Member, grace: u32, now: Timestamp) -> bool {
    let Some(since) = member.in_service else {
        return true;
    };
    since
        .checked_add(Duration::from_secs(grace.into()))
        .is_ok_and(|until| now < until)
}
