//! How many addresses a subnet has in use over a plan: now, at most, and in the end.

use super::blocks::BlockMap;
use crate::ids::SubnetId;
use crate::known::Known;
use std::collections::BTreeMap;

/// Addresses that EC2 keeps for itself in every subnet.
const KEPT_BY_EC2: u32 = 5;

/// Addresses of one subnet over a plan. A prefix is sixteen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// The subnet.
    pub subnet: SubnetId,
    /// What it can give.
    pub size: u32,
    /// In use now.
    pub now: i64,
    /// In use at the fullest step.
    pub most: i64,
    /// That step, counted in waves from 1; 0 is before the first.
    pub step: u32,
    /// In use once all is done.
    pub end: i64,
}

impl Forecast {
    /// Addresses left at the fullest step; below zero where so many are missing.
    pub fn left(&self) -> i64 {
        i64::from(self.size) - self.most
    }
}

/// The use of a subnet while a plan is walked.
#[derive(Debug)]
pub(super) struct Course {
    start: i64,
    now: i64,
    most: i64,
    step: u32,
}

impl Course {
    pub(super) fn new(used: i64) -> Self {
        Self {
            start: used,
            now: used,
            most: used,
            step: 0,
        }
    }

    pub(super) fn add(&mut self, addresses: i64) {
        self.now += addresses;
    }

    pub(super) fn look(&mut self, step: u32) {
        if self.now > self.most {
            (self.most, self.step) = (self.now, step);
        }
    }

    pub(super) fn forecast(&self, subnet: &SubnetId, maps: &BTreeMap<SubnetId, Known<BlockMap>>) -> Forecast {
        let map = maps.get(subnet).and_then(Known::as_option);
        Forecast {
            subnet: subnet.clone(),
            size: map.map_or(0, |map| {
                (1_u32 << (32 - u32::from(map.cidr().prefix_len()))) - KEPT_BY_EC2
            }),
            now: self.start,
            most: self.most,
            step: self.step,
            end: self.now,
        }
    }
}
