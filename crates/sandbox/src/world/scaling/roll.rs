//! The work of an instance refresh: so many at a time that enough serve and not too many run. It drains nothing by
//! itself; lifecycle hooks are there for that.

use super::group::{Process, ScalingGroup};
use super::members::{Lifecycle, Member};
use super::refresh::{Refresh, RefreshStatus, Unavailable};
use crate::world::World;
use jiff::Timestamp;
use std::time::Duration;
use vpccni_core::ids::InstanceId;

/// After so long without a replacement a refresh fails ("fails after one hour", user guide, "Default values").
const PATIENCE: Duration = Duration::from_hours(1);

/// How many serve, and how far the refresh is.
struct Count {
    /// Members that serve and count.
    healthy: u32,
    /// New ones among them.
    replaced: u32,
    /// Old ones that may go now.
    ready: Vec<InstanceId>,
    /// Old ones that have to go, those of `ready` among them.
    left: u32,
    /// Whether nothing is on its way in or out.
    calm: bool,
}

impl World {
    /// A refresh goes on by as much as may be.
    pub(super) fn step_refresh(&mut self, name: &str) {
        let now = self.now;
        let Some(group) = self.scaling.groups.get(name) else {
            return;
        };
        let suspended = group.is_suspended(Process::InstanceRefresh);
        let Some(refresh) = group.active_refresh().filter(|_| !suspended) else {
            return;
        };
        match refresh.status {
            RefreshStatus::Pending => self.begin_refresh(name),
            RefreshStatus::Cancelling => {
                let calm = group.members.values().all(is_settled);
                if calm {
                    self.end_refresh(name, RefreshStatus::Cancelled, None);
                }
                return;
            }
            _ => {}
        }
        self.go_on(name, now);
    }

    fn begin_refresh(&mut self, name: &str) {
        let now = self.now;
        let Some(group) = self.scaling.groups.get(name) else {
            return;
        };
        let Some(refresh) = group.active_refresh() else {
            return;
        };
        let goal = refresh.desired.as_ref().unwrap_or(&group.source);
        let skips = refresh.preferences.skip_matching;
        let todo: Vec<InstanceId> = group
            .members
            .values()
            .filter(|member| !member.lifecycle.is_ending() && member.lifecycle != Lifecycle::Detaching)
            .filter(|member| !(skips && goal.matches(self, member)))
            .map(|member| member.id.clone())
            .collect();
        let Some(group) = self.scaling.groups.get_mut(name) else {
            return;
        };
        group.generation += 1;
        group.rebalancing = false;
        if let Some(refresh) = group.refreshes.last_mut() {
            refresh.total = u32::try_from(todo.len()).unwrap_or(u32::MAX);
            refresh.to_update = refresh.total;
            refresh.todo = todo.into_iter().collect();
            refresh.status = RefreshStatus::InProgress;
            refresh.start = now;
            refresh.stuck_since = now;
        }
    }

    fn go_on(&mut self, name: &str, now: Timestamp) {
        let Some(group) = self.scaling.groups.get(name) else {
            return;
        };
        let Some(refresh) = group.active_refresh() else {
            return;
        };
        let count = group.count(refresh, now);
        let limit = refresh.limit();
        let may_end = group.may_end(refresh, &count, limit);
        let done = count.left == 0 && count.calm && count.healthy >= group.desired.min(refresh.total);
        let percentage = refresh.percentage_of(&count);
        let to_update = refresh.total.saturating_sub(count.replaced).min(refresh.total);
        let moved = (percentage, to_update) != (refresh.percentage, refresh.to_update);
        let at_checkpoint =
            !done && refresh.total - count.left >= limit && count.calm && limit < refresh.total;
        let victims: Vec<InstanceId> = count.ready.into_iter().take(may_end).collect();
        let Some(refresh) = self
            .scaling_group_mut(name)
            .ok()
            .and_then(|g| g.refreshes.last_mut())
        else {
            return;
        };
        refresh.percentage = percentage;
        refresh.to_update = to_update;
        if moved || !victims.is_empty() {
            refresh.stuck_since = now;
        }
        let passed = refresh.pause_at_checkpoint(at_checkpoint, now);
        let cause = format!(
            "At {} an instance was taken out of service in response to an instance refresh.",
            self.stamp()
        );
        for id in victims {
            self.end_member(&id, cause.clone());
        }
        if passed {
            self.wake_group(name, Duration::ZERO);
        }
        self.judge(name, done, now);
    }

