//! The next step for a person, from the conditions the operator wrote: each reason has the command that goes on.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use vpccni_api::policy::{CniPolicyStatus, FindingSeverity};

/// What to do next, the most pressing first; nothing where nothing is to be done.
pub(crate) fn next(status: &CniPolicyStatus) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    if let Some(migration) = status.migration.as_deref().filter(|name| !name.is_empty()) {
        steps.push(format!("kubectl vpc-cni migrate show {migration}"));
    }
    let conditions = status.conditions.iter().flatten();
    for condition in conditions.filter(|condition| stands_in_the_way(condition)) {
        for step in of_reason(&condition.reason, status) {
            if !steps.contains(&step) {
                steps.push(step);
            }
        }
    }
    steps
}

/// Conditions that are bad when True, and those that are bad when not.
fn stands_in_the_way(condition: &Condition) -> bool {
    let bad_when_true = ["Stalled", "DriftHeld", "ModeDrift"].contains(&condition.type_.as_str());
    let neutral = ["Reconciling", "Ready"].contains(&condition.type_.as_str());
    !neutral && (condition.status == "True") == bad_when_true
}

fn of_reason(reason: &str, status: &CniPolicyStatus) -> Vec<String> {
    let one = |step: &str| vec![step.to_owned()];
    match reason {
        "UnsafeChange" | "Refused" => {
            let mut steps = vec!["kubectl vpc-cni plan".to_owned()];
            let refusing = status
                .findings
                .iter()
                .flatten()
                .filter(|finding| finding.severity != FindingSeverity::Warn);
            steps.extend(refusing.map(|finding| format!("kubectl vpc-cni explain {}", finding.rule)));
            steps
        }
        "OwnedByOther" => {
            one("kubectl vpc-cni plan (names the owners; spec.ownership.takeOverFrom takes their keys over)")
        }
        "RevertedByOther" => one("kubectl vpc-cni plan (names who sets the values back: change them there)"),
        "TargetNotFound" => {
            one("kubectl -n kube-system get daemonset aws-node (spec.target.daemonSet names another)")
        }
        "RolloutStalled" => one("kubectl -n kube-system get pods -l k8s-app=aws-node"),
        "OverCommitted" | "NodesMixed" => one("kubectl vpc-cni nodes"),
        "Insufficient" => one("kubectl vpc-cni subnets"),
        "Invalid" => one("kubectl get eniconfigs; kubectl vpc-cni plan"),
        "AccessDenied" => one("grant the IAM actions of status.cloud.denied to the operator's role"),
        _ => Vec::new(),
    }
}
