//! Too many members, and zones that are not even.

use super::group::{Process, ScalingGroup};
use super::members::Lifecycle;
use crate::world::World;
use std::collections::BTreeMap;
use vpccni_core::ids::Zone;

impl ScalingGroup {
    /// So many members there shall be now: a refresh or a rebalance may have some more for a while.
    pub(super) fn target(&self) -> u32 {
        let more = u32::from(self.rebalancing).max(self.surge());
        self.desired.saturating_add(if self.deleting { 0 } else { more })
    }

    /// Members in each zone; zones of the group without one are there as well.
    pub(super) fn by_zone(&self) -> BTreeMap<&Zone, usize> {
        let mut counts: BTreeMap<&Zone, usize> = self.zones().into_iter().map(|zone| (zone, 0)).collect();
        for member in self.active() {
            *counts.entry(&member.zone).or_default() += 1;
        }
        counts
    }

    /// Whether one launch and one termination would make the zones more even, and nothing stands against it.
    fn is_uneven(&self) -> bool {
        let zones = self.zones();
        let open: Vec<Zone> = self.places().into_iter().map(|(zone, _)| zone).collect();
        let counts = self.by_zone();
        let least = counts
            .iter()
            .filter(|(zone, _)| open.contains(zone))
            .map(|(_, n)| *n)
            .min();
        let Some(least) = least else {
            return false;
        };
        self.active().any(|member| {
            let here = counts.get(&member.zone).copied().unwrap_or(0);
            !member.protected && (here >= least + 2 || !zones.contains(&member.zone))
        })
    }
}

impl World {
    /// Launches one in the emptiest zone before one goes in the fullest ("new instances before old", user guide,
    /// "Rebalancing activities").
    pub(super) fn rebalance(&mut self, name: &str) {
        let Some(group) = self.scaling.groups.get_mut(name) else {
            return;
        };
        let serving = group
            .active()
            .all(|m| m.lifecycle == Lifecycle::InService && m.unhealthy.is_none());
        let active = group.active_count();
        if group.rebalancing {
            // All serve, the new one among them: one may go.
            if serving && active > group.desired {
                group.rebalancing = false;
            }
            return;
        }
        let stopped = [Process::AzRebalance, Process::Launch, Process::Terminate]
            .into_iter()
            .any(|process| group.is_suspended(process));
        let busy = group.deleting || group.active_refresh().is_some() || active != group.desired || !serving;
        group.rebalancing = !stopped && !busy && group.is_uneven();
    }

    /// Members end until there are as many as there shall be.
    pub(super) fn scale_in(&mut self, name: &str) {
        let Some(group) = self.scaling.groups.get(name) else {
            return;
        };
        if group.is_suspended(Process::Terminate) {
            return;
        }
        let (active, target) = (group.active_count(), group.target());
        let request = group
            .request
            .clone()
            .map(|request| request + "  ")
            .unwrap_or_default();
        for count in (target..active).rev() {
            let Some(victim) = self.scale_in_victim(name) else {
                break;
            };
            let stamp = self.stamp();
            let cause = format!(
                "{request}At {stamp} an instance was taken out of service in response to a difference between \
                 desired and actual capacity, shrinking the capacity from {} to {count}.  At {stamp} instance \
                 {victim} was selected for termination.",
                count + 1
            );
            self.end_member(&victim, cause);
        }
    }
}
