//! Which nodes are next: mixed ones and those that are out of service anyway first, then group by group, canaries before the others, zones in turn, and never
//! more than the budget of all groups together allows.

use super::round::Round;
use super::sizes::{is_known, room_to_grow, wait_for_size};
use super::standing::Standing;
use super::templates::has_old;
use super::waiting::Rank;
use crate::ids::{NodeName, Zone};
use crate::migration::plan::{GroupPlan, Method};
use crate::safety::NodeGroup;
use std::collections::{BTreeMap, BTreeSet};

/// Selects as many as may be.
pub(super) fn select(round: &mut Round<'_>) {
    // What EKS takes by itself leaves nothing of the budget that could be relied on.
    if round.eks_updates() {
        return;
    }
    if let Some(plan) = round.unread {
        wait_for_size(round, plan);
    }
    let mut queues = queues(round);
    let mut taken: BTreeSet<&NodeName> = BTreeSet::new();
    let first: Vec<&NodeName> = round
        .nodes()
        .filter(|(name, view, standing)| {
            **standing == Standing::Mixed || standing.must_go() && round.is_no_loss(name, view)
        })
        .map(|(name, _, _)| name)
        .collect();
    for plan in &round.plan.groups {
        let Some(queue) = queues.get_mut(&plan.group.to_string()) else {
            continue;
        };
        let first: Vec<&NodeName> = first
            .iter()
            .copied()
            .filter(|name| waits_in(round, plan, name))
            .collect();
        for node in first {
            // Nothing is risked on a node that is out of service anyway, or that failed: it need not wait for the
            // canaries.
            let view = round.world.nodes.get(node);
            let is_no_loss = view.is_some_and(|view| round.is_no_loss(node, view));
            if (queue.left > 0 || is_no_loss) && take(round, plan, node) {
                queue.left = queue.left.saturating_sub(1);
                taken.insert(node);
            }
        }
    }
    for plan in &round.plan.groups {
        if plan.method == Method::UpdateVersion && has_old(round, plan) {
            // EKS begins only when nothing else is in work, so nothing behind it may.
            break;
        }
        let Some(queue) = queues.remove(&plan.group.to_string()) else {
            continue;
        };
        fill(round, plan, queue, &taken);
    }
    say_full(round);
}

fn waits_in(round: &Round<'_>, plan: &GroupPlan, name: &NodeName) -> bool {
    let view = round.world.nodes.get(name);
    let view = view.filter(|view| {
        let kept = plan.method.is_karpenter() && view.kept_by_others;
        !view.deleting && !kept
    });
    view.is_some_and(|view| round.is_of(plan, &view.facts.group)) && round.record_of(name).is_none()
}

/// Where nothing is in work and nothing can be taken, what is out of service is what keeps it.
fn say_full(round: &mut Round<'_>) {
    let idle = round.in_work().is_empty() && round.actions.is_empty();
    if !idle || round.unavailable == 0 {
        return;
    }
    let what = round.out_of_service();
    round.waits.add(
        Rank::Node,
        what,
        "whoever cordoned or mends them",
        None,
        "kubectl get nodes",
    );
}

/// The nodes of a group that wait, by zone, and how many of them may go.
struct Queue<'a> {
    nodes: BTreeMap<Option<&'a Zone>, Vec<&'a NodeName>>,
    in_work: BTreeMap<Option<&'a Zone>, u32>,
    left: u32,
}

impl<'a> Queue<'a> {
    /// The zone with the fewest nodes in work; of those the one with the most that wait.
    fn next(&mut self) -> Option<&'a NodeName> {
        let waiting = self.nodes.iter().filter(|(_, nodes)| !nodes.is_empty());
        let zone = waiting.min_by_key(|(zone, nodes)| {
            let in_work = self.in_work.get(*zone).copied().unwrap_or_default();
            (in_work, std::cmp::Reverse(nodes.len()), **zone)
        });
        let zone = *zone?.0;
        *self.in_work.entry(zone).or_default() += 1;
        self.nodes.get_mut(&zone)?.pop()
    }
}

fn queues<'a>(round: &Round<'a>) -> BTreeMap<String, Queue<'a>> {
    let mut queues: BTreeMap<String, Queue<'a>> = BTreeMap::new();
    for plan in &round.plan.groups {
        if matches!(plan.method, Method::Wait { .. } | Method::UpdateVersion) {
            continue;
        }
        let left = if round.memory.canaries_passed {
            u32::MAX
        } else {
            plan.canaries.saturating_sub(begun(round, plan))
        };
        let queue = Queue {
            nodes: BTreeMap::new(),
            in_work: BTreeMap::new(),
            left,
        };
        queues.insert(plan.group.to_string(), queue);
    }
    let ourselves = round.world.ourselves.as_ref().map(|ourselves| &ourselves.node);
    for (name, view, standing) in round.nodes() {
        let Some(plan) = round.group_plan(&view.facts.group) else {
            continue;
        };
        let Some(queue) = queues.get_mut(&plan.group.to_string()) else {
            continue;
        };
        let zone = view.facts.zone.as_ref();
        if plan.method.is_karpenter() && view.kept_by_others {
            continue;
        }
        if round.record_of(name).is_some() {
            *queue.in_work.entry(zone).or_default() += 1;
        } else if standing.must_go() && !view.deleting {
            queue.nodes.entry(zone).or_default().push(name);
        }
    }
    for nodes in queues.values_mut().flat_map(|queue| queue.nodes.values_mut()) {
        // Taken from the end; the node we run on last.
        nodes.sort_by_key(|name| (Some(*name) == ourselves, *name));
        nodes.reverse();
    }
    queues
}

