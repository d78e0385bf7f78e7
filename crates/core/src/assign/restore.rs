//! Taking a checkpoint over: addresses go back to those who held them.

use super::cidr::{Holder, Slot};
use super::key::{Entry, PodRef};
use super::store::Store;
use crate::datapath::host_veth_name;
use ipnet::IpNet;
use std::collections::BTreeSet;

/// Digits of the hash in the name of a pod's link.
const HASH_DIGITS: usize = 11;

/// What became of the entries of a checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restored {
    /// Held again.
    pub held: u32,
    /// Of no block that is known yet: kept, and held again when the block comes.
    pub waiting: Vec<Entry>,
    /// At odds with an entry that was taken before: the same address for another key, or another address of the same
    /// network card for the same key.
    pub conflicts: Vec<Entry>,
}

/// The entries of pods that are there, and those of pods that are gone: no link of the host has the name they gave it.
/// The prefix of links may have changed meanwhile, so only the rest of the name counts. An entry without a pod stays:
/// nobody knows its link.
pub fn split_by_links(entries: Vec<Entry>, links: &[String]) -> (Vec<Entry>, Vec<Entry>) {
    let names: BTreeSet<&str> = links.iter().filter_map(|link| ending(link)).collect();
    entries.into_iter().partition(|entry| {
        let is_there = |pod: &PodRef| {
            let name = host_veth_name("", &pod.namespace, &pod.name, 0);
            names.contains(name.as_str())
        };
        entry.pod.as_ref().is_none_or(is_there)
    })
}

/// The part of a link's name that tells the pod.
fn ending(link: &str) -> Option<&str> {
    link.get(link.len().checked_sub(HASH_DIGITS)?..)
}

impl Store {
    /// Takes the entries of a checkpoint over, the oldest first.
    pub fn restore(&mut self, entries: impl IntoIterator<Item = Entry>) -> Restored {
        let mut entries: Vec<Entry> = entries.into_iter().collect();
        entries.sort_by(|a, b| (a.since, &a.key, a.address).cmp(&(b.since, &b.key, b.address)));
        let mut restored = Restored::default();
        for entry in entries {
            let waits = self.waiting.iter().find(|other| other.address == entry.address);
            if let Some(other) = waits {
                // The files of two network cards may both have it.
                if other.key != entry.key {
                    restored.conflicts.push(entry);
                }
                continue;
            }
            match self.hold(&entry) {
                Taken::Held => restored.held += 1,
                Taken::Conflict => restored.conflicts.push(entry),
                Taken::NoBlock => {
                    self.waiting.insert(entry.clone());
                    restored.waiting.push(entry);
                }
            }
        }
        restored
    }

    /// What waits for its block. When a new block makes it less, the checkpoints of all network cards are to be written:
    /// until then it was in that of the default card.
    pub fn waiting(&self) -> impl Iterator<Item = &Entry> {
        self.waiting.iter()
    }

    pub(super) fn take_waiting(&mut self, cidr: IpNet) {
        if self.waiting.is_empty() {
            return;
        }
        let (come, still): (Vec<Entry>, Vec<Entry>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|entry| cidr.contains(&entry.address));
        self.waiting.extend(still);
        for entry in come {
            // A key that has got another address meanwhile keeps the one its pod uses now.
            self.hold(&entry);
        }
    }

    fn hold(&mut self, entry: &Entry) -> Taken {
        for card in self.cards.values_mut() {
            let Some(pool) = card
                .enis
                .iter_mut()
                .find(|pool| pool.containing(entry.address).is_some())
            else {
                continue;
            };
            let held = card.index.get(&entry.key);
            if held.is_some_and(|(_, address)| *address == entry.address) {
                return Taken::Held;
            }
            if held.is_some() || pool.holder(entry.address).is_some() {
                return Taken::Conflict;
            }
            let holder = Holder {
                key: entry.key.clone(),
                pod: entry.pod.clone(),
                since: entry.since,
                interfaces: entry.interfaces,
            };
            pool.put(entry.address, Some(Slot::Held(Box::new(holder))));
            let place = (pool.eni.id.clone(), entry.address);
            card.index.insert(entry.key.clone(), place);
            return Taken::Held;
        }
        Taken::NoBlock
    }
}

enum Taken {
    Held,
    Conflict,
    NoBlock,
}
