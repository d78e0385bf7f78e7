//! What a round says of a migration, as its status: pure, so that every situation a person may meet can be looked at.

use crate::status::merge_conditions;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use vpccni_api::convert::migration::{StatusInput, migration_status};
use vpccni_api::migration::CniMigrationStatus;
use vpccni_core::migration::{Next, Phase, State, WaitingFor, WaitsOn};
use vpccni_core::plural;
use vpccni_core::policy::Condition;

/// What is said, and of what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a> {
    /// The status so far: times stay as long as what they are about does.
    pub(super) before: Option<&'a CniMigrationStatus>,
    pub(super) generation: Option<i64>,
    pub(super) state: &'a State,
    pub(super) next: &'a Next,
    pub(super) failures: &'a [String],
    pub(super) now: Timestamp,
}

/// The whole status.
pub(super) fn status(said: Said<'_>) -> CniMigrationStatus {
    let Said {
        before,
        generation,
        state,
        next,
        failures,
        now,
    } = said;
    let conditions = merge_conditions(
        before
            .and_then(|status| status.conditions.as_deref())
            .unwrap_or_default(),
        &conditions(state, next),
        generation.unwrap_or_default(),
        now,
    );
    let mut after = migration_status(StatusInput {
        generation,
        plan: state.active_plan(),
        next,
        failures: failures.to_vec(),
        conditions,
    });
    since(before, &mut after, now);
    after
}

/// What core knows no time of is waited for since it was first said.
fn since(before: Option<&CniMigrationStatus>, after: &mut CniMigrationStatus, now: Timestamp) {
    let Some(waiting) = after
        .waiting_for
        .as_mut()
        .filter(|waiting| waiting.since.is_none())
    else {
        return;
    };
    let earlier = before
        .and_then(|status| status.waiting_for.as_ref())
        .filter(|earlier| earlier.reason == waiting.reason && earlier.who == waiting.who);
    waiting.since = earlier
        .and_then(|earlier| earlier.since.clone())
        .or(Some(Time(now)));
}

/// The conditions: what was planned, whether it may go, whether it does, and the three of kstatus.
fn conditions(state: &State, next: &Next) -> Vec<Condition> {
    let works = next.phase.is_under_way();
    let waiting = waiting(next);
    let progressing = if works {
        Condition::yes("Progressing", "Working", format!("{}; {waiting}", counted(next)))
    } else {
        Condition::no(
            "Progressing",
            next.phase.word(),
            format!("{}; {waiting}", counted(next)),
        )
    };
    let halted = match next.halt.as_ref() {
        Some(halt) => Condition::yes("Halted", halt.reason.word(), halt.reason.to_string()),
        None => Condition::no("Halted", "NotHalted", "nothing has stopped it"),
    };
    let ended = |kind, phase| {
        if next.phase == phase {
            Condition::yes(kind, phase.word(), outcome(state, next))
        } else {
            Condition::no(kind, next.phase.word(), counted(next))
        }
    };
    let [ready, reconciling, stalled] = kstatus(next, &waiting, works);
    vec![
        ready,
        reconciling,
        stalled,
        planned(state),
        approved(next, &waiting),
        progressing,
        halted,
        ended("Completed", Phase::Completed),
        ended("RolledBack", Phase::RolledBack),
    ]
}

fn planned(state: &State) -> Condition {
    let plan = state.active_plan();
    match plan.obstacles.first() {
        // Once it runs the plan is made anew for what is left, which may be nothing.
        Some(obstacle) if state.memory.started.is_none() => {
            Condition::no("Planned", "Obstacles", obstacle.to_string())
        }
        _ => Condition::yes(
            "Planned",
            "Feasible",
            format!(
                "{} in {} {} left to replace",
                plural::counted(plan.nodes, "node"),
                plural::counted(plan.groups.len(), "group"),
                plural::agreeing(&plan.nodes, "is", "are")
            ),
        ),
    }
}

fn approved(next: &Next, waiting: &str) -> Condition {
    let asked = next
        .waiting_for
        .as_ref()
        .is_some_and(|waits| waits.on == WaitsOn::Approval);
    match (next.memory.started, asked) {
        (Some(_), true) => Condition::no("Approved", "NotCovered", waiting),
        (Some(began), false) => Condition::yes("Approved", "Approved", format!("it began at {began}")),
        (None, true) => Condition::no("Approved", "WaitingForApproval", waiting),
        (None, false) => Condition::no("Approved", "NotStarted", waiting),
    }
}

/// The three conditions that pipelines read.
fn kstatus(next: &Next, waiting: &str, works: bool) -> [Condition; 3] {
    let stalled = match next.halt.as_ref() {
        Some(halt) => Condition::yes("Stalled", halt.reason.word(), halt.reason.to_string()),
        None => Condition::no("Stalled", "NotStalled", "nothing stands in the way"),
    };
    // Waiting for a person is not a state that a pipeline should wait in: kstatus calls it current.
    let ready = if next.halt.is_some() {
        Condition::no("Ready", "Halted", waiting)
    } else if works {
        Condition::no("Ready", "Working", waiting)
    } else {
        Condition::yes("Ready", next.phase.word(), waiting)
    };
    let reconciling = if works {
        Condition::yes("Reconciling", "Working", "nodes are being replaced")
    } else {
        Condition::no("Reconciling", next.phase.word(), "nothing is under way")
    };
    [ready, reconciling, stalled]
}

/// What is waited for, who acts, and with what.
fn waiting(next: &Next) -> String {
    match &next.waiting_for {
        Some(WaitingFor {
            on: _,
            what,
            who,
            since: _,
            command,
        }) => format!("{what}. Waits for {who}: {command}"),
        None => "nothing is waited for".to_owned(),
    }
}

fn counted(next: &Next) -> String {
    let progress = &next.progress;
    format!(
        "{} of {} replaced, {} old, {} mixed",
        progress.replaced,
        plural::counted(progress.total, "node"),
        progress.old,
        progress.mixed
    )
}

/// How it ended.
fn outcome(state: &State, next: &Next) -> String {
    let memory = &next.memory;
    let took = memory
        .started
        .zip(memory.ended)
        .map(|(began, ended)| ended.duration_since(began));
    let took = took.map_or_else(String::new, |took| {
        format!(", in {}", vpccni_api::convert::migration::duration_text(took))
    });
    format!(
        "{}{took}. Nobody has to do anything; `kubectl delete cnimig {}` removes this record",
        counted(next),
        state.name
    )
}
