//! What must be in place before the first node is selected: shield, holds, templates, configuration, in the order that
//! the direction demands. At no moment may a scale-out give a node that promises more pods than it can carry.

use super::round::Round;
use super::standing::switched_at;
use super::templates::templates;
use super::waiting::Rank;
use crate::config::Effective;
use crate::ids::NodeName;
use crate::known::Known;
use crate::migration::action::ActionKind;
use crate::migration::plan::{Direction, GroupPlan, Method, Stage};
use crate::migration::state::Switched;
use crate::migration::world::Update;
use crate::safety::CniSetup;

/// Whether the live set-up is what the stage wants, as far as the stage changes it.
pub(super) fn runs(live: &CniSetup, stage: &Stage) -> bool {
    let effective = |setup: &CniSetup| Effective::of(&setup.config, setup.version);
    let (was, will, is) = (effective(&stage.from), effective(&stage.to), effective(live));
    was.changed(&will)
        .into_iter()
        .all(|key| is.value(key) == will.value(key))
        && (stage.from.version == stage.to.version || live.version == stage.to.version)
        && (stage.from.node_agent == stage.to.node_agent || live.node_agent == stage.to.node_agent)
        && (stage.from.same_eni_configs(&stage.to) || live.same_eni_configs(&stage.to))
}

/// Takes the next step towards readiness; true when nodes may be selected.
pub(super) fn prepare(round: &mut Round<'_>) -> bool {
    let shielded = shield(round);
    let held = hold(round);
    if !round.leave.begin {
        return false;
    }
    if !(shielded && held) {
        return false;
    }
    let settled = settle(round);
    let (first, second): (Step, Step) = match round.stage.direction {
        Direction::Growing => (switch, templates),
        Direction::Shrinking => (templates, switch),
    };
    // What was done by one step is seen in the next round.
    settled && first(round) && second(round) && successors(round)
}