    /// Done, and long enough; or stuck for too long.
    fn judge(&mut self, name: &str, done: bool, now: Timestamp) {
        let Some(refresh) = self
            .scaling_group_mut(name)
            .ok()
            .and_then(|g| g.refreshes.last_mut())
        else {
            return;
        };
        let rolled_back = refresh.status == RefreshStatus::RollbackInProgress;
        if done {
            let since = *refresh.paused_since.get_or_insert(now);
            let bake = if rolled_back { 0 } else { refresh.preferences.bake };
            if now >= later(since, bake) {
                let status = if rolled_back {
                    RefreshStatus::RollbackSuccessful
                } else {
                    RefreshStatus::Successful
                };
                self.end_refresh(name, status, None);
            }
            return;
        }
        let stuck = refresh.paused_since.is_none()
            && refresh
                .stuck_since
                .checked_add(PATIENCE)
                .is_ok_and(|until| now >= until);
        if !stuck {
            return;
        }
        let why = "Instance refresh made no progress for an hour.";
        if rolled_back {
            self.end_refresh(name, RefreshStatus::RollbackFailed, Some(why));
        } else if !refresh.preferences.auto_rollback || self.begin_rollback(name, why).is_err() {
            self.end_refresh(name, RefreshStatus::Failed, Some(why));
        }
    }

    fn end_refresh(&mut self, name: &str, status: RefreshStatus, reason: Option<&str>) {
        let now = self.now;
        let Ok(group) = self.scaling_group_mut(name) else {
            return;
        };
        let Some(refresh) = group.refreshes.last_mut() else {
            return;
        };
        refresh.status = status;
        refresh.end = Some(now);
        if let Some(reason) = reason {
            refresh.reason = Some(reason.to_owned());
        }
        if status == RefreshStatus::Successful {
            refresh.percentage = 100;
            refresh.to_update = 0;
            // "When the refresh succeeds, the group is updated with the desired configuration."
            if let Some(desired) = refresh.desired.clone() {
                group.source = desired;
            }
        }
    }
}

fn is_settled(member: &Member) -> bool {
    matches!(member.lifecycle, Lifecycle::InService | Lifecycle::Standby)
}

fn later(since: Timestamp, seconds: u32) -> Timestamp {
    since
        .checked_add(Duration::from_secs(seconds.into()))
        .unwrap_or(Timestamp::MAX)
}

/// So many per cent of a number, rounded up.
fn share(of: u32, percent: u32) -> u32 {
    let share = (u64::from(of) * u64::from(percent)).div_ceil(100);
    u32::try_from(share).unwrap_or(u32::MAX)
}

impl ScalingGroup {
    fn count(&self, refresh: &Refresh, now: Timestamp) -> Count {
        let mut count = Count {
            healthy: 0,
            replaced: 0,
            ready: Vec::new(),
            left: 0,
            calm: true,
        };
        for member in self.members.values() {
            let counts = member.lifecycle == Lifecycle::InService
                && member.unhealthy.is_none()
                && self.counts_from(refresh, member).is_some_and(|from| from <= now);
            let is_old = refresh.todo.contains(&member.id);
            let standby = member.lifecycle == Lifecycle::Standby;
            count.healthy += u32::from(counts);
            count.replaced += u32::from(counts && member.generation == self.generation);
            count.calm &= counts || standby;
            let rule = match (member.protected, standby) {
                (_, true) => refresh.preferences.standby,
                (true, false) => refresh.preferences.protected,
                (false, false) => Unavailable::Refresh,
            };
            let goes = is_old && (standby || member.lifecycle == Lifecycle::InService);
            if goes && rule != Unavailable::Ignore {
                count.left += 1;
                if rule != Unavailable::Wait {
                    count.ready.push(member.id.clone());
                }
            }
        }
        count.calm &= self.active_count() >= self.desired;
        count
    }

