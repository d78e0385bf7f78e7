//! Whether the subnets carry a migration: the fewest free /28 blocks over the whole plan, and when that is.
//!
//! The plan is walked wave by wave: the new nodes of a wave take what they need while the old ones still hold all they
//! have; then the pods move, then the old ones give everything back. A prefix that is given back is a free block again.
//! Single addresses that are given back are not: they lie scattered, and a block is free only when the last of its
//! sixteen has gone. Single addresses that are taken come from broken blocks first, and break a free block when there
//! are none. Free addresses inside reservations are not given out singly.

use super::blocks::{BlockMap, BlockState};
use super::forecast::{Course, Forecast};
use super::need::{PlannedNode, need};
use crate::config::Effective;
use crate::ids::SubnetId;
use crate::known::Known;
use crate::limits::InstanceLimits;
use crate::net::{Ipv4Net, Ipv4Prefix};
use std::collections::{BTreeMap, BTreeSet};

/// What a node holds in one subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// The subnet.
    pub subnet: SubnetId,
    /// /28 prefixes.
    pub prefixes: u32,
    /// Single addresses, those of the interfaces themselves included.
    pub singles: u32,
}

/// A node that is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedNode {
    /// What its type can carry.
    pub limits: InstanceLimits,
    /// Its pods that need an address.
    pub pods: u32,
    /// What it holds now.
    pub holds: Vec<Holding>,
}

/// One stage, as far as addresses are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg {
    /// What the new nodes run.
    pub effective: Effective,
    /// Nodes that exist twice at a time.
    pub per_wave: u32,
    /// For each node: where its successor's primary interface is, where its pods get addresses, and its max-pods.
    pub places: Vec<(SubnetId, SubnetId, Option<u32>)>,
}

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
    /// Blocks it will give that are not free now, once the addresses in them are released.
    pub gains: u32,
}

/// The capacity proof of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capacity {
    /// Subnets that the plan takes addresses from, the tightest first.
    pub subnets: Vec<LowPoint>,
    /// Subnets of which nothing can be said, and why.
    pub unknown: Vec<(SubnetId, String)>,
    /// Nodes of which it is not known what they hold, or what their successors will.
    pub nodes_unknown: u32,
    /// What would mend the subnets that are short, as far as reservations can.
    pub reservations: Vec<Reserve>,
    /// Subnets that no reservation can mend, and blocks that are still missing there: more room is needed.
    pub beyond_mending: Vec<(SubnetId, u32)>,
    /// Addresses in use over the plan, by subnet.
    pub forecast: Vec<Forecast>,
}

impl Capacity {
    /// Whether every subnet is known and none falls below zero.
    pub fn holds(&self) -> bool {
        self.unknown.is_empty() && self.nodes_unknown == 0 && !self.is_short()
    }

    /// Whether a subnet falls below zero.
    pub fn is_short(&self) -> bool {
        self.subnets.iter().any(|low| low.free < 0)
    }
}

/// Walks nodes in their order through the legs.
pub fn simulate(nodes: &[MovedNode], legs: &[Leg], maps: &BTreeMap<SubnetId, Known<BlockMap>>) -> Capacity {
    let mut walk = Walk::new(nodes, maps);
    for leg in legs {
        walk.leg(leg);
    }
    walk.capacity(maps)
}

#[derive(Debug)]
struct Room {
    blocks: i64,
    /// Free addresses in broken blocks.
    loose: i64,
    now: u32,
    low: i64,
    step: u32,
    used: Course,
}

