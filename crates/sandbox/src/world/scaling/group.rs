//! What an Auto Scaling group is: its sizes, from what and where it launches, and its members.

use super::hook::{Hook, NewHook};
use super::members::Member;
use super::names::named;
use super::refresh::Refresh;
use super::source::LaunchSource;
use super::tags::GroupTag;
use crate::world::Tags;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use vpccni_core::ids::{InstanceId, SubnetId, Zone};

named! {
    /// What a group does by itself, and can be told not to do.
    Process {
        AddToLoadBalancer = "AddToLoadBalancer",
        AlarmNotification = "AlarmNotification",
        AzRebalance = "AZRebalance",
        HealthCheck = "HealthCheck",
        InstanceRefresh = "InstanceRefresh",
        Launch = "Launch",
        ReplaceUnhealthy = "ReplaceUnhealthy",
        ScheduledActions = "ScheduledActions",
        Terminate = "Terminate",
    }
}

named! {
    /// Which member goes first when there are too many.
    TerminationPolicy {
        AllocationStrategy = "AllocationStrategy",
        ClosestToNextInstanceHour = "ClosestToNextInstanceHour",
        Default = "Default",
        NewestInstance = "NewestInstance",
        OldestInstance = "OldestInstance",
        OldestLaunchConfiguration = "OldestLaunchConfiguration",
        OldestLaunchTemplate = "OldestLaunchTemplate",
    }
}

named! {
    /// Whose word on the health of members counts beside EC2's. No load balancers are modelled, so there is none.
    HealthCheckType {
        Ec2 = "EC2",
        Elb = "ELB",
    }
}

/// An Auto Scaling group.
#[derive(Debug, Clone)]
pub struct ScalingGroup {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Since when.
    pub created: Timestamp,
    /// What it launches from.
    pub source: LaunchSource,
    /// Where it launches: subnets with their zones.
    pub subnets: Vec<(SubnetId, Zone)>,
    /// Never fewer.
    pub min: u32,
    /// Never more, but for a while in a refresh or a rebalance.
    pub max: u32,
    /// So many there shall be.
    pub desired: u32,
    /// Seconds between two scalings that honour it.
    pub default_cooldown: u32,
    /// Seconds until a new member counts, if they are set.
    pub default_warmup: Option<u32>,
    /// Whose word counts on health.
    pub health_check_type: HealthCheckType,
    /// Seconds in which a new member may seem unhealthy.
    pub grace: u32,
    /// Whether new members are protected from scale-in.
    pub protect_new: bool,
    /// In the order of their weight.
    pub termination_policies: Vec<TerminationPolicy>,
    /// Whether spot members at risk are replaced early; no spot capacity is ever taken back here.
    pub capacity_rebalance: bool,
    /// Seconds after which a member is replaced, if there is a limit.
    pub max_lifetime: Option<u32>,
    /// What it does not do now, with the reason.
    pub suspended: BTreeMap<Process, String>,
    /// Its tags.
    pub tags: Tags,
    /// The keys of those that its instances get, too.
    pub propagated: BTreeSet<String>,
    /// Its lifecycle hooks.
    pub hooks: BTreeMap<String, Hook>,
    /// Its members.
    pub members: BTreeMap<InstanceId, Member>,
    /// Its instance refreshes, the newest last.
    pub refreshes: Vec<Refresh>,
    /// Whether it goes once its members are gone.
    pub deleting: bool,
    /// Since when no scaling happened.
    pub(super) last_scaled: Option<Timestamp>,
    /// What the user asked for last, until it is done: the first half of the cause of an activity.
    pub(super) request: Option<String>,
    /// Members gone for their health and not yet replaced: for the cause of the launch.
    pub(super) replacing: u32,
    /// Whether there is one member more until the zones are even.
    pub(super) rebalancing: bool,
    /// Where a launch failed, and until when it is not tried again.
    pub(super) avoided: BTreeMap<SubnetId, Timestamp>,
    /// Launches that failed since one succeeded.
    pub(super) failures: u32,
    /// Counts refreshes and rollbacks: members know in which they were launched.
    pub(super) generation: u32,
    pub(super) next_step: Option<Timestamp>,
}

impl ScalingGroup {
    /// Members that count for the desired capacity: those that serve, or will.
    pub fn active(&self) -> impl Iterator<Item = &Member> {
        self.members
            .values()
            .filter(|member| member.lifecycle.is_active())
    }

    /// The zones of its subnets, sorted.
    pub fn zones(&self) -> BTreeSet<&Zone> {
        self.subnets.iter().map(|(_, zone)| zone).collect()
    }

    pub(super) fn active_count(&self) -> u32 {
        u32::try_from(self.active().count()).unwrap_or(u32::MAX)
    }

    /// Whether it has nothing left to do and nothing in its way: then it has as many members as are desired.
    pub(in crate::world) fn is_settled(&self) -> bool {
        self.next_step.is_none()
            && self.suspended.is_empty()
            && self.avoided.is_empty()
            && !self.rebalancing
            && !self.deleting
            && self.active_refresh().is_none()
            && self.active().all(|member| !member.protected)
    }

    pub(super) fn is_suspended(&self, process: Process) -> bool {
        self.suspended.contains_key(&process)
    }

    /// The refresh that is under way, if there is one.
    pub fn active_refresh(&self) -> Option<&Refresh> {
        self.refreshes.last().filter(|refresh| refresh.status.is_active())
    }
}

/// What CreateAutoScalingGroup and UpdateAutoScalingGroup can set; what is none stays as it is.
#[derive(Debug, Clone, Default)]
pub struct GroupChange {
    /// What it launches from.
    pub source: Option<LaunchSource>,
    /// Where it launches.
    pub subnets: Option<Vec<SubnetId>>,
    /// The zones; they must be those of the subnets.
    pub zones: Option<Vec<Zone>>,
    /// Never fewer.
    pub min: Option<u32>,
    /// Never more.
    pub max: Option<u32>,
    /// So many.
    pub desired: Option<u32>,
    /// Seconds.
    pub default_cooldown: Option<u32>,
    /// Seconds; -1 takes it away.
    pub default_warmup: Option<i32>,
    /// Whose word counts on health.
    pub health_check_type: Option<HealthCheckType>,
    /// Seconds.
    pub grace: Option<u32>,
    /// For new members.
    pub protect_new: Option<bool>,
    /// In the order of their weight.
    pub termination_policies: Option<Vec<TerminationPolicy>>,
    /// For spot members.
    pub capacity_rebalance: Option<bool>,
    /// Seconds; 0 takes it away.
    pub max_lifetime: Option<u32>,
}

/// What CreateAutoScalingGroup asks for.
#[derive(Debug, Clone, Default)]
pub struct NewScalingGroup {
    /// The name.
    pub name: String,
    /// What can be changed later, too. The source, the subnets and both bounds are needed.
    pub setup: GroupChange,
    /// Tags.
    pub tags: Vec<GroupTag>,
    /// Hooks: the first instance meets them already.
    pub hooks: Vec<NewHook>,
}