    /// So many old members may end now.
    fn may_end(&self, refresh: &Refresh, count: &Count, limit: u32) -> usize {
        let begun = refresh.total.saturating_sub(count.left);
        let spare = count
            .healthy
            .saturating_sub(share(self.desired, refresh.preferences.min_healthy));
        // Where the floor leaves no room and nothing more may run, one at a time still goes, or it would never end.
        let stuck = spare == 0 && count.calm && refresh.preferences.max_healthy == 100;
        let many = if stuck { 1 } else { spare };
        many.min(limit.saturating_sub(begun)) as usize
    }

    /// So many members more than desired a refresh has now.
    pub(super) fn surge(&self) -> u32 {
        let Some(refresh) = self.active_refresh() else {
            return 0;
        };
        if !matches!(
            refresh.status,
            RefreshStatus::InProgress | RefreshStatus::RollbackInProgress
        ) {
            return 0;
        }
        let left = self
            .members
            .values()
            .filter(|member| member.lifecycle == Lifecycle::InService && refresh.todo.contains(&member.id))
            .filter(|member| !member.protected || refresh.preferences.protected == Unavailable::Refresh)
            .count();
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        let begun = refresh.total.saturating_sub(left);
        let more = share(self.desired, refresh.preferences.max_healthy).saturating_sub(self.desired);
        more.min(left).min(refresh.limit().saturating_sub(begun))
    }

    /// When a refresh has to look again although nothing happens.
    pub(super) fn next_of_refresh(&self, now: Timestamp) -> Option<Timestamp> {
        let refresh = self.active_refresh()?;
        let preferences = &refresh.preferences;
        let warm = self
            .members
            .values()
            .filter_map(|member| self.counts_from(refresh, member))
            .filter(|at| *at > now);
        let pause = refresh.paused_since.map(|since| {
            let seconds = if refresh.limit() < refresh.total {
                preferences.checkpoint_delay
            } else {
                preferences.bake
            };
            later(since, seconds)
        });
        let patience = refresh.stuck_since.checked_add(PATIENCE).ok();
        warm.chain(pause).chain(patience).filter(|at| *at > now).min()
    }
}

impl Refresh {
    /// So many may be replaced up to the next checkpoint.
    fn limit(&self) -> u32 {
        let percent = self
            .preferences
            .checkpoints
            .get(self.passed)
            .copied()
            .unwrap_or(100);
        share(self.total, percent)
    }

    /// At a checkpoint it waits its time, and goes on. Whether it does now.
    fn pause_at_checkpoint(&mut self, reached: bool, now: Timestamp) -> bool {
        if !reached {
            return false;
        }
        let since = *self.paused_since.get_or_insert(now);
        self.reason = Some(format!(
            "Waiting at a checkpoint of {} per cent.",
            self.preferences
                .checkpoints
                .get(self.passed)
                .copied()
                .unwrap_or(100)
        ));
        let passes = now >= later(since, self.preferences.checkpoint_delay);
        if passes {
            self.passed += 1;
            self.paused_since = None;
            self.reason = None;
            self.stuck_since = now;
        }
        passes
    }

    fn percentage_of(&self, count: &Count) -> u32 {
        let done = count.replaced.min(self.total.saturating_sub(count.left));
        (done * 100).checked_div(self.total).unwrap_or(100)
    }
}
