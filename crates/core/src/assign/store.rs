//! The data store of all network cards: interfaces, their blocks, and an index from keys to addresses.

use super::cidr::{Holder, Slot, Sort};
use super::eni::{Eni, EniPool, EniView, Role};
use super::key::{Entry, Key, Lease};
use super::rules::Rules;
use crate::ids::EniId;
use ipnet::IpNet;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Whether something that pods hold may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// No.
    No,
    /// Yes: it is gone from EC2.
    Yes,
}

/// Why the store was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The interface is there already.
    #[error("failed to add {0}: it is in the data store already")]
    EniThere(EniId),
    /// There is no such interface.
    #[error("{0} is not in the data store")]
    NoEni(EniId),
    /// There is no such block.
    #[error("{cidr} of {eni} is not in the data store")]
    NoCidr {
        /// The interface.
        eni: EniId,
        /// The block.
        cidr: IpNet,
    },
    /// The block is none that EC2 gives to an interface.
    #[error("failed to add {0}: it is neither a single IPv4 address nor a /28 nor an IPv6 /80")]
    Unsuited(IpNet),
    /// Addresses of it are in the store already.
    #[error("failed to add {cidr} to {eni}: {there} of {owner} is in the data store already")]
    Overlap {
        /// The interface.
        eni: EniId,
        /// The block.
        cidr: IpNet,
        /// What is there.
        there: IpNet,
        /// Where.
        owner: EniId,
    },
    /// Pods hold addresses of it.
    #[error("failed to remove {what}: pods hold {held} of its addresses")]
    InUse {
        /// The interface or block.
        what: String,
        /// Addresses held.
        held: u32,
    },
}

/// One network card.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Card {
    /// By device number.
    pub(super) enis: Vec<EniPool>,
    pub(super) index: BTreeMap<Key, (EniId, IpAddr)>,
}

impl Card {
    pub(super) fn eni(&self, id: &EniId) -> Option<&EniPool> {
        self.enis.iter().find(|pool| pool.eni.id == *id)
    }

    pub(super) fn eni_mut(&mut self, id: &EniId) -> Option<&mut EniPool> {
        self.enis.iter_mut().find(|pool| pool.eni.id == *id)
    }
}

/// Which pod holds which address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    pub(super) rules: Rules,
    pub(super) cards: BTreeMap<u32, Card>,
    /// Held addresses of a checkpoint that no interface has yet; they wait for their block.
    pub(super) waiting: BTreeSet<Entry>,
}

