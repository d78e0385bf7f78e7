//! How a low pool grows: slots of interfaces that are there, in order, then new interfaces.

use super::action::{PoolAction, Reason, Want};
use super::supply::{Demand, Supply};
use super::world::{CardFacts, Pending, PoolWorld};
use crate::assign::EniView;
use crate::ids::{EniId, SubnetId};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Interfaces that are made at once. EC2 takes seconds for each, and all nodes of an account share its rate limits.
const CREATIONS_AT_ONCE: usize = 2;

/// Device numbers ipamd looks at.
const DEVICES: u32 = 100;

/// What a pool grows by.
#[derive(Debug, Default)]
pub(super) struct Growth {
    pub(super) actions: Vec<PoolAction>,
    /// Whether something is done, waited for, or cannot be had: nothing goes meanwhile.
    pub(super) unsettled: bool,
}

impl Growth {
    /// The interfaces it asks something of.
    pub(super) fn interfaces(&self) -> impl Iterator<Item = &EniId> {
        self.actions.iter().filter_map(|action| match action {
            PoolAction::Assign { eni, .. } => Some(eni),
            _ => None,
        })
    }
}

/// An interface while the plan is made.
struct Draft<'a> {
    view: EniView<'a>,
    /// Slots that are free once what is under way is done.
    free: u32,
    /// Whether it takes no further operation now.
    busy: bool,
}

/// What a card has while the plan is made.
struct Card<'a, 'w> {
    world: &'w PoolWorld<'a>,
    number: u32,
    now: Timestamp,
    demand: Demand<'a>,
    supply: Supply,
    enis: Vec<Draft<'w>>,
    attached: u32,
    creating: usize,
    devices: BTreeSet<u32>,
    actions: Vec<PoolAction>,
}

pub(super) fn grow(world: &PoolWorld<'_>, card: u32, now: Timestamp) -> Growth {
    let mut draft = Card::of(world, card, now);
    while draft.demand.is_low(&draft.supply) {
        if !draft.use_slot() && !draft.create() {
            return Growth {
                actions: draft.actions,
                unsettled: true,
            };
        }
    }
    let unsettled = draft.supply != Supply::from(world.store.stats(card, now));
    Growth {
        actions: draft.actions,
        unsettled,
    }
}

/// An IPv6 node has no pool: each interface that serves pods has one /80, and each managed card one such interface.
pub(super) fn ipv6(world: &PoolWorld<'_>, card: u32, now: Timestamp) -> Vec<PoolAction> {
    let mut draft = Card::of(world, card, now);
    let missing =
        |eni: &&mut Draft<'_>| eni.view.serves && !eni.view.blocks.iter().any(|block| block.current);
    for eni in draft.enis.iter_mut().filter(missing).filter(|eni| !eni.busy) {
        draft.actions.push(PoolAction::Assign {
            eni: eni.view.eni.id.clone(),
            want: Want::Ipv6Prefixes,
            count: 1,
            reason: Reason::NoPrefix,
        });
    }
    let serves = draft.enis.iter().any(|eni| eni.view.serves);
    if !serves && draft.creating == 0 && draft.has_room() {
        draft.push_creation(Want::Ipv6Prefixes, 1, Reason::NoPrefix);
    }
    draft.actions
}

impl<'a, 'w> Card<'a, 'w> {
    fn of(world: &'w PoolWorld<'a>, number: u32, now: Timestamp) -> Self {
        let views = world.store.enis(number, now);
        let creating = || world.creating.iter().filter(|new| new.card == number);
        let mut supply = Supply::from(world.store.stats(number, now));
        let mut devices: BTreeSet<u32> = views.iter().map(|view| view.eni.device).collect();
        devices.extend(creating().map(|new| new.device));
        devices.extend(world.cards.get(&number).iter().flat_map(|facts| &facts.devices));
        for new in creating() {
            supply = supply.plus(new.want, i64::from(new.count));
        }
        let demand = Demand::of(world, number);
        let mut enis = Vec::new();
        for view in views {
            let draft = Draft::of(world, view, now);
            if let Some(Pending::Assign(count)) = world.pending.get(&draft.view.eni.id)
                && draft.view.serves
            {
                supply = supply.plus(demand.want(), i64::from(*count));
            }
            enis.push(draft);
        }
        let leaving = |pending: &&Pending| matches!(pending, Pending::Delete { card } if *card == number);
        let attached = enis.len() + creating().count() + world.pending.values().filter(leaving).count();
        Self {
            world,
            number,
            now,
            demand,
            supply,
            enis,
            attached: u32::try_from(attached).unwrap_or(u32::MAX),
            creating: creating().count(),
            devices,
            actions: Vec::new(),
        }
    }

