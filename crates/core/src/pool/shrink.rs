//! What goes: blocks of another mode, blocks too many, interfaces that nobody uses. Nothing that a pod holds or that
//! is in cooldown ever goes, and nothing that would have to come back at once.

use super::action::{PoolAction, Reason};
use super::supply::{Demand, Supply};
use super::world::{MIN_ENI_LIFETIME, PoolWorld, SHRINK_INTERVAL};
use crate::assign::{EniView, Mode};
use crate::ids::EniId;
use crate::net::Ipv4Prefix;
use crate::warm::ceil_div;
use ipnet::IpNet;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Idle blocks that no new pod can get: of another mode, or of an excluded interface. On a primary interface that gives
/// no addresses they may be somebody else's, so they stay.
pub(super) fn left_over(
    world: &PoolWorld<'_>,
    card: u32,
    busy: &BTreeSet<EniId>,
    now: Timestamp,
) -> Vec<PoolAction> {
    let mut actions = Vec::new();
    for view in free_of_work(world, card, now) {
        let role = view.eni.role;
        if role.trunk || (role.primary && !view.serves) || busy.contains(&view.eni.id) {
            continue;
        }
        let goes = view.blocks.iter().filter(|block| block.is_idle());
        let cidrs: Vec<IpNet> = goes
            .filter(|block| role.excluded || !block.current)
            .map(|block| block.net)
            .collect();
        if cidrs.is_empty() {
            continue;
        }
        let reason = if role.excluded {
            Reason::Excluded
        } else {
            Reason::OtherMode
        };
        actions.push(PoolAction::Release {
            eni: view.eni.id.clone(),
            cidrs,
            reason,
        });
    }
    actions
}

/// Blocks too many, from the last interface on, so that it empties first.
pub(super) fn shrink(world: &PoolWorld<'_>, card: u32, now: Timestamp) -> Vec<PoolAction> {
    let rested = |last: Timestamp| now.duration_since(last).abs() >= SHRINK_INTERVAL;
    let over = Demand::of(world, card).over(&supply(world, card, now));
    if over == 0 || !world.last_shrink.is_none_or(rested) {
        return Vec::new();
    }
    let mut left = usize::try_from(over).unwrap_or(usize::MAX);
    let mut actions = Vec::new();
    for view in free_of_work(world, card, now).iter().rev() {
        let idle = view
            .blocks
            .iter()
            .filter(|block| block.current && block.is_idle());
        let cidrs: Vec<IpNet> = idle.rev().map(|block| block.net).take(left).collect();
        // An interface that loses blocks of another mode in this plan waits for the next one.
        let mixed = view.blocks.iter().any(|block| !block.current && block.is_idle());
        if !view.serves || cidrs.is_empty() || mixed {
            continue;
        }
        left -= cidrs.len();
        actions.push(PoolAction::Release {
            eni: view.eni.id.clone(),
            cidrs,
            reason: Reason::High { over },
        });
        if left == 0 {
            break;
        }
    }
    actions
}

/// The last interface that can go, if any: excluded ones first.
pub(super) fn idle_eni(world: &PoolWorld<'_>, card: u32, now: Timestamp) -> Option<PoolAction> {
    let demand = Demand::of(world, card);
    let views = free_of_work(world, card, now);
    let is_empty = |view: &&EniView<'_>| {
        let role = view.eni.role;
        !role.primary && !role.trunk && !role.efa && view.blocks.iter().all(crate::assign::Block::is_idle)
    };
    let old = |view: &&EniView<'_>| now.duration_since(view.eni.added).abs() >= MIN_ENI_LIFETIME;
    if !may_try(
        &demand,
        &supply(world, card, now),
        views.iter().any(|view| is_empty(&view)),
    ) {
        return None;
    }
    let all = world.store.enis(card, now);
    let mut candidates: Vec<&EniView<'_>> = views.iter().filter(is_empty).filter(old).collect();
    candidates.sort_by_key(|view| (!view.eni.role.excluded, std::cmp::Reverse(view.eni.device)));
    let goes = candidates
        .into_iter()
        .find(|view| is_not_needed(world, &demand, view, &all, now))?;
    // What is left over on it goes with it, in this plan or the next one.
    let loses_blocks = goes
        .blocks
        .iter()
        .any(|block| goes.eni.role.excluded || !block.current);
    (!loses_blocks).then(|| PoolAction::DeleteEni {
        eni: goes.eni.id.clone(),
        reason: Reason::Idle,
    })
}

/// Whether the counts allow that an interface goes at all.
fn may_try(demand: &Demand<'_>, supply: &Supply, some_are_empty: bool) -> bool {
    let enough = demand
        .block_target()
        .saturating_add(1)
        .saturating_mul(demand.addresses_per_eni());
    demand.address_targets().is_some()
        || supply.available() >= enough
        || (demand.mode == Mode::Prefix && some_are_empty)
}

/// Whether the other interfaces have what the targets ask for, or can have it without a new interface.
fn is_not_needed(
    world: &PoolWorld<'_>,
    demand: &Demand<'_>,
    goes: &EniView<'_>,
    all: &[EniView<'_>],
    now: Timestamp,
) -> bool {
    let others = || {
        all.iter()
            .filter(|view| view.serves && view.eni.id != goes.eni.id)
    };
    let mut left = supply(world, demand.card, now);
    for block in goes.blocks.iter().filter(|block| goes.serves && block.current) {
        let is_prefix = i64::from(demand.mode == Mode::Prefix);
        left.total -= addresses(block.net);
        left.prefixes -= is_prefix;
        left.free_prefixes -= is_prefix;
    }
    let whole = |target: i64| match demand.mode {
        Mode::Prefix => {
            ceil_div(target, i64::from(Ipv4Prefix::SIZE)).saturating_mul(i64::from(Ipv4Prefix::SIZE))
        }
        Mode::Secondary | Mode::Ipv6 => target,
    };
    let (warm, minimum) = demand.address_targets().unwrap_or((0, 0));
    let warm_prefix = match (demand.mode, demand.address_targets()) {
        (Mode::Prefix, None) => demand.block_target(),
        _ => 0,
    };
    if (warm > 0 && left.available() < whole(warm))
        || (minimum > 0 && left.total < whole(minimum))
        || left.free_prefixes < warm_prefix
    {
        return false;
    }
    if !demand.is_low(&left) {
        return true;
    }
    let room = |view: &EniView<'_>| {
        let subnet_has_room = view.eni.subnet.as_ref().is_none_or(|s| world.has_room(s, now));
        let used = u32::try_from(view.blocks.len()).unwrap_or(u32::MAX);
        u32::from(subnet_has_room) * demand.slots.saturating_sub(used)
    };
    let room: u32 = others().map(room).sum();
    demand.missing(&left) <= i64::from(room)
}

fn addresses(net: IpNet) -> i64 {
    match net {
        IpNet::V4(net) => 1_i64 << (32 - net.prefix_len()),
        IpNet::V6(_) => 0,
    }
}

fn supply(world: &PoolWorld<'_>, card: u32, now: Timestamp) -> Supply {
    world.store.stats(card, now).into()
}

/// The interfaces of a card on which nothing is under way.
fn free_of_work<'a>(world: &PoolWorld<'a>, card: u32, now: Timestamp) -> Vec<EniView<'a>> {
    let mut views = world.store.enis(card, now);
    views.retain(|view| !world.pending.contains_key(&view.eni.id));
    views
}
