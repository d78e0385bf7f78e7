//! A block of addresses of an interface: a single address, a /28 or a /80, and who holds which address of it.

use super::key::{Key, PodRef};
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The sort of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sort {
    /// A secondary address.
    Single,
    /// A /28.
    Prefix,
    /// An IPv6 block: EC2 gives a /80.
    Six,
}

impl Sort {
    /// The sort of a network; none where EC2 gives no such thing to an interface.
    pub(super) fn of(net: IpNet) -> Option<Self> {
        match (net, net.prefix_len()) {
            (IpNet::V4(_), 32) => Some(Self::Single),
            (IpNet::V4(_), 28) => Some(Self::Prefix),
            (IpNet::V6(_), 1..=80) => Some(Self::Six),
            _ => None,
        }
    }

    /// Addresses in such a block; a larger one counts as a /80, which is more than a node can use.
    pub(super) fn size(self) -> u64 {
        match self {
            Self::Single => 1,
            Self::Prefix => 16,
            Self::Six => 1 << 48,
        }
    }

    /// Its place in the counters of an interface.
    pub(super) fn index(self) -> usize {
        match self {
            Self::Single => 0,
            Self::Prefix => 1,
            Self::Six => 2,
        }
    }
}

/// Who holds an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) key: Key,
    pub(super) pod: Option<PodRef>,
    pub(super) since: Timestamp,
    pub(super) interfaces: u32,
}

/// An address that was given at least once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Slot {
    Held(Box<Holder>),
    Released(Timestamp),
}

/// Whether something released then is still in cooldown. A clock that was set back by more than the cooldown blocks
/// nothing.
pub(super) fn cools(released: Timestamp, cooldown: SignedDuration, now: Timestamp) -> bool {
    now.duration_since(released).abs() < cooldown
}

/// A block; its addresses that were never given have no slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cidr {
    pub(super) sort: Sort,
    pub(super) added: Timestamp,
    pub(super) held: u32,
    // Sorted; at most 16 but in a /80, where it is as long as the node ever had pods at once.
    slots: Vec<(IpAddr, Slot)>,
}

impl Cidr {
    pub(super) fn new(sort: Sort, added: Timestamp) -> Self {
        Self {
            sort,
            added,
            held: 0,
            slots: Vec::new(),
        }
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = (IpAddr, &Slot)> {
        self.slots.iter().map(|(address, slot)| (*address, slot))
    }

    pub(super) fn holder(&self, address: IpAddr) -> Option<&Holder> {
        match self.slot(address)? {
            Slot::Held(holder) => Some(holder),
            Slot::Released(_) => None,
        }
    }

    pub(super) fn slot(&self, address: IpAddr) -> Option<&Slot> {
        let at = self.slots.binary_search_by_key(&address, |(a, _)| *a).ok()?;
        self.slots.get(at).map(|(_, slot)| slot)
    }

    /// Puts a slot in place of the one that was there.
    pub(super) fn put(&mut self, address: IpAddr, slot: Option<Slot>) -> Option<Slot> {
        let is_held = |slot: &Option<Slot>| u32::from(matches!(slot, Some(Slot::Held(_))));
        let added = is_held(&slot);
        let old = match (self.slots.binary_search_by_key(&address, |(a, _)| *a), slot) {
            (Ok(at), Some(slot)) => self
                .slots
                .get_mut(at)
                .map(|(_, place)| std::mem::replace(place, slot)),
            (Ok(at), None) => Some(self.slots.remove(at).1),
            (Err(at), Some(slot)) => {
                self.slots.insert(at, (address, slot));
                None
            }
            (Err(_), None) => None,
        };
        self.held = self.held + added - is_held(&old);
        old
    }

    /// Addresses in cooldown.
    pub(super) fn cooling(&self, cooldown: SignedDuration, now: Timestamp) -> u32 {
        let cooling = self
            .slots
            .iter()
            .filter(|(_, slot)| matches!(slot, Slot::Released(at) if cools(*at, cooldown, now)));
        u32::try_from(cooling.count()).unwrap_or(u32::MAX)
    }

    /// The lowest address that can be given now.
    pub(super) fn lowest_free(&self, net: IpNet, cooldown: SignedDuration, now: Timestamp) -> Option<IpAddr> {
        let mut next = Some(net.network());
        for (address, slot) in self.slots() {
            if next.is_some_and(|next| next < address) {
                return next;
            }
            match slot {
                Slot::Released(at) if !cools(*at, cooldown, now) => return Some(address),
                Slot::Released(_) | Slot::Held(_) => next = after(address),
            }
        }
        next.filter(|next| net.contains(next))
    }
}

fn after(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => Some(Ipv4Addr::from(u32::from(v4).checked_add(1)?).into()),
        IpAddr::V6(v6) => Some(Ipv6Addr::from(u128::from(v6).checked_add(1)?).into()),
    }
}