impl Room {
    fn of(map: &BlockMap) -> Self {
        let used = |state: BlockState| match state {
            BlockState::Free | BlockState::Edge => 0,
            BlockState::Prefix | BlockState::Full => 16,
            BlockState::Fragmented(some) => i64::from(some),
        };
        let loose = |state: BlockState| match state {
            BlockState::Fragmented(some) => 16 - i64::from(some),
            _ => 0,
        };
        // What an edge block holds is not in the map, so its addresses count neither as used nor as free.
        let sum =
            |of: &dyn Fn(BlockState) -> i64| map.blocks().map(|(_, block)| of(block.state)).sum::<i64>();
        let loose: i64 = map
            .blocks()
            .filter(|(_, block)| block.reserved.is_none())
            .map(|(_, block)| loose(block.state))
            .sum();
        let blocks = i64::from(map.free_prefixes());
        Self {
            blocks,
            loose,
            now: map.free_prefixes(),
            low: blocks,
            step: 0,
            used: Course::new(sum(&used)),
        }
    }

    fn take(&mut self, prefixes: u32, singles: u32) {
        self.used
            .add(i64::from(prefixes) * i64::from(Ipv4Prefix::SIZE) + i64::from(singles));
        self.blocks -= i64::from(prefixes);
        self.loose -= i64::from(singles);
        while self.loose < 0 {
            self.blocks -= 1;
            self.loose += i64::from(Ipv4Prefix::SIZE);
        }
    }

    fn give(&mut self, prefixes: u32, singles: u32) {
        self.used
            .add(-i64::from(prefixes) * i64::from(Ipv4Prefix::SIZE) - i64::from(singles));
        self.blocks += i64::from(prefixes);
        self.loose += i64::from(singles);
    }

    fn look(&mut self, step: u32) {
        if self.blocks < self.low {
            (self.low, self.step) = (self.blocks, step);
        }
        self.used.look(step);
    }
}

struct Walk {
    rooms: BTreeMap<SubnetId, Room>,
    nodes: Vec<MovedNode>,
    unknown: BTreeMap<SubnetId, String>,
    touched: BTreeSet<SubnetId>,
    step: u32,
}

impl Walk {
    fn new(nodes: &[MovedNode], maps: &BTreeMap<SubnetId, Known<BlockMap>>) -> Self {
        let rooms = maps
            .iter()
            .filter_map(|(subnet, map)| Some((subnet.clone(), Room::of(map.as_option()?))));
        let unknown = maps.iter().filter_map(|(subnet, map)| match map {
            Known::Yes(_) => None,
            Known::Unknown(why) => Some((subnet.clone(), why.clone())),
        });
        Self {
            rooms: rooms.collect(),
            nodes: nodes.to_vec(),
            unknown: unknown.collect(),
            touched: BTreeSet::new(),
            step: 0,
        }
    }

    fn leg(&mut self, leg: &Leg) {
        let size = usize::try_from(leg.per_wave.max(1)).unwrap_or(usize::MAX);
        for first in (0..self.nodes.len()).step_by(size) {
            self.step += 1;
            let wave = first..(first.saturating_add(size)).min(self.nodes.len());
            let mut arriving: Vec<(usize, Vec<Holding>)> = Vec::new();
            for index in wave {
                if let (Some(node), Some(place)) = (self.nodes.get(index), leg.places.get(index)) {
                    arriving.push((index, future(node, &leg.effective, place)));
                }
            }
            for (_, holds) in &arriving {
                self.each(holds, Room::take);
            }
            let step = self.step;
            self.rooms.values_mut().for_each(|room| room.look(step));
            for (index, holds) in arriving {
                let leaving = match self.nodes.get_mut(index) {
                    Some(node) => std::mem::replace(&mut node.holds, holds),
                    None => Vec::new(),
                };
                self.each(&leaving, Room::give);
            }
        }
    }

    fn each(&mut self, holds: &[Holding], change: impl Fn(&mut Room, u32, u32)) {
        for holding in holds {
            self.touched.insert(holding.subnet.clone());
            if let Some(room) = self.rooms.get_mut(&holding.subnet) {
                change(room, holding.prefixes, holding.singles);
            }
        }
    }

