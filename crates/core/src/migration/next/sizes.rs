//! The books of each group: how many nodes its owner wants, without those that replacements add for a while.
//!
//! A replacement makes its group one larger, and the termination of the old node makes it as small as it was. Between
//! the two anything may happen: the old node is lost, need not go any more, or the new one fails. As it is written down
//! what the owner wants, nothing of that leaves a group larger or smaller: what is there too much is the next
//! replacement. Where another group takes over, both together are one.

use super::round::{Asking, Round};
use super::waiting::Rank;
use crate::migration::GroupSize;
use crate::migration::plan::GroupPlan;
use crate::migration::state::{NodeStep, Wanted};
use crate::safety::NodeGroup;
use std::collections::BTreeMap;

/// Under which name a group is in the books: the same on the way there and back.
fn key(plan: &GroupPlan, into: &NodeGroup) -> NodeGroup {
    (&plan.group).min(into).clone()
}

/// The size of a group and the one that takes over, as they are now; none where one of them cannot be told.
pub(super) fn size(round: &Round<'_>, plan: &GroupPlan, into: &NodeGroup) -> Option<u32> {
    let own = round.group(&plan.group)?.size?.desired;
    match round.group(into) {
        Some(_) if *into == plan.group => Some(own),
        Some(view) => Some(own.saturating_add(view.size?.desired)),
        // It is not made yet.
        None => Some(own),
    }
}

fn asking(round: &Round<'_>) -> BTreeMap<NodeGroup, Asking> {
    let mut asking: BTreeMap<NodeGroup, Asking> = BTreeMap::new();
    for (name, view, record) in round.in_work() {
        let Some(plan) = round
            .group_plan(&view.facts.group)
            .filter(|_| record.grow_to.is_some())
        else {
            continue;
        };
        let ends = view.deleting || record.step == NodeStep::Terminating;
        let waits = record.step == NodeStep::Selected && round.standing(name).must_go();
        let counts = asking.entry(plan.group.clone()).or_default();
        counts.all += 1;
        counts.ends += u32::from(ends);
        counts.may_end += u32::from(ends || record.step == NodeStep::Drained);
        counts.waiting += u32::from(waits);
    }
    asking
}

/// Looks at every group: what changed since the last round and was not asked for is its owner's wish.
pub(super) fn look(round: &mut Round<'_>) {
    round.asking = asking(round);
    for plan in &round.plan.groups {
        let Some(into) = plan.takes_over() else {
            continue;
        };
        let Some(seen) = size(round, plan, &into) else {
            continue;
        };
        let asking = round.asking.get(&plan.group).copied().unwrap_or_default();
        let last = round.memory.sizes.get(&key(plan, &into)).copied();
        let mut nodes = last.map_or_else(
            || seen.saturating_sub(asking.all),
            |last| {
                let more = seen.saturating_sub(last.seen.max(last.asked));
                let less = last.seen.saturating_sub(last.going).saturating_sub(seen);
                last.nodes.saturating_add(more).saturating_sub(less)
            },
        );
        if asking.all == 0 {
            nodes = nodes.min(seen);
        }
        let wanted = Wanted {
            nodes,
            seen,
            asked: seen,
            going: asking.may_end,
        };
        round.memory.sizes.insert(key(plan, &into), wanted);
    }
    let mut sized = round
        .plan
        .groups
        .iter()
        .filter(|plan| plan.method.has_replacement());
    round.unread = sized.find(|plan| !is_known(round, plan));
}

/// The size that a group, and the one that takes over, should have together: what is wanted, and one for every node that
/// waits to go. Those that may be terminated already are not counted: it cannot be seen whether their group is smaller by
/// them yet; if it is, one more is asked for in a later round.
fn should_have(round: &Round<'_>, plan: &GroupPlan, into: &NodeGroup) -> Option<u32> {
    let books = round.memory.sizes.get(&key(plan, into))?;
    let asking = round.asking.get(&plan.group).copied().unwrap_or_default();
    let selected = round.raised.get(&plan.group).copied().unwrap_or_default();
    Some(books.nodes + asking.all - asking.ends + selected)
}

/// The group that gives replacements, its size, and by how much it is too small if `more` are asked for.
fn lacks(round: &Round<'_>, plan: &GroupPlan, more: u32) -> Option<(NodeGroup, GroupSize, u32)> {
    let into = plan.takes_over()?;
    let (own, both) = (round.group(&into)?.size?, size(round, plan, &into)?);
    let should = should_have(round, plan, &into)?.saturating_add(more);
    Some((into, own, should.saturating_sub(both)))
}

/// The group that is to grow, its size now, and the one it should have for all replacements that were asked for.
pub(super) fn growth(round: &Round<'_>, plan: &GroupPlan) -> Option<(NodeGroup, GroupSize, u32)> {
    let (into, own, lacks) = lacks(round, plan, 0)?;
    (lacks > 0).then(|| (into, own, own.desired.saturating_add(lacks)))
}

/// The group that gives one replacement more, and its size then; none where it would be past its maximum. A node that is
/// there too much already is one without any growth.
pub(super) fn room_to_grow(round: &Round<'_>, plan: &GroupPlan) -> Option<(NodeGroup, u32)> {
    let (into, own, lacks) = lacks(round, plan, 1)?;
    let to = own.desired.saturating_add(lacks);
    (to <= own.max).then_some((into, to))
}

/// Whether it can be told how large a group is, and the one that takes over.
pub(super) fn is_known(round: &Round<'_>, plan: &GroupPlan) -> bool {
    lacks(round, plan, 0).is_some()
}

pub(super) fn wait_for_size(round: &mut Round<'_>, plan: &GroupPlan) {
    let what = format!("the size of {} cannot be read", plan.group);
    let command = "kubectl describe cnip";
    round.waits.add(Rank::Group, what, "AWS", None, command);
}

/// Notes what is asked for: the group is as large in the next round, and that is nobody else's wish.
pub(super) fn asked(round: &mut Round<'_>, plan: &GroupPlan, more: u32) {
    let Some(into) = plan.takes_over() else {
        return;
    };
    if let Some(books) = round.memory.sizes.get_mut(&key(plan, &into)) {
        books.asked = books.seen.saturating_add(more);
    }
}
