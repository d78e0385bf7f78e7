//! The addresses of one subnet: one pool for every kind of user, in which nothing is ever given twice.
//!
//! A single address is placed at random, because AWS does so as far as can be seen and because it is what fragments
//! real subnets; a prefix takes the lowest free block, those of prefix reservations first.

use super::random::Random;
use std::net::Ipv4Addr;
use vpccni_core::net::{Ipv4Net, Ipv4Prefix};

/// The first four addresses and the last are never given.
const RESERVED_FIRST: u32 = 4;
const RESERVED: u32 = RESERVED_FIRST + 1;

/// Random probes before the free addresses are listed: a subnet that is not nearly full needs one or two.
const PROBES: u32 = 32;

/// Addresses of a block that a prefix may be.
const BLOCK: usize = Ipv4Prefix::SIZE as usize;

/// Why the pool refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolError {
    /// No single address may be chosen.
    NoFreeAddress,
    /// No aligned block of sixteen may be chosen.
    NoFreeBlock,
    /// Not an address of this subnet that can be given.
    Outside(Ipv4Addr),
    /// It has an owner.
    Taken(Ipv4Addr),
}

/// What a request wants from the pool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Want {
    /// Exactly these addresses.
    pub addresses: Vec<Ipv4Addr>,
    /// So many addresses, wherever.
    pub count: u32,
    /// Exactly these prefixes.
    pub prefixes: Vec<Ipv4Prefix>,
    /// So many prefixes, wherever.
    pub prefix_count: u32,
}

/// What the pool gave: the explicit ones first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grant {
    /// Addresses.
    pub addresses: Vec<Ipv4Addr>,
    /// Prefixes.
    pub prefixes: Vec<Ipv4Prefix>,
}

/// Who may choose an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Zone {
    Open,
    PrefixReserved,
    ExplicitReserved,
}

/// Where single addresses are placed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Placement {
    /// Anywhere, by the seed.
    #[default]
    Random,
    /// The lowest free one.
    Lowest,
}

/// The pool.
#[derive(Debug, Clone)]
pub struct Pool {
    /// Where single addresses are placed.
    pub(super) placement: Placement,
    first: u32,
    used: Vec<bool>,
    /// Addresses with owners in each block of sixteen: finding a free one must not look at every address.
    used_in_block: Vec<u8>,
    zones: Vec<Zone>,
    used_count: u32,
    open_free: u32,
}

impl Pool {
    pub(crate) fn new(cidr: Ipv4Net) -> Self {
        let size = 1_usize << (32 - u32::from(cidr.prefix_len()));
        let mut pool = Self {
            placement: Placement::Random,
            first: u32::from(cidr.network()),
            used: vec![false; size],
            used_in_block: vec![0; size / BLOCK],
            zones: vec![Zone::Open; size],
            used_count: 0,
            open_free: 0,
        };
        pool.recount();
        pool
    }

    fn size(&self) -> u32 {
        u32::try_from(self.used.len()).unwrap_or(u32::MAX)
    }

    /// Addresses that have an owner, those of prefixes included.
    pub fn used(&self) -> u32 {
        self.used_count
    }

    /// `AvailableIpAddressCount`: size less five less what is used, and less what a reservation keeps.
    pub fn available(&self) -> u32 {
        self.open_free
    }

    /// Addresses that can be given at all.
    pub fn capacity(&self) -> u32 {
        self.size() - RESERVED
    }

    /// Whether the address has an owner.
    pub fn is_used(&self, address: Ipv4Addr) -> bool {
        self.index(address)
            .is_some_and(|i| self.used.get(i).copied().unwrap_or(false))
    }

    /// Takes everything that is wanted or nothing at all.
    pub(crate) fn take(&mut self, want: &Want, random: &mut Random) -> Result<Grant, PoolError> {
        let mut grant = Grant::default();
        let result = self.fill(&mut grant, want, random);
        if let Err(error) = result {
            self.release(&grant);
            return Err(error);
        }
        Ok(grant)
    }

    fn fill(&mut self, grant: &mut Grant, want: &Want, random: &mut Random) -> Result<(), PoolError> {
        for &address in &want.addresses {
            self.take_run(address, 1)?;
            grant.addresses.push(address);
        }
        for &prefix in &want.prefixes {
            self.take_run(prefix.first(), Ipv4Prefix::SIZE)?;
            grant.prefixes.push(prefix);
        }
        for _ in 0..want.prefix_count {
            let prefix = self.choose_block().ok_or(PoolError::NoFreeBlock)?;
            self.take_run(prefix.first(), Ipv4Prefix::SIZE)?;
            grant.prefixes.push(prefix);
        }
        for _ in 0..want.count {
            let address = self.choose_address(random).ok_or(PoolError::NoFreeAddress)?;
            self.take_run(address, 1)?;
            grant.addresses.push(address);
        }
        Ok(())
    }

    /// Gives everything back.
    pub(crate) fn release(&mut self, grant: &Grant) {
        for &address in &grant.addresses {
            self.mark(address, 1, false);
        }
        for prefix in &grant.prefixes {
            self.mark(prefix.first(), Ipv4Prefix::SIZE, false);
        }
    }

