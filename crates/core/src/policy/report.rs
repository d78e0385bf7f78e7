//! What is said about a round: conditions, summary and counts, from the world, the plan and what came of it.

use super::condition::Condition;
use super::conditions;
use super::nodes::NodeCounts;
use super::plan::{PolicyPlan, modes};
use super::setting::SettingName;
use super::world::{ManagementState, PolicyWorld};
use crate::config::{Effective, Key};
use crate::known::Known;
use crate::safety::{NodeMode, Severity};
use std::collections::BTreeMap;

/// What came of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was done and the answer said so.
    Done,
    /// It was not done.
    Failed {
        /// A bounded word for the reason.
        category: &'static str,
        /// What was tried and what was answered.
        message: String,
    },
    /// No answer came: it may have been done.
    Unknown {
        /// What was tried.
        message: String,
    },
    /// It was not tried because an earlier step failed.
    Skipped,
}

/// What came of the steps, one for each, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// One for each step.
    pub steps: Vec<Outcome>,
}

impl Outcomes {
    /// The first failure, if any.
    pub fn failure(&self) -> Option<(&'static str, &str)> {
        self.steps.iter().find_map(|outcome| match outcome {
            Outcome::Failed { category, message } => Some((*category, message.as_str())),
            Outcome::Unknown { message } => Some(("timed_out", message.as_str())),
            Outcome::Done | Outcome::Skipped => None,
        })
    }

    /// Whether every step was done.
    pub fn all_done(&self) -> bool {
        self.steps.iter().all(|outcome| *outcome == Outcome::Done)
    }

    /// Whether the effect of a step is not known.
    pub fn any_unknown(&self) -> bool {
        self.steps
            .iter()
            .any(|outcome| matches!(outcome, Outcome::Unknown { .. }))
    }
}

/// What the cloud said of itself in the last inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloudView {
    /// Everything was read.
    Observed(String),
    /// Not everything: a reason as one word, and what could not be checked.
    Partly(&'static str, String),
}

/// What the ENIConfig controller found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EniConfigsView {
    /// Custom networking is off and no ENIConfigs are wanted.
    NotUsed,
    /// All are valid: how many.
    Valid(usize),
    /// These are not, each with its reason.
    Invalid(Vec<String>),
    /// It could not be checked.
    Unknown(String),
}

/// The strings of the printer columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Observe, Manage, Paused.
    pub state: String,
    /// The mode that runs.
    pub mode: String,
    /// The mode that is wanted.
    pub desired: String,
    /// Updated pods of all.
    pub rolled_out: String,
    /// Nodes in the wanted mode of all.
    pub migrated: String,
    /// Findings by severity.
    pub findings: String,
}

/// Everything a round says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyReport {
    /// The conditions.
    pub conditions: Vec<Condition>,
    /// The strings of the columns.
    pub summary: Summary,
    /// The nodes in numbers.
    pub nodes: NodeCounts,
    /// Whether what is enforced was seen on the target.
    pub verified: bool,
    /// Modes to record; the old ones where the round verified nothing.
    pub modes: BTreeMap<SettingName, String>,
}

/// What a round says.
pub fn report(
    world: &PolicyWorld,
    plan: &PolicyPlan,
    outcomes: &Outcomes,
    cloud: &CloudView,
    eni_configs: &EniConfigsView,
) -> PolicyReport {
    let effective = running(world);
    let nodes = NodeCounts::of(&world.seen, &effective);
    let scene = conditions::Scene {
        world,
        plan,
        outcomes,
        cloud,
        eni_configs,
        nodes,
        effective: &effective,
    };
    PolicyReport {
        conditions: scene.all(),
        summary: summary(world, plan, nodes, &effective),
        nodes,
        verified: plan.steps.is_empty() && !outcomes.any_unknown(),
        modes: recorded_modes(world, plan),
    }
}

/// The configuration that runs.
fn running(world: &PolicyWorld) -> Effective {
    let empty = crate::config::CniConfig::default();
    let Some(target) = &world.target else {
        return Effective::of(&empty, crate::version::CniVersion::REFERENCE);
    };
    super::plan::effective_of(target)
}

/// Modes are recorded when they are first seen or when we own the setting; a drift keeps the old record.
fn recorded_modes(world: &PolicyWorld, plan: &PolicyPlan) -> BTreeMap<SettingName, String> {
    let Some(target) = &world.target else {
        return world.record.modes.clone();
    };
    let drifted = |name: &SettingName| plan.verdict.mode_drift.iter().any(|drift| drift.name == *name);
    let mut recorded = modes(target);
    for (name, was) in &world.record.modes {
        if drifted(name) {
            recorded.insert(name.clone(), was.clone());
        }
    }
    recorded
}

fn summary(world: &PolicyWorld, plan: &PolicyPlan, nodes: NodeCounts, effective: &Effective) -> Summary {
    let word = |prefix: bool| if prefix { "Prefix" } else { "SecondaryIp" }.to_owned();
    let wanted = world
        .intent
        .settings
        .get(&SettingName::of(Key::EnablePrefixDelegation));
    let desired = wanted
        .and_then(super::Written::text)
        .map_or_else(|| effective.prefix_delegation(), |v| v == "true");
    let in_mode = if desired { nodes.prefix } else { nodes.secondary_ip };
    let rollout = world
        .target
        .as_ref()
        .map(|target| target.rollout.clone())
        .unwrap_or_default();
    let count = |severity| plan.verdict.review.count(severity);
    let words = [
        (count(Severity::Never), "never"),
        (count(Severity::Refuse), "refuse"),
        (count(Severity::Warn), "warn"),
    ];
    let findings: Vec<String> = words
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{n} {word}"))
        .collect();
    Summary {
        state: match world.intent.state {
            ManagementState::Observe => "Observe",
            ManagementState::Manage => "Manage",
            ManagementState::Paused => "Paused",
        }
        .to_owned(),
        mode: if world.target.is_some() {
            word(effective.prefix_delegation())
        } else {
            String::new()
        },
        desired: word(desired),
        rolled_out: format!("{}/{}", rollout.updated.min(rollout.desired), rollout.desired),
        migrated: format!("{in_mode}/{}", nodes.total),
        findings: findings.join(" "),
    }
}

/// Nodes that hold both kinds of addresses, for messages: at most three names and a count.
pub(super) fn mixed_nodes(world: &PolicyWorld) -> Option<String> {
    let mixed: Vec<&str> = world
        .seen
        .nodes
        .iter()
        .filter(|node| node.takes_part() && node.mode == NodeMode::Mixed)
        .map(|node| node.name.as_str())
        .collect();
    let more = mixed.len().saturating_sub(3);
    let names = mixed.iter().take(3).copied().collect::<Vec<_>>().join(", ");
    match (mixed.len(), more) {
        (0, _) => None,
        (_, 0) => Some(names),
        (_, more) => Some(format!("{names} and {more} more")),
    }
}

/// The reason why the subnets are not known.
pub(super) fn subnets_unknown(world: &PolicyWorld) -> Option<&str> {
    match &world.seen.subnets {
        Known::Yes(_) => None,
        Known::Unknown(why) => Some(why),
    }
}
