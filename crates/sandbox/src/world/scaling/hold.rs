//! Lifecycle hooks: they hold a member that comes or goes until somebody says so, or time is up.

use super::activity::ActivityStatus;
use super::hook::{Held, Hook, NewHook, Transition, Verdict, Wait};
use super::invalid;
use super::members::{Lifecycle, Member};
use crate::error::{ApiError, Code};
use crate::world::{Happened, World};
use jiff::Timestamp;
use std::time::Duration;
use vpccni_core::ids::InstanceId;

/// AWS's default and bounds of the heartbeat timeout, in seconds.
const HEARTBEAT: u32 = 3600;
const HEARTBEATS: std::ops::RangeInclusive<u32> = 30..=7200;
/// "Lifecycle hooks per Auto Scaling group" of the quotas page.
const MAX_HOOKS: usize = 50;

impl World {
    /// Makes or changes a hook. Members that are held already are not touched.
    pub fn put_hook(&mut self, group: &str, new: &NewHook) -> Result<(), ApiError> {
        let group = self.scaling_group_mut(group)?;
        let known = group.hooks.get(&new.name);
        if known.is_none() && group.hooks.len() >= MAX_HOOKS {
            return Err(ApiError::new(
                Code::LimitExceeded,
                "You have reached the maximum number of lifecycle hooks for this Auto Scaling group.",
            ));
        }
        let Some(transition) = new.transition.or_else(|| known.map(|hook| hook.transition)) else {
            return Err(invalid(
                "A lifecycle transition must be specified when creating a new lifecycle hook.",
            ));
        };
        let heartbeat = new
            .heartbeat
            .or_else(|| known.map(|hook| hook.heartbeat))
            .unwrap_or(HEARTBEAT);
        if !HEARTBEATS.contains(&heartbeat) {
            return Err(invalid(format!(
                "HeartbeatTimeout must be between {} and {} seconds",
                HEARTBEATS.start(),
                HEARTBEATS.end()
            )));
        }
        let hook = Hook {
            name: new.name.clone(),
            transition,
            heartbeat,
            default_result: new
                .default_result
                .or_else(|| known.map(|hook| hook.default_result))
                .unwrap_or(Verdict::Abandon),
            metadata: new
                .metadata
                .clone()
                .or_else(|| known.and_then(|hook| hook.metadata.clone())),
        };
        group.hooks.insert(new.name.clone(), hook);
        Ok(())
    }

    /// Takes a hook away; whom it holds goes on as its default result says.
    pub fn delete_hook(&mut self, name: &str, hook: &str) -> Result<(), ApiError> {
        let group = self.scaling_group_mut(name)?;
        if group.hooks.remove(hook).is_none() {
            return Err(invalid(format!(
                "No Lifecycle Hook found with name {hook} for group {name}"
            )));
        }
        let held: Vec<(InstanceId, Verdict)> = group
            .members
            .values()
            .filter_map(|member| Some((member.id.clone(), member.waits.get(hook)?.default_result)))
            .collect();
        for (id, verdict) in held {
            self.release(&id, hook, verdict, "Lifecycle Hook was deleted");
        }
        self.wake_group(name, Duration::ZERO);
        Ok(())
    }

    /// Says what shall become of a member that is held.
    pub fn complete_lifecycle(&mut self, held: &Held, verdict: Verdict) -> Result<(), ApiError> {
        let id = self.find_held(held)?.id.clone();
        let message = format!("Lifecycle Action Completed with {} Result", verdict.as_str());
        self.release(&id, &held.hook, verdict, &message);
        self.wake_group(&held.group, Duration::ZERO);
        Ok(())
    }

    /// Gives a member that is held its whole timeout again.
    pub fn heartbeat(&mut self, held: &Held) -> Result<(), ApiError> {
        let id = self.find_held(held)?.id.clone();
        let now = self.now;
        if let Some(wait) = self.member_mut(&id).and_then(|m| m.waits.get_mut(&held.hook)) {
            let until = now.checked_add(Duration::from_secs(wait.heartbeat.into()));
            wait.until = until.unwrap_or(Timestamp::MAX).min(wait.at_last);
        }
        Ok(())
    }

