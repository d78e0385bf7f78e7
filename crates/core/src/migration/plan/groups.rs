//! The groups of a plan: in which order, how their nodes are replaced, and how many at a time.

use super::PlanWorld;
use super::judge::{Fit, Yardstick};
use super::stages::config_id;
use super::value::{Budget, GroupPlan, Judge, Method, Stage};
use crate::known::Known;
use crate::migration::group::GroupFacts;
use crate::migration::settings::Replace;
use crate::safety::{NodeFacts, NodeGroup, Provider};
use std::collections::{BTreeMap, BTreeSet};

/// Why a group is left alone that was not there when the plan was made.
pub(super) const CAME_LATER: &str = "it came after the plan was made";

/// The groups in the order they are worked on. An earlier plan keeps its groups, their order and which trigger drifts a
/// pool; groups that came later are left alone.
pub(super) fn groups(
    world: &PlanWorld<'_>,
    stages: &[Stage],
    nodes: &[&NodeFacts],
    budget: Budget,
) -> Vec<GroupPlan> {
    let counts = to_replace(stages, nodes);
    let mut plans: Vec<GroupPlan> = names(world, nodes)
        .into_iter()
        .map(|group| {
            let method = method(world, stages, &group);
            plan(world, stages, group, method, &counts, budget)
        })
        .collect();
    let place = |plan: &GroupPlan| world.original.iter().position(|(group, _)| *group == plan.group);
    plans.sort_by_key(|plan| {
        let original = place(plan).map_or((1, 0), |place| (0, place));
        (original, rank(&plan.method), plan.group.clone())
    });
    plans
}

/// The groups of the way back: where one took over, it is the one that is taken over from now.
pub fn reversed(original: &[(NodeGroup, Method)]) -> Vec<(NodeGroup, Method)> {
    let turned = |(group, method): &(NodeGroup, Method)| match method {
        Method::BlueGreen { successor } => {
            let into = NodeGroup {
                provider: group.provider,
                name: successor.clone(),
            };
            let back = Method::BlueGreen {
                successor: group.name.clone(),
            };
            (into, back)
        }
        _ => (group.clone(), method.clone()),
    };
    original.iter().map(turned).collect()
}

/// Everything with nodes, and everything that could get one; groups we made ourselves belong to the ones they replace.
fn names(world: &PlanWorld<'_>, nodes: &[&NodeFacts]) -> BTreeSet<NodeGroup> {
    let mut names: BTreeSet<NodeGroup> = nodes.iter().map(|node| node.group.clone()).collect();
    names.extend(world.groups.keys().cloned());
    names.extend(world.original.iter().map(|(group, _)| group.clone()));
    let successors: BTreeSet<String> = names
        .iter()
        .filter(|group| !is_made_for(world, group))
        .map(|group| successor(world, group))
        .collect();
    names.retain(|group| group.provider != Provider::ManagedNodeGroup || !successors.contains(&group.name));
    names
}

/// Groups whose nodes somebody else makes and removes.
pub(super) fn left_to_owners(world: &PlanWorld<'_>, nodes: &[&NodeFacts]) -> BTreeSet<NodeGroup> {
    let ours = |group: &NodeGroup| match group.provider {
        Provider::AutoScalingGroup | Provider::Karpenter => true,
        Provider::SelfManaged => false,
        Provider::ManagedNodeGroup => {
            let replace = world.settings.replace.get(policy_name(world, group));
            matches!(replace, Some(Replace::BlueGreen | Replace::UpdateVersion))
        }
    };
    names(world, nodes)
        .into_iter()
        .filter(|group| !ours(group))
        .collect()
}

fn suffix(world: &PlanWorld<'_>) -> String {
    let id = config_id(world.to).0;
    format!("-{}", id.get(..8).unwrap_or(&id))
}

/// Whether the group is one that takes over in this very plan.
fn is_made_for(world: &PlanWorld<'_>, group: &NodeGroup) -> bool {
    policy_name(world, group) != group.name && group.name.ends_with(&suffix(world))
}

/// The group that takes over. On the way back that is the one it was taken over from, where it is still there.
fn successor(world: &PlanWorld<'_>, group: &NodeGroup) -> String {
    let base = policy_name(world, group);
    let earlier = NodeGroup {
        provider: group.provider,
        name: base.to_owned(),
    };
    if base != group.name && world.groups.contains_key(&earlier) {
        return earlier.name;
    }
    // Names of managed groups have at most 63 characters.
    let name: String = base.chars().take(50).collect();
    format!("{name}{}", suffix(world))
}

/// The name under which the policy knows a group: one that took over is meant by the name of the first.
fn policy_name<'g>(world: &PlanWorld<'_>, group: &'g NodeGroup) -> &'g str {
    let digits = |text: &str| text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match group.name.rsplit_once('-') {
        Some((base, id)) if digits(id) && world.settings.replace.contains_key(base) => base,
        _ => &group.name,
    }
}

