//! Who goes when there are too many: of the fullest zone, by the termination policies ("Configure termination policies
//! for Amazon EC2 Auto Scaling", user guide).

use super::group::{ScalingGroup, TerminationPolicy};
use super::members::{Lifecycle, Member};
use crate::world::World;
use jiff::Timestamp;
use std::cmp::Reverse;
use vpccni_core::ids::{InstanceId, Zone};

const HOUR: i64 = 3600;

impl World {
    /// The member that goes next, if any may.
    pub(super) fn scale_in_victim(&self, name: &str) -> Option<InstanceId> {
        let group = self.scaling.groups.get(name)?;
        let zone = group.fullest_zone()?.clone();
        let mut left: Vec<&Member> = group.spareable().filter(|member| member.zone == zone).collect();
        for policy in &group.termination_policies {
            left = self.keep_first(left, *policy);
        }
        // What no policy tells apart: those that do not serve yet, then the oldest; AWS takes one at random.
        left.sort_by_key(|m| (m.lifecycle == Lifecycle::InService, m.since, &m.id));
        left.first().map(|member| member.id.clone())
    }

    /// Those that a policy names first; several where it does not tell them apart.
    fn keep_first<'m>(&self, members: Vec<&'m Member>, policy: TerminationPolicy) -> Vec<&'m Member> {
        let now = self.now;
        match policy {
            TerminationPolicy::OldestInstance => smallest(members, |m| m.since),
            TerminationPolicy::NewestInstance => smallest(members, |m| Reverse(m.since)),
            TerminationPolicy::OldestLaunchTemplate => smallest(members, template_age),
            TerminationPolicy::ClosestToNextInstanceHour => smallest(members, |m| to_next_hour(m.since, now)),
            TerminationPolicy::Default => {
                let oldest = smallest(members, template_age);
                smallest(oldest, |m| to_next_hour(m.since, now))
            }
            // No launch configurations and no spot prices are modelled: neither tells members apart.
            TerminationPolicy::OldestLaunchConfiguration | TerminationPolicy::AllocationStrategy => members,
        }
    }
}

impl ScalingGroup {
    fn spareable(&self) -> impl Iterator<Item = &Member> {
        self.active().filter(|member| !member.protected)
    }

    /// The zone with the most members, of those where one may go; a zone that is the group's no more comes first.
    fn fullest_zone(&self) -> Option<&Zone> {
        let zones = self.zones();
        let counts = self.by_zone();
        self.spareable()
            .map(|member| &member.zone)
            .max_by_key(|zone| (!zones.contains(*zone), counts.get(*zone).copied(), Reverse(*zone)))
    }
}

fn smallest<K: Ord>(members: Vec<&Member>, key: impl Fn(&Member) -> K) -> Vec<&Member> {
    let Some(least) = members.iter().map(|member| key(member)).min() else {
        return members;
    };
    members
        .into_iter()
        .filter(|member| key(member) == least)
        .collect()
}

/// Members without a template are older than any version.
fn template_age(member: &Member) -> u64 {
    member.template.as_ref().map_or(0, |template| template.version)
}

fn to_next_hour(since: Timestamp, now: Timestamp) -> i64 {
    HOUR - now.duration_since(since).as_secs().rem_euclid(HOUR)
}