impl Store {
    /// An empty store.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            cards: BTreeMap::new(),
            waiting: BTreeSet::new(),
        }
    }

    /// What holds for the whole node.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Changes it; what pods hold stays theirs.
    pub fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// Manages a network card, whether it has an interface yet or not: pods that want an address of each card get none
    /// before it has one. A card is managed at the latest with its first interface.
    pub fn manage(&mut self, card: u32) {
        self.cards.entry(card).or_default();
    }

    /// The network cards that are managed.
    pub fn cards(&self) -> impl Iterator<Item = u32> {
        self.cards.keys().copied()
    }

    /// Adds an interface without blocks.
    pub fn add_eni(&mut self, eni: Eni) -> Result<(), StoreError> {
        if self.card_of(&eni.id).is_some() {
            return Err(StoreError::EniThere(eni.id));
        }
        let enis = &mut self.cards.entry(eni.card).or_default().enis;
        let order = |eni: &Eni| (eni.device, eni.id.clone());
        let at = enis.partition_point(|pool| order(&pool.eni) < order(&eni));
        enis.insert(at, EniPool::new(eni));
        Ok(())
    }

    /// Removes an interface and gives what pods held of it, which is something only by force.
    pub fn remove_eni(&mut self, id: &EniId, force: Force) -> Result<Vec<Entry>, StoreError> {
        let card = self.card_of_mut(id)?;
        let pool = card.eni(id).ok_or_else(|| StoreError::NoEni(id.clone()))?;
        let held = pool.cidrs().values().map(|cidr| cidr.held).sum();
        if held > 0 && force == Force::No {
            let what = id.to_string();
            return Err(StoreError::InUse { what, held });
        }
        let freed: Vec<Entry> = leases(pool).map(Lease::to_entry).collect();
        for entry in &freed {
            card.index.remove(&entry.key);
        }
        card.enis.retain(|pool| pool.eni.id != *id);
        Ok(freed)
    }

    /// What an interface is, for a role that was learnt later. The card and the device stay.
    pub fn set_role(&mut self, id: &EniId, role: Role) -> Result<(), StoreError> {
        let pool = self.card_of_mut(id)?.eni_mut(id);
        pool.ok_or_else(|| StoreError::NoEni(id.clone()))?.eni.role = role;
        Ok(())
    }

    /// Adds a block: a single IPv4 address, a /28 or an IPv6 /80. Held addresses of the checkpoint that waited for it are
    /// held again.
    pub fn add_cidr(&mut self, id: &EniId, cidr: IpNet, now: Timestamp) -> Result<(), StoreError> {
        let cidr = cidr.trunc();
        let sort = Sort::of(cidr).ok_or(StoreError::Unsuited(cidr))?;
        for pool in self.cards.values().flat_map(|card| &card.enis) {
            if let Some(there) = pool.overlapping(cidr) {
                return Err(StoreError::Overlap {
                    eni: id.clone(),
                    cidr,
                    there,
                    owner: pool.eni.id.clone(),
                });
            }
        }
        let pool = self.card_of_mut(id)?.eni_mut(id);
        let pool = pool.ok_or_else(|| StoreError::NoEni(id.clone()))?;
        pool.insert(cidr, sort, now);
        self.take_waiting(cidr);
        Ok(())
    }

    /// Removes a block and gives what pods held of it, which is something only by force.
    pub fn remove_cidr(&mut self, id: &EniId, cidr: IpNet, force: Force) -> Result<Vec<Entry>, StoreError> {
        let card = self.card_of_mut(id)?;
        let pool = card.eni_mut(id).ok_or_else(|| StoreError::NoEni(id.clone()))?;
        let missing = || StoreError::NoCidr {
            eni: id.clone(),
            cidr,
        };
        let held = pool.cidrs().get(&cidr).ok_or_else(missing)?.held;
        if held > 0 && force == Force::No {
            let what = format!("{cidr} of {id}");
            return Err(StoreError::InUse { what, held });
        }
        let removed = pool.remove(cidr).ok_or_else(missing)?;
        let freed: Vec<Entry> = removed
            .slots()
            .filter_map(|(address, slot)| Some(lease(address, slot)?.to_entry()))
            .collect();
        for entry in &freed {
            card.index.remove(&entry.key);
        }
        Ok(freed)
    }

    /// The interfaces of a card by device number.
    pub fn enis(&self, card: u32, now: Timestamp) -> Vec<EniView<'_>> {
        let pools = self.cards.get(&card).into_iter().flat_map(|card| &card.enis);
        pools.map(|pool| pool.view(&self.rules, now)).collect()
    }

    /// One interface.
    pub fn eni(&self, id: &EniId, now: Timestamp) -> Option<EniView<'_>> {
        let pool = self.cards.get(&self.card_of(id)?)?.eni(id)?;
        Some(pool.view(&self.rules, now))
    }

    /// What pods hold on a card, by key. What waits for its block counts to the default card.
    pub fn leases(&self, card: u32) -> impl Iterator<Item = Lease<'_>> {
        let on_card = self.cards.get(&card).into_iter().flat_map(|card| {
            let holder = |(key, (id, address)): (_, &(EniId, IpAddr))| {
                let holder = card.eni(id)?.holder(*address)?;
                Some(of_holder(key, *address, holder))
            };
            card.index.iter().filter_map(holder)
        });
        let waiting = self.waiting.iter().filter(move |_| card == 0).map(|entry| Lease {
            key: &entry.key,
            address: entry.address,
            since: entry.since,
            pod: entry.pod.as_ref(),
            interfaces: entry.interfaces,
        });
        on_card.chain(waiting)
    }

    /// The checkpoint of a card.
    pub fn entries(&self, card: u32) -> Vec<Entry> {
        self.leases(card).map(Lease::to_entry).collect()
    }

    pub(super) fn card_of(&self, id: &EniId) -> Option<u32> {
        let mut cards = self.cards.iter();
        cards.find_map(|(number, card)| card.eni(id).map(|_| *number))
    }

    fn card_of_mut(&mut self, id: &EniId) -> Result<&mut Card, StoreError> {
        let mut cards = self.cards.values_mut();
        let card = cards.find(|card| card.eni(id).is_some());
        card.ok_or_else(|| StoreError::NoEni(id.clone()))
    }
}

fn of_holder<'a>(key: &'a Key, address: IpAddr, holder: &'a Holder) -> Lease<'a> {
    Lease {
        key,
        address,
        since: holder.since,
        pod: holder.pod.as_ref(),
        interfaces: holder.interfaces,
    }
}

fn lease(address: IpAddr, slot: &Slot) -> Option<Lease<'_>> {
    match slot {
        Slot::Held(holder) => Some(of_holder(&holder.key, address, holder)),
        Slot::Released(_) => None,
    }
}

fn leases(pool: &EniPool) -> impl Iterator<Item = Lease<'_>> {
    let slots = pool.cidrs().values().flat_map(super::cidr::Cidr::slots);
    slots.filter_map(|(address, slot)| lease(address, slot))
}
