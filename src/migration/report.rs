//! Writes the status of a CniMigration, and tells Events. The only writer of that status; decides nothing.

use super::Memory;
use super::act::Outcomes;
use super::object::Work;
use super::say::{Said, status};
use crate::context::Context;
use crate::events::Reason;
use crate::metrics::MigrationNow;
use crate::status::without_empty_maps;
use crate::write::{Apply, Target, WriteError, WriteSite};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Resource;
use serde_json::json;
use std::collections::BTreeMap;
use vpccni_api::CniMigration;
use vpccni_api::convert::migration::phase;
use vpccni_api::migration::{CniMigrationStatus, MigrationPhase};
use vpccni_api::policy::STATUS_LIST;
use vpccni_core::migration::{Next, State};
use vpccni_core::plural::counted;

/// The migration in numbers.
pub(super) fn measure(ctx: &Context, state: &State, next: &Next) {
    let plan = state.active_plan();
    let progress = &next.progress;
    let budget = &plan.budget;
    let lowest = plan.capacity.subnets.iter().take(STATUS_LIST);
    ctx.metrics.set_migration(Some(MigrationNow {
        phase: Some(next.phase.word()),
        waits_on: next.waiting_for.as_ref().map(|waiting| waiting.on.word()),
        halted: next.halt.as_ref().map(|halt| halt.reason.word()),
        nodes: vec![
            ("Old", progress.old),
            ("Mixed", progress.mixed),
            ("Young", progress.young),
            ("Replaced", progress.replaced),
            ("Failed", progress.failed),
        ],
        in_work: next
            .in_flight
            .iter()
            .map(|node| (node.step.word(), node.since.as_second()))
            .collect(),
        budget: vec![
            ("unavailable", "allowed", budget.unavailable),
            ("unavailable", "used", progress.unavailable),
            ("surge", "allowed", budget.surge),
            ("surge", "used", progress.surge),
        ],
        blocked_pods: next.blocked.len(),
        eta_seconds: next.eta.map_or(0, |eta| eta.as_secs()),
        min_free_prefixes: lowest.map(|low| (low.subnet.to_string(), low.free)).collect(),
    }));
}

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
    let after = status(Said {
        before,
        generation: work.object.meta().generation,
        state,
        next,
        failures: &memory.failures,
        now: ctx.now(),
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
    let total = counted(progress.total, "node");
    let counted = format!("{} of {total} replaced", progress.replaced);
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
