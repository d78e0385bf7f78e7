//! What the plugin asks for: an address for a key, its release, and the release of what the runtime no longer knows.

use super::cidr::{Holder, Slot};
use super::key::{Entry, Key, PodRef};
use super::store::Store;
use crate::ids::EniId;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// An address. The same key gets the same address again.
    Add {
        /// For whom.
        key: Key,
        /// The pod.
        pod: Option<PodRef>,
        /// One of each network card, or of none; else one of the first card that has one.
        every_card: bool,
    },
    /// The release of all that a key holds.
    Del {
        /// Whose.
        key: Key,
    },
    /// The release of all that others than these hold in a network.
    Collect {
        /// The network of the conflist.
        network: String,
        /// Who keeps what they hold.
        keep: BTreeSet<Key>,
    },
}

/// An address that was given or released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The address.
    pub address: IpAddr,
    /// The interface it is of; none where a checkpoint has the address and no interface has it (any more).
    pub eni: Option<EniId>,
    /// The network card of the interface.
    pub card: u32,
    /// The device number of the interface.
    pub device: u32,
    /// The pod, as it was given with the request or the checkpoint.
    pub pod: Option<PodRef>,
    /// Addresses the pod has in all.
    pub interfaces: u32,
}

/// Why a request was refused; the store is as before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No address is free on that network card, or on any.
    #[error("no available IP/Prefix addresses")]
    NoAddress,
    /// The key holds nothing. The plugin looks for these words.
    #[error("datastore: unknown pod")]
    UnknownPod,
}

/// What a request did.
#[derive(Debug)]
#[must_use = "a checkpoint must be written, or the transition undone"]
pub struct Transition {
    /// The addresses in the order of their network cards.
    pub reply: Result<Vec<Given>, Refusal>,
    /// What takes it back.
    pub undo: Undo,
    /// The network cards whose checkpoints must be written before the reply goes out; none where nothing changed. A
    /// repeated request changes nothing, and must yet not be answered before the checkpoint of the first one is there.
    pub checkpoint: Vec<u32>,
}

/// The way back from a transition. Of several, the last one must be taken back first.
#[derive(Debug, Default)]
pub struct Undo {
    changes: Vec<Change>,
}

#[derive(Debug)]
enum Change {
    /// The address had this slot before.
    Slot {
        card: u32,
        eni: EniId,
        address: IpAddr,
        before: Option<Slot>,
    },
    Waiting(Entry),
}

/// Does what is asked for.
pub fn transition(store: &mut Store, request: Request, now: Timestamp) -> Transition {
    let mut undo = Undo::default();
    let reply = match request {
        Request::Add {
            key,
            pod,
            every_card: false,
        } => store.add_one(&key, pod, now, &mut undo),
        Request::Add {
            key,
            pod,
            every_card: true,
        } => store.add_each(&key, pod.as_ref(), now, &mut undo),
        Request::Del { key } => store.del(&key, now, &mut undo),
        Request::Collect { network, keep } => Ok(store.collect(&network, &keep, now, &mut undo)),
    };
    let checkpoint = undo.cards();
    Transition {
        reply,
        undo,
        checkpoint,
    }
}

impl Undo {
    fn cards(&self) -> Vec<u32> {
        let mut cards: Vec<u32> = self
            .changes
            .iter()
            .map(|change| match change {
                Change::Slot { card, .. } => *card,
                Change::Waiting(_) => 0,
            })
            .collect();
        cards.sort_unstable();
        cards.dedup();
        cards
    }
}

impl Store {
    /// Takes a transition back. What has gone from the store since then stays gone.
    pub fn undo(&mut self, undo: Undo) {
        for change in undo.changes.into_iter().rev() {
            match change {
                Change::Slot {
                    card,
                    eni,
                    address,
                    before,
                } => {
                    self.put(card, &eni, address, before);
                }
                Change::Waiting(entry) => {
                    self.waiting.insert(entry);
                }
            }
        }
    }

    /// What a key holds.
    pub fn held_by(&self, key: &Key) -> Vec<Given> {
        let cards = self.cards.iter();
        let given = cards.filter_map(|(number, card)| {
            let (id, address) = card.index.get(key)?;
            let pool = card.eni(id)?;
            let holder = pool.holder(*address)?;
            Some(Given {
                address: *address,
                eni: Some(id.clone()),
                card: *number,
                device: pool.eni.device,
                pod: holder.pod.clone(),
                interfaces: holder.interfaces,
            })
        });
        given.collect()
    }

