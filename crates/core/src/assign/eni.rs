//! An interface in the data store: what it is, and its blocks of addresses.

use super::cidr::{Cidr, Holder, Slot, Sort};
use super::rules::Rules;
use crate::ids::{EniId, SubnetId};
use ipnet::IpNet;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What an interface is besides a carrier of addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Role {
    /// The one the instance was started with.
    pub primary: bool,
    /// A trunk: its branches carry pods, it does not.
    pub trunk: bool,
    /// An EFA that also carries IP: usable, and never deleted.
    pub efa: bool,
    /// Its subnet is no longer for this cluster: it serves no new pod.
    pub excluded: bool,
}

/// An interface that the node agent manages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Eni {
    /// Its id.
    pub id: EniId,
    /// Its network card.
    pub card: u32,
    /// Its device number on the card; 0 on card 0 is the primary one.
    pub device: u32,
    /// What else it is.
    pub role: Role,
    /// Its subnet, where it is known.
    pub subnet: Option<SubnetId>,
    /// When the agent saw it for the first time.
    pub added: Timestamp,
}

/// A block of addresses as others see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// The network.
    pub net: IpNet,
    /// Addresses of it that pods hold.
    pub held: u32,
    /// Addresses of it in cooldown.
    pub cooling: u32,
    /// Whether it is of the node's mode: only then pods get addresses of it.
    pub current: bool,
    /// When it came into the store.
    pub added: Timestamp,
}

impl Block {
    /// Whether it can be given back.
    pub fn is_idle(&self) -> bool {
        self.held == 0 && self.cooling == 0
    }
}

/// An interface as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EniView<'a> {
    /// The interface.
    pub eni: &'a Eni,
    /// Whether pods get addresses of it.
    pub serves: bool,
    /// Its blocks in order.
    pub blocks: Vec<Block>,
}

impl EniView<'_> {
    /// Addresses that pods hold.
    pub fn held(&self) -> u32 {
        self.blocks.iter().map(|block| block.held).sum()
    }
}

/// Addresses of each sort of block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    total: u64,
    held: u64,
}

/// An interface with its blocks and the counters that keep an assignment from looking at full ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EniPool {
    pub(super) eni: Eni,
    cidrs: BTreeMap<IpNet, Cidr>,
    counts: [Count; 3],
}

impl EniPool {
    pub(super) fn new(eni: Eni) -> Self {
        Self {
            eni,
            cidrs: BTreeMap::new(),
            counts: Default::default(),
        }
    }

    /// Whether new pods get its addresses.
    pub(super) fn serves(&self, rules: &Rules) -> bool {
        let role = self.eni.role;
        !(role.trunk || role.excluded || (rules.skip_primary && role.primary))
    }

    pub(super) fn cidrs(&self) -> &BTreeMap<IpNet, Cidr> {
        &self.cidrs
    }

    /// The block that overlaps a network. Blocks never overlap each other, so one of the two neighbours is it.
    pub(super) fn overlapping(&self, net: IpNet) -> Option<IpNet> {
        let meets = |other: &IpNet| other.contains(&net) || net.contains(other);
        let before = self.cidrs.range(..=net).next_back().map(|(net, _)| *net);
        let after = self.cidrs.range(net..).next().map(|(net, _)| *net);
        before.filter(meets).or_else(|| after.filter(meets))
    }

    /// The block that holds an address.
    pub(super) fn containing(&self, address: IpAddr) -> Option<IpNet> {
        self.overlapping(IpNet::from(address))
    }

    pub(super) fn insert(&mut self, net: IpNet, sort: Sort, now: Timestamp) {
        if self.cidrs.insert(net, Cidr::new(sort, now)).is_none() {
            self.count(sort, |count| count.total += sort.size());
        }
    }

    pub(super) fn remove(&mut self, net: IpNet) -> Option<Cidr> {
        let cidr = self.cidrs.remove(&net)?;
        self.count(cidr.sort, |count| {
            count.total -= cidr.sort.size();
            count.held -= u64::from(cidr.held);
        });
        Some(cidr)
    }

    pub(super) fn holder(&self, address: IpAddr) -> Option<&Holder> {
        self.cidrs.get(&self.containing(address)?)?.holder(address)
    }

    /// Puts a slot in place of the one that was there; nothing where no block holds the address.
    pub(super) fn put(&mut self, address: IpAddr, slot: Option<Slot>) -> Option<Slot> {
        let cidr = self.cidrs.get_mut(&self.containing(address)?)?;
        let (sort, before) = (cidr.sort, cidr.held);
        let old = cidr.put(address, slot);
        let after = cidr.held;
        self.count(sort, |count| {
            count.held = count.held + u64::from(after) - u64::from(before);
        });
        old
    }

    /// The lowest address that a pod can have now.
    pub(super) fn lowest_free(&self, rules: &Rules, now: Timestamp) -> Option<IpAddr> {
        let sort = rules.mode.sort();
        let count = self.counts.get(sort.index())?;
        if count.held >= count.total || !self.serves(rules) {
            return None;
        }
        self.cidrs
            .iter()
            .filter(|(_, cidr)| cidr.sort == sort && u64::from(cidr.held) < sort.size())
            .find_map(|(net, cidr)| cidr.lowest_free(*net, rules.cooldown, now))
    }

    pub(super) fn view(&self, rules: &Rules, now: Timestamp) -> EniView<'_> {
        let blocks = self.cidrs.iter().map(|(net, cidr)| Block {
            net: *net,
            held: cidr.held,
            cooling: cidr.cooling(rules.cooldown, now),
            current: cidr.sort == rules.mode.sort(),
            added: cidr.added,
        });
        EniView {
            eni: &self.eni,
            serves: self.serves(rules),
            blocks: blocks.collect(),
        }
    }

    fn count(&mut self, sort: Sort, change: impl FnOnce(&mut Count)) {
        if let Some(count) = self.counts.get_mut(sort.index()) {
            change(count);
        }
    }
}
