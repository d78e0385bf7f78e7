//! What a plan costs: time, calls to AWS, and addresses in the subnets, there and back.

use super::PlanWorld;
use super::groups::{leaving, per_wave};
use super::value::{Budget, GroupPlan, Method, MigrationPlan, RollbackPlan, Stage};
use crate::capacity::{Capacity, Holding, Leg, MovedNode, simulate};
use crate::config::Effective;
use crate::eniconfig;
use crate::ids::{EniConfigName, SubnetId};
use crate::known::Known;
use crate::safety::{CniSetup, EniFacts, NodeFacts};
use jiff::SignedDuration;
use std::collections::BTreeMap;

/// A node joins in about three minutes, is emptied in about as long, and its instance ends in one.
const WAVE: SignedDuration = SignedDuration::from_mins(7);
/// Karpenter replaces drifted nodes one after the other, the next one while the last is emptied.
const DRIFTED_NODE: SignedDuration = SignedDuration::from_mins(3);

/// How long it takes if nothing blocks.
pub(super) fn eta(
    stages: &[Stage],
    groups: &[GroupPlan],
    budget: Budget,
    soak: SignedDuration,
) -> SignedDuration {
    let waves: u32 = groups
        .iter()
        .filter(|plan| !plan.method.is_karpenter())
        .map(|plan| plan.nodes.div_ceil(per_wave(&plan.method, budget)))
        .sum();
    let drifted: u32 = groups
        .iter()
        .filter(|plan| plan.method.is_karpenter())
        .map(|plan| plan.nodes)
        .sum();
    let times = |one: SignedDuration, count: u32| {
        one.checked_mul(i32::try_from(count).unwrap_or(i32::MAX))
            .unwrap_or(SignedDuration::MAX)
    };
    let stage = times(WAVE, waves)
        .saturating_add(times(DRIFTED_NODE, drifted))
        .saturating_add(soak);
    times(stage, u32::try_from(stages.len()).unwrap_or(u32::MAX))
}

/// How long it still takes, with so many nodes left in this stage.
pub(in crate::migration) fn remaining(plan: &MigrationPlan, stage: u32, left: u32) -> SignedDuration {
    let times = |count: u32| {
        WAVE.checked_mul(i32::try_from(count).unwrap_or(i32::MAX))
            .unwrap_or(SignedDuration::MAX)
    };
    let waves = left.div_ceil(plan.budget.unavailable.max(1));
    let stages = u32::try_from(plan.stages.len()).unwrap_or(u32::MAX);
    let later = stages.saturating_sub(stage.saturating_add(1));
    let whole = plan.taking_part.div_ceil(plan.budget.unavailable.max(1));
    times(waves).saturating_add(times(later.saturating_mul(whole)))
}

/// Calls to AWS that change something, and one look at each node.
pub(super) fn aws_calls(stages: &[Stage], groups: &[GroupPlan]) -> u32 {
    let calls = |plan: &GroupPlan| match plan.method {
        // Grow, protect, unprotect, terminate, look; suspend, resume, template, its use in the group.
        Method::AutoScaling => 5 * plan.nodes + 4,
        // The same, and: create and delete the group, lower its minimum.
        Method::BlueGreen { .. } => 5 * plan.nodes + 7,
        // Template, update; freeze and the way back.
        Method::UpdateVersion => plan.nodes + 4,
        Method::KarpenterMaxPods { .. }
        | Method::KarpenterAnnotation
        | Method::Drain
        | Method::Wait { .. } => plan.nodes,
    };
    let stage: u32 = groups.iter().map(calls).sum();
    stage.saturating_mul(u32::try_from(stages.len()).unwrap_or(u32::MAX))
}

/// The capacity of the plan, and of the way back from its end.
pub(super) fn capacity(
    world: &PlanWorld<'_>,
    stages: &[Stage],
    groups: &[GroupPlan],
    nodes: &[&NodeFacts],
    budget: Budget,
) -> (Capacity, Capacity) {
    let order: BTreeMap<_, _> = groups
        .iter()
        .enumerate()
        .map(|(place, plan)| (&plan.group, place))
        .collect();
    let mut leaving = leaving(stages, nodes);
    leaving.sort_by_key(|node| order.get(&node.group));
    let known: Vec<(&NodeFacts, MovedNode)> = leaving
        .iter()
        .filter_map(|node| Some((*node, moved(node)?)))
        .collect();
    let moved: Vec<MovedNode> = known.iter().map(|(_, moved)| moved.clone()).collect();
    let facts: Vec<&NodeFacts> = known.iter().map(|(node, _)| *node).collect();
    let per_wave = budget.surge.max(budget.unavailable).max(1);
    let there: Vec<Leg> = stages
        .iter()
        .filter_map(|stage| leg(&facts, &stage.to, &stage.max_pods, per_wave))
        .collect();
    let before: BTreeMap<_, _> = BTreeMap::new();
    let back = stages
        .iter()
        .rev()
        .filter_map(|stage| leg(&facts, &stage.from, &before, per_wave));
    let round_trip: Vec<Leg> = there.iter().cloned().chain(back).collect();
    let maps = match &world.seen.subnets {
        Known::Yes(subnets) => subnets
            .iter()
            .map(|(id, facts)| (id.clone(), facts.blocks.clone()))
            .collect(),
        Known::Unknown(_) => BTreeMap::new(),
    };
    let unknown = u32::try_from(leaving.len() - known.len()).unwrap_or(u32::MAX);
    let proof = |legs: &[Leg]| {
        let mut capacity = simulate(&moved, legs, &maps);
        capacity.nodes_unknown = if legs.len() < stages.len() {
            u32::MAX
        } else {
            unknown
        };
        capacity
    };
    (proof(&there), proof(&round_trip))
}

