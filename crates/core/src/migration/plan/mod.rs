//! Making a plan: pure, total, the same for the same world.

mod value;

pub use value::{
    Budget, ChangeHash, ConfigId, Direction, GroupPlan, Judge, Method, MigrationPlan, Obstacle, PLAN_VERSION,
    RollbackPlan, Stage,
};

use super::group::GroupFacts;
use super::settings::Settings;
use crate::safety::{CniSetup, NodeGroup, Review, World};
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
    /// Now.
    pub now: Timestamp,
}