    fn add_one(
        &mut self,
        key: &Key,
        pod: Option<PodRef>,
        now: Timestamp,
        undo: &mut Undo,
    ) -> Result<Vec<Given>, Refusal> {
        let held = self.held_by(key);
        if !held.is_empty() {
            return Ok(held);
        }
        let mut cards = self.cards.keys();
        let found = cards.find_map(|card| Some((*card, self.free_on(*card, now)?)));
        let (card, (eni, address)) = found.ok_or(Refusal::NoAddress)?;
        let holder = Holder {
            key: key.clone(),
            pod,
            since: now,
            interfaces: 1,
        };
        self.take(card, eni, address, holder, undo);
        Ok(self.held_by(key))
    }

    fn add_each(
        &mut self,
        key: &Key,
        pod: Option<&PodRef>,
        now: Timestamp,
        undo: &mut Undo,
    ) -> Result<Vec<Given>, Refusal> {
        let interfaces = u32::try_from(self.cards.len()).unwrap_or(u32::MAX);
        let mut places = Vec::new();
        for (card, of_card) in &self.cards {
            if !of_card.index.contains_key(key) {
                places.push((*card, self.free_on(*card, now).ok_or(Refusal::NoAddress)?));
            }
        }
        if interfaces == 0 {
            return Err(Refusal::NoAddress);
        }
        for (card, (eni, address)) in places {
            let holder = Holder {
                key: key.clone(),
                pod: pod.cloned(),
                since: now,
                interfaces,
            };
            self.take(card, eni, address, holder, undo);
        }
        Ok(self.held_by(key))
    }

    fn del(&mut self, key: &Key, now: Timestamp, undo: &mut Undo) -> Result<Vec<Given>, Refusal> {
        for key in [key, &key.migrated()] {
            let given = self.release(key, now, undo);
            if !undo.changes.is_empty() {
                return Ok(given);
            }
        }
        Err(Refusal::UnknownPod)
    }

    fn collect(
        &mut self,
        network: &str,
        keep: &BTreeSet<Key>,
        now: Timestamp,
        undo: &mut Undo,
    ) -> Vec<Given> {
        let on_cards = self.cards.values().flat_map(|card| card.index.keys());
        let all = on_cards.chain(self.waiting.iter().map(|entry| &entry.key));
        let gone: BTreeSet<Key> = all
            .filter(|key| key.network == network && !keep.contains(key))
            .cloned()
            .collect();
        gone.iter().flat_map(|key| self.release(key, now, undo)).collect()
    }

    fn release(&mut self, key: &Key, now: Timestamp, undo: &mut Undo) -> Vec<Given> {
        let mut given = self.held_by(key);
        for place in &given {
            let Some(eni) = place.eni.clone() else { continue };
            let before = self.put(place.card, &eni, place.address, Some(Slot::Released(now)));
            undo.changes.push(Change::Slot {
                card: place.card,
                eni,
                address: place.address,
                before,
            });
        }
        let waits: Vec<Entry> = self
            .waiting
            .iter()
            .filter(|entry| entry.key == *key)
            .cloned()
            .collect();
        for entry in waits {
            self.waiting.remove(&entry);
            given.push(Given {
                address: entry.address,
                eni: None,
                card: 0,
                device: 0,
                pod: entry.pod.clone(),
                interfaces: entry.interfaces,
            });
            undo.changes.push(Change::Waiting(entry));
        }
        given
    }

    /// The address a pod would get on that card. One that waits for its block is never given: the block is not there.
    fn free_on(&self, card: u32, now: Timestamp) -> Option<(EniId, IpAddr)> {
        let enis = &self.cards.get(&card)?.enis;
        enis.iter()
            .find_map(|pool| Some((pool.eni.id.clone(), pool.lowest_free(&self.rules, now)?)))
    }

    fn take(&mut self, card: u32, eni: EniId, address: IpAddr, holder: Holder, undo: &mut Undo) {
        let before = self.put(card, &eni, address, Some(Slot::Held(Box::new(holder))));
        undo.changes.push(Change::Slot {
            card,
            eni,
            address,
            before,
        });
    }

    /// Puts a slot in place and keeps the index right.
    fn put(&mut self, card: u32, eni: &EniId, address: IpAddr, slot: Option<Slot>) -> Option<Slot> {
        let card = self.cards.get_mut(&card)?;
        let key = match &slot {
            Some(Slot::Held(holder)) => Some(holder.key.clone()),
            _ => None,
        };
        let pool = card.eni_mut(eni)?;
        pool.containing(address)?;
        let old = pool.put(address, slot);
        if let Some(Slot::Held(holder)) = &old {
            card.index.remove(&holder.key);
        }
        if let Some(key) = key {
            card.index.insert(key, (eni.clone(), address));
        }
        old
    }
}
