//! While nothing may go on: capacity comes back. Records of another migration, or of nodes that came back under an old
//! name, are returned in the same way.
//!
//! The deed comes before the record is dropped: as long as something of ours is on the node, the record says so.

use super::advance::terminating;
use super::round::Round;
use super::standing::Standing;
use super::waiting::Rank;
use crate::ids::NodeName;
use crate::migration::action::ActionKind;
use crate::migration::state::{NodeStep, Record};
use crate::migration::world::NodeView;
use jiff::SignedDuration;

/// Nodes that are being emptied are given back only after this long, so that a short pause costs nothing.
const GRACE: SignedDuration = SignedDuration::from_mins(5);

/// Every node in work, while nothing may go on.
pub(super) fn give_back(round: &mut Round<'_>) {
    let stopped = *round.memory.stopped.get_or_insert(round.now);
    let grace_over = stopped.saturating_add(GRACE).is_ok_and(|over| round.now >= over);
    for (name, view, record) in round.in_work() {
        if view.deleting {
            let command = format!("kubectl get node {name}");
            round.waits.add(
                Rank::Node,
                format!("{name} is going"),
                "its provider",
                Some(record.since),
                command,
            );
            continue;
        }
        // It gives addresses of both kinds: new pods are better off elsewhere.
        let mixed = *round.standing(name) == Standing::Mixed && !round.leave.abort;
        match record.step {
            NodeStep::Selected | NodeStep::ReplacementReady => selected(round, name, view, record),
            NodeStep::Cordoned if !mixed => uncordon(round, name, view, record),
            NodeStep::Draining | NodeStep::Drained if !mixed && (grace_over || round.leave.abort) => {
                uncordon(round, name, view, record);
            }
            NodeStep::Quarantined if round.leave.abort => uncordon(round, name, view, record),
            NodeStep::Pending
            | NodeStep::Gone
            | NodeStep::Cordoned
            | NodeStep::Draining
            | NodeStep::Drained
            | NodeStep::Quarantined => {}
            NodeStep::Terminating => ends(round, name, view, record),
        }
    }
}

/// A termination that was written is carried out, unless pods came back meanwhile: then there is no end of it.
fn ends<'a>(round: &mut Round<'a>, name: &'a NodeName, view: &'a NodeView, record: &'a Record) {
    let empty = super::drain::left(view).is_some_and(|left| left.is_empty());
    if view.cordoned && empty {
        terminating(round, name, view, record);
    } else {
        round.record(name, NodeStep::Draining, "pods came back");
    }
}

/// Nothing is taken from a node that waits for its replacement; on the way out the step is forgotten all the same.
fn selected<'a>(round: &mut Round<'a>, name: &'a NodeName, view: &'a NodeView, record: &'a Record) {
    let karpenter = round
        .group_plan(&view.facts.group)
        .is_some_and(|plan| plan.method.is_karpenter());
    if karpenter && !round.leave.abort {
        // Holding it again is the pause.
        if view.ours.hold {
            round.record(name, NodeStep::Pending, "it is held again");
        } else {
            round.act(ActionKind::Hold { node: name.clone() }, "nothing goes on now");
        }
    } else if round.leave.abort || record.grow_to.is_none() {
        round.record(name, NodeStep::Pending, "nothing goes on now");
    }
}

fn uncordon<'a>(round: &mut Round<'a>, name: &'a NodeName, view: &'a NodeView, record: &'a Record) {
    if view.ours.cordon {
        round.act(
            ActionKind::Uncordon { node: name.clone() },
            "nothing goes on now, and its room is needed",
        );
        return;
    }
    let step = match record.grow_to {
        Some(_) if !round.leave.abort => NodeStep::Selected,
        _ => NodeStep::Pending,
    };
    round.record(name, step, "it was given back");
}

/// What is on nodes without a record of this migration behind it: left by another one, or by a deed whose answer was
/// lost.
pub(super) fn strays(round: &mut Round<'_>) {
    let strays: Vec<(&NodeName, &NodeView)> = round
        .world
        .nodes
        .iter()
        .filter(|(name, _)| round.record_of(name).is_none())
        .collect();
    for (name, view) in strays {
        if view.ours.cordon && !view.deleting {
            round.act(
                ActionKind::Uncordon { node: name.clone() },
                "no step of this migration is behind it",
            );
        } else if round
            .state
            .nodes
            .get(name)
            .is_some_and(|record| record.step != NodeStep::Pending)
        {
            round.record(
                name,
                NodeStep::Pending,
                "the record is of another migration or another instance",
            );
        }
    }
}

/// Why it does not go on, for the status.
pub(super) fn say_paused(round: &mut Round<'_>, what: String, who: &str, command: String) {
    let since = round.memory.stopped;
    round.waits.add(Rank::Paused, what, who, since, command);
}
