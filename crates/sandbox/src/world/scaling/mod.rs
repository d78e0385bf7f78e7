//! Auto Scaling groups: what they are asked to be, and the steps by which they become it. A group does everything in
//! `step`, which looks at what is and does what is missing; so nothing that dies, from whatever cause, is overlooked.
//!
//! Sources: the user guide and API reference of Amazon EC2 Auto Scaling; a rule that is not obvious names its page.

mod activity;
mod capacity;
mod change;
mod check;
mod group;
mod hold;
mod hook;
mod launch;
mod leave;
mod members;
mod names;
mod refresh;
mod refreshes;
mod replace;
mod roll;
mod select;
mod source;
mod standby;
mod step;
mod tags;

pub use activity::{Activity, ActivityStatus};
pub use group::{GroupChange, HealthCheckType, NewScalingGroup, Process, ScalingGroup, TerminationPolicy};
pub use hook::{Held, Hook, NewHook, Transition, Verdict, Wait};
pub use members::{Lifecycle, Member};
pub use refresh::{NewRefresh, Preferences, Refresh, RefreshStatus, Rollback, Unavailable};
pub use source::{Distribution, LaunchSource, Mixed, Override};
pub use tags::GroupTag;

use super::World;
use crate::error::{ApiError, Code};
use std::collections::BTreeMap;
use std::time::Duration;
use vpccni_core::ids::InstanceId;

/// All groups, who belongs to them, and what they did.
#[derive(Debug, Default)]
pub struct Scaling {
    /// The groups.
    pub groups: BTreeMap<String, ScalingGroup>,
    /// The group of each member.
    owners: BTreeMap<InstanceId, String>,
    activities: activity::Activities,
}

impl Scaling {
    /// The group that an instance is a member of.
    pub fn group_of(&self, id: &InstanceId) -> Option<&ScalingGroup> {
        self.groups.get(self.owners.get(id)?)
    }

    /// What groups did, the newest first.
    pub fn activities(&self) -> impl Iterator<Item = &Activity> {
        self.activities.newest_first()
    }
}

impl World {
    /// The group of a name.
    pub fn scaling_group(&self, name: &str) -> Result<&ScalingGroup, ApiError> {
        self.scaling.groups.get(name).ok_or_else(|| no_group(name))
    }

    fn scaling_group_mut(&mut self, name: &str) -> Result<&mut ScalingGroup, ApiError> {
        self.scaling.groups.get_mut(name).ok_or_else(|| no_group(name))
    }

    /// The group looks at itself after a delay, or sooner if it was going to.
    fn wake_group(&mut self, name: &str, delay: Duration) {
        let at = self.now.checked_add(delay).unwrap_or(jiff::Timestamp::MAX);
        let Some(group) = self.scaling.groups.get_mut(name) else {
            return;
        };
        if group.next_step.is_some_and(|next| next <= at) {
            return;
        }
        group.next_step = Some(at);
        self.after(delay, super::Due::ScalingGroup(name.to_owned()));
    }
}

/// The refusal that most rules of Auto Scaling end in.
fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(Code::Validation, message)
}

fn no_group(name: &str) -> ApiError {
    invalid(format!(
        "AutoScalingGroup name not found - AutoScalingGroup '{name}' not found"
    ))
}
