//! One node forward by one step. A step that allows a deed is written first; the deed is done in a round that sees it.

use super::arrivals::Arrivals;
use super::drain;
use super::round::Round;
use super::sizes::{asked, growth, is_known, size, wait_for_size};
use super::standing::Standing;
use super::templates::template_is_done;
use super::waiting::Rank;
use crate::ids::NodeName;
use crate::migration::action::ActionKind;
use crate::migration::plan::{GroupPlan, Method};
use crate::migration::state::{NodeStep, Record};
use crate::migration::world::NodeView;
use crate::plural::counted;
use crate::safety::NodeGroup;
use jiff::SignedDuration;

/// Every node that is in work.
pub(super) fn advance(round: &mut Round<'_>) {
    let mut arrivals = Arrivals::of(round);
    grow(round);
    for (name, view, record) in round.in_work() {
        let Some(plan) = round.group_plan(&view.facts.group) else {
            continue;
        };
        match record.step {
            NodeStep::Pending | NodeStep::Gone => {}
            NodeStep::Selected if plan.method.is_karpenter() => release(round, name, view, record),
            NodeStep::Selected => selected(round, plan, (name, view, record), &mut arrivals),
            NodeStep::ReplacementReady => replacement_ready(round, (name, view, record), &arrivals),
            NodeStep::Cordoned => cordoned(round, name, view),
            NodeStep::Draining => drain::draining(round, name, view, record),
            NodeStep::Drained => drained(round, plan, (name, view, record)),
            NodeStep::Terminating => terminating(round, name, view, record),
            NodeStep::Quarantined => drain::quarantined(round, name, view, record),
        }
    }
}

type InWork<'a> = (&'a NodeName, &'a NodeView, &'a Record);

/// Each group once, to what the records that were seen ask for; never for a node that is there, or on its way, already.
fn grow(round: &mut Round<'_>) {
    for plan in &round.plan.groups {
        let waits = round
            .asking
            .get(&plan.group)
            .is_some_and(|asking| asking.waiting > 0);
        let grows = growth(round, plan).filter(|(_, own, to)| waits && *to <= own.max);
        if let Some((group, own, to)) = grows {
            asked(round, plan, to.saturating_sub(own.desired));
            round.act(
                ActionKind::Grow { group, to },
                "replacements come before the old nodes go",
            );
        }
    }
}

fn selected<'a>(
    round: &mut Round<'a>,
    plan: &'a GroupPlan,
    (name, view, record): InWork<'a>,
    arrivals: &mut Arrivals<'a>,
) {
    if view.deleting {
        return;
    }
    if !round.standing(name).must_go() {
        round.record(name, NodeStep::Pending, "it need not be replaced any more");
        return;
    }
    let Some(group) = record.grow_to.and_then(|_| plan.takes_over()) else {
        // Its place in the budget was taken when it was selected.
        round.record(
            name,
            NodeStep::Cordoned,
            "it goes without a replacement of its own",
        );
        return;
    };
    let noted = arrivals
        .replacement(name)
        .map(|new| (new, round.standing(new).clone()));
    match noted {
        Some((new, Standing::New)) => {
            let why = format!("{new} is Ready and as planned");
            round.record(name, NodeStep::ReplacementReady, why);
        }
        Some((new, standing)) if standing.must_go() => {
            let (new, why) = (new.clone(), format!("{new} is not what a replacement should be"));
            round.act(ActionKind::Unguard { node: new }, why.clone());
            round.record(name, NodeStep::Pending, why);
        }
        Some((new, standing)) => {
            let what = match standing {
                Standing::Young(what) | Standing::Failed(what) => what,
                _ => "it is not as planned".to_owned(),
            };
            let what = format!("{new}, the replacement of {name}, is not ready yet: {what}");
            let command = format!("kubectl describe node {new}");
            round.waits.add(
                Rank::Node,
                what,
                format!("node {new}"),
                Some(record.since),
                command,
            );
        }
        None => look_for_one(round, plan, (name, view, record), &group, arrivals),
    }
}

fn look_for_one<'a>(
    round: &mut Round<'a>,
    plan: &'a GroupPlan,
    (name, view, record): InWork<'a>,
    group: &NodeGroup,
    arrivals: &mut Arrivals<'a>,
) {
    if let Some(new) = arrivals.take(round, group, record) {
        guard(round, name, new);
        return;
    }
    let what = match growth(round, plan) {
        // Somebody lowered the maximum; without a surge it may still go.
        Some((group, own, to)) if to > own.max => {
            let why = format!("{group} can no longer grow to {}", counted(to, "node"));
            round.record(name, NodeStep::Pending, why);
            return;
        }
        None if all_there(round, plan, arrivals) => {
            without_growth(round, (name, view, record), group, arrivals);
            return;
        }
        _ => match round.group(group).and_then(|view| view.trouble.clone()) {
            Some(trouble) => format!("{group} gives no node for {name}: {trouble}"),
            None => format!("{group} is to give a node that takes over from {name}"),
        },
    };
    let command = "kubectl get nodes --sort-by .metadata.creationTimestamp";
    round
        .waits
        .add(Rank::Group, what, group.to_string(), Some(record.since), command);
}

