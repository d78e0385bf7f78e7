//! What groups did: one activity for each member that comes or goes, as DescribeScalingActivities tells them.

use super::names::named;
use crate::world::World;
use jiff::Timestamp;
use std::collections::BTreeMap;
use vpccni_core::ids::InstanceId;

/// So many are kept; AWS keeps six weeks of them.
const KEPT: usize = 65_536;

named! {
    /// How far an activity is.
    ActivityStatus {
        InProgress = "InProgress",
        PreInService = "PreInService",
        MidLifecycleAction = "MidLifecycleAction",
        Successful = "Successful",
        Failed = "Failed",
        Cancelled = "Cancelled",
    }
}

impl ActivityStatus {
    /// Whether it goes no further.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Successful | Self::Failed | Self::Cancelled)
    }
}

/// One thing that a group did.
#[derive(Debug, Clone)]
pub struct Activity {
    /// Its id.
    pub id: String,
    /// Counts all of them.
    pub number: u64,
    /// The group.
    pub group: String,
    /// The ARN of the group: it tells two groups of one name apart.
    pub group_arn: String,
    /// What.
    pub description: String,
    /// Why.
    pub cause: String,
    /// Since when.
    pub start: Timestamp,
    /// Until when.
    pub end: Option<Timestamp>,
    /// How far it is.
    pub status: ActivityStatus,
    /// What went wrong.
    pub message: Option<String>,
    /// In per cent.
    pub progress: u32,
    /// Subnet and zone, as JSON.
    pub details: String,
    /// The instance, where there is one.
    pub instance: Option<InstanceId>,
}

/// The activities, the last of them.
#[derive(Debug, Default)]
pub(super) struct Activities {
    last: u64,
    kept: BTreeMap<u64, Activity>,
}

impl Activities {
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Activity> {
        self.kept.values().rev()
    }
}

/// What an activity is about, while it begins.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    pub(super) group: &'a str,
    pub(super) description: String,
    pub(super) cause: String,
    pub(super) details: String,
    pub(super) instance: Option<InstanceId>,
}

impl World {
    pub(super) fn begin_activity(&mut self, subject: Subject<'_>) -> u64 {
        let Subject {
            group,
            description,
            cause,
            details,
            instance,
        } = subject;
        let id = self.random.request_id();
        let group_arn = self.scaling.groups.get(group).map(|g| g.arn.clone());
        let activities = &mut self.scaling.activities;
        activities.last += 1;
        let number = activities.last;
        let activity = Activity {
            id,
            number,
            group: group.to_owned(),
            group_arn: group_arn.unwrap_or_default(),
            description,
            cause,
            start: self.now,
            end: None,
            status: ActivityStatus::InProgress,
            message: None,
            progress: 0,
            details,
            instance,
        };
        activities.kept.insert(number, activity);
        if activities.kept.len() > KEPT {
            activities.kept.pop_first();
        }
        number
    }

    /// An activity goes on, or ends.
    pub(super) fn advance_activity(
        &mut self,
        number: Option<u64>,
        status: ActivityStatus,
        message: Option<String>,
    ) {
        let now = self.now;
        let kept = &mut self.scaling.activities.kept;
        let Some(activity) = number.and_then(|number| kept.get_mut(&number)) else {
            return;
        };
        activity.status = status;
        activity.message = message;
        activity.progress = match status {
            ActivityStatus::InProgress => 0,
            ActivityStatus::PreInService => 30,
            ActivityStatus::MidLifecycleAction => 60,
            _ => 100,
        };
        activity.end = status.is_over().then_some(now);
    }

    /// An activity by its number.
    pub(super) fn activity(&self, number: u64) -> Option<&Activity> {
        self.scaling.activities.kept.get(&number)
    }

    /// `2026-01-01T00:00:00Z`, as causes have it.
    pub(super) fn stamp(&self) -> String {
        self.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}
