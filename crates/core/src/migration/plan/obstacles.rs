//! Why a plan cannot start, what its reader should know, and what goes on without us.

use super::value::{Budget, Direction, GroupPlan, Method, Obstacle, Stage};
use super::{Carrier, PlanWorld};
use crate::capacity::Capacity;
use crate::config::Effective;
use crate::known::Known;
use crate::migration::group::GroupFacts;
use crate::plural::{agreeing, counted};
use crate::policy::Strategy;
use crate::safety::{Finding, Resolution, Review, SEVERAL_SWITCHES, Severity, review};
use std::collections::BTreeSet;

pub(super) fn obstacles(
    world: &PlanWorld<'_>,
    stages: &[Stage],
    groups: &[GroupPlan],
    budget: Budget,
    capacity: &Capacity,
) -> Vec<Obstacle> {
    let mut found = of_review(world, stages);
    match world.carrier {
        Carrier::DaemonSet {
            strategy_is_ours: false,
        } => found.push(Obstacle::StrategyNotOurs),
        Carrier::ManagedAddon => found.push(Obstacle::ManagedAddon),
        Carrier::DaemonSet {
            strategy_is_ours: true,
        }
        | Carrier::OwnAgent => {}
    }
    if budget.unavailable == 0 {
        found.push(Obstacle::NoBudget);
    }
    if groups.iter().all(|plan| plan.nodes == 0) {
        found.push(Obstacle::NothingToReplace);
    }
    found.extend(unknown_group(world, groups));
    found.extend(groups.iter().filter_map(|plan| of_group(world, plan, budget)));
    found.extend(of_capacity(world, capacity));
    found
}

/// Everything that refuses and that new nodes do not mend; of the intermediate set-ups, what only they bring.
fn of_review(world: &PlanWorld<'_>, stages: &[Stage]) -> Vec<Obstacle> {
    let mut found: Vec<Obstacle> = world.review.findings.iter().filter_map(obstacle).collect();
    if stages.len() > 1 {
        let known: BTreeSet<_> = world.review.findings.iter().map(|finding| finding.rule).collect();
        for stage in stages {
            let Review { findings } = review(&stage.from, &stage.to, world.seen);
            let new = findings.iter().filter(|finding| !known.contains(&finding.rule));
            found.extend(new.filter_map(obstacle));
        }
    }
    found
}

fn obstacle(finding: &Finding) -> Option<Obstacle> {
    let rule = finding.rule.to_string();
    match (finding.severity, finding.resolution) {
        (Severity::Warn, _) | (Severity::Refuse, Resolution::ReplaceNodes) => None,
        (Severity::Refuse, _) if finding.rule == SEVERAL_SWITCHES => None,
        (Severity::Refuse, _) => Some(Obstacle::NotByNewNodes {
            rule,
            fix: finding.fix.0.clone(),
        }),
        (Severity::Never, _) => Some(Obstacle::Never { rule }),
    }
}

/// Nodes of which nobody can tell who makes them are in no plan that somebody could approve. Later ones are left alone.
fn unknown_group(world: &PlanWorld<'_>, groups: &[GroupPlan]) -> Option<Obstacle> {
    let unknown = groups.iter().find(|plan| !plan.group.is_known())?;
    world.original.is_empty().then(|| Obstacle::GroupPaused {
        group: unknown.group.clone(),
        why: format!(
            "who makes {} of the nodes could not be read from EC2",
            unknown.nodes
        ),
    })
}

fn of_group(world: &PlanWorld<'_>, plan: &GroupPlan, budget: Budget) -> Option<Obstacle> {
    let facts = world.groups.get(&plan.group)?;
    let group = plan.group.clone();
    if let (Some(why), false) = (&facts.paused, matches!(plan.method, Method::Wait { .. })) {
        return Some(Obstacle::GroupPaused {
            group,
            why: why.clone(),
        });
    }
    if let Some(why) = facts.template.karpenter.as_ref().and_then(|karpenter| {
        karpenter
            .does_not_drift
            .as_ref()
            .or(karpenter.allows_none.as_ref())
    }) {
        return Some(Obstacle::PoolDoesNotDrift {
            group,
            why: why.clone(),
        });
    }
    match (&plan.method, facts.update_surge) {
        (Method::UpdateVersion, Some(takes)) if takes > budget.unavailable => {
            Some(Obstacle::UpdateOverBudget {
                group,
                takes,
                allowed: budget.unavailable,
            })
        }
        _ => None,
    }
}

