//! The status of a migration, from what core's machine says. Conditions are made by the operator's report step.

use super::change::changed_groups;
use super::halt::halt;
use super::memory::memory;
use super::record::step;
use crate::convert::bounded;
use crate::migration::{
    BlockedPod, CniMigrationStatus, MigrationPhase, MigrationProgress, MigrationSummary, MinFreePrefixes,
    NodeInFlight, PlanStatus, PlannedGroup, RollbackStatus, Waiting,
};
use crate::policy::STATUS_LIST;
use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use vpccni_core::capacity::LowPoint;
use vpccni_core::migration::{Blocked, InFlight, MigrationPlan, Next, Phase, Progress, WaitingFor};

/// The longest sentence of a list in status.
const SENTENCE: usize = 1024;

/// What a status is made from.
#[derive(Debug)]
pub struct StatusInput<'a> {
    /// The generation of the object.
    pub generation: Option<i64>,
    /// The plan that is worked on.
    pub plan: &'a MigrationPlan,
    /// What the machine says.
    pub next: &'a Next,
    /// What failed in this round.
    pub failures: Vec<String>,
    /// The conditions.
    pub conditions: Vec<Condition>,
}

/// The whole status.
pub fn migration_status(input: StatusInput<'_>) -> CniMigrationStatus {
    let StatusInput {
        generation,
        plan,
        next,
        failures,
        conditions,
    } = input;
    let Next {
        phase: stands,
        actions: _,
        waiting_for,
        progress,
        in_flight,
        blocked,
        halt: stopped,
        eta,
        if_stopped,
        stays,
        memory: remembered,
        again_after: _,
    } = next;
    CniMigrationStatus {
        observed_generation: generation,
        conditions: Some(conditions),
        phase: Some(phase(*stands)),
        summary: Some(MigrationSummary {
            replaced: Some(format!("{}/{}", progress.replaced, progress.total)),
            active: Some(progress.active.to_string()),
            eta: Some(eta_text(*stands, *eta)),
        }),
        waiting_for: waiting_for.as_ref().map(waiting),
        plan: Some(plan_status(plan)),
        progress: Some(counted(progress)),
        in_flight: Some(in_flight.iter().take(STATUS_LIST).map(node_in_flight).collect()),
        in_flight_total: count(in_flight.len()),
        blocked: Some(blocked.iter().take(STATUS_LIST).map(blocked_pod).collect()),
        blocked_total: count(blocked.len()),
        rollback: Some(rollback_status(plan)),
        halt: stopped.as_ref().or(remembered.halt.as_ref()).map(halt),
        if_stopped: Some(bounded(if_stopped, 4096)),
        stays: Some(sentences(stays)),
        failures: Some(sentences(&failures)),
        memory: Some(memory(remembered)),
    }
}

fn count(length: usize) -> Option<i64> {
    i64::try_from(length).ok()
}

fn sentences(texts: &[impl ToString]) -> Vec<String> {
    let bound = |text: &_| bounded(&ToString::to_string(text), SENTENCE);
    texts.iter().take(STATUS_LIST).map(bound).collect()
}

fn waiting(waiting: &WaitingFor) -> Waiting {
    let WaitingFor {
        on,
        what,
        who,
        since,
        command,
    } = waiting;
    Waiting {
        reason: Some(on.to_string()),
        what: Some(bounded(what, SENTENCE)),
        who: Some(bounded(who, 253)),
        since: since.map(Time),
        command: Some(bounded(command, SENTENCE)),
    }
}

/// The plan, as the status shows it.
pub fn plan_status(plan: &MigrationPlan) -> PlanStatus {
    let rows = plan.groups.iter().zip(changed_groups(plan));
    let groups = rows.take(STATUS_LIST).map(|(group, row)| PlannedGroup {
        group: Some(row.group),
        method: Some(row.method),
        nodes: Some(i64::from(group.nodes)),
        waves: Some(i64::from(group.waves)),
        max_pods: group.max_pods.map(i64::from),
        owner: group
            .owned_by
            .as_ref()
            .map(|owner| bounded(owner, SENTENCE))
            .or(row.why),
    });
    let lowest = |low: &LowPoint| MinFreePrefixes {
        subnet: Some(low.subnet.to_string()),
        step: Some(i64::from(low.step)),
        free: Some(low.free),
    };
    PlanStatus {
        groups: Some(groups.collect()),
        groups_total: count(plan.groups.len()),
        nodes: Some(i64::from(plan.nodes)),
        stages: Some(
            plan.stages
                .iter()
                .take(8)
                .map(|stage| bounded(&stage.title, 253))
                .collect(),
        ),
        direction: Some(plan.direction.to_string()),
        max_unavailable: Some(i64::from(plan.budget.unavailable)),
        max_surge: Some(i64::from(plan.budget.surge)),
        min_free_prefixes: Some(
            plan.capacity
                .subnets
                .iter()
                .take(STATUS_LIST)
                .map(lowest)
                .collect(),
        ),
        aws_calls: Some(i64::from(plan.aws_calls)),
        eta: Some(duration_text(plan.eta)),
        without_us: Some(sentences(&plan.without_us)),
        notes: Some(sentences(&plan.notes)),
        obstacles: Some(sentences(&plan.obstacles)),
    }
}

