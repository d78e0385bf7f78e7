//! One step of a group: it looks at what is, does what is missing, and says when it looks again.

use super::activity::ActivityStatus;
use super::group::Process;
use super::hook::Transition;
use super::members::Lifecycle;
use crate::world::{InstanceState, World};
use jiff::Timestamp;
use std::time::Duration;
use vpccni_core::ids::InstanceId;

/// What EC2 has to say about a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Starting,
    Running,
    /// Stopped, stopping or shutting down: EC2 calls none of them running.
    NotRunning,
    Gone,
}

impl World {
    /// A group does what is to be done now.
    pub(in crate::world) fn step_group(&mut self, name: &str) {
        let now = self.now;
        let Some(group) = self.scaling.groups.get_mut(name) else {
            return;
        };
        if group.next_step.is_some_and(|next| next <= now) {
            group.next_step = None;
        }
        self.forgive_subnets(name);
        self.expire_waits(name);
        self.move_members(name);
        self.replace_unhealthy(name);
        self.replace_aged(name);
        self.step_refresh(name);
        self.rebalance(name);
        self.scale_out(name);
        self.scale_in(name);
        self.settle_request(name);
        self.finish_deletion(name);
        self.plan_next_step(name);
    }

    /// An instance changed its state; its group notices, at once where it waits for that, else with the next check.
    pub(in crate::world) fn tell_group(&mut self, id: &InstanceId, state: InstanceState) {
        let Some(group) = self.scaling.group_of(id) else {
            return;
        };
        let name = group.name.clone();
        let expected = group.members.get(id).is_some_and(|m| m.lifecycle.is_ending());
        let delay = match state {
            InstanceState::Pending => return,
            InstanceState::Running => self.timings.scaling_step,
            _ if expected => Duration::ZERO,
            _ => self.timings.scaling_health_check,
        };
        self.wake_group(&name, delay);
    }

    fn seen(&self, id: &InstanceId) -> Seen {
        match self.instances.get(id).map(|instance| instance.state) {
            Some(InstanceState::Pending) => Seen::Starting,
            Some(InstanceState::Running) => Seen::Running,
            Some(InstanceState::ShuttingDown | InstanceState::Stopping | InstanceState::Stopped) => {
                Seen::NotRunning
            }
            Some(InstanceState::Terminated) | None => Seen::Gone,
        }
    }

    /// Each member goes on to the state that it is ready for.
    fn move_members(&mut self, name: &str) {
        let Some(group) = self.scaling.groups.get(name) else {
            return;
        };
        let checks = !group.is_suspended(Process::HealthCheck);
        let members: Vec<(InstanceId, Lifecycle)> = group
            .members
            .values()
            .map(|member| (member.id.clone(), member.lifecycle))
            .collect();
        for (id, lifecycle) in members {
            let seen = self.seen(&id);
            match (lifecycle, seen) {
                (Lifecycle::Pending, Seen::Running) => self.greet(&id),
                (Lifecycle::PendingProceed, Seen::Running) => self.finish_move(&id, Lifecycle::InService),
                (
                    Lifecycle::Pending
                    | Lifecycle::PendingWait
                    | Lifecycle::PendingProceed
                    | Lifecycle::InService,
                    Seen::NotRunning | Seen::Gone,
                ) if checks => self.note_death(&id),
                (Lifecycle::EnteringStandby, _) => self.finish_move(&id, Lifecycle::Standby),
                (Lifecycle::Detaching, _) => {
                    self.finish_move(&id, Lifecycle::Detaching);
                    self.let_go(&id);
                }
                (Lifecycle::Terminating | Lifecycle::TerminatingProceed, Seen::Gone) => {
                    self.finish_move(&id, lifecycle);
                    self.forget_member(&id);
                }
                (Lifecycle::Terminating | Lifecycle::TerminatingProceed, _) => self.terminate_member(&id),
                _ => {}
            }
        }
    }

    /// A member runs for the first time: hooks hold it, or it serves.
    fn greet(&mut self, id: &InstanceId) {
        if self.hold(id, Transition::Launching) {
            self.set_lifecycle(id, Lifecycle::PendingWait);
            let activity = self.member_mut(id).and_then(|member| member.activity);
            self.advance_activity(activity, ActivityStatus::MidLifecycleAction, None);
        } else {
            self.finish_move(id, Lifecycle::InService);
        }
    }

    fn note_death(&mut self, id: &InstanceId) {
        let cause = format!(
            "At {} an instance was taken out of service in response to an EC2 health check indicating it has been \
             terminated or stopped.",
            self.stamp()
        );
        if let Some(member) = self.member_mut(id) {
            member.unhealthy.get_or_insert(cause);
        }
    }

    /// What the user asked for is done when the capacity is what it shall be.
    fn settle_request(&mut self, name: &str) {
        if let Some(group) = self.scaling.groups.get_mut(name)
            && group.active_count() == group.target()
        {
            group.request = None;
            group.replacing = 0;
        }
    }

    fn plan_next_step(&mut self, name: &str) {
        let now = self.now;
        let Some(group) = self.scaling.groups.get(name) else {
            return;
        };
        let waits = group
            .members
            .values()
            .flat_map(|member| member.waits.values().map(|wait| wait.until));
        let retries = group.avoided.values().copied();
        let next = waits
            .chain(retries)
            .chain(group.next_ageing())
            .chain(group.next_of_refresh(now))
            .filter(|at| *at > now)
            .min();
        if let Some(next) = next {
            self.wake_group(name, until(now, next));
        }
    }
}

fn until(now: Timestamp, then: Timestamp) -> Duration {
    Duration::try_from(then.duration_since(now)).unwrap_or_default()
}
