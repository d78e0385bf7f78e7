//! Writes the status of a CniMigration, and tells Events. The only writer of that status; decides nothing.

use super::Memory;
use super::act::Outcomes;
use super::object::Work;
use crate::context::Context;
use crate::events::Reason;
use crate::status::{merge_conditions, without_empty_maps};
use crate::write::{Apply, Target, WriteError, WriteSite};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Resource;
use serde_json::json;
use std::collections::BTreeMap;
use vpccni_api::CniMigration;
use vpccni_api::convert::migration::{StatusInput, migration_status, phase};
use vpccni_api::migration::{CniMigrationStatus, MigrationPhase};
use vpccni_core::migration::{Next, Phase, State};
use vpccni_core::policy::Condition;

/// Pods that were told about, with the budget that keeps them: each is told once.
pub(super) type Told = BTreeMap<String, String>;

/// Says what was decided, before it is done.
pub(super) async fn report(
    ctx: &Context,
    work: &Work,
    (state, next): (&State, &Next),
    memory: &Memory,
) -> Result<(), WriteError> {
    let before = work.object.status.as_ref();
    let generation = work.object.meta().generation;
    let conditions = merge_conditions(
        before
            .and_then(|status| status.conditions.as_deref())
            .unwrap_or_default(),
        &conditions(state, next),
        generation.unwrap_or_default(),
        ctx.now(),
    );
    let after = migration_status(StatusInput {
        generation,
        plan: state.active_plan(),
        next,
        failures: memory.failures.clone(),
        conditions,
    });
    if before.is_some_and(|before| *before == after) {
        return Ok(());
    }
    let target = Target::cluster::<CniMigration>(work.name());
    // Bound to what was read: a memory that another leader has written since must not be overwritten.
    let body = json!({
        "metadata": {"resourceVersion": work.object.meta().resource_version},
        "status": without_empty_maps(json!(after)),
    });
    ctx.writer
        .apply_status(WriteSite::MigrationStatus, &target, Apply::TAKE_OVER, body)
        .await?;
    tell(ctx, work, before, next).await;
    Ok(())
}

async fn tell(ctx: &Context, work: &Work, before: Option<&CniMigrationStatus>, next: &Next) {
    let was = before.and_then(|status| status.phase);
    let is = phase(next.phase);
    if was == Some(is) {
        return;
    }
    let about = reference(work);
    let reason = match is {
        MigrationPhase::Halted => Reason::MigrationHalted,
        _ => Reason::MigrationPhaseChanged,
    };
    let halt = next.halt.as_ref().filter(|_| is == MigrationPhase::Halted);
    let progress = &next.progress;
    let counted = format!("{} of {} nodes replaced", progress.replaced, progress.total);
    let note = match halt {
        Some(halt) => format!("{is}: {}; {counted}", halt.reason),
        None => format!("{is}: {counted}"),
    };
    ctx.events.tell(&about, reason, &note).await;
}

fn reference(work: &Work) -> ObjectReference {
    work.object.0.object_ref(&())
}

/// Tells which budgets keep which pods.
pub(super) async fn tell_blocked(ctx: &Context, work: &Work, outcomes: &Outcomes, told: &mut Told) {
    let mut now = Told::new();
    for blocked in outcomes.blocked() {
        let pod = format!("{}/{}", blocked.pod.namespace, blocked.pod.name);
        let by = blocked.budget.clone().unwrap_or_else(|| blocked.message.clone());
        if told.get(&pod) != Some(&by) {
            let note = format!("{pod} may not be evicted: PodDisruptionBudget {by}");
            ctx.events
                .tell(&reference(work), Reason::EvictionBlocked, &note)
                .await;
        }
        now.insert(pod, by);
    }
    *told = now;
}

/// The conditions: what was planned, whether it may go, whether it does, and the three of kstatus.
fn conditions(state: &State, next: &Next) -> Vec<Condition> {
    let plan = state.active_plan();
    let waits = next.waiting_for.as_ref();
    let waiting = waits.map_or_else(
        || "nothing is waited for".to_owned(),
        |waits| format!("{}; {}", waits.what, waits.who),
    );
    let planned = match plan.obstacles.first() {
        None => Condition::yes(
            "Planned",
            "Feasible",
            format!("{} nodes in {} groups", plan.nodes, plan.groups.len()),
        ),
        Some(obstacle) => Condition::no("Planned", "Obstacles", obstacle.to_string()),
    };
    let began = next.memory.started.is_some();
    let approved = if began {
        Condition::yes("Approved", "Approved", "it may go on")
    } else {
        Condition::no("Approved", "WaitingForApproval", waiting.clone())
    };
    let stopped = matches!(next.phase, Phase::Paused | Phase::Halted);
    let over = next.phase.is_final();
    let progressing = if began && !stopped && !over {
        Condition::yes("Progressing", "Working", waiting.clone())
    } else {
        Condition::no("Progressing", word(next.phase), waiting.clone())
    };
    let halted = match next.halt.as_ref() {
        Some(halt) => Condition::yes("Halted", halt.reason.word(), halt.reason.to_string()),
        None => Condition::no("Halted", "NotHalted", "nothing has stopped it"),
    };
    let ended = |kind, phase| {
        if next.phase == phase {
            Condition::yes(kind, word(phase), "see status.progress")
        } else {
            Condition::no(kind, word(next.phase), "not yet")
        }
    };
    let [ready, reconciling, stalled] = kstatus(next, waiting, began && !stopped && !over);
    vec![
        ready,
        reconciling,
        stalled,
        planned,
        approved,
        progressing,
        halted,
        ended("Completed", Phase::Completed),
        ended("RolledBack", Phase::RolledBack),
    ]
}

/// The three conditions that pipelines read.
fn kstatus(next: &Next, waiting: String, works: bool) -> [Condition; 3] {
    let stalled = match next.halt.as_ref() {
        Some(halt) => Condition::yes("Stalled", halt.reason.word(), halt.reason.to_string()),
        None => Condition::no("Stalled", "NotStalled", "nothing stands in the way"),
    };
    // Waiting for a person is not a state that a pipeline should wait in: kstatus calls it current.
    let ready = if next.halt.is_some() {
        Condition::no("Ready", "Halted", "it stopped by itself")
    } else if works {
        Condition::no("Ready", "Working", waiting)
    } else {
        Condition::yes("Ready", word(next.phase), waiting)
    };
    let reconciling = if works {
        Condition::yes("Reconciling", "Working", "nodes are being replaced")
    } else {
        Condition::no("Reconciling", word(next.phase), "nothing is under way")
    };
    [ready, reconciling, stalled]
}

fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Planned => "Planned",
        Phase::Approved => "Approved",
        Phase::Prepared => "Prepared",
        Phase::Canary => "Canary",
        Phase::Rolling => "Rolling",
        Phase::Verifying => "Verifying",
        Phase::Completed => "Completed",
        Phase::Paused => "Paused",
        Phase::Halted => "Halted",
        Phase::RollingBack => "RollingBack",
        Phase::RolledBack => "RolledBack",
        Phase::Aborting => "Aborting",
        Phase::Aborted => "Aborted",
    }
}
