//! The /28 map of a subnet, and whether what was seen explains what EC2 counts.

use crate::known::Known;
use crate::net::{Ipv4Net, Ipv4Prefix};
use crate::ports::{Reservation, ReservationKind};
use std::net::Ipv4Addr;

/// Addresses of a subnet that EC2 never gives: the first four and the last.
const RESERVED_BY_EC2: u32 = 5;

/// What a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlockState {
    /// Nothing: it can become a prefix, unless an explicit reservation touches it.
    Free,
    /// It is a prefix of an interface.
    Prefix,
    /// So many single addresses of its sixteen.
    Fragmented(u8),
    /// Sixteen single addresses.
    Full,
    /// It touches the addresses EC2 keeps for itself, so it can hold addresses and never be a prefix.
    Edge,
}

/// One /28 block of a subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Block {
    /// What it holds.
    pub state: BlockState,
    /// The reservation that touches it; explicit where both kinds do.
    pub reserved: Option<ReservationKind>,
}

/// Blocks that can become prefixes and lie side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Run {
    /// The first of them.
    pub first: Ipv4Prefix,
    /// How many.
    pub blocks: u32,
}

/// How many blocks there are of each sort; every block counts once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BlockCounts {
    /// Free and not reserved.
    pub free: u32,
    /// Free inside a reservation for prefixes.
    pub free_reserved: u32,
    /// Free inside an explicit reservation: not to be had.
    pub explicit: u32,
    /// Prefixes of interfaces.
    pub prefixes: u32,
    /// With one to fifteen single addresses.
    pub fragmented: u32,
    /// With sixteen.
    pub full: u32,
    /// At the edges.
    pub edge: u32,
}

/// The /28 map of a subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockMap {
    cidr: Ipv4Net,
    blocks: Vec<Block>,
    available: u32,
}

impl BlockMap {
    /// The map of a subnet from everything seen in it: single addresses (primaries too) and prefixes of all visible
    /// interfaces whoever owns them, and its reservations. `available` is `AvailableIpAddressCount`.
    ///
    /// Unknown where fewer addresses are available than what was seen leaves: then interfaces hold addresses here that
    /// we cannot see, which is so in a subnet shared by another account, and any block may be theirs. More available
    /// than expected is only an address released between two reads: the map then errs to the careful side.
    pub fn of(
        cidr: Ipv4Net,
        addresses: impl IntoIterator<Item = Ipv4Addr>,
        prefixes: impl IntoIterator<Item = Ipv4Net>,
        reservations: &[Reservation],
        available: u32,
    ) -> Known<Self> {
        // What EC2 makes; it also bounds the map to 4,096 blocks.
        if !(16..=28).contains(&cidr.prefix_len()) {
            return Known::Unknown(format!("{cidr} is not a network a subnet can have (/16 to /28)"));
        }
        let mut seen = Seen::new(cidr);
        addresses.into_iter().for_each(|address| seen.address(address));
        prefixes.into_iter().for_each(|prefix| seen.network(prefix));
        let size = 1_u32 << (32 - u32::from(cidr.prefix_len()));
        let taken = seen.taken();
        let reserved = seen.free_in(reservations);
        // EC2 takes the free addresses of a reservation off the count, at once or as the reservation is used up.
        let least = size.saturating_sub(RESERVED_BY_EC2 + taken + reserved);
        if available < least {
            return Known::Unknown(format!(
                "{available} of the {size} addresses of {cidr} are available, but the {taken} that can be \
                 seen in use leave {least}: interfaces that cannot be seen hold {}",
                least - available
            ));
        }
        Known::Yes(Self {
            cidr,
            blocks: seen.blocks(reservations),
            available,
        })
    }

    /// The network it is a map of.
    pub fn cidr(&self) -> Ipv4Net {
        self.cidr
    }

    /// `AvailableIpAddressCount` when it was made: a cross-check, never the capacity.
    pub fn available(&self) -> u32 {
        self.available
    }

