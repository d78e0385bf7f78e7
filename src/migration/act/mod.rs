//! Carries out the actions of a migration, each by itself: what fails hides nothing else. Everything can be repeated,
//! and before anything that cannot be taken back there is a live read of what it rests on.
//!
//! Decides nothing: an action whose ground is gone is dropped, and the next round decides anew.

mod drain;
mod evictions;
mod groups;
mod karpenter;
mod live;
mod managed;
pub(crate) mod marks;
mod node;
mod outcome;
pub(crate) mod pods;
mod record;
mod seats;
mod shield;
pub(crate) mod templates;
mod terminate;

pub(crate) use evictions::EvictionTasks;
pub(crate) use outcome::{Outcome, Outcomes};

use crate::context::Context;
use futures::StreamExt;
use futures::future::BoxFuture;
use outcome::Acted;
use seats::Seats;
use std::collections::BTreeMap;
use vpccni_core::ids::NodeName;
use vpccni_core::migration::{Action, ActionKind};
use vpccni_core::safety::NodeGroup;

/// Objects that are worked on at a time: the API server's priority for controllers has room for them, and AWS takes
/// five changes a second.
const AT_A_TIME: usize = 8;

/// Carries out the actions: first what only protects, then the rest; what is about one object in the given order, and
/// several objects at a time. Evictions are begun and go on beside it. Answers one outcome for each action, in their order.
pub(crate) async fn act(ctx: &Context, evictions: &mut EvictionTasks, actions: Vec<Action>) -> Outcomes {
    let mut done: BTreeMap<usize, Outcome> = BTreeMap::new();
    let emptied: Vec<&NodeName> = actions
        .iter()
        .filter_map(|action| emptied(&action.kind))
        .collect();
    evictions.keep_only(&emptied).await;
    let mut seats = Seats::of(ctx, &actions).await;
    done.extend(in_lanes(ctx, &seats, of(&actions, true)).await);
    for (index, action) in actions.iter().enumerate() {
        if let ActionKind::Evict { node, pods } = &action.kind {
            done.insert(index, evictions.ask(ctx, node, pods));
        }
    }
    seats.protect(ctx, &actions, &mut done).await;
    seats.release(ctx, &actions).await;
    done.extend(in_lanes(ctx, &seats, of(&actions, false)).await);
    let steps = actions.into_iter().enumerate().map(|(index, action)| {
        let outcome = done.remove(&index).unwrap_or(Outcome::Elsewhere);
        (action, outcome)
    });
    Outcomes {
        steps: steps.collect(),
    }
}

fn emptied(kind: &ActionKind) -> Option<&NodeName> {
    match kind {
        ActionKind::Evict { node, .. } => Some(node),
        _ => None,
    }
}

/// Those that protect, or the others; evictions are neither.
fn of(actions: &[Action], protective: bool) -> impl Iterator<Item = (usize, &Action)> {
    let all = actions.iter().enumerate();
    all.filter(move |(_, action)| protects(&action.kind) == protective && emptied(&action.kind).is_none())
}

/// What an action is about: two about one thing are never under way together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Lane {
    Node(NodeName),
    Group(NodeGroup),
    NodeClass(String),
    DaemonSet,
}

impl Outcomes {
    /// Whether a group may not be what was read of it any more.
    pub(crate) fn touch_groups(&self) -> bool {
        let tried = self
            .steps
            .iter()
            .filter(|(_, outcome)| *outcome != Outcome::Elsewhere);
        tried.map(|(action, _)| &action.kind).any(|kind| {
            let of_group = matches!(lane(kind), Lane::Group(_) | Lane::NodeClass(_));
            of_group || matches!(kind, ActionKind::Terminate { .. })
        })
    }
}

async fn in_lanes(
    ctx: &Context,
    seats: &Seats,
    actions: impl Iterator<Item = (usize, &Action)>,
) -> Vec<(usize, Outcome)> {
    let mut lanes: BTreeMap<Lane, Vec<(usize, Action)>> = BTreeMap::new();
    for (index, action) in actions {
        lanes
            .entry(lane(&action.kind))
            .or_default()
            .push((index, action.clone()));
    }
    let lanes = lanes.into_values().map(|lane| in_order(ctx, seats, lane));
    let done: Vec<Vec<_>> = futures::stream::iter(lanes)
        .buffer_unordered(AT_A_TIME)
        .collect()
        .await;
    done.into_iter().flatten().collect()
}

/// One after the other. Boxed, because the compiler cannot tell that a future of borrowed actions is `Send` otherwise.
fn in_order<'a>(
    ctx: &'a Context,
    seats: &'a Seats,
    lane: Vec<(usize, Action)>,
) -> BoxFuture<'a, Vec<(usize, Outcome)>> {
    Box::pin(async move {
        let mut done = Vec::new();
        for (index, action) in lane {
            let outcome = match seats.already(&action.kind) {
                Some(outcome) => outcome,
                None => Outcome::from(one(ctx, seats, &action.kind).await),
            };
            tracing::info!(action = %action.kind, why = %action.why, ?outcome, "migration");
            done.push((index, outcome));
        }
        done
    })
}

