//! The templates of the groups: whether they say what the stage wants, and who is to change them.

use super::round::Round;
use super::waiting::Rank;
use crate::migration::GENERATION;
use crate::migration::action::ActionKind;
use crate::migration::plan::{Direction, GroupPlan, Method};
use crate::safety::Provider;

/// What makes the nodes of a group drift.
#[derive(Debug, PartialEq, Eq)]
enum Drift<'a> {
    Class(&'a str),
    Annotation,
}

/// A later stage that leaves max-pods as it is changes nothing in the class, so the annotation must do it.
fn drift<'a>(round: &Round<'a>, plan: &'a GroupPlan) -> Option<Drift<'a>> {
    let of_stage = |index: usize| round.plan.stages.get(index)?.max_pods.get(&plan.group);
    let index = usize::try_from(round.memory.stage).unwrap_or_default();
    match &plan.method {
        Method::KarpenterMaxPods { node_class } => {
            let same = index > 0 && of_stage(index) == of_stage(index - 1);
            Some(if same || of_stage(index).is_none() {
                Drift::Annotation
            } else {
                Drift::Class(node_class)
            })
        }
        Method::KarpenterAnnotation => Some(match (of_stage(index), of_class(round, plan)) {
            // On the way back the class may promise what it promised before the way there, to other nodes.
            (Some(planned), Some((class, now))) if now != Some(*planned) => Drift::Class(class),
            _ => Drift::Annotation,
        }),
        _ => None,
    }
}

/// The NodeClass of a pool, and the pods it gives a node.
fn of_class<'a>(round: &Round<'a>, plan: &GroupPlan) -> Option<(&'a str, Option<u32>)> {
    let template = &round.group(&plan.group)?.template;
    let class = template.karpenter.as_ref()?.node_class.as_str();
    Some((class, *template.max_pods.as_option()?))
}

/// Whether the template of a group is as the stage wants it; none where that cannot be told.
pub(super) fn template_is_done(round: &Round<'_>, plan: &GroupPlan) -> Option<bool> {
    let view = round.group(&plan.group)?;
    if drift(round, plan) == Some(Drift::Annotation) {
        return Some(view.drift_annotation.as_deref() == Some(round.stage.to_id.0.as_str()));
    }
    let Some(planned) = round.stage.max_pods.get(&plan.group) else {
        return Some(true);
    };
    let now = || view.template.max_pods.as_option().copied();
    Some(match plan.method {
        // Their templates are only as good as what they say when it comes to a scale-out.
        Method::Wait { .. } => match round.stage.direction {
            Direction::Growing => true,
            Direction::Shrinking => now()?.is_some_and(|now| now <= *planned),
        },
        // The group that takes over has max-pods of its own; the old one is frozen or harmless.
        // Nodes that nobody makes have no template, so no scale-out gives one that promises too much.
        Method::BlueGreen { .. } | Method::Drain => true,
        // The group launches from the old version until EKS rolls it.
        Method::UpdateVersion => view.newest_max_pods == Some(*planned) || now()? == Some(*planned),
        _ => now()? == Some(*planned),
    })
}

pub(super) fn templates(round: &mut Round<'_>) -> bool {
    let mut done = true;
    for plan in &round.plan.groups {
        if drift(round, plan) == Some(Drift::Annotation) && !may_drift(round, plan) {
            continue;
        }
        match template_is_done(round, plan) {
            Some(true) => {
                round.memory.templates_done.insert(plan.group.clone());
            }
            // A group without a view has no template of its own, or is gone.
            None if round.group(&plan.group).is_none() => {}
            None => {
                done = false;
                let what = format!("the template of {} cannot be read", plan.group);
                round.waits.add(
                    Rank::Template,
                    what,
                    "the operator",
                    None,
                    "kubectl get cnipolicy default -o yaml",
                );
            }
            Some(false) => {
                done = false;
                template(round, plan);
            }
        }
    }
    done
}

/// The annotation makes every node of the pool drift, so it is set only where all of them are old. Where some are as
/// planned already, the others lose their NodeClaims one by one.
fn may_drift(round: &Round<'_>, plan: &GroupPlan) -> bool {
    let some_are_new = || {
        round
            .nodes()
            .any(|(_, view, standing)| view.facts.group == plan.group && !standing.must_go())
    };
    let is_set = template_is_done(round, plan) == Some(true);
    has_old(round, plan) && (is_set || !some_are_new())
}

/// Whether a group has nodes to replace. A pool without must not drift: its nodes are what they should be.
pub(super) fn has_old(round: &Round<'_>, plan: &GroupPlan) -> bool {
    round
        .nodes()
        .any(|(_, view, standing)| view.facts.group == plan.group && standing.must_go())
}

fn template(round: &mut Round<'_>, plan: &GroupPlan) {
    let planned = round.stage.max_pods.get(&plan.group).copied();
    let drift = drift(round, plan);
    let owner = match (&plan.method, owner(round, plan, drift.as_ref())) {
        (_, Some(owner)) => Some(owner),
        (Method::Wait { .. }, None) => Some(format!("the owner of {}", plan.group)),
        _ => None,
    };
    let wanted = wanted(round, plan, planned);
    let pool = &plan.group.name;
    let command = match (&drift, plan.group.provider) {
        (Some(Drift::Class(class)), _) => format!("kubectl get ec2nodeclass {class} -o yaml"),
        (_, Provider::Karpenter) => format!("kubectl get nodepool {pool} -o yaml"),
        _ => "kubectl vpc-cni status".to_owned(),
    };
    if let Some(owner) = owner {
        let what = format!("the template of {} waits for {wanted}", plan.group);
        round.waits.add(Rank::Template, what, owner, None, command);
        return;
    }
    let kind = match (drift, planned) {
        (Some(Drift::Annotation), _) => ActionKind::DriftPool {
            group: plan.group.clone(),
            value: round.stage.to_id.0.clone(),
        },
        (Some(Drift::Class(node_class)), Some(max_pods)) => ActionKind::DriftNodeClass {
            node_class: node_class.to_owned(),
            max_pods,
        },
        (None, Some(max_pods)) => ActionKind::EditTemplate {
            group: plan.group.clone(),
            max_pods,
        },
        (_, None) => return,
    };
    let what = format!("the template of {} is being changed: {wanted}", plan.group);
    round.act(kind, wanted);
    round
        .waits
        .add(Rank::Carrier, what, "the operator", None, command);
}

/// Who else writes what would be changed: then it is never edited, and waited for.
fn owner(round: &Round<'_>, plan: &GroupPlan, drift: Option<&Drift<'_>>) -> Option<String> {
    let template = &round.group(&plan.group)?.template;
    match drift {
        Some(Drift::Annotation) => template.karpenter.as_ref()?.pool_owned_by.clone(),
        _ => template.owned_by.clone(),
    }
}

/// What is to be there, for Karpenter as the patch that whoever owns the object can take over.
fn wanted(round: &Round<'_>, plan: &GroupPlan, planned: Option<u32>) -> String {
    match (drift(round, plan), planned) {
        (Some(Drift::Annotation), _) => format!(
            "NodePool {} with {{\"spec\":{{\"template\":{{\"metadata\":{{\"annotations\":{{{GENERATION:?}:{:?}}}}}}}}}}}",
            plan.group.name, round.stage.to_id.0
        ),
        (Some(Drift::Class(class)), Some(pods)) => {
            format!("EC2NodeClass {class} with {{\"spec\":{{\"kubelet\":{{\"maxPods\":{pods}}}}}}}")
        }
        (_, Some(pods)) => format!("{pods} pods on a node"),
        (_, None) => "nothing".to_owned(),
    }
}