type Step = fn(&mut Round<'_>) -> bool;

/// Also while it is stopped: a shield that somebody took away endangers every old node.
fn shield(round: &mut Round<'_>) -> bool {
    let matters = round.leave.begin || switched_at(&round.memory, round.stage).is_some();
    match &round.world.carrier.shielded {
        Known::Yes(true) => true,
        Known::Yes(false) => {
            if matters && round.nodes().any(|(_, _, standing)| standing.must_go()) {
                round.act(ActionKind::Shield, "old nodes keep the old configuration");
                carrier(round, "old nodes are being shielded from the new configuration");
                return false;
            }
            true
        }
        Known::Unknown(why) => {
            carrier(
                round,
                &format!("it is not known whether old nodes are shielded: {why}"),
            );
            false
        }
    }
}

fn carrier(round: &mut Round<'_>, what: &str) {
    round.waits.add(
        Rank::Carrier,
        what,
        "the operator",
        None,
        "kubectl get cnipolicy default -o yaml",
    );
}

/// Old nodes of Karpenter are held, so that it replaces none of them before its turn.
fn hold(round: &mut Round<'_>) -> bool {
    let free: Vec<&NodeName> = round
        .nodes()
        .filter(|(name, view, standing)| {
            let karpenter = round
                .group_plan(&view.facts.group)
                .is_some_and(|plan| plan.method.is_karpenter());
            karpenter
                && standing.must_go()
                && !(view.ours.hold || view.kept_by_others)
                && !view.deleting
                && round.record_of(name).is_none()
        })
        .map(|(name, _, _)| name)
        .collect();
    let all = free.is_empty();
    if round.leave.begin {
        for node in free {
            round.act(
                ActionKind::Hold { node: node.clone() },
                "Karpenter waits for its turn",
            );
        }
    }
    all
}

/// Nothing else may move the groups meanwhile.
fn settle(round: &mut Round<'_>) -> bool {
    let mut settled = true;
    for plan in &round.plan.groups {
        let Some(view) = round.group(&plan.group) else {
            continue;
        };
        let group = plan.group.clone();
        if plan.method.has_replacement() && !view.suspended && is_busy(round, plan) {
            round.act(
                ActionKind::Suspend { group, on: true },
                "nodes must not be moved between zones meanwhile",
            );
            settled = false;
        } else if promises_too_much(round, plan) && !view.frozen {
            let why = "its template promises more pods than its nodes will carry";
            round.act(ActionKind::Freeze { group, on: true }, why);
            settled = false;
        }
    }
    settled
}

/// Whether a managed group that we replace must not grow: until its nodes are gone it makes new ones from the old
/// version of its template, and the new configuration carries less.
pub(super) fn promises_too_much(round: &Round<'_>, plan: &GroupPlan) -> bool {
    if round.stage.direction == Direction::Growing {
        return false;
    }
    match plan.method {
        Method::UpdateVersion => return is_busy(round, plan),
        Method::BlueGreen { .. } => {}
        _ => return false,
    }
    // A group without nodes is measured by the one that takes over.
    let max_pods = &round.stage.max_pods;
    let planned = max_pods
        .get(&plan.group)
        .or_else(|| max_pods.get(&plan.takes_over()?));
    let now = round
        .group(&plan.group)
        .and_then(|view| view.template.max_pods.as_option().copied().flatten());
    planned.is_some_and(|planned| now.is_none_or(|now| now > *planned))
}

/// Whether the group has nodes that are replaced, or still to be.
fn is_busy(round: &Round<'_>, plan: &GroupPlan) -> bool {
    round.nodes().any(|(name, view, standing)| {
        view.facts.group == plan.group && (standing.must_go() || round.record_of(name).is_some())
    })
}

fn switch(round: &mut Round<'_>) -> bool {
    match &round.world.carrier.live {
        Known::Yes(live) if runs(live, round.stage) => {
            if switched_at(&round.memory, round.stage).is_none() {
                round.memory.switched.push(Switched {
                    to: round.stage.to_id.clone(),
                    at: round.now,
                });
            }
            // Deeds that rest on the time of the switch wait until it is stored.
            switched_at(&round.state.memory, round.stage).is_some()
        }
        Known::Yes(_) => {
            let stage = round.memory.stage;
            round.act(ActionKind::Switch { stage }, round.stage.title.clone());
            carrier(round, "the configuration is being put in place for new nodes");
            false
        }
        Known::Unknown(why) => {
            let what = format!("the configuration cannot be read: {why}");
            carrier(round, &what);
            false
        }
    }
}

/// Groups that take over, and groups that EKS rolls.
fn successors(round: &mut Round<'_>) -> bool {
    let mut there = true;
    for plan in &round.plan.groups {
        let old_nodes = round
            .nodes()
            .any(|(_, view, standing)| view.facts.group == plan.group && standing.must_go());
        if !old_nodes {
            continue;
        }
        match &plan.method {
            Method::BlueGreen { successor } => there &= blue_green(round, plan, successor),
            Method::UpdateVersion => update(round, plan),
            _ => {}
        }
    }
    there
}

fn blue_green(round: &mut Round<'_>, plan: &GroupPlan, successor: &str) -> bool {
    let group = plan.group.clone();
    let exists = plan
        .takes_over()
        .is_some_and(|green| round.group(&green).is_some());
    // The mark comes before the deed: a crash in between leaves the mark alone.
    let lowered = round
        .group(&group)
        .is_none_or(|view| view.minimum_lowered && view.size.is_none_or(|size| size.min == 0));
    if !exists {
        let kind = ActionKind::CreateSuccessor {
            max_pods: round.stage.max_pods.get(&group).copied(),
            name: successor.to_owned(),
            group: group.clone(),
        };
        round.act(kind, format!("it takes over from {group}"));
        let command = format!("aws eks describe-nodegroup --nodegroup-name {successor}");
        round.waits.add(
            Rank::Group,
            format!("{successor} is being created"),
            "EKS",
            None,
            command,
        );
    }
    if !lowered {
        let kind = ActionKind::LowerMinimum { group, on: true };
        round.act(kind, "it is emptied node by node");
    }
    // On the way back it is the group that was kept from growing. The configuration fits its template by now.
    let frozen = plan
        .takes_over()
        .filter(|green| round.group(green).is_some_and(|view| view.frozen));
    let thawed = frozen.is_none();
    if let Some(group) = frozen {
        round.act(ActionKind::Freeze { group, on: false }, "it takes over");
    }
    exists && lowered && thawed
}

/// EKS takes as many nodes as it likes, so nothing else may be in work, and what it has begun cannot be paused.
fn update(round: &mut Round<'_>, plan: &GroupPlan) {
    let Some(view) = round.group(&plan.group) else {
        return;
    };
    let command = format!("aws eks list-updates --nodegroup-name {}", plan.group.name);
    if view.update == Update::Running {
        let what = format!("EKS updates {}; it cannot be paused", plan.group);
        round.waits.add(Rank::Group, what, "EKS", None, command);
        return;
    }
    let begun = round.state.memory.updates_begun.contains(&plan.group);
    let idle = round.in_work().is_empty() && round.unavailable == 0 && !round.eks_updates();
    if begun && view.update == Update::Done {
        let what = format!("EKS has updated {}, and old nodes are left", plan.group);
        round.waits.add(Rank::Group, what, "EKS", None, command);
        return;
    }
    if !round.memory.canaries_passed || !idle {
        return;
    }
    // Noted first; the deed follows in a round that sees the note.
    round.memory.updates_begun.insert(plan.group.clone());
    if begun {
        let group = plan.group.clone();
        round.act(
            ActionKind::UpdateGroup { group },
            "its template has a new version",
        );
    }
}
