//! The plan: growth first, then what is left over, then what is too much, then interfaces nobody uses.

use super::action::PoolAction;
use super::world::PoolWorld;
use super::{grow, shrink};
use crate::assign::Mode;
use crate::ids::EniId;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// What to do now. While pods stay as they are, carrying plans out comes to an end: an empty plan stays empty.
pub fn plan(world: &PoolWorld<'_>, now: Timestamp) -> Vec<PoolAction> {
    let mut actions = Vec::new();
    if world.effective.provisioning_disabled() {
        return actions;
    }
    let may_attach = !world.terminating && !world.cordoned;
    for card in world.cards.keys().copied() {
        if world.store.rules().mode == Mode::Ipv6 {
            if may_attach {
                actions.extend(grow::ipv6(world, card, now));
            }
            continue;
        }
        let growth = if may_attach {
            grow::grow(world, card, now)
        } else {
            grow::Growth::default()
        };
        let quiet = growth.actions.is_empty() && !growth.unsettled;
        let busy: BTreeSet<EniId> = growth.interfaces().cloned().collect();
        actions.extend(growth.actions);
        actions.extend(shrink::left_over(world, card, &busy, now));
        if !quiet {
            continue;
        }
        match shrink::idle_eni(world, card, now).filter(|_| may_attach) {
            Some(delete) => actions.push(delete),
            None => actions.extend(shrink::shrink(world, card, now)),
        }
    }
    // Growth of one card before the clean-up of another, should the budget cut the plan.
    actions.sort_by_key(|action| match action {
        PoolAction::Assign { .. } => 0,
        PoolAction::CreateEni { .. } => 1,
        PoolAction::Release { .. } => 2,
        PoolAction::DeleteEni { .. } => 3,
    });
    let budget = world.budget.and_then(|calls| usize::try_from(calls).ok());
    actions.truncate(budget.unwrap_or(usize::MAX));
    actions
}