/// Whether it takes nothing from anybody: it is done before everything else of the round.
fn protects(kind: &ActionKind) -> bool {
    match kind {
        ActionKind::Record { .. }
        | ActionKind::Shield
        | ActionKind::Suspend { on: true, .. }
        | ActionKind::Freeze { on: true, .. }
        | ActionKind::Hold { .. }
        | ActionKind::Guard { .. } => true,
        ActionKind::Unshield
        | ActionKind::Switch { .. }
        | ActionKind::EditTemplate { .. }
        | ActionKind::Grow { .. }
        | ActionKind::Suspend { .. }
        | ActionKind::Freeze { .. }
        | ActionKind::LowerMinimum { .. }
        | ActionKind::CreateSuccessor { .. }
        | ActionKind::DeleteGroup { .. }
        | ActionKind::UpdateGroup { .. }
        | ActionKind::ForgetUpdate { .. }
        | ActionKind::DriftNodeClass { .. }
        | ActionKind::DriftPool { .. }
        | ActionKind::Release { .. }
        | ActionKind::DeleteClaim { .. }
        | ActionKind::Unguard { .. }
        | ActionKind::Cordon { .. }
        | ActionKind::Uncordon { .. }
        | ActionKind::Evict { .. }
        | ActionKind::Terminate { .. }
        | ActionKind::StepDown => false,
    }
}

fn lane(kind: &ActionKind) -> Lane {
    match kind {
        ActionKind::Record { node, .. }
        | ActionKind::Hold { node }
        | ActionKind::Release { node }
        | ActionKind::DeleteClaim { node }
        | ActionKind::Guard { node, .. }
        | ActionKind::Unguard { node }
        | ActionKind::Cordon { node }
        | ActionKind::Uncordon { node }
        | ActionKind::Evict { node, .. }
        | ActionKind::Terminate { node, .. } => Lane::Node(node.clone()),
        ActionKind::EditTemplate { group, .. }
        | ActionKind::Grow { group, .. }
        | ActionKind::Suspend { group, .. }
        | ActionKind::Freeze { group, .. }
        | ActionKind::LowerMinimum { group, .. }
        | ActionKind::CreateSuccessor { group, .. }
        | ActionKind::DeleteGroup { group }
        | ActionKind::UpdateGroup { group }
        | ActionKind::ForgetUpdate { group }
        | ActionKind::DriftPool { group, .. } => Lane::Group(group.clone()),
        ActionKind::DriftNodeClass { node_class, .. } => Lane::NodeClass(node_class.clone()),
        ActionKind::Shield | ActionKind::Unshield | ActionKind::Switch { .. } | ActionKind::StepDown => {
            Lane::DaemonSet
        }
    }
}

async fn one(ctx: &Context, seats: &Seats, kind: &ActionKind) -> Acted {
    match kind {
        ActionKind::Record { node, record } => record::write(ctx, node, record).await,
        ActionKind::Shield => shield::raise(ctx).await,
        ActionKind::Unshield => shield::lower(ctx).await,
        ActionKind::Switch { .. } => Ok(Outcome::Elsewhere),
        ActionKind::Evict { .. } => Ok(Outcome::UnderWay),
        ActionKind::StepDown => {
            ctx.hand_over.ask();
            Ok(Outcome::Done)
        }
        ActionKind::EditTemplate { group, max_pods } => templates::edit(ctx, group, *max_pods).await,
        ActionKind::Grow { group, to } => groups::grow(ctx, group, *to).await,
        ActionKind::Suspend { group, on } => groups::suspend(ctx, group, *on).await,
        ActionKind::Freeze { group, on } => groups::freeze(ctx, group, *on).await,
        ActionKind::LowerMinimum { group, on } => groups::lower_minimum(ctx, group, *on).await,
        ActionKind::CreateSuccessor {
            group,
            name,
            max_pods,
        } => managed::create(ctx, group, name, *max_pods).await,
        ActionKind::DeleteGroup { group } => managed::delete(ctx, group).await,
        ActionKind::UpdateGroup { group } => managed::update(ctx, group).await,
        ActionKind::ForgetUpdate { group } => managed::forget(ctx, group).await,
        ActionKind::DriftNodeClass { node_class, max_pods } => {
            karpenter::set_max_pods(ctx, node_class, *max_pods).await
        }
        ActionKind::DriftPool { group, value } => karpenter::annotate(ctx, group, value).await,
        ActionKind::Hold { node } => node::hold(ctx, node).await,
        ActionKind::DeleteClaim { node } => karpenter::delete_claim(ctx, node).await,
        ActionKind::Release { node } => node::release(ctx, node).await,
        ActionKind::Guard { node, replaces } => node::guard(ctx, seats, node, replaces).await,
        ActionKind::Unguard { node } => node::unguard(ctx, node).await,
        ActionKind::Cordon { node } => node::cordon(ctx, node).await,
        ActionKind::Uncordon { node } => node::uncordon(ctx, node).await,
        ActionKind::Terminate {
            node,
            instance,
            group,
            decrement,
        } => terminate::terminate(ctx, seats, (node, instance), group, *decrement).await,
    }
}

#[cfg(test)]
mod tests;