/// The way back, as the status shows it.
pub fn rollback_status(plan: &MigrationPlan) -> RollbackStatus {
    RollbackStatus {
        feasible: Some(plan.rollback.feasible),
        nodes: Some(i64::from(plan.rollback.nodes)),
        eta: Some(duration_text(plan.rollback.eta)),
        blocked_by: Some(sentences(&plan.rollback.blocked_by)),
    }
}

fn counted(progress: &Progress) -> MigrationProgress {
    let Progress {
        total,
        replaced,
        active,
        quarantined,
        mixed,
        old,
        young,
        failed,
        unavailable: _,
        surge: _,
    } = progress;
    MigrationProgress {
        total: Some(i64::from(*total)),
        replaced: Some(i64::from(*replaced)),
        active: Some(i64::from(*active)),
        quarantined: Some(i64::from(*quarantined)),
        mixed: Some(i64::from(*mixed)),
        old: Some(i64::from(*old)),
        young: Some(i64::from(*young)),
        failed: Some(i64::from(*failed)),
    }
}

fn node_in_flight(node: &InFlight) -> NodeInFlight {
    let InFlight {
        node,
        step: done,
        since,
        pods_left,
    } = node;
    NodeInFlight {
        node: Some(node.to_string()),
        step: Some(step(*done)),
        since: Some(Time(*since)),
        pods_left: pods_left.map(i64::from),
    }
}

fn blocked_pod(blocked: &Blocked) -> BlockedPod {
    let Blocked { node, pod, by, since } = blocked;
    BlockedPod {
        node: Some(node.to_string()),
        pod: Some(bounded(pod, 320)),
        by: Some(bounded(by, SENTENCE)),
        since: Some(Time(*since)),
    }
}

/// A phase as the API spells it.
pub fn phase(phase: Phase) -> MigrationPhase {
    match phase {
        Phase::Planned => MigrationPhase::Planned,
        Phase::Approved => MigrationPhase::Approved,
        Phase::Prepared => MigrationPhase::Prepared,
        Phase::Canary => MigrationPhase::Canary,
        Phase::Rolling => MigrationPhase::Rolling,
        Phase::Verifying => MigrationPhase::Verifying,
        Phase::Completed => MigrationPhase::Completed,
        Phase::Paused => MigrationPhase::Paused,
        Phase::Halted => MigrationPhase::Halted,
        Phase::RollingBack => MigrationPhase::RollingBack,
        Phase::RolledBack => MigrationPhase::RolledBack,
        Phase::Aborting => MigrationPhase::Aborting,
        Phase::Aborted => MigrationPhase::Aborted,
    }
}

/// How long it still takes, and from when.
fn eta_text(phase: Phase, eta: Option<SignedDuration>) -> String {
    let Some(eta) = eta else {
        return "-".to_owned();
    };
    let time = duration_text(eta);
    match phase {
        _ if phase.is_under_way() => time,
        Phase::Planned => format!("{time} once it starts"),
        _ => format!("{time} once it goes on"),
    }
}

/// `2h10m`, `40m`, `50s`: the two largest units.
pub fn duration_text(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) => format!("{minutes}m"),
        (0, hours, minutes) => format!("{hours}h{minutes:02}m"),
        (days, hours, _) => format!("{days}d{hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_at_most() {
        let text = |seconds| duration_text(SignedDuration::from_secs(seconds));
        assert_eq!(
            [-1, 50, 2400, 7800, 90_000].map(text),
            ["0s", "50s", "40m", "2h10m", "1d1h"]
        );
    }
}