    /// Takes free slots of the first interface that has any. What a busy one can take waits for it.
    fn use_slot(&mut self) -> bool {
        let missing = self.demand.missing(&self.supply);
        let (want, free) = (self.demand.want(), self.supply.available());
        let Some(eni) = self.enis.iter_mut().find(|eni| eni.free > 0) else {
            return false;
        };
        let count = eni.free.min(u32::try_from(missing).unwrap_or(u32::MAX));
        eni.free -= count;
        if !eni.busy {
            // One call an interface: what it does not take now it does not take in this plan.
            eni.busy = true;
            let reason = Reason::Low { free, missing };
            let eni = eni.view.eni.id.clone();
            self.actions.push(PoolAction::Assign {
                eni,
                want,
                count,
                reason,
            });
        }
        self.supply = self.supply.plus(want, i64::from(count));
        count > 0
    }

    /// Makes an interface, filled as far as something is missing.
    fn create(&mut self) -> bool {
        let missing = self.demand.missing(&self.supply);
        let count = u32::try_from(missing).unwrap_or(u32::MAX).min(self.demand.slots);
        if count == 0 || !self.has_room() {
            return false;
        }
        let reason = Reason::Low {
            free: self.supply.available(),
            missing,
        };
        let want = self.demand.want();
        let made = self.push_creation(want, count, reason);
        self.supply = self.supply.plus(want, i64::from(count));
        made
    }

    /// Whether the instance takes another interface. A type that can have a trunk keeps a place for it.
    fn has_room(&self) -> bool {
        let world = self.world;
        let no_facts = CardFacts::default();
        let facts = world.cards.get(&self.number).unwrap_or(&no_facts);
        let has_trunk = self.enis.iter().any(|eni| eni.view.eni.role.trunk);
        let reserved =
            self.number == 0 && world.effective.pod_eni() && world.limits.trunk != Some(false) && !has_trunk;
        let most = world.effective.max_enis_on(world.limits);
        self.attached
            .saturating_add(facts.unmanaged + u32::from(reserved))
            < most
    }

    fn push_creation(&mut self, want: Want, count: u32, reason: Reason) -> bool {
        let subnets: Vec<SubnetId> = self
            .world
            .subnets
            .iter()
            .filter(|subnet| self.world.has_room(subnet, self.now))
            .cloned()
            .collect();
        let device = (0..DEVICES).find(|device| !self.devices.contains(device));
        let Some(device) = device.filter(|_| !subnets.is_empty() && self.creating < CREATIONS_AT_ONCE) else {
            return false;
        };
        self.devices.insert(device);
        self.creating += 1;
        self.attached += 1;
        self.actions.push(PoolAction::CreateEni {
            card: self.number,
            device,
            subnets,
            want,
            count,
            reason,
        });
        true
    }
}

impl<'w> Draft<'w> {
    fn of(world: &PoolWorld<'_>, view: EniView<'w>, now: Timestamp) -> Self {
        let pending = world.pending.get(&view.eni.id);
        let under_way = match pending {
            Some(Pending::Assign(count) | Pending::Release(count)) => *count,
            Some(Pending::Delete { .. } | Pending::Other) | None => 0,
        };
        let used = u32::try_from(view.blocks.len()).unwrap_or(u32::MAX);
        let subnet_full = view.eni.subnet.as_ref().is_some_and(|s| !world.has_room(s, now));
        let free = if view.serves && !subnet_full {
            world.slots().saturating_sub(used.saturating_add(under_way))
        } else {
            0
        };
        Self {
            view,
            free,
            busy: pending.is_some(),
        }
    }
}