    /// Its blocks in order.
    pub fn blocks(&self) -> impl Iterator<Item = (Ipv4Prefix, Block)> + '_ {
        let first = u32::from(self.cidr.network());
        (first..)
            .step_by(Ipv4Prefix::SIZE as usize)
            .map(|address| Ipv4Prefix::containing(Ipv4Addr::from(address)))
            .zip(self.blocks.iter().copied())
    }

    /// How many more prefixes the subnet can give: free blocks, those in reservations for prefixes included.
    pub fn free_prefixes(&self) -> u32 {
        count(self.blocks.iter().filter(|block| block.can_become_prefix()))
    }

    /// Of those, how many lie in reservations for prefixes, where single addresses cannot break them up.
    pub fn free_in_reservations(&self) -> u32 {
        self.counts().free_reserved
    }

    /// Runs of neighbouring blocks that can become prefixes, the longest first, then by address.
    pub fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        let mut open = false;
        for (prefix, block) in self.blocks() {
            let free = block.can_become_prefix();
            match runs.last_mut().filter(|_| open && free) {
                Some(run) => run.blocks += 1,
                None if free => runs.push(Run {
                    first: prefix,
                    blocks: 1,
                }),
                None => {}
            }
            open = free;
        }
        runs.sort_by_key(|run| (std::cmp::Reverse(run.blocks), run.first));
        runs
    }

    /// 0 to 100: the share of broken-up blocks among those that single addresses use or can use, rounded up. The same
    /// figure as AWS Support's subnet fragmentation report; from 75 on it says high, 100 is exhausted.
    pub fn fragmentation(&self) -> u32 {
        let counts = self.counts();
        let broken = counts.fragmented + counts.full;
        (broken * 100).div_ceil((counts.free + broken).max(1))
    }

    /// How many blocks there are of each sort.
    pub fn counts(&self) -> BlockCounts {
        let mut counts = BlockCounts::default();
        for block in &self.blocks {
            let counter = match (block.state, block.reserved) {
                (BlockState::Edge, _) => &mut counts.edge,
                (BlockState::Prefix, _) => &mut counts.prefixes,
                (BlockState::Fragmented(_), _) => &mut counts.fragmented,
                (BlockState::Full, _) => &mut counts.full,
                (BlockState::Free, None) => &mut counts.free,
                (BlockState::Free, Some(ReservationKind::Prefix)) => &mut counts.free_reserved,
                (BlockState::Free, Some(ReservationKind::Explicit)) => &mut counts.explicit,
            };
            *counter += 1;
        }
        counts
    }
}

impl Block {
    /// Whether EC2 can give it as a prefix.
    pub fn can_become_prefix(self) -> bool {
        self.state == BlockState::Free && self.reserved != Some(ReservationKind::Explicit)
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

/// One bit an address: sixteen to a block.
struct Seen {
    cidr: Ipv4Net,
    used: Vec<u16>,
    prefix: Vec<bool>,
}

impl Seen {
    fn new(cidr: Ipv4Net) -> Self {
        let blocks = 1_usize << (28 - cidr.prefix_len());
        Self {
            cidr,
            used: vec![0; blocks],
            prefix: vec![false; blocks],
        }
    }

    fn position(&self, address: Ipv4Addr) -> Option<(usize, u16)> {
        let offset = u32::from(address).checked_sub(u32::from(self.cidr.network()))?;
        let bit = 1_u16 << (offset % Ipv4Prefix::SIZE);
        let block = usize::try_from(offset / Ipv4Prefix::SIZE).ok()?;
        (block < self.used.len()).then_some((block, bit))
    }

    fn address(&mut self, address: Ipv4Addr) {
        if let Some((block, bit)) = self.position(address)
            && let Some(used) = self.used.get_mut(block)
        {
            *used |= bit;
        }
    }

    fn network(&mut self, network: Ipv4Net) {
        let Some(prefix) = Ipv4Prefix::from_net(network) else {
            return;
        };
        if let Some((block, _)) = self.position(prefix.first()) {
            if let Some(used) = self.used.get_mut(block) {
                *used = u16::MAX;
            }
            if let Some(is_prefix) = self.prefix.get_mut(block) {
                *is_prefix = true;
            }
        }
    }

    fn taken(&self) -> u32 {
        self.used.iter().map(|bits| bits.count_ones()).sum()
    }

    /// The bits of a block that a network covers.
    fn covered(&self, block: usize, network: Ipv4Net) -> u16 {
        let first =
            u32::from(self.cidr.network()) + u32::try_from(block).unwrap_or(u32::MAX) * Ipv4Prefix::SIZE;
        (0..Ipv4Prefix::SIZE)
            .filter(|offset| network.contains(&Ipv4Addr::from(first + offset)))
            .fold(0, |bits, offset| bits | 1 << offset)
    }

    fn free_in(&self, reservations: &[Reservation]) -> u32 {
        let free = |(block, used): (usize, &u16)| {
            let reserved = reservations.iter().fold(0, |bits, reservation| {
                bits | self.covered(block, reservation.cidr)
            });
            (reserved & !used & !self.edge_bits(block)).count_ones()
        };
        if reservations.is_empty() {
            return 0;
        }
        self.used.iter().enumerate().map(free).sum()
    }

    /// The addresses of a block that EC2 keeps.
    fn edge_bits(&self, block: usize) -> u16 {
        let first = if block == 0 { 0b1111 } else { 0 };
        let last = if block + 1 == self.used.len() { 1 << 15 } else { 0 };
        first | last
    }

    fn blocks(&self, reservations: &[Reservation]) -> Vec<Block> {
        let reserved = |block| {
            reservations
                .iter()
                .filter(|reservation| self.covered(block, reservation.cidr) != 0)
                .map(|reservation| reservation.kind)
                .max()
        };
        let used = self.used.iter().zip(&self.prefix).enumerate();
        used.map(|(block, (used, prefix))| Block {
            state: match used.count_ones() {
                _ if *prefix => BlockState::Prefix,
                _ if self.edge_bits(block) != 0 => BlockState::Edge,
                0 => BlockState::Free,
                16 => BlockState::Full,
                some => BlockState::Fragmented(u8::try_from(some).unwrap_or(16)),
            },
            reserved: if reservations.is_empty() {
                None
            } else {
                reserved(block)
            },
        })
        .collect()
    }
}

#[cfg(test)]
#[path = "blocks_tests.rs"]
mod tests;
