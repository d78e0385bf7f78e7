//! What is said about a round: conditions, summary and counts, from the world, the plan and what came of it.

use super::condition::Condition;
use super::conditions;
use super::nodes::NodeCounts;
use super::outcome::{CloudView, EniConfigsView, Outcomes};
use super::plan::PolicyPlan;
use super::running::{effective_of, modes};
use super::setting::{SettingName, Written};
use super::verdict::Why;
use super::world::{ManagementState, PolicyWorld};
use crate::config::{CniConfig, Effective, Key};
use crate::safety::Severity;
use crate::version::CniVersion;
use std::collections::BTreeMap;

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
        verified: plan.steps.is_empty() && !outcomes.any_unknown() && !is_updating(world, plan),
        modes: recorded_modes(world, plan),
    }
}

/// While EKS renders a document, what the DaemonSet shows is on its way out.
fn is_updating(world: &PolicyWorld, plan: &PolicyPlan) -> bool {
    let busy = world.target.as_ref().is_some_and(|target| target.addon.is_busy());
    busy || plan
        .verdict
        .pending
        .iter()
        .any(|pending| pending.why == Why::AddonBusy)
}

/// The configuration that runs.
fn running(world: &PolicyWorld) -> Effective {
    match &world.target {
        Some(target) => effective_of(target),
        None => Effective::of(&CniConfig::default(), CniVersion::REFERENCE),
    }
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
        .and_then(Written::text)
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