    fn find_held(&self, held: &Held) -> Result<&Member, ApiError> {
        let group = self.scaling_group(&held.group)?;
        if !group.hooks.contains_key(&held.hook) {
            return Err(invalid(format!(
                "No Lifecycle Hook found with name {} for group {}",
                held.hook, held.group
            )));
        }
        let found = group.members.values().find(|member| {
            member.waits.get(&held.hook).is_some_and(|wait| {
                held.token.as_ref().is_none_or(|token| *token == wait.token)
                    && held.instance.as_ref().is_none_or(|id| *id == member.id)
            })
        });
        found.ok_or_else(|| match (&held.token, &held.instance) {
            (Some(token), _) => invalid(format!("No active Lifecycle Action found with token {token}")),
            (None, Some(id)) => invalid(format!("No active Lifecycle Action found with instance ID {id}")),
            (None, None) => invalid("Either a lifecycle action token or an instance ID is required"),
        })
    }

    /// Holds a member by all hooks of a transition; whether there is any.
    pub(super) fn hold(&mut self, id: &InstanceId, transition: Transition) -> bool {
        let now = self.now;
        let Some(group) = self.scaling.group_of(id) else {
            return false;
        };
        let name = group.name.clone();
        let hooks: Vec<Hook> = group
            .hooks
            .values()
            .filter(|hook| hook.transition == transition)
            .cloned()
            .collect();
        for hook in &hooks {
            let token = self.random.request_id();
            let in_seconds = |seconds: u32| {
                now.checked_add(Duration::from_secs(seconds.into()))
                    .unwrap_or(Timestamp::MAX)
            };
            let wait = Wait {
                token: token.clone(),
                until: in_seconds(hook.heartbeat),
                at_last: in_seconds(hook.global_timeout()),
                heartbeat: hook.heartbeat,
                default_result: hook.default_result,
            };
            if let Some(member) = self.member_mut(id) {
                member.waits.insert(hook.name.clone(), wait);
            }
            self.emit(Happened::LifecycleAction {
                group: name.clone(),
                hook: hook.name.clone(),
                instance: id.to_string(),
                transition: transition.as_str(),
                token,
            });
        }
        !hooks.is_empty()
    }

    /// Time is up for whoever was held too long.
    pub(super) fn expire_waits(&mut self, name: &str) {
        let now = self.now;
        let Some(group) = self.scaling.groups.get(name) else {
            return;
        };
        let expired: Vec<(InstanceId, String, Verdict)> = group
            .members
            .values()
            .flat_map(|member| member.waits.iter().map(move |(hook, wait)| (member, hook, wait)))
            .filter(|(_, _, wait)| wait.until <= now)
            .map(|(member, hook, wait)| (member.id.clone(), hook.clone(), wait.default_result))
            .collect();
        for (id, hook, verdict) in expired {
            self.release(&id, &hook, verdict, "Lifecycle Action timed out");
        }
    }

    /// A hook lets go. An instance that is abandoned while it comes, goes; one that goes, goes on whatever is said,
    /// and abandoning takes the other hooks' say away ("ABANDON stops any remaining actions").
    fn release(&mut self, id: &InstanceId, hook: &str, verdict: Verdict, why: &str) {
        let Some(member) = self.member_mut(id) else {
            return;
        };
        member.waits.remove(hook);
        if verdict == Verdict::Abandon {
            member.waits.clear();
        }
        let (lifecycle, activity, free) = (member.lifecycle, member.activity, member.waits.is_empty());
        match lifecycle {
            Lifecycle::PendingWait if verdict == Verdict::Abandon => {
                let token = format!("The lifecycle hook {hook} abandoned instance {id}: {why}");
                self.advance_activity(activity, ActivityStatus::Cancelled, Some(token));
                let cause = format!(
                    "At {} an instance was taken out of service in response to a lifecycle hook: {why}.",
                    self.stamp()
                );
                self.end_member(id, cause);
            }
            Lifecycle::PendingWait if free => self.set_lifecycle(id, Lifecycle::PendingProceed),
            Lifecycle::TerminatingWait if free => self.set_lifecycle(id, Lifecycle::TerminatingProceed),
            _ => {}
        }
    }
}
