//! What makes a migration stop by itself.

use super::prepare::runs;
use super::round::Round;
use super::standing::{Standing, switched_at};
use super::templates::template_is_done;
use crate::known::Known;
use crate::migration::halt::{Halt, HaltReason};
use crate::migration::plan::{Method, Obstacle};
use crate::migration::state::{Baseline, Memory, NodeStep, State};
use crate::migration::world::{Update, World};
use jiff::Timestamp;

/// So many failed new nodes stop it, or 5 % if that is more.
const NEW_NODES: u32 = 2;
/// So many more pods waiting for a node stop it, or 5 % if that is more.
const PENDING_PODS: u32 = 5;
/// A shield that is taken away so often is somebody else's wish.
const SHIELD_LOSSES: u32 = 3;

/// What a person answered by resuming is forgotten, and what it was about is done anew. Once: the next time it is a new
/// halt.
pub(super) fn answer(state: &State, world: &World, memory: &mut Memory) {
    let Some(resumed) = state.resumed else {
        return;
    };
    let Some(halt) = memory.halt.take_if(|halt| resumed >= halt.since) else {
        return;
    };
    memory.baseline = Some(Baseline {
        pods_pending_long: world.pods_pending_long,
        at: resumed,
    });
    match halt.reason {
        HaltReason::ShieldLost => memory.shield_losses = 0,
        HaltReason::ConfigurationReverted => drop(memory.switched.pop()),
        HaltReason::TemplateReverted { group, .. } | HaltReason::NodePoolReverted { group } => {
            memory.templates_done.remove(&group);
        }
        HaltReason::UpdateFailed { group, .. } => {
            memory.updates_begun.remove(&group);
        }
        HaltReason::BlockedNodes { .. }
        | HaltReason::NewNodesFail { .. }
        | HaltReason::SandboxFailures { .. }
        | HaltReason::PendingPods { .. }
        | HaltReason::AwsDenied { .. }
        | HaltReason::PlanOutdated { .. }
        | HaltReason::CapacityLost { .. } => {}
    }
}

/// Notes a halt if there is a reason and none holds yet.
pub(super) fn watch(round: &mut Round<'_>) {
    shield(round);
    if round.memory.halt.is_none()
        && let Some(reason) = reason(round)
    {
        round.memory.halt = Some(Halt {
            reason,
            since: round.now,
        });
    }
}

/// A loss is counted once, when it is first seen.
fn shield(round: &mut Round<'_>) {
    let Known::Yes(shielded) = round.world.carrier.shielded else {
        return;
    };
    let matters = switched_at(&round.memory, round.stage).is_some()
        && round.nodes().any(|(_, _, standing)| standing.must_go());
    if round.memory.shield_seen && !shielded && matters {
        round.memory.shield_losses += 1;
    }
    round.memory.shield_seen = shielded;
}

fn reason(round: &Round<'_>) -> Option<HaltReason> {
    outdated(round)
        .or_else(|| {
            round
                .world
                .aws_denied
                .clone()
                .map(|what| HaltReason::AwsDenied { what })
        })
        .or_else(|| reverted(round))
        .or_else(|| new_nodes(round))
        .or_else(|| blocked_nodes(round))
        .or_else(|| pods(round))
        .or_else(|| updates(round))
        .or_else(|| capacity(round))
}

fn outdated(round: &Round<'_>) -> Option<HaltReason> {
    let (approved, planned) = (&round.state.change_hash, &round.state.plan.hash);
    // The way back needs no approval: it was asked for as such.
    (!round.state.goes_back() && approved != planned).then(|| HaltReason::PlanOutdated {
        approved: approved.clone(),
        planned: planned.clone(),
    })
}