fn method(world: &PlanWorld<'_>, stages: &[Stage], group: &NodeGroup) -> Method {
    let earlier = world.original.iter().find(|(name, _)| name == group);
    if !world.original.is_empty() && earlier.is_none() {
        return Method::Wait {
            why: CAME_LATER.to_owned(),
        };
    }
    if !group.is_known() {
        return Method::Wait {
            why: "who makes these nodes is not known yet".to_owned(),
        };
    }
    match group.provider {
        Provider::AutoScalingGroup => Method::AutoScaling,
        Provider::SelfManaged => Method::Drain,
        Provider::ManagedNodeGroup => match world.settings.replace.get(policy_name(world, group)) {
            Some(Replace::BlueGreen) => Method::BlueGreen {
                successor: successor(world, group),
            },
            Some(Replace::UpdateVersion) => Method::UpdateVersion,
            Some(Replace::Wait) => Method::Wait {
                why: "the policy says so".to_owned(),
            },
            None => Method::Wait {
                why: "the policy does not name it: spec.migration.nodeGroups says how".to_owned(),
            },
        },
        Provider::Karpenter => match earlier {
            Some((_, method)) if method.is_karpenter() => method.clone(),
            _ => by_drift(world, stages, group),
        },
    }
}

/// A pool drifts by its NodeClass where max-pods changes there, else by an annotation.
fn by_drift(world: &PlanWorld<'_>, stages: &[Stage], group: &NodeGroup) -> Method {
    let Some(facts) = world.groups.get(group) else {
        return Method::KarpenterAnnotation;
    };
    let planned = stages.first().and_then(|stage| stage.max_pods.get(group));
    match (&facts.template.karpenter, planned, &facts.template.max_pods) {
        (Some(karpenter), Some(planned), Known::Yes(now)) if now.as_ref() != Some(planned) => {
            Method::KarpenterMaxPods {
                node_class: karpenter.node_class.clone(),
            }
        }
        _ => Method::KarpenterAnnotation,
    }
}

fn rank(method: &Method) -> u8 {
    match method {
        Method::AutoScaling => 0,
        Method::BlueGreen { .. } => 1,
        Method::KarpenterMaxPods { .. } | Method::KarpenterAnnotation => 2,
        Method::UpdateVersion => 3,
        Method::Drain => 4,
        Method::Wait { .. } => 5,
    }
}

fn plan(
    world: &PlanWorld<'_>,
    stages: &[Stage],
    group: NodeGroup,
    method: Method,
    counts: &BTreeMap<&NodeGroup, u32>,
    budget: Budget,
) -> GroupPlan {
    let nodes = counts.get(&group).copied().unwrap_or_default();
    // Elsewhere the first node proves nothing in time: its successor comes from the owner, or EKS takes what it likes.
    let touched = method.has_replacement() || method.is_karpenter();
    GroupPlan {
        waves: nodes.div_ceil(per_wave(&method, budget)),
        max_pods: stages
            .iter()
            .rev()
            .find_map(|stage| stage.max_pods.get(&group))
            .copied(),
        canaries: if touched {
            world.settings.canary.nodes_per_group.min(nodes)
        } else {
            0
        },
        owned_by: world.groups.get(&group).and_then(|facts| owner(facts, &method)),
        nodes,
        method,
        group,
    }
}

/// Who else writes what makes the nodes of a group new ones.
fn owner(facts: &GroupFacts, method: &Method) -> Option<String> {
    match (method, &facts.template.karpenter) {
        (Method::KarpenterAnnotation, Some(karpenter)) => karpenter.pool_owned_by.clone(),
        _ => facts.template.owned_by.clone(),
    }
}

/// Nodes of a group that can be in work at a time.
pub(super) fn per_wave(method: &Method, budget: Budget) -> u32 {
    let both = if method.has_replacement() {
        budget.unavailable.min(budget.surge)
    } else {
        budget.unavailable
    };
    both.max(1)
}

/// Nodes that are not yet what the first stage makes of them.
fn to_replace<'a>(stages: &[Stage], nodes: &[&'a NodeFacts]) -> BTreeMap<&'a NodeGroup, u32> {
    let mut counts: BTreeMap<&NodeGroup, u32> = BTreeMap::new();
    for node in leaving(stages, nodes) {
        *counts.entry(&node.group).or_default() += 1;
    }
    counts
}

/// The nodes that must be replaced. With several stages every node is, in each; a node that nothing on its interfaces
/// tells from a migrated one is.
pub(super) fn leaving<'a>(stages: &[Stage], nodes: &[&'a NodeFacts]) -> Vec<&'a NodeFacts> {
    let yardstick = match stages {
        [only] if only.judge == Judge::ByInterfaces => Some(Yardstick::of(only)),
        _ => None,
    };
    let must_go = |node: &&NodeFacts| {
        yardstick
            .as_ref()
            .is_none_or(|yardstick| yardstick.fit(node) != Fit::AsPlanned)
    };
    nodes.iter().copied().filter(must_go).collect()
}
