//! How many /28 blocks nodes ask of a subnet in prefix mode: right after they start, and once their pods have moved.

use crate::config::Effective;
use crate::limits::InstanceLimits;
use crate::net::Ipv4Prefix;

/// A node as it will be under the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedNode {
    /// What its type can carry.
    pub limits: InstanceLimits,
    /// Pods that will need an address there.
    pub pods: u32,
    /// `--max-pods`: ipamd stops growing once it holds as many addresses; none where it is not known.
    pub max_pods: Option<u32>,
    /// Prefixes it holds already.
    pub held: u32,
}

/// Blocks that nodes still have to get from one subnet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Need {
    /// Nodes counted.
    pub nodes: u32,
    /// Blocks all of them take when they start in prefix mode, before any pod: what an in-place switch asks for in the
    /// first minutes.
    pub start: u32,
    /// Blocks all of them hold with their pods and the warm pool.
    pub steady: u32,
    /// Blocks of the surge: nodes that exist twice while a replacement runs.
    pub surge: u32,
}

impl Need {
    /// Steady state and surge together. The start is a part of the steady state.
    pub fn total(self) -> u32 {
        self.steady.saturating_add(self.surge)
    }
}

/// What the nodes of one subnet need.
///
/// Steady state: each node keeps blocks for its pods (sixteen to a block) plus the warm pool, as ipamd computes it: with
/// WARM_IP_TARGET or MINIMUM_IP_TARGET `ceil(max(pods + warm, minimum) / 16)`, else `ceil(pods / 16) +
/// WARM_PREFIX_TARGET`; never more than max-pods asks for or the interfaces can hold, never less than one. Start is the
/// same without pods. Blocks a node holds already count as given.
///
/// Surge: `surge_nodes` more nodes at their start. They come from the same subnet while the old nodes still hold
/// everything they have. Addresses that old nodes give back are not counted as blocks: single addresses lie scattered,
/// and a block is free only when the last of its sixteen has gone.
pub fn need(nodes: &[PlannedNode], effective: &Effective, surge_nodes: u32) -> Need {
    let able = || nodes.iter().filter(|node| node.limits.prefix_delegation);
    let largest_start = able()
        .map(|node| prefixes(node, effective, 0))
        .max()
        .unwrap_or_default();
    able().fold(
        Need {
            surge: largest_start.saturating_mul(surge_nodes),
            ..Need::default()
        },
        |sum, node| Need {
            nodes: sum.nodes + 1,
            start: sum
                .start
                .saturating_add(prefixes(node, effective, 0).saturating_sub(node.held)),
            steady: sum
                .steady
                .saturating_add(prefixes(node, effective, node.pods).saturating_sub(node.held)),
            surge: sum.surge,
        },
    )
}

fn prefixes(node: &PlannedNode, effective: &Effective, pods: u32) -> u32 {
    let number = |value: i64| u32::try_from(value).unwrap_or_default();
    let blocks = |addresses: u32| addresses.div_ceil(Ipv4Prefix::SIZE);
    let wanted = if effective.warm_ip_targets_set() {
        let warm = number(effective.warm_ip());
        blocks(pods.saturating_add(warm).max(number(effective.minimum_ip())))
    } else {
        blocks(pods).saturating_add(number(effective.warm_prefix()))
    };
    let interfaces = effective
        .max_enis_on(&node.limits)
        .saturating_sub(u32::from(effective.custom_networking()));
    let most = interfaces.saturating_mul(node.limits.slots_per_eni());
    let enough = node.max_pods.map_or(most, blocks);
    wanted.max(1).min(enough.max(blocks(pods))).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CniConfig, Key, Value};
    use crate::version::CniVersion;

    const M5_LARGE: InstanceLimits = InstanceLimits {
        max_enis: 3,
        ipv4_per_eni: 10,
        prefix_delegation: true,
        nitro: true,
        bare_metal: false,
        trunk: Some(true),
        branches: Some(9),
        vcpus: Some(2),
    };

    fn effective(targets: &[(Key, i64)]) -> Effective {
        let mut config = CniConfig::default();
        config.set(Key::EnablePrefixDelegation, Value::Bool(true));
        for (key, value) in targets {
            config.set(*key, Value::Int(*value));
        }
        Effective::of(&config, CniVersion::REFERENCE)
    }

    fn node(pods: u32) -> PlannedNode {
        PlannedNode {
            limits: M5_LARGE,
            pods,
            max_pods: Some(110),
            held: 0,
        }
    }

    fn one(pods: u32, targets: &[(Key, i64)]) -> u32 {
        need(&[node(pods)], &effective(targets), 0).steady
    }

    #[test]
    fn a_node_holds_what_the_sizing_rules_say() {
        // The worked numbers of the reference: m5.large with one warm prefix and 0, 1, 17 and 110 pods.
        let warm = [(Key::WarmPrefixTarget, 1)];
        assert_eq!([0, 1, 17, 110].map(|pods| one(pods, &warm)), [1, 2, 3, 7]);
        // 16 warm addresses and one pod: two prefixes.
        assert_eq!(one(1, &[(Key::WarmIpTarget, 16)]), 2);
        assert_eq!(one(3, &[(Key::WarmIpTarget, 2), (Key::MinimumIpTarget, 40)]), 3);
    }

    #[test]
    fn interfaces_bound_it() {
        let tiny = PlannedNode {
            max_pods: None,
            ..node(0)
        };
        let many = effective(&[(Key::WarmPrefixTarget, 100)]);
        assert_eq!(need(&[tiny], &many, 0).steady, 27);
    }

    #[test]
    fn held_blocks_are_given_and_surge_comes_on_top() {
        let warm = effective(&[(Key::WarmPrefixTarget, 1)]);
        let nodes = [node(20), PlannedNode { held: 2, ..node(20) }];
        let seen = need(&nodes, &warm, 2);
        let expected = Need {
            nodes: 2,
            start: 1,
            steady: 4,
            surge: 2,
        };
        assert_eq!((seen, seen.total()), (expected, 6));
    }

    #[test]
    fn types_without_prefixes_need_none() {
        let xen = InstanceLimits {
            prefix_delegation: false,
            ..M5_LARGE
        };
        let nodes = [PlannedNode {
            limits: xen,
            ..node(20)
        }];
        assert_eq!(need(&nodes, &effective(&[]), 3), Need::default());
    }
}
