//! How instance refreshes begin, and how a user stops them; `roll` does the work.

use super::group::ScalingGroup;
use super::members::Member;
use super::refresh::{NewRefresh, Refresh, RefreshStatus, Rollback};
use super::source::LaunchSource;
use super::{invalid, no_group};
use crate::error::{ApiError, Code};
use crate::world::World;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::time::Duration;
use vpccni_core::ids::InstanceId;

impl World {
    /// Starts a refresh and gives its id.
    pub fn start_refresh(&mut self, name: &str, new: NewRefresh) -> Result<String, ApiError> {
        let group = self.scaling_group(name)?;
        if group.active_refresh().is_some() {
            return Err(ApiError::new(
                Code::InstanceRefreshInProgress,
                "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.",
            ));
        }
        if let Some(desired) = &new.desired {
            self.check_source(desired)?;
        }
        check(&new)?;
        let id = self.random.request_id();
        let now = self.now;
        let group = self.scaling_group_mut(name)?;
        group.refreshes.push(Refresh {
            id: id.clone(),
            status: RefreshStatus::Pending,
            reason: None,
            start: now,
            end: None,
            preferences: new.preferences,
            desired: new.desired,
            percentage: 0,
            to_update: 0,
            rollback: None,
            todo: BTreeSet::new(),
            total: 0,
            stuck_since: now,
            passed: 0,
            paused_since: None,
        });
        self.wake_group(name, self.timings.scaling_step);
        Ok(id)
    }

    /// Stops a refresh; what it began on, it ends. Gives its id.
    pub fn cancel_refresh(&mut self, name: &str) -> Result<String, ApiError> {
        let refresh = self.under_way(name)?;
        refresh.status = RefreshStatus::Cancelling;
        refresh.reason = Some("Cancelled due to user request.".to_owned());
        let id = refresh.id.clone();
        self.wake_group(name, self.timings.scaling_step);
        Ok(id)
    }

    /// Takes a refresh back: what it launched is replaced from the old configuration. Gives its id.
    pub fn roll_back_refresh(&mut self, name: &str) -> Result<String, ApiError> {
        let refresh = self.under_way(name)?;
        if refresh.status == RefreshStatus::RollbackInProgress {
            return Err(no_refresh(name));
        }
        let id = refresh.id.clone();
        self.begin_rollback(name, "User requested a rollback.")?;
        self.wake_group(name, self.timings.scaling_step);
        Ok(id)
    }

    /// The old configuration has to say one thing: `$Latest`, `$Default` would now mean the new one.
    pub(super) fn begin_rollback(&mut self, name: &str, reason: &str) -> Result<(), ApiError> {
        let now = self.now;
        let group = self.scaling_group_mut(name)?;
        let fixed = group.source.has_fixed_versions();
        let generation = group.generation;
        let launched: BTreeSet<InstanceId> = group
            .members
            .values()
            .filter(|member| member.generation == generation)
            .map(|member| member.id.clone())
            .collect();
        let Some(refresh) = group.refreshes.last_mut() else {
            return Err(no_refresh(name));
        };
        if refresh.desired.is_none() || !fixed {
            return Err(ApiError::new(
                Code::IrreversibleInstanceRefresh,
                "The instance refresh cannot be rolled back: it has no desired configuration, or the group uses the \
                 $Latest or $Default version of its launch template.",
            ));
        }
        refresh.rollback = Some(Rollback {
            reason: reason.to_owned(),
            start: now,
            percentage: refresh.percentage,
            to_update: refresh.to_update,
        });
        let begun = refresh.status != RefreshStatus::Pending;
        refresh.todo = if begun { launched } else { BTreeSet::new() };
        refresh.total = u32::try_from(refresh.todo.len()).unwrap_or(u32::MAX);
        refresh.status = RefreshStatus::RollbackInProgress;
        refresh.reason = None;
        refresh.percentage = 0;
        refresh.passed = refresh.preferences.checkpoints.len();
        refresh.paused_since = None;
        refresh.stuck_since = now;
        group.generation += 1;
        Ok(())
    }

    fn under_way(&mut self, name: &str) -> Result<&mut Refresh, ApiError> {
        let group = self.scaling.groups.get_mut(name).ok_or_else(|| no_group(name))?;
        group
            .refreshes
            .last_mut()
            .filter(|refresh| refresh.status.is_active() && refresh.status != RefreshStatus::Cancelling)
            .ok_or_else(|| no_refresh(name))
    }
}

fn no_refresh(name: &str) -> ApiError {
    ApiError::new(
        Code::ActiveInstanceRefreshNotFound,
        format!("No in progress or pending Instance Refresh found for Auto Scaling group {name}"),
    )
}

/// The bounds are those of the API reference, `RefreshPreferences`.
fn check(new: &NewRefresh) -> Result<(), ApiError> {
    let given = &new.preferences;
    if given.min_healthy > 100 || !(100..=200).contains(&given.max_healthy) {
        return Err(invalid(
            "MinHealthyPercentage must be between 0 and 100, MaxHealthyPercentage between 100 and 200",
        ));
    }
    if given.max_healthy - given.min_healthy > 100 {
        return Err(invalid(
            "The difference between MaxHealthyPercentage and MinHealthyPercentage must not be greater than 100",
        ));
    }
    let rises = given
        .checkpoints
        .windows(2)
        .all(|pair| pair.first() < pair.last());
    if !rises
        || given
            .checkpoints
            .iter()
            .any(|percent| !(1..=100).contains(percent))
    {
        return Err(invalid(
            "CheckpointPercentages must be in ascending order, between 1 and 100",
        ));
    }
    if given.checkpoint_delay > 172_800 || given.bake > 172_800 {
        return Err(invalid(
            "CheckpointDelay and BakeTime must be at most 172800 seconds",
        ));
    }
    if given.auto_rollback && new.desired.is_none() {
        return Err(invalid("AutoRollback needs a desired configuration"));
    }
    Ok(())
}

impl ScalingGroup {
    /// What the group launches from now: a refresh that is under way may say something else.
    pub(super) fn launch_source(&self) -> &LaunchSource {
        let forward = self
            .active_refresh()
            .filter(|refresh| refresh.status == RefreshStatus::InProgress);
        forward
            .and_then(|refresh| refresh.desired.as_ref())
            .unwrap_or(&self.source)
    }

    /// Seconds until a new member counts for a refresh.
    fn warmup(&self, refresh: &Refresh) -> u32 {
        refresh
            .preferences
            .warmup
            .or(self.default_warmup)
            .unwrap_or(self.grace)
    }

    /// From when on a serving member counts; members from before the refresh do already.
    pub(super) fn counts_from(&self, refresh: &Refresh, member: &Member) -> Option<Timestamp> {
        let since = member.in_service?;
        if member.generation < self.generation {
            return Some(since);
        }
        let warmup = Duration::from_secs(self.warmup(refresh).into());
        since.checked_add(warmup).ok()
    }
}

impl LaunchSource {
    fn has_fixed_versions(&self) -> bool {
        let fixed = |version: &Option<String>| version.as_ref().is_some_and(|v| !v.starts_with('$'));
        fixed(&self.template.version)
            && self
                .mixed
                .iter()
                .flat_map(|mixed| &mixed.overrides)
                .filter_map(|way| way.template.as_ref())
                .all(|template| fixed(&template.version))
    }
}