fn guard<'a>(round: &mut Round<'a>, name: &'a NodeName, new: &'a NodeName) {
    let kind = ActionKind::Guard {
        node: new.clone(),
        replaces: name.clone(),
    };
    round.act(kind, format!("it takes over from {name}"));
}

/// Whether every node is there that the group, and the one that takes over, should have.
fn all_there(round: &Round<'_>, plan: &GroupPlan, arrivals: &Arrivals<'_>) -> bool {
    let into = plan.takes_over();
    let size = into.as_ref().and_then(|into| size(round, plan, into));
    size.zip(into.as_ref())
        .is_some_and(|(size, into)| arrivals.has_all([&plan.group, into], size))
}

/// All nodes are there, and one more than are wanted is among them: the node that it was made for needs it no more, it
/// failed, or it is of the group that goes. Then one may go and nothing comes for it.
fn without_growth<'a>(
    round: &mut Round<'a>,
    (name, view, record): InWork<'a>,
    group: &NodeGroup,
    arrivals: &mut Arrivals<'a>,
) {
    if let Some(new) = arrivals.take_spare(round, group) {
        guard(round, name, new);
        return;
    }
    let failed = |(other, view, _): (&NodeName, &NodeView, &Standing)| {
        other != name && !view.deleting && view.facts.group == *group && round.has_failed(other, view)
    };
    if round.nodes().any(failed) && !round.has_failed(name, view) {
        round.record(name, NodeStep::Pending, "a new node that failed goes first");
        return;
    }
    take_out(round, (name, view, record), "there is one node too many");
}

/// Out of service, as soon as the budget has room for it.
fn take_out<'a>(round: &mut Round<'a>, (name, view, record): InWork<'a>, why: &str) {
    let costs = !round.is_counted(name, view);
    if let Some(plan) = round.unread.filter(|_| costs) {
        wait_for_size(round, plan);
        return;
    }
    if costs && round.budget_left() == 0 {
        let what = format!("{name} waits for room in the budget: {}", round.out_of_service());
        let command = "kubectl vpc-cni nodes";
        round
            .waits
            .add(Rank::Node, what, "other nodes", Some(record.since), command);
        return;
    }
    round.unavailable += u32::from(costs);
    round.record(name, NodeStep::Cordoned, why);
}

fn replacement_ready<'a>(round: &mut Round<'a>, (name, view, record): InWork<'a>, arrivals: &Arrivals<'a>) {
    if view.deleting {
        return;
    }
    let ready = arrivals
        .replacement(name)
        .is_some_and(|new| *round.standing(new) == Standing::New);
    if !ready {
        round.record(
            name,
            NodeStep::Selected,
            "its replacement is gone or no longer ready",
        );
        return;
    }
    take_out(round, (name, view, record), "its replacement is ready");
}

fn cordoned<'a>(round: &mut Round<'a>, name: &'a NodeName, view: &'a NodeView) {
    if view.deleting {
        return;
    }
    if view.cordoned {
        round.record(name, NodeStep::Draining, "nothing new is scheduled there");
    } else if round.unavailable > round.budget.unavailable {
        // Something else failed since the step was written: the budget is looked at again before the deed.
        round.unavailable = round.unavailable.saturating_sub(1);
        give_up_turn(round, name);
    } else {
        round.act(ActionKind::Cordon { node: name.clone() }, "it is to be emptied");
    }
}

/// Back in the queue, with its replacement if it has one.
fn give_up_turn<'a>(round: &mut Round<'a>, name: &'a NodeName) {
    let step = match round.record_of(name).and_then(|record| record.grow_to) {
        Some(_) => NodeStep::Selected,
        None => NodeStep::Pending,
    };
    round.record(name, step, "the budget is used up");
}