    fn capacity(self, maps: &BTreeMap<SubnetId, Known<BlockMap>>) -> Capacity {
        let mut capacity = Capacity::default();
        for subnet in &self.touched {
            let Some(room) = self.rooms.get(subnet) else {
                let why = self.unknown.get(subnet).cloned();
                let why = why.unwrap_or_else(|| "it was not seen".to_owned());
                capacity.unknown.push((subnet.clone(), why));
                continue;
            };
            capacity.subnets.push(LowPoint {
                subnet: subnet.clone(),
                now: room.now,
                free: room.low,
                step: room.step,
                end: room.blocks,
            });
            capacity.forecast.push(room.used.forecast(subnet, maps));
            let missing = u32::try_from(-room.low).unwrap_or_default();
            if let (1.., Some(Known::Yes(map))) = (missing, maps.get(subnet)) {
                mend(subnet, map, missing, &mut capacity);
            }
        }
        capacity.subnets.sort_by_key(|low| low.free);
        capacity
    }
}

/// What the successor of a node holds once its pods are there.
fn future(
    node: &MovedNode,
    effective: &Effective,
    (home, pods_in, max_pods): &(SubnetId, SubnetId, Option<u32>),
) -> Vec<Holding> {
    let slots = node.limits.slots_per_eni().max(1);
    let most = effective.max_enis_on(&node.limits).max(1);
    let custom = u32::from(effective.custom_networking());
    let pods = max_pods.map_or(node.pods, |max| node.pods.min(max));
    let (prefixes, addresses) = if effective.prefix_delegation() && node.limits.prefix_delegation {
        let planned = PlannedNode {
            limits: node.limits,
            pods,
            max_pods: *max_pods,
            held: 0,
        };
        (need(&[planned], effective, 0).steady, 0)
    } else {
        (0, addresses(pods, effective, slots, most.saturating_sub(custom)))
    };
    let pod_enis = (prefixes + addresses).div_ceil(slots).max(1);
    if custom == 0 {
        return vec![Holding {
            subnet: home.clone(),
            prefixes,
            singles: addresses + pod_enis.min(most),
        }];
    }
    vec![
        Holding {
            subnet: home.clone(),
            prefixes: 0,
            singles: 1,
        },
        Holding {
            subnet: pods_in.clone(),
            prefixes,
            singles: addresses + pod_enis.min(most.saturating_sub(1).max(1)),
        },
    ]
}

/// Single addresses a node holds: what the address targets ask for, else full interfaces, with those kept ready.
fn addresses(pods: u32, effective: &Effective, slots: u32, enis: u32) -> u32 {
    let number = |value: i64| u32::try_from(value).unwrap_or_default();
    let most = enis.saturating_mul(slots);
    if effective.warm_ip_targets_set() {
        let wanted = pods.saturating_add(number(effective.warm_ip()));
        return wanted.max(number(effective.minimum_ip())).min(most);
    }
    let full = pods.div_ceil(slots).saturating_add(number(effective.warm_eni()));
    full.max(1).saturating_mul(slots).min(most)
}

/// The blocks with the fewest addresses in them, as neighbouring reservations joined.
fn mend(subnet: &SubnetId, map: &BlockMap, missing: u32, capacity: &mut Capacity) {
    let mut broken: Vec<(u8, Ipv4Prefix)> = map
        .blocks()
        .filter_map(|(prefix, block)| match (block.state, block.reserved) {
            (BlockState::Fragmented(some), None) => Some((some, prefix)),
            (BlockState::Full, None) => Some((16, prefix)),
            _ => None,
        })
        .collect();
    broken.sort_unstable();
    broken.truncate(usize::try_from(missing).unwrap_or(usize::MAX));
    let found = u32::try_from(broken.len()).unwrap_or(u32::MAX);
    let nets: Vec<Ipv4Net> = broken.iter().map(|(_, prefix)| prefix.net()).collect();
    for cidr in Ipv4Net::aggregate(&nets) {
        capacity.reservations.push(Reserve {
            subnet: subnet.clone(),
            cidr,
            gains: 1 << (28 - cidr.prefix_len().min(28)),
        });
    }
    if found < missing {
        capacity.beyond_mending.push((subnet.clone(), missing - found));
    }
}

#[cfg(test)]
#[path = "simulate_tests.rs"]
mod tests;
