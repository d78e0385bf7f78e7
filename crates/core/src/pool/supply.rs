//! What a pool has against what the targets ask for, in plain numbers.

use super::action::Want;
use super::world::PoolWorld;
use crate::assign::{Mode, Stats};
use crate::config::Effective;
use crate::net::Ipv4Prefix;
use crate::warm::{self, PREFIX_STEP, PoolCounts, TargetState, Unit};

/// Addresses of one network card, what is under way included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Supply {
    /// Addresses.
    pub total: i64,
    /// Of those, addresses that pods hold.
    pub assigned: i64,
    /// Of those, addresses in cooldown: nobody can have them now.
    pub cooling: i64,
    /// Prefixes.
    pub prefixes: i64,
    /// Of those, prefixes with all addresses free.
    pub free_prefixes: i64,
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl From<Stats> for Supply {
    fn from(stats: Stats) -> Self {
        Self {
            total: signed(stats.total),
            assigned: signed(stats.assigned),
            cooling: signed(stats.cooling),
            prefixes: signed(stats.prefixes),
            free_prefixes: signed(stats.free_prefixes),
        }
    }
}

impl Supply {
    /// Addresses a pod can have now.
    pub fn available(&self) -> i64 {
        self.total - self.assigned - self.cooling
    }

    /// With so many free addresses or prefixes more.
    #[must_use]
    pub fn plus(mut self, want: Want, count: i64) -> Self {
        match want {
            Want::Addresses => self.total += count,
            Want::Prefixes => {
                self.total += count * i64::from(Ipv4Prefix::SIZE);
                self.prefixes += count;
                self.free_prefixes += count;
            }
            Want::Ipv6Prefixes => {}
        }
        self
    }
}

/// What is asked of the pool of one network card.
#[derive(Debug, Clone, Copy)]
pub struct Demand<'a> {
    /// The configuration.
    pub effective: &'a Effective,
    /// Secondary addresses or prefixes.
    pub mode: Mode,
    /// The network card.
    pub card: u32,
    /// Addresses or prefixes an interface can hold.
    pub slots: u32,
    /// Pods the kubelet was started for.
    pub max_pods: u32,
}

impl<'a> Demand<'a> {
    /// The demand on a card of a node.
    pub fn of(world: &PoolWorld<'a>, card: u32) -> Self {
        Self {
            effective: world.effective,
            mode: world.store.rules().mode,
            card,
            slots: world.slots(),
            max_pods: world.max_pods,
        }
    }

    /// What the pool grows by.
    pub fn want(&self) -> Want {
        match self.mode {
            Mode::Secondary => Want::Addresses,
            Mode::Prefix => Want::Prefixes,
            Mode::Ipv6 => Want::Ipv6Prefixes,
        }
    }

    fn unit(&self) -> (Unit, i64) {
        match self.mode {
            Mode::Prefix => (Unit::Prefix, i64::from(Ipv4Prefix::SIZE)),
            Mode::Secondary | Mode::Ipv6 => (Unit::Address, 1),
        }
    }

    /// Addresses an interface can hold.
    pub fn addresses_per_eni(&self) -> i64 {
        i64::from(self.slots) * self.unit().1
    }

    /// WARM_IP_TARGET and MINIMUM_IP_TARGET, where one of them is set. Other cards than the default one always keep one
    /// address free.
    pub(super) fn address_targets(&self) -> Option<(i64, i64)> {
        if self.card != 0 {
            return Some((1, 1));
        }
        self.effective
            .warm_ip_targets_set()
            .then(|| (self.effective.warm_ip(), self.effective.minimum_ip()))
    }

    /// What the address targets ask for. With MINIMUM_IP_TARGET alone one address is kept free all the same: without it
    /// a pool that has reached its minimum would never grow again.
    pub fn state(&self, supply: &Supply) -> Option<TargetState> {
        let (warm, minimum) = self.address_targets()?;
        let counts = PoolCounts {
            addresses: supply.total,
            assigned: supply.assigned + supply.cooling,
            prefixes: supply.prefixes,
            free_prefixes: supply.free_prefixes,
        };
        Some(warm::state_for(warm.max(1), minimum, self.unit().0, counts))
    }

    /// The target that counts where the address targets are not set: WARM_PREFIX_TARGET or WARM_ENI_TARGET.
    pub(super) fn block_target(&self) -> i64 {
        match self.mode {
            Mode::Prefix => self.effective.warm_prefix(),
            Mode::Secondary | Mode::Ipv6 => self.effective.warm_eni(),
        }
    }

    /// Whether the pool is to grow.
    pub fn is_low(&self, supply: &Supply) -> bool {
        if supply.total - supply.cooling >= i64::from(self.max_pods) {
            return false;
        }
        if let Some(state) = self.state(supply) {
            return state.short > 0;
        }
        let target = self.block_target();
        let size = match self.mode {
            Mode::Prefix => self.unit().1,
            Mode::Secondary | Mode::Ipv6 => self.addresses_per_eni(),
        };
        let available = supply.available();
        available < target.saturating_mul(size) || (target == 0 && available == 0)
    }

    /// How much a low pool grows by: addresses, or prefixes.
    pub fn missing(&self, supply: &Supply) -> i64 {
        match (self.mode, self.state(supply)) {
            (Mode::Secondary | Mode::Ipv6, Some(state)) => state.short,
            (Mode::Secondary | Mode::Ipv6, None) => i64::from(self.slots),
            (Mode::Prefix, Some(state)) => state.short.max(PREFIX_STEP),
            (Mode::Prefix, None) => (self.block_target() - supply.free_prefixes).max(PREFIX_STEP),
        }
    }

    /// How many addresses or prefixes are too many. With WARM_ENI_TARGET alone no single address ever goes. With a
    /// WARM_PREFIX_TARGET of 0 the last free addresses stay: a pool without any is low.
    pub fn over(&self, supply: &Supply) -> i64 {
        match (self.mode, self.state(supply)) {
            (_, Some(state)) => state.over,
            (Mode::Prefix, None) => {
                let elsewhere = supply.available() - supply.free_prefixes * self.unit().1;
                let kept = self.block_target().max(i64::from(elsewhere <= 0));
                (supply.free_prefixes - kept).max(0)
            }
            (Mode::Secondary | Mode::Ipv6, None) => 0,
        }
    }
}