fn reverted(round: &Round<'_>) -> Option<HaltReason> {
    if round.memory.shield_losses >= SHIELD_LOSSES {
        return Some(HaltReason::ShieldLost);
    }
    if let (Some(_), Known::Yes(live)) = (switched_at(&round.memory, round.stage), &round.world.carrier.live)
        && !runs(live, round.stage)
    {
        return Some(HaltReason::ConfigurationReverted);
    }
    let changed = |group: &&crate::safety::NodeGroup| {
        let plan = round.group_plan(group);
        plan.is_some_and(|plan| template_is_done(round, plan) == Some(false))
    };
    let group = round.memory.templates_done.iter().find(changed)?.clone();
    let plan = round.group_plan(&group)?;
    Some(if plan.method.is_karpenter() {
        HaltReason::NodePoolReverted { group }
    } else {
        let view = round.group(&group)?;
        let max_pods = view.template.max_pods.as_option().copied().flatten();
        HaltReason::TemplateReverted { group, max_pods }
    })
}

fn new_nodes(round: &Round<'_>) -> Option<HaltReason> {
    let failed: Vec<_> = round
        .nodes()
        .filter_map(|(name, _, standing)| match standing {
            Standing::Failed(what) => Some((name.clone(), what.clone())),
            _ => None,
        })
        .collect();
    let part = round.plan.taking_part / 20;
    // The canaries are there to stop it early.
    let threshold = if round.memory.canaries_passed {
        part.max(NEW_NODES)
    } else {
        1
    };
    let many = u32::try_from(failed.len()).unwrap_or(u32::MAX);
    (many >= threshold).then_some(HaltReason::NewNodesFail {
        nodes: failed,
        threshold,
    })
}

fn blocked_nodes(round: &Round<'_>) -> Option<HaltReason> {
    let allowed = round.plan.settings.drain.max_quarantined;
    let nodes: Vec<_> = round
        .in_work()
        .into_iter()
        .filter(|(_, _, record)| {
            let since_resumed = round.state.resumed.is_none_or(|resumed| record.since > resumed);
            record.step == NodeStep::Quarantined && since_resumed
        })
        .map(|(name, _, _)| name.clone())
        .collect();
    let many = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
    (many > allowed).then_some(HaltReason::BlockedNodes { nodes, allowed })
}

fn pods(round: &Round<'_>) -> Option<HaltReason> {
    let (seen, threshold) = (
        round.world.sandbox_failures,
        round.plan.settings.halt.sandbox_failures,
    );
    if threshold > 0 && seen >= threshold {
        return Some(HaltReason::SandboxFailures { seen, threshold });
    }
    let baseline = round.memory.baseline?.pods_pending_long;
    let now = round.world.pods_pending_long;
    let growth = PENDING_PODS.max(baseline / 20);
    (now >= baseline.saturating_add(growth)).then_some(HaltReason::PendingPods { now, baseline })
}

fn updates(round: &Round<'_>) -> Option<HaltReason> {
    round.plan.groups.iter().find_map(|plan| {
        let begun = plan.method == Method::UpdateVersion && round.memory.updates_begun.contains(&plan.group);
        let unanswered = |at: &Timestamp| round.state.resumed.is_none_or(|resumed| *at > resumed);
        match &round.group(&plan.group)?.update {
            Update::Failed { error, at } if begun && unanswered(at) => Some(HaltReason::UpdateFailed {
                group: plan.group.clone(),
                error: error.clone(),
            }),
            _ => None,
        }
    })
}

fn capacity(round: &Round<'_>) -> Option<HaltReason> {
    round.plan.obstacles.iter().find_map(|obstacle| match obstacle {
        Obstacle::Capacity { .. } => Some(HaltReason::CapacityLost {
            what: obstacle.to_string(),
        }),
        _ => None,
    })
}

/// The halt that holds now.
pub(super) fn holds(memory: &Memory, resumed: Option<Timestamp>) -> Option<&Halt> {
    memory
        .halt
        .as_ref()
        .filter(|halt| resumed.is_none_or(|resumed| resumed < halt.since))
}
