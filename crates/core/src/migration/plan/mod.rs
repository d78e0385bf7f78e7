//! Making a plan: pure, total, the same for the same world.

pub(super) mod estimate;
mod groups;
mod hash;
pub(super) mod judge;
mod max_pods;
mod obstacles;
mod stages;
#[cfg(test)]
mod tests;
mod value;

pub use groups::reversed;
pub use stages::config_id;
pub use value::{
    Budget, ChangeHash, ConfigId, Direction, GroupPlan, Judge, Method, MigrationPlan, Obstacle, PLAN_VERSION,
    RollbackPlan, Stage,
};

use super::group::GroupFacts;
use super::settings::Settings;
use crate::safety::{CniSetup, NodeFacts, NodeGroup, NodeMode, Review, World};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What carries the configuration to the nodes, and so what can shield old ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// A DaemonSet.
    DaemonSet {
        /// Whether its update strategy is ours, or free to take.
        strategy_is_ours: bool,
    },
    /// A managed add-on, which has no such setting.
    ManagedAddon,
    /// Our own agent: it pins the mode of a node at its first start.
    OwnAgent,
}

/// Everything a plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct PlanWorld<'a> {
    /// Nodes, subnets.
    pub seen: &'a World,
    /// What runs.
    pub from: &'a CniSetup,
    /// What should run.
    pub to: &'a CniSetup,
    /// What the review of that change said.
    pub review: &'a Review,
    /// The groups of the nodes.
    pub groups: &'a BTreeMap<NodeGroup, GroupFacts>,
    /// How the user wants it.
    pub settings: &'a Settings,
    /// What carries the configuration.
    pub carrier: Carrier,
    /// The groups of the plan as it was first made, in their order, from the status of the migration; empty before.
    /// They keep the hash the same while nodes come and go.
    pub original: &'a [(NodeGroup, Method)],
    /// Now.
    pub now: Timestamp,
}

/// The plan for a change.
pub fn plan(world: &PlanWorld<'_>) -> MigrationPlan {
    let nodes: Vec<&NodeFacts> = world.seen.nodes.iter().filter(|node| node.takes_part()).collect();
    let taking_part = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
    let shares = world.settings.budget;
    let budget = Budget {
        unavailable: shares.unavailable.of(taking_part),
        surge: shares.surge.of(taking_part),
    };
    let mut stages = stages::stages(world.from, world.to, &nodes);
    let left = groups::left_to_owners(world, &nodes);
    stages::with_max_pods(&mut stages, &max_pods::Groups::of(&nodes, world.groups), &left);
    let groups = groups::groups(world, &stages, &nodes, budget);
    let (capacity, round_trip) = estimate::capacity(world, &stages, &groups, &nodes, budget);
    let eta = estimate::eta(&stages, &groups, budget, world.settings.canary.soak);
    let written = format!("{} {}", shares.unavailable, shares.surge);
    let mixed = nodes.iter().filter(|node| node.mode == NodeMode::Mixed);
    MigrationPlan {
        hash: hash::change_hash(PLAN_VERSION, &stages, &groups, &written, budget),
        version: PLAN_VERSION,
        direction: stages
            .iter()
            .map(|stage| stage.direction)
            .max()
            .unwrap_or(Direction::Growing),
        budget,
        taking_part,
        nodes: groups.iter().map(|plan| plan.nodes).sum(),
        aws_calls: estimate::aws_calls(&stages, &groups),
        eta,
        without_us: obstacles::without_us(world, &groups),
        notes: obstacles::notes(world, &stages, &groups, &capacity),
        obstacles: obstacles::obstacles(world, &stages, &groups, budget, &capacity),
        rollback: estimate::rollback(&stages, &groups, eta, &round_trip),
        mixed: mixed.map(|node| node.name.clone()).collect(),
        settings: world.settings.clone(),
        stages,
        groups,
        capacity,
    }
}
