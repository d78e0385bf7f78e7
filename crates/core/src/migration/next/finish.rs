//! The end of a stage and of a migration: all nodes are as planned, and everything we changed for a while is put back.

use super::prepare::{promises_too_much, runs};
use super::round::Round;
use super::standing::Standing;
use super::waiting::Rank;
use crate::ids::NodeName;
use crate::migration::action::ActionKind;
use crate::migration::plan::Method;
use crate::migration::world::{GroupView, Update};
use crate::safety::NodeGroup;

/// Whether nothing is left to replace or to wait for in this stage. Says what it waits for.
pub(super) fn stage_is_done(round: &mut Round<'_>) -> bool {
    let mut done = round.in_work().is_empty();
    let mut waits = Vec::new();
    for (name, view, standing) in round.nodes() {
        let command = format!("kubectl describe node {name}");
        match standing {
            Standing::New => {}
            Standing::Old | Standing::Mixed | Standing::Forgiven => {
                done = false;
                if let Some(wait) = owner_waits(round, name, &view.facts.group) {
                    waits.push(wait);
                }
            }
            Standing::Young(what) => {
                done = false;
                let what = format!("the new node {name} is being looked at: {what}");
                waits.push((Rank::Node, what, format!("node {name}"), command));
            }
            Standing::Failed(what) => {
                done = false;
                let what = format!("the new node {name} is not as it should be: {what}");
                waits.push((Rank::FailedNode, what, "a person".to_owned(), command));
            }
        }
    }
    if let Some(wait) = wants_more(round) {
        done = false;
        waits.push(wait);
    }
    for (rank, what, who, command) in waits {
        round.waits.add(rank, what, who, None, command);
    }
    done
}

/// A group that another one takes over from, and that somebody makes larger again: it is not deleted under their hands.
fn wants_more(round: &Round<'_>) -> Option<Wait> {
    round.plan.groups.iter().find_map(|plan| {
        let into = plan.takes_over().filter(|into| *into != plan.group)?;
        let size = round.group(&plan.group)?.size.filter(|size| size.desired > 0)?;
        Some((
            Rank::Group,
            format!(
                "{} is to have {} nodes, and {into} takes over from it",
                plan.group, size.desired
            ),
            format!("the owner of {}", plan.group),
            format!("aws eks describe-nodegroup --nodegroup-name {}", plan.group.name),
        ))
    })
}

type Wait = (Rank, String, String, String);

/// Old nodes that nobody but their owner replaces.
fn owner_waits(round: &Round<'_>, name: &NodeName, group: &NodeGroup) -> Option<Wait> {
    let why = match round.group_plan(group).map(|plan| &plan.method) {
        Some(Method::Wait { why }) => why.as_str(),
        None => "it is not in the plan",
        Some(method) if method.is_karpenter() => return kept(round, name),
        Some(_) => return None,
    };
    Some((
        Rank::Owner,
        format!("{name} of {group} is still old, and the group is not touched ({why})"),
        format!("the owner of {group}"),
        "kubectl vpc-cni nodes".to_owned(),
    ))
}

/// Nodes that Karpenter may not take, because somebody else says so.
fn kept(round: &Round<'_>, name: &NodeName) -> Option<Wait> {
    let view = round.world.nodes.get(name)?;
    (view.kept_by_others && !view.deleting).then(|| {
        (
            Rank::Owner,
            format!("Karpenter may not take {name}: somebody set karpenter.sh/do-not-disrupt there"),
            "whoever set it".to_owned(),
            format!("kubectl annotate node {name} karpenter.sh/do-not-disrupt-"),
        )
    })
}

/// Takes protections away at the end of a stage: the nodes are old ones for the next.
pub(super) fn unguard(round: &mut Round<'_>) -> bool {
    let guarded: Vec<NodeName> = round
        .world
        .nodes
        .iter()
        .filter(|(_, view)| view.ours.replaces.is_some() && !view.deleting)
        .map(|(name, _)| name.clone())
        .collect();
    let none = guarded.is_empty();
    for node in guarded {
        round.act(
            ActionKind::Unguard { node },
            "the node it replaced is gone, or stays",
        );
    }
    none
}

