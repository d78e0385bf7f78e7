//! What the warm targets ask for: how many addresses or prefixes a node is short of or has too many.

use crate::config::Effective;
use crate::net::Ipv4Prefix;

/// Prefixes that are taken at a time where no target says more.
pub const PREFIX_STEP: i64 = 1;

/// What the pool of one network card holds. Addresses in cooldown count as free, as upstream counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolCounts {
    /// Addresses of the current mode, used or free.
    pub addresses: i64,
    /// Of those, addresses that pods hold.
    pub assigned: i64,
    /// Prefixes.
    pub prefixes: i64,
    /// Of those, prefixes of which no pod holds an address.
    pub free_prefixes: i64,
}

/// What the address targets ask for, in addresses, or in prefixes in prefix mode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TargetState {
    /// What is missing.
    pub short: i64,
    /// What can go.
    pub over: i64,
}

/// Whole units that hold so many; for counts, which are never negative.
pub fn ceil_div(count: i64, unit: i64) -> i64 {
    count.saturating_add(unit - 1).div_euclid(unit)
}

/// What WARM_IP_TARGET and MINIMUM_IP_TARGET ask for; none where neither is set. Network cards other than the default
/// one always keep one address free and work in addresses.
pub fn target_state(effective: &Effective, network_card: u32, pool: PoolCounts) -> Option<TargetState> {
    let default_card = network_card == 0;
    if default_card && !effective.warm_ip_targets_set() {
        return None;
    }
    let (warm, minimum) = if default_card {
        (effective.warm_ip(), effective.minimum_ip())
    } else {
        (1, 1)
    };
    let unit = if default_card && effective.prefix_delegation() {
        Unit::Prefix
    } else {
        Unit::Address
    };
    Some(state_for(warm, minimum, unit, pool))
}

/// What targets are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Single addresses.
    Address,
    /// Prefixes of sixteen.
    Prefix,
}

/// What a pool is short of, or has too many, where `warm` addresses are to be free and `minimum` to be there in all.
pub fn state_for(warm: i64, minimum: i64, unit: Unit, pool: PoolCounts) -> TargetState {
    // Targets come from texts and may be as large as an i64.
    let free = pool.addresses - pool.assigned;
    let short = (warm - free).max(0).max(minimum - pool.addresses);
    if unit == Unit::Address {
        let over = (free - warm).max(0).min(pool.addresses - minimum).max(0);
        return TargetState { short, over };
    }
    let size = i64::from(Ipv4Prefix::SIZE);
    let not_needed_for = |addresses: i64| pool.prefixes - ceil_div(addresses, size);
    let over = pool
        .free_prefixes
        .min(not_needed_for(pool.assigned.saturating_add(warm)))
        .max(0);
    TargetState {
        short: ceil_div(short, size),
        over: over.min(not_needed_for(minimum)).max(0),
    }
}

/// How many prefixes one pass asks for.
pub fn prefixes_wanted(effective: &Effective, pool: PoolCounts) -> i64 {
    let short = match target_state(effective, 0, pool) {
        Some(state) => state.short,
        None => effective.warm_prefix() - pool.free_prefixes,
    };
    short.max(PREFIX_STEP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CniConfig, Key, Value};
    use crate::version::CniVersion;

    fn effective(settings: &[(Key, Value)]) -> Effective {
        let mut config = CniConfig::default();
        for (key, value) in settings {
            config.set(*key, value.clone());
        }
        Effective::of(&config, CniVersion::REFERENCE)
    }

    #[test]
    fn the_minimum_counts_all_addresses() {
        let targets = effective(&[
            (Key::WarmIpTarget, Value::Int(2)),
            (Key::MinimumIpTarget, Value::Int(30)),
        ]);
        let pool = |addresses, assigned| PoolCounts {
            addresses,
            assigned,
            ..PoolCounts::default()
        };
        let state = |short, over| Some(TargetState { short, over });
        assert_eq!(target_state(&targets, 0, pool(10, 0)), state(20, 0));
        assert_eq!(target_state(&targets, 0, pool(30, 30)), state(2, 0));
        assert_eq!(target_state(&targets, 0, pool(33, 30)), state(0, 1));
        // Without WARM_IP_TARGET nothing is ever short once the minimum is there.
        let alone = effective(&[(Key::MinimumIpTarget, Value::Int(2))]);
        assert_eq!(target_state(&alone, 0, pool(2, 2)), state(0, 0));
    }

    #[test]
    fn targets_may_be_as_large_as_their_texts() {
        let prefix = (Key::EnablePrefixDelegation, Value::Bool(true));
        let huge = effective(&[prefix, (Key::WarmIpTarget, Value::Int(i64::MAX))]);
        let pool = PoolCounts {
            addresses: 16,
            assigned: 16,
            prefixes: 1,
            free_prefixes: 0,
        };
        let short = i64::MAX / 16;
        assert_eq!(target_state(&huge, 0, pool), Some(TargetState { short, over: 0 }));
    }

    #[test]
    fn other_cards_keep_one_address() {
        let bare = effective(&[(Key::EnablePrefixDelegation, Value::Bool(true))]);
        let one = PoolCounts {
            addresses: 1,
            assigned: 1,
            ..PoolCounts::default()
        };
        assert_eq!(target_state(&bare, 0, one), None);
        assert_eq!(
            target_state(&bare, 1, one),
            Some(TargetState { short: 1, over: 0 })
        );
    }

    #[test]
    fn prefixes_are_asked_for_by_target_or_one_at_a_time() {
        let prefix = (Key::EnablePrefixDelegation, Value::Bool(true));
        let free = |free_prefixes| PoolCounts {
            addresses: 16 * free_prefixes,
            prefixes: free_prefixes,
            free_prefixes,
            ..PoolCounts::default()
        };
        let three = effective(&[prefix.clone(), (Key::WarmPrefixTarget, Value::Int(3))]);
        assert_eq!(prefixes_wanted(&three, free(1)), 2);
        assert_eq!(prefixes_wanted(&three, free(3)), 1);
        let addresses = effective(&[prefix, (Key::WarmIpTarget, Value::Int(40))]);
        assert_eq!(prefixes_wanted(&addresses, free(0)), 3);
    }
}
