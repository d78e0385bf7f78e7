//! Whether the subnets carry a migration: the fewest free /28 blocks over the whole plan, and when that is.

use crate::ids::SubnetId;
use crate::net::Ipv4Net;

/// The worst moment of one subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LowPoint {
    /// The subnet.
    pub subnet: SubnetId,
    /// Free aligned blocks before the first step.
    pub now: u32,
    /// Free aligned blocks at the worst step; below zero where so many are missing.
    pub free: i64,
    /// That step, counted in waves from 1; 0 is before the first.
    pub step: u32,
    /// Free aligned blocks once all is done.
    pub end: i64,
}

/// A reservation that mends a subnet: made while its addresses are still in use, it gathers what is released, because
/// released addresses inside a reservation for prefixes are not given out singly again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reserve {
    /// The subnet.
    pub subnet: SubnetId,
    /// What to reserve, with type `prefix`.
    pub cidr: Ipv4Net,
    /// Blocks it will give that are not free now.
    pub gains: u32,
}

/// The capacity proof of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capacity {
    /// Subnets that the plan takes blocks from, the tightest first.
    pub subnets: Vec<LowPoint>,
    /// Subnets of which nothing can be said, and why.
    pub unknown: Vec<(SubnetId, String)>,
    /// What would mend the subnets that are short, as far as reservations can.
    pub reservations: Vec<Reserve>,
    /// Subnets that no reservation can mend, and blocks that are still missing there: more room is needed.
    pub beyond_mending: Vec<(SubnetId, u32)>,
}

impl Capacity {
    /// Whether every subnet is known and none falls below zero.
    pub fn holds(&self) -> bool {
        self.unknown.is_empty() && self.subnets.iter().all(|low| low.free >= 0)
    }
}
