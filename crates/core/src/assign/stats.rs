//! How many addresses there are on a network card, held, resting and to be had.

use super::cidr::Sort;
use super::store::Store;
use jiff::Timestamp;

/// Counts of one network card: blocks of the node's mode on interfaces that serve pods. What an interface out of use
/// or another mode has left is no stock, and is not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Addresses.
    pub total: u64,
    /// Of those, addresses that pods hold.
    pub assigned: u64,
    /// Of those, addresses in cooldown.
    pub cooling: u64,
    /// /28 prefixes.
    pub prefixes: u64,
    /// Of those, prefixes of which nothing is held or in cooldown.
    pub free_prefixes: u64,
}

impl Stats {
    /// Addresses that a pod can have now.
    pub fn available(&self) -> u64 {
        self.total - self.assigned - self.cooling
    }
}

impl Store {
    /// The counts of a card.
    pub fn stats(&self, card: u32, now: Timestamp) -> Stats {
        let mut stats = Stats::default();
        let sort = self.rules.mode.sort();
        let enis = self.cards.get(&card).into_iter().flat_map(|card| &card.enis);
        for cidr in enis
            .filter(|pool| pool.serves(&self.rules))
            .flat_map(|pool| pool.cidrs().values())
            .filter(|cidr| cidr.sort == sort)
        {
            let cooling = cidr.cooling(self.rules.cooldown, now);
            let is_prefix = u64::from(cidr.sort == Sort::Prefix);
            stats.total += cidr.sort.size();
            stats.assigned += u64::from(cidr.held);
            stats.cooling += u64::from(cooling);
            stats.prefixes += is_prefix;
            stats.free_prefixes += is_prefix * u64::from(cidr.held == 0 && cooling == 0);
        }
        stats
    }
}
