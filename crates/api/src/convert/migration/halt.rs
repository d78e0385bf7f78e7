//! A halt: its word, its sentence, and the facts that it is made from again.

use super::group::{node_group, node_group_of};
use crate::convert::bounded;
use crate::migration::HaltStatus;
use crate::node_state::{Group, GroupProvider};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use std::collections::BTreeMap;
use vpccni_core::ids::NodeName;
use vpccni_core::migration::{ChangeHash, Halt, HaltReason};
use vpccni_core::safety::NodeGroup;

/// Nodes named in a halt; the others are in its count.
const NAMED: usize = 20;

type Facts = BTreeMap<String, String>;

/// As the status shows it.
pub fn halt(halt: &Halt) -> HaltStatus {
    let Halt { reason, since } = halt;
    HaltStatus {
        reason: Some(reason.word().to_owned()),
        message: Some(bounded(&reason.to_string(), 4096)),
        since: Some(Time(*since)),
        runbook: Some(format!(
            "docs/runbooks/migration.md#{}",
            reason.word().to_ascii_lowercase()
        )),
        facts: Some(facts(reason)),
    }
}

fn facts(reason: &HaltReason) -> Facts {
    let mut facts = Facts::new();
    let mut add = |name: &str, value: String| facts.insert(name.to_owned(), bounded(&value, 1024));
    match reason {
        HaltReason::BlockedNodes { nodes, allowed } => {
            add("allowed", allowed.to_string());
            for node in nodes.iter().take(NAMED) {
                add(&format!("node/{node}"), String::new());
            }
        }
        HaltReason::NewNodesFail { nodes, threshold } => {
            add("threshold", threshold.to_string());
            for (node, what) in nodes.iter().take(NAMED) {
                add(&format!("node/{node}"), what.clone());
            }
        }
        HaltReason::SandboxFailures { seen, threshold } => {
            add("seen", seen.to_string());
            add("threshold", threshold.to_string());
        }
        HaltReason::PendingPods { now, baseline } => {
            add("now", now.to_string());
            add("baseline", baseline.to_string());
        }
        HaltReason::AwsDenied { what } | HaltReason::CapacityLost { what } => {
            add("what", what.clone());
        }
        HaltReason::PlanOutdated { approved, planned } => {
            add("approved", approved.to_string());
            add("planned", planned.to_string());
        }
        HaltReason::ShieldLost | HaltReason::ConfigurationReverted => {}
        HaltReason::TemplateReverted { group, max_pods } => {
            add_group(&mut add, group);
            if let Some(max_pods) = max_pods {
                add("maxPods", max_pods.to_string());
            }
        }
        HaltReason::NodePoolReverted { group } => add_group(&mut add, group),
        HaltReason::UpdateFailed { group, error } => {
            add_group(&mut add, group);
            add("error", error.clone());
        }
    }
    facts
}

fn add_group(add: &mut impl FnMut(&str, String) -> Option<String>, group: &NodeGroup) {
    let Group { provider, name } = node_group(group);
    add(
        "provider",
        provider.map(|word| word.to_string()).unwrap_or_default(),
    );
    add("group", name.unwrap_or_default());
}

/// The halt that was stored; none where its word is not known.
pub fn halt_of(status: &HaltStatus) -> Option<Halt> {
    let since = status.since.as_ref()?.0;
    let none = Facts::new();
    let facts = status.facts.as_ref().unwrap_or(&none);
    let text = |name: &str| facts.get(name).cloned().unwrap_or_default();
    let number = |name: &str| text(name).parse().unwrap_or_default();
    let nodes = || {
        let named = facts.iter().filter_map(|(key, what)| {
            let name = NodeName::parse(key.strip_prefix("node/")?).ok()?;
            Some((name, what.clone()))
        });
        named.collect::<Vec<_>>()
    };
    let reason = match status.reason.as_deref()? {
        "BlockedNodes" => HaltReason::BlockedNodes {
            nodes: nodes().into_iter().map(|(node, _)| node).collect(),
            allowed: number("allowed"),
        },
        "NewNodesFail" => HaltReason::NewNodesFail {
            nodes: nodes(),
            threshold: number("threshold"),
        },
        "SandboxFailures" => HaltReason::SandboxFailures {
            seen: number("seen"),
            threshold: number("threshold"),
        },
        "PendingPods" => HaltReason::PendingPods {
            now: number("now"),
            baseline: number("baseline"),
        },
        "AwsDenied" => HaltReason::AwsDenied { what: text("what") },
        "CapacityLost" => HaltReason::CapacityLost { what: text("what") },
        "PlanOutdated" => HaltReason::PlanOutdated {
            approved: ChangeHash(text("approved")),
            planned: ChangeHash(text("planned")),
        },
        "ShieldLost" => HaltReason::ShieldLost,
        "ConfigurationReverted" => HaltReason::ConfigurationReverted,
        "TemplateReverted" => HaltReason::TemplateReverted {
            group: group_of(facts),
            max_pods: facts.get("maxPods").and_then(|text| text.parse().ok()),
        },
        "NodePoolReverted" => HaltReason::NodePoolReverted {
            group: group_of(facts),
        },
        "UpdateFailed" => HaltReason::UpdateFailed {
            group: group_of(facts),
            error: text("error"),
        },
        _ => return None,
    };
    Some(Halt { reason, since })
}

fn group_of(facts: &Facts) -> NodeGroup {
    let word = facts.get("provider").map(String::as_str);
    let known = GroupProvider::ALL
        .iter()
        .find(|provider| Some(provider.as_str()) == word);
    node_group_of(&Group {
        provider: known.copied(),
        name: facts.get("group").cloned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use vpccni_core::safety::Provider;

    #[test]
    fn every_halt_comes_back_as_it_was() {
        let group = NodeGroup {
            provider: Provider::AutoScalingGroup,
            name: "workers".to_owned(),
        };
        let node = |name: &str| NodeName::parse(name).unwrap();
        let hash = |text: &str| ChangeHash(format!("sha256:{text}"));
        let reasons = [
            HaltReason::BlockedNodes {
                nodes: vec![node("a"), node("b")],
                allowed: 1,
            },
            HaltReason::NewNodesFail {
                nodes: vec![(node("a"), "not Ready".to_owned())],
                threshold: 2,
            },
            HaltReason::SandboxFailures {
                seen: 6,
                threshold: 5,
            },
            HaltReason::PendingPods { now: 9, baseline: 1 },
            HaltReason::AwsDenied {
                what: "ec2:CreateFleet".to_owned(),
            },
            HaltReason::PlanOutdated {
                approved: hash("a"),
                planned: hash("b"),
            },
            HaltReason::ShieldLost,
            HaltReason::ConfigurationReverted,
            HaltReason::TemplateReverted {
                group: group.clone(),
                max_pods: Some(29),
            },
            HaltReason::TemplateReverted {
                group: group.clone(),
                max_pods: None,
            },
            HaltReason::NodePoolReverted { group: group.clone() },
            HaltReason::UpdateFailed {
                group,
                error: "NodeCreationFailure".to_owned(),
            },
            HaltReason::CapacityLost {
                what: "subnet-0a".to_owned(),
            },
        ];
        for reason in reasons {
            let before = Halt {
                reason,
                since: "2026-11-21T20:00:00Z".parse().unwrap(),
            };
            assert_eq!(halt_of(&halt(&before)), Some(before));
        }
    }
}