/// Puts everything back; true once all is seen to be back.
pub(super) fn put_back(round: &mut Round<'_>) -> bool {
    let before = round.actions.len();
    unguard(round);
    let mut held: Vec<NodeName> = Vec::new();
    for (name, view) in &round.world.nodes {
        if view.ours.hold && !view.deleting {
            held.push(name.clone());
        }
    }
    for node in held {
        round.act(ActionKind::Release { node }, "it need not wait any more");
    }
    groups(round);
    if round.world.carrier.shielded_by_us && !shield_stays(round) {
        round.act(ActionKind::Unshield, "no old node is left that needs it");
    }
    round.actions.len() == before && gone_groups(round)
}

/// Whether a node would be reached by what its agent does not run yet. All nodes as planned run what they should; after
/// an abort only those are safe that run the newest revision already.
pub(super) fn shield_stays(round: &Round<'_>) -> bool {
    round
        .nodes()
        .any(|(_, view, standing)| *standing != Standing::New && view.newest_revision != Some(true))
        || round.leave.abort
            && round
                .nodes()
                .any(|(_, view, _)| view.newest_revision == Some(false))
}

/// Groups that stay frozen at the end: a scale-out would promise more pods than the nodes carry. So it is after an abort,
/// and where a group had no node that had to be replaced.
pub(super) fn frozen_for_good(round: &Round<'_>, group: &NodeGroup) -> bool {
    let promises = || {
        round
            .plan
            .group(group)
            .is_some_and(|plan| promises_too_much(round, plan))
    };
    // The switch may be in place and not be noted yet.
    let live = &round.world.carrier.live;
    let switched =
        !round.memory.switched.is_empty() || live.as_option().is_some_and(|live| runs(live, round.stage));
    switched && promises()
}

fn groups(round: &mut Round<'_>) {
    for (group, view) in &round.world.groups {
        let group = group.clone();
        if view.suspended {
            let kind = ActionKind::Suspend {
                group: group.clone(),
                on: false,
            };
            round.act(kind, "the migration ends");
        }
        let emptied = !round.leave.abort && is_emptied(round, &group);
        if emptied {
            let kind = ActionKind::DeleteGroup { group: group.clone() };
            round.act(kind, "its nodes are all in the group that took over");
            continue;
        }
        if view.update_noted && view.update != Update::Running {
            round.act(
                ActionKind::ForgetUpdate { group: group.clone() },
                "the migration ends",
            );
        }
        if view.minimum_lowered {
            let kind = ActionKind::LowerMinimum {
                group: group.clone(),
                on: false,
            };
            round.act(kind, "the migration ends");
        }
        if view.frozen && !frozen_for_good(round, &group) {
            let kind = ActionKind::Freeze { group, on: false };
            round.act(kind, "the migration ends");
        }
    }
}

/// An old group whose successor is there and that has no node any more.
fn is_emptied(round: &Round<'_>, group: &NodeGroup) -> bool {
    let Some(plan) = round.plan.group(group) else {
        return false;
    };
    let green = plan.takes_over().filter(|green| green != group);
    green.is_some_and(|green| round.group(&green).is_some())
        && !round.world.nodes.values().any(|view| view.facts.group == *group)
        && round
            .group(group)
            .is_some_and(|view| view.instances.is_none_or(|instances| instances == 0))
}

/// Nothing of a group is under way any more: those that were emptied are gone, and EKS has ended the update that we
/// began. Its note at the group may be missing, where the operator ended between the two writes.
fn gone_groups(round: &mut Round<'_>) -> bool {
    if round.leave.abort {
        return true;
    }
    let begun = &round.memory.updates_begun;
    let updated = |group: &NodeGroup, view: &GroupView| {
        view.update == Update::Running && (view.update_noted || begun.contains(group))
    };
    let mut groups = round.world.groups.iter();
    let updating = groups.find(|(group, view)| updated(group, view));
    if let Some((group, _)) = updating {
        let what = format!("EKS updates {group}; its nodes are all as planned");
        let command = format!("aws eks list-updates --nodegroup-name {}", group.name);
        round.waits.add(Rank::Group, what, "EKS", None, command);
        return false;
    }
    round
        .plan
        .groups
        .iter()
        .all(|plan| !is_emptied(round, &plan.group))
}
