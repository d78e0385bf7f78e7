//! Members that are ill or too old make way for others.

use super::group::{Process, ScalingGroup};
use super::members::Lifecycle;
use crate::world::World;
use jiff::Timestamp;
use std::time::Duration;
use vpccni_core::ids::InstanceId;

impl World {
    /// Unhealthy members end; the launch follows in the same step, because they count no more.
    pub(super) fn replace_unhealthy(&mut self, name: &str) {
        let Some(group) = self.scaling.groups.get(name) else {
            return;
        };
        if group.is_suspended(Process::ReplaceUnhealthy) || group.is_suspended(Process::Terminate) {
            return;
        }
        let ill: Vec<(InstanceId, String)> = group
            .active()
            .filter_map(|member| Some((member.id.clone(), member.unhealthy.clone()?)))
            .collect();
        for (id, cause) in ill {
            self.end_member(&id, cause);
            if let Some(group) = self.scaling.groups.get_mut(name) {
                group.replacing += 1;
            }
        }
    }

    /// A member past its lifetime ends, one at a time and only while all others serve.
    pub(super) fn replace_aged(&mut self, name: &str) {
        let now = self.now;
        let Some(group) = self.scaling.groups.get(name) else {
            return;
        };
        let stopped = group.is_suspended(Process::Terminate) || group.is_suspended(Process::Launch);
        let settled = group
            .members
            .values()
            .all(|member| matches!(member.lifecycle, Lifecycle::InService | Lifecycle::Standby));
        let Some(oldest) = group
            .serving_by_age()
            .first()
            .filter(|(at, _)| *at <= now)
            .cloned()
        else {
            return;
        };
        if settled && !stopped {
            let cause = format!(
                "At {} an instance was taken out of service in response to the maximum instance lifetime.",
                self.stamp()
            );
            self.end_member(&oldest.1, cause);
        }
    }
}

impl ScalingGroup {
    /// When each serving member is too old, the first first; nothing where no lifetime is set.
    fn serving_by_age(&self) -> Vec<(Timestamp, InstanceId)> {
        let Some(lifetime) = self.max_lifetime else {
            return Vec::new();
        };
        let mut ages: Vec<_> = self
            .members
            .values()
            .filter(|member| member.lifecycle == Lifecycle::InService)
            .filter_map(|member| {
                let at = member
                    .since
                    .checked_add(Duration::from_secs(lifetime.into()))
                    .ok()?;
                Some((at, member.id.clone()))
            })
            .collect();
        ages.sort();
        ages
    }

    /// When the next member is too old.
    pub(super) fn next_ageing(&self) -> Option<Timestamp> {
        self.serving_by_age().first().map(|(at, _)| *at)
    }
}