fn of_capacity(world: &PlanWorld<'_>, capacity: &Capacity) -> Vec<Obstacle> {
    let short = capacity.subnets.iter().filter(|low| low.free < 0);
    let mut found: Vec<Obstacle> = short
        .map(|low| {
            let reserve: Vec<String> = capacity
                .reservations
                .iter()
                .filter(|reserve| reserve.subnet == low.subnet)
                .map(|reserve| reserve.cidr.to_string())
                .collect();
            let beyond = capacity.beyond_mending.iter().find(|(subnet, _)| *subnet == low.subnet);
            let fix = match (reserve.is_empty(), beyond) {
                (false, None) => format!(
                    "Reserve {} with type prefix while they are in use; what the old nodes release there becomes \
                     whole blocks",
                    reserve.join(", ")
                ),
                (_, Some((_, missing))) => format!(
                    "No reservation gives the last {}; add a subnet, or lower the budget or the warm \
                     targets",
                    counted(*missing, "block")
                ),
                (true, None) => "Add a subnet, or lower the budget or the warm targets".to_owned(),
            };
            Obstacle::Capacity {
                what: format!(
                    "{} has {}, and {} {} missing in wave {}",
                    low.subnet,
                    counted(low.now, "free /28 block"),
                    -low.free,
                    agreeing(&-low.free, "is", "are"),
                    low.step
                ),
                fix,
            }
        })
        .collect();
    if world.settings.strategy == Strategy::Automatic && !capacity.holds() && !capacity.is_short() {
        let what = unknown(capacity).join("; ");
        found.push(Obstacle::CapacityUnknown { what });
    }
    found
}

fn unknown(capacity: &Capacity) -> Vec<String> {
    let subnets = capacity
        .unknown
        .iter()
        .map(|(subnet, why)| format!("{subnet}: {why}"));
    let nodes = (capacity.nodes_unknown > 0).then(|| {
        format!(
            "{} of which it is not known what {}",
            counted(capacity.nodes_unknown, "node"),
            agreeing(&capacity.nodes_unknown, "it holds", "they hold")
        )
    });
    subnets.chain(nodes).collect()
}

pub(super) fn notes(
    world: &PlanWorld<'_>,
    stages: &[Stage],
    groups: &[GroupPlan],
    capacity: &Capacity,
) -> Vec<String> {
    let mut notes: Vec<String> = unknown(capacity)
        .into_iter()
        .map(|what| format!("The capacity is not proved: {what}."))
        .collect();
    let to_prefixes = stages.iter().any(|stage| {
        let on =
            |setup: &crate::safety::CniSetup| Effective::of(&setup.config, setup.version).prefix_delegation();
        !on(&stage.from) && on(&stage.to)
    });
    for plan in groups {
        let group = &plan.group;
        if let Some(owner) = &plan.owned_by {
            notes.push(match plan.max_pods {
                Some(pods) => {
                    format!("The template of {group} belongs to {owner}: set its max-pods to {pods} there.")
                }
                None => format!("The template of {group} belongs to {owner} and is not edited."),
            });
        }
        if let Method::Wait { why } = &plan.method {
            notes.push(format!(
                "{group} is not touched ({why}); its owner replaces {}.",
                counted(plan.nodes, "node")
            ));
        }
        let facts = world.groups.get(group);
        if let (true, Some(Known::Yes(false))) = (to_prefixes, facts.map(|facts| &facts.template.nitro_only))
        {
            notes.push(format!(
                "{group} can give types without prefixes; require nitro types: {NITRO}."
            ));
        }
        notes.extend(facts.and_then(|facts| without_max_pods(stages, plan, facts)));
        let shrinks = stages.iter().any(|stage| stage.direction == Direction::Shrinking);
        let empty = !world.seen.nodes.iter().any(|node| node.group == *group);
        if shrinks && empty && !matches!(plan.method, Method::Wait { .. }) {
            notes.push(format!(
                "{group} has no node, so its types are not known and its template is left as it is; lower its \
                 max-pods before it grows."
            ));
        }
        if plan.max_pods.is_none() && plan.nodes > 0 && to_prefixes {
            notes.push(format!(
                "The types of {group} are not known, so its max-pods is not planned."
            ));
        }
    }
    notes
}

