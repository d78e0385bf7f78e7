//! What a plan of the pool is made from.

use super::action::Want;
use crate::assign::Store;
use crate::config::Effective;
use crate::ids::{EniId, SubnetId};
use crate::limits::InstanceLimits;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// The least time between two times that blocks are given back because there are too many.
pub const SHRINK_INTERVAL: SignedDuration = SignedDuration::from_secs(30);

/// How old an interface must be before it may be deleted.
pub const MIN_ENI_LIFETIME: SignedDuration = SignedDuration::from_secs(60);

/// An operation on an interface that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pending {
    /// So many addresses or prefixes are asked for; the store does not have them yet.
    Assign(u32),
    /// So many blocks are being given back; the store has them no longer, and EC2 still may.
    Release(u32),
    /// It is being detached and deleted; the store has it no longer.
    Delete {
        /// The network card it was on.
        card: u32,
    },
    /// Something else, such as setting it up or changing its groups.
    Other,
}

/// An interface that is being made and attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Creating {
    /// The network card.
    pub card: u32,
    /// The device number it is to have.
    pub device: u32,
    /// What it is asked for with.
    pub want: Want,
    /// How many of those.
    pub count: u32,
}

/// What a network card carries besides the interfaces in the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CardFacts {
    /// Interfaces that are not ours to manage, EFA-only ones included.
    pub unmanaged: u32,
    /// Device numbers they have.
    pub devices: BTreeSet<u32>,
}

/// What is known of a node when a plan is made.
#[derive(Debug)]
pub struct PoolWorld<'a> {
    /// Its data store. Mode and custom networking are those of its rules: the mode a node is pinned to.
    pub store: &'a Store,
    /// What its type can carry.
    pub limits: &'a InstanceLimits,
    /// The configuration.
    pub effective: &'a Effective,
    /// Pods the kubelet was started for.
    pub max_pods: u32,
    /// Whether the node takes no new pods, and nobody said that its interfaces are to be managed all the same.
    pub cordoned: bool,
    /// Whether the agent is about to end: nothing is attached or detached any more.
    pub terminating: bool,
    /// When blocks were last given back because there were too many.
    pub last_shrink: Option<Timestamp>,
    /// Subnets that had no room, and until when they are not asked again.
    pub full: &'a BTreeMap<SubnetId, Timestamp>,
    /// Operations under way.
    pub pending: &'a BTreeMap<EniId, Pending>,
    /// Interfaces being made.
    pub creating: &'a [Creating],
    /// The network cards whose interfaces are managed; the default card is 0.
    pub cards: &'a BTreeMap<u32, CardFacts>,
    /// Subnets a new interface can be in, the best first: by discovery, or that of the ENIConfig. Empty where none is
    /// known.
    pub subnets: &'a [SubnetId],
    /// The most calls this plan may lead to; none where nobody set a limit. Growth comes first.
    pub budget: Option<u32>,
}

impl PoolWorld<'_> {
    /// Addresses or prefixes an interface can hold besides its primary address.
    pub(super) fn slots(&self) -> u32 {
        self.limits.slots_per_eni()
    }

    /// Whether a subnet may be asked.
    pub(super) fn has_room(&self, subnet: &SubnetId, now: Timestamp) -> bool {
        self.full.get(subnet).is_none_or(|until| *until <= now)
    }
}