fn drained<'a>(round: &mut Round<'a>, plan: &'a GroupPlan, (name, view, record): InWork<'a>) {
    if view.deleting || drain::must_go_on(round, name, view) {
        return;
    }
    let (what, command) = if plan.method == Method::Drain {
        let what = format!("{name} is empty; nobody is known who would remove it");
        (what, format!("kubectl delete node {name}"))
    } else if view.facts.instance.is_none() {
        let what = format!("{name} is empty, and its instance is not known");
        let command = format!("kubectl get node {name} -o jsonpath={{.spec.providerID}}");
        (what, command)
    } else if plan.method.has_replacement() && !is_known(round, plan) {
        // A node more that ends unseen would look like a group that somebody made smaller.
        wait_for_size(round, plan);
        return;
    } else {
        round.record(name, NodeStep::Terminating, "it is empty");
        return;
    };
    let (who, since) = ("whoever made the node", Some(record.since));
    round.waits.add(Rank::Owner, what, who, since, command);
}

/// Also while everything is stopped: what was begun here cannot be taken back.
pub(super) fn terminating<'a>(
    round: &mut Round<'a>,
    name: &'a NodeName,
    view: &'a NodeView,
    record: &'a Record,
) {
    if view.deleting {
        let what = format!("{name} is being terminated");
        let command = format!("kubectl get node {name}");
        round
            .waits
            .add(Rank::Node, what, "EC2", Some(record.since), command);
        return;
    }
    // Somebody uncordoned it, or its pods cannot be read: no instance goes with pods that would have to be evicted.
    if drain::must_go_on(round, name, view) {
        return;
    }
    let plan = round.group_plan(&view.facts.group);
    if let Some(plan) = plan.filter(|plan| record.grow_to.is_some() && !is_known(round, plan)) {
        wait_for_size(round, plan);
        return;
    }
    if let Some(instance) = view.facts.instance.clone() {
        let kind = ActionKind::Terminate {
            node: name.clone(),
            instance,
            group: view.facts.group.clone(),
            decrement: record.grow_to.is_some(),
        };
        round.act(kind, "it is empty");
    }
}

/// So long Karpenter has to find the drift that a changed template makes, before a NodeClaim is deleted without a
/// replacement: it looks at once when a pool or a class changes, and at every NodeClaim each five minutes.
const DRIFT_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// Karpenter does the rest: it makes the replacement first, drains by its own budgets and terminates.
fn release<'a>(round: &mut Round<'a>, name: &'a NodeName, view: &'a NodeView, record: &'a Record) {
    if !view.deleting && !round.standing(name).must_go() {
        // It may differ from its pool all the same: held, it stays.
        if view.ours.hold {
            round.record(name, NodeStep::Pending, "it need not be replaced any more");
        } else {
            round.act(
                ActionKind::Hold { node: name.clone() },
                "it need not be replaced any more",
            );
        }
        return;
    }
    if view.ours.hold {
        if round.unavailable > round.budget.unavailable {
            round.unavailable = round.unavailable.saturating_sub(1);
            give_up_turn(round, name);
            return;
        }
        round.act(ActionKind::Release { node: name.clone() }, "it is its turn");
        return;
    }
    if view.kept_by_others && !view.deleting {
        round.record(name, NodeStep::Pending, "somebody keeps Karpenter from taking it");
        return;
    }
    if !view.deleting && view.drifted == Some(false) && !drift_may_come(round, view, record) {
        round.act(
            ActionKind::DeleteClaim { node: name.clone() },
            "it must go, and Karpenter finds no drift",
        );
    }
    say_released(round, name, view, record);
}

/// Whether what was changed in the pool or its class makes the node drift sooner or later.
fn drift_may_come(round: &Round<'_>, view: &NodeView, record: &Record) -> bool {
    let changed = round
        .group_plan(&view.facts.group)
        .is_some_and(|plan| template_is_done(round, plan) == Some(true));
    let over = record
        .since
        .saturating_add(DRIFT_WITHIN)
        .is_ok_and(|over| round.now >= over);
    changed && !over
}

fn say_released<'a>(round: &mut Round<'a>, name: &'a NodeName, view: &'a NodeView, record: &'a Record) {
    let pool = &view.facts.group.name;
    let (what, command) = if view.deleting {
        drain::note_blocked(round, name, view, record);
        (
            format!("Karpenter empties {name}"),
            format!("kubectl describe node {name}"),
        )
    } else {
        let group = round.group(&view.facts.group);
        let budgets = || {
            let budgets = &group?.template.karpenter.as_ref()?.budgets;
            (!budgets.is_empty()).then(|| format!("its budgets are {}", budgets.join(" and ")))
        };
        let why = group.and_then(|group| group.trouble.clone()).or_else(budgets);
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        (
            format!("{name} is released and Karpenter has not taken it yet{why}"),
            format!("kubectl get nodepool {pool} -o yaml; kubectl get nodeclaims"),
        )
    };
    round.waits.add(
        Rank::Node,
        what,
        format!("Karpenter, NodePool {pool}"),
        Some(record.since),
        command,
    );
}