/// What a node holds and carries; none where that is not known.
fn moved(node: &NodeFacts) -> Option<MovedNode> {
    let (limits, enis, pods) = (
        node.limits.as_option()?,
        node.enis.as_option()?,
        node.pods.as_option()?,
    );
    Some(MovedNode {
        limits: *limits,
        pods: pods.pods.saturating_sub(pods.with_security_groups),
        holds: holds(enis)?,
    })
}

fn holds(enis: &EniFacts) -> Option<Vec<Holding>> {
    let home = enis.primary_subnet.clone()?;
    let pods_in = enis.pod_subnets.first().filter(|subnet| **subnet != home);
    let Some(pods_in) = pods_in else {
        return Some(vec![Holding {
            subnet: home,
            prefixes: enis.prefixes,
            singles: enis.secondary_ips + enis.attached,
        }]);
    };
    Some(vec![
        Holding {
            subnet: home,
            prefixes: 0,
            singles: enis.secondary_ips.saturating_sub(enis.secondary_ips_not_primary) + 1,
        },
        Holding {
            subnet: pods_in.clone(),
            prefixes: enis.prefixes,
            singles: enis.secondary_ips_not_primary + enis.attached.saturating_sub(1),
        },
    ])
}

/// None where the place of a successor cannot be told.
fn leg(
    nodes: &[&NodeFacts],
    to: &CniSetup,
    max_pods: &BTreeMap<crate::safety::NodeGroup, u32>,
    per_wave: u32,
) -> Option<Leg> {
    let effective = Effective::of(&to.config, to.version);
    let places: Option<Vec<_>> = nodes
        .iter()
        .map(|node| {
            let home = node.enis.as_option()?.primary_subnet.clone()?;
            let pods_in = pod_subnet(node, to, &effective, &home)?;
            Some((home, pods_in, max_pods.get(&node.group).copied()))
        })
        .collect();
    Some(Leg {
        places: places?,
        effective,
        per_wave,
    })
}

fn pod_subnet(node: &NodeFacts, to: &CniSetup, effective: &Effective, home: &SubnetId) -> Option<SubnetId> {
    if !effective.custom_networking() {
        return Some(home.clone());
    }
    let name = eniconfig::resolve(
        &node.labels,
        &node.annotations,
        effective.eni_config_label(),
        effective.eni_config_annotation(),
    );
    let spec = to.eni_configs.get(&EniConfigName::parse(name).ok()?)?;
    Some(spec.subnet.clone())
}

/// The way back from the end of the plan.
pub(super) fn rollback(
    stages: &[Stage],
    groups: &[GroupPlan],
    eta: SignedDuration,
    round_trip: &Capacity,
) -> RollbackPlan {
    let mut blocked_by: Vec<String> = round_trip
        .subnets
        .iter()
        .filter(|low| low.free < 0)
        .map(|low| format!("{} would lack {} free /28 blocks", low.subnet, -low.free))
        .collect();
    blocked_by.extend(groups.iter().filter_map(|plan| {
        let owner = plan.owned_by.as_ref().filter(|_| plan.max_pods.is_some())?;
        Some(format!(
            "{owner} would have to set the template of {} back first",
            plan.group
        ))
    }));
    let waits = groups
        .iter()
        .any(|plan| matches!(plan.method, Method::Wait { .. }) && plan.nodes > 0);
    if waits {
        blocked_by.push("groups that are not touched would have to be replaced by their owners".to_owned());
    }
    RollbackPlan {
        feasible: !round_trip.is_short(),
        nodes: groups.iter().map(|plan| plan.nodes).sum::<u32>() * u32::from(!stages.is_empty()),
        eta,
        blocked_by,
    }
}