    /// Says anew which ranges are reserved; addresses in use there stay with their owners.
    pub(crate) fn set_reservations(&mut self, ranges: impl Iterator<Item = (Ipv4Net, bool)>) {
        self.zones.fill(Zone::Open);
        for (range, for_prefixes) in ranges {
            let zone = if for_prefixes {
                Zone::PrefixReserved
            } else {
                Zone::ExplicitReserved
            };
            for address in u32::from(range.network())..=u32::from(range.broadcast()) {
                if let Some(slot) = self
                    .index(Ipv4Addr::from(address))
                    .and_then(|i| self.zones.get_mut(i))
                {
                    *slot = zone;
                }
            }
        }
        self.recount();
    }

    fn recount(&mut self) {
        let mut free = 0;
        for offset in 0..self.size() {
            if self.may_be_given(offset) && self.is_open_and_free(offset as usize) {
                free += 1;
            }
        }
        self.open_free = free;
    }

    fn may_be_given(&self, offset: u32) -> bool {
        offset >= RESERVED_FIRST && offset + 1 < self.size()
    }

    fn is_open_and_free(&self, index: usize) -> bool {
        self.used.get(index) == Some(&false) && self.zones.get(index) == Some(&Zone::Open)
    }

    fn index(&self, address: Ipv4Addr) -> Option<usize> {
        let offset = u32::from(address).checked_sub(self.first)?;
        (offset < self.size()).then_some(offset as usize)
    }

    fn take_run(&mut self, first: Ipv4Addr, length: u32) -> Result<(), PoolError> {
        for address in (u32::from(first)..=u32::from(first) + (length - 1)).map(Ipv4Addr::from) {
            let index = self.index(address).ok_or(PoolError::Outside(address))?;
            if !self.may_be_given(u32::from(address) - self.first) {
                return Err(PoolError::Outside(address));
            }
            if self.used.get(index) != Some(&false) {
                return Err(PoolError::Taken(address));
            }
        }
        self.mark(first, length, true);
        Ok(())
    }

    fn mark(&mut self, first: Ipv4Addr, length: u32, used: bool) {
        for address in (u32::from(first)..=u32::from(first) + (length - 1)).map(Ipv4Addr::from) {
            let Some(index) = self.index(address) else {
                continue;
            };
            let Some(slot) = self.used.get_mut(index) else {
                continue;
            };
            if *slot == used {
                continue;
            }
            *slot = used;
            if let Some(count) = self.used_in_block.get_mut(index / BLOCK) {
                *count = if used { *count + 1 } else { *count - 1 };
            }
            let open = self.zones.get(index) == Some(&Zone::Open);
            if used {
                self.used_count += 1;
                self.open_free -= u32::from(open);
            } else {
                self.used_count -= 1;
                self.open_free += u32::from(open);
            }
        }
    }

    fn choose_address(&self, random: &mut Random) -> Option<Ipv4Addr> {
        if self.open_free == 0 {
            return None;
        }
        if self.placement == Placement::Lowest {
            return self.open_free_at(0);
        }
        for _ in 0..PROBES {
            let offset = random.below(self.size());
            if self.may_be_given(offset) && self.is_open_and_free(offset as usize) {
                return Some(Ipv4Addr::from(self.first + offset));
            }
        }
        self.open_free_at(random.below(self.open_free) as usize)
    }

    /// The free address that has so many free ones below it.
    fn open_free_at(&self, number: usize) -> Option<Ipv4Addr> {
        let with_room = self.used_in_block.iter().enumerate();
        let with_room = with_room.filter(|(_, used)| usize::from(**used) < BLOCK);
        with_room
            .flat_map(|(block, _)| block * BLOCK..(block + 1) * BLOCK)
            .filter_map(|index| u32::try_from(index).ok())
            .filter(|&o| self.may_be_given(o) && self.is_open_and_free(o as usize))
            .nth(number)
            .map(|o| Ipv4Addr::from(self.first + o))
    }

    fn choose_block(&self) -> Option<Ipv4Prefix> {
        self.free_blocks(Zone::PrefixReserved)
            .next()
            .or_else(|| self.free_blocks(Zone::Open).next())
    }

    /// The first address of every block from which a prefix could be given.
    pub(super) fn free_block_starts(&self) -> Vec<Ipv4Addr> {
        let reserved = self.free_blocks(Zone::PrefixReserved);
        let open = self.free_blocks(Zone::Open);
        reserved.chain(open).map(Ipv4Prefix::first).collect()
    }

    /// Free blocks whose first address is in the zone, lowest first.
    fn free_blocks(&self, zone: Zone) -> impl Iterator<Item = Ipv4Prefix> {
        let free = self.used_in_block.iter().enumerate();
        let free = free.filter(|(_, used)| **used == 0);
        free.filter_map(move |(block, _)| {
            let zones = self.zones.get(block * BLOCK..(block + 1) * BLOCK)?;
            let first = u32::try_from(block * BLOCK).ok()?;
            let inside = self.may_be_given(first) && self.may_be_given(first + (Ipv4Prefix::SIZE - 1));
            let allowed = zones.first() == Some(&zone) && !zones.contains(&Zone::ExplicitReserved);
            (inside && allowed).then(|| Ipv4Prefix::containing(Ipv4Addr::from(self.first + first)))
        })
    }
}

#[cfg(test)]
mod tests;