/// Canaries of a group so far: in work, or there.
fn begun(round: &Round<'_>, plan: &GroupPlan) -> u32 {
    let counts = |(name, view, standing): &(&NodeName, &crate::migration::world::NodeView, &Standing)| {
        let of_group = round.is_of(plan, &view.facts.group);
        let new = round.is_made_new(view, standing);
        // A replacement and the node it replaces are one.
        let counted = view
            .ours
            .replaces
            .as_ref()
            .is_some_and(|old| round.world.nodes.contains_key(old));
        of_group && (new || round.record_of(name).is_some()) && !counted
    };
    u32::try_from(round.nodes().filter(counts).count()).unwrap_or(u32::MAX)
}

fn fill<'a>(round: &mut Round<'a>, plan: &'a GroupPlan, mut queue: Queue<'a>, taken: &BTreeSet<&NodeName>) {
    while queue.left > 0 {
        let Some(node) = queue.next() else {
            return;
        };
        if taken.contains(node) {
            continue;
        }
        if !take(round, plan, node) {
            return;
        }
        queue.left -= 1;
    }
}

/// Selects one node if there is room for it.
fn take<'a>(round: &mut Round<'a>, plan: &'a GroupPlan, node: &'a NodeName) -> bool {
    let Some(view) = round.world.nodes.get(node) else {
        return false;
    };
    if plan.method.has_replacement() && !is_known(round, plan) {
        // Not now is not never: at its maximum a node would go without a replacement.
        wait_for_size(round, plan);
        return false;
    }
    // What is out of service anyway needs no room for one more: its replacement is not in addition to it.
    let is_out = round.is_counted(node, view);
    if plan.method.has_replacement()
        && (round.surge_left() > 0 || is_out)
        && let Some((_, to)) = room_to_grow(round, plan)
    {
        round.surge += 1;
        *round.raised.entry(plan.group.clone()).or_default() += 1;
        round.select(node, Some(to), "it is next, with a replacement first");
        return true;
    }
    if waits_for_surge(round, plan) || cannot_take_over(round, plan, node, &view.facts.group) {
        return false;
    }
    // At the maximum of its group, or without a surge: only as far as nodes may be missing.
    if !is_out && round.budget_left() == 0 {
        return false;
    }
    round.unavailable += u32::from(!is_out);
    round.select(node, None, "it is next");
    true
}

/// Whether the group has room to grow and only the budget for the surge is used up.
fn waits_for_surge(round: &Round<'_>, plan: &GroupPlan) -> bool {
    let at_all = round.budget.surge > 0 || matches!(plan.method, Method::BlueGreen { .. });
    plan.method.has_replacement() && at_all && room_to_grow(round, plan).is_some()
}

/// A node of the old group is not made good by its own group, so the new one must have room.
fn cannot_take_over(round: &mut Round<'_>, plan: &GroupPlan, node: &NodeName, group: &NodeGroup) -> bool {
    let (Method::BlueGreen { successor }, true) = (&plan.method, plan.group == *group) else {
        return false;
    };
    round.waits.add(
        Rank::Group,
        format!("{successor} is at its maximum size and cannot take over from {node}"),
        format!("the owner of {group}"),
        None,
        format!("aws eks update-nodegroup-config --nodegroup-name {successor} --scaling-config maxSize=N"),
    );
    true
}

/// Notes the canaries: when all are well, and when they have been so for long enough.
pub(super) fn canaries(round: &mut Round<'_>) {
    if round.memory.canaries_passed {
        return;
    }
    let open = round.plan.groups.iter().filter(|plan| plan.canaries > 0);
    let all_well = open.clone().all(|plan| is_well(round, plan));
    if !all_well {
        round.memory.canaries_well = None;
        return;
    }
    let since = *round.memory.canaries_well.get_or_insert(round.now);
    let soak = round.plan.settings.canary.soak;
    let over = since.saturating_add(soak).is_ok_and(|over| round.now >= over);
    if over || open.count() == 0 {
        round.memory.canaries_passed = true;
    } else {
        let what = format!("the first new nodes of each group are well; they are watched for {soak:#}");
        round
            .waits
            .add(Rank::Soak, what, "time", Some(since), "kubectl vpc-cni nodes");
    }
}

fn is_well(round: &Round<'_>, plan: &GroupPlan) -> bool {
    let of_group = || {
        round
            .nodes()
            .filter(|(_, view, _)| round.is_of(plan, &view.facts.group))
    };
    let quiet = of_group().all(|(name, _, standing)| {
        round.record_of(name).is_none() && !matches!(standing, Standing::Young(_) | Standing::Failed(_))
    });
    let nothing_left = of_group().all(|(_, _, standing)| !standing.must_go());
    quiet && (nothing_left || begun_and_gone(round, plan) >= plan.canaries)
}

/// New nodes of a group that are well.
fn begun_and_gone(round: &Round<'_>, plan: &GroupPlan) -> u32 {
    let well = round.nodes().filter(|(_, view, standing)| {
        let of_group = round.is_of(plan, &view.facts.group);
        of_group && **standing == Standing::New && round.is_made_new(view, standing)
    });
    u32::try_from(well.count()).unwrap_or(u32::MAX)
}