/// What Karpenter makes of a class that does not say how many pods a node takes.
fn without_max_pods(stages: &[Stage], plan: &GroupPlan, facts: &GroupFacts) -> Option<String> {
    let karpenter = facts.template.karpenter.as_ref()?;
    if facts.template.max_pods != Known::Yes(None) {
        return None;
    }
    let class = &karpenter.node_class;
    let then = match plan.max_pods {
        Some(pods) => format!("it is set to {pods}"),
        None => {
            let to = &stages.last()?.to;
            let will = Effective::of(&to.config, to.version);
            format!("set it{}", reserved(&karpenter.reserved_enis, &will))
        }
    };
    Some(format!(
        "EC2NodeClass {class} of {} has no kubelet.maxPods, so Karpenter counts single addresses of all interfaces; {then}.",
        plan.group
    ))
}

/// What is to be done with the interfaces that Karpenter leaves out, where nothing is to be done nothing.
fn reserved(now: &Known<u32>, will: &Effective) -> String {
    let custom = will.custom_networking();
    let wanted = u32::from(custom) + u32::from(will.pod_eni());
    let takers = match (custom, will.pod_eni()) {
        (true, true) => "custom networking and the trunk of security groups for pods take from pods",
        (true, false) => "custom networking takes from pods",
        (false, true) => "the trunk of security groups for pods takes from pods",
        (false, false) => "nothing takes from pods",
    };
    match now {
        Known::Yes(now) if *now == wanted => String::new(),
        Known::Yes(now) => format!(
            ", and RESERVED_ENIS of Karpenter, which is {now}, to {wanted}, the interfaces that {takers}"
        ),
        Known::Unknown(_) if wanted == 0 => String::new(),
        Known::Unknown(why) => format!(
            ", and RESERVED_ENIS of Karpenter to {wanted}, the interfaces that {takers} (what it is now could not be \
             read: {why})"
        ),
    }
}

const NITRO: &str = "karpenter.k8s.aws/instance-hypervisor In [nitro], or nitro types in the launch template";

/// What goes on if we stop, and what stays as we left it.
pub(super) fn without_us(world: &PlanWorld<'_>, groups: &[GroupPlan]) -> Vec<String> {
    let mut said = Vec::new();
    if matches!(world.carrier, Carrier::DaemonSet { .. }) {
        said.push(
            "updateStrategy OnDelete stays while old nodes are left: they keep the old configuration"
                .to_owned(),
        );
    }
    said.push("nodes that are being emptied stay cordoned".to_owned());
    for plan in groups {
        let group = &plan.group;
        if plan.method == Method::UpdateVersion {
            said.push(format!(
                "EKS finishes an update of {group} that it has begun; it cannot be paused"
            ));
        }
        if !plan.method.is_karpenter() {
            continue;
        }
        said.push(format!(
            "Karpenter replaces nodes of {group} only as far as they are released; the others are held by \
             do-not-disrupt"
        ));
        let karpenter = world
            .groups
            .get(group)
            .and_then(|facts: &GroupFacts| facts.template.karpenter.as_ref());
        if let Some(after) = karpenter.and_then(|karpenter| karpenter.expire_after) {
            said.push(format!(
                "nodes of {group} older than {after:#} expire in spite of the hold"
            ));
        }
        if let Some(after) = karpenter.and_then(|karpenter| karpenter.termination_grace) {
            said.push(format!(
                "Karpenter ends a drain in {group} by force after {after:#}, whatever budgets and holds say"
            ));
        }
    }
    said
}
