//! The texts of the conditions that need more than a line: what stands in the way, whose it is, and what to do.

use super::Scene;
use crate::plural::{agreeing, counted};
use crate::policy::diff::Row;
use crate::policy::nodes::mixed_nodes;
use crate::policy::setting::Written;
use crate::policy::verdict::Why;
use crate::policy::world::Strategy;
use crate::safety::{Finding, NodeGroup, Provider, Resolution, Severity};

/// What a line of a message may show before the rest is counted.
const SHOWN: usize = 4;

pub(super) const TARGET_MISSING: &str = "there is no DaemonSet aws-node to configure; nothing is created. Install the VPC CNI, or name another DaemonSet \
     in spec.target.daemonSet";

impl Scene<'_> {
    pub(super) fn progress(&self) -> String {
        let Some(rollout) = self.target().map(|target| &target.rollout) else {
            return String::new();
        };
        format!(
            "{} of {} run the newest revision, {} unavailable",
            rollout.updated.min(rollout.desired),
            counted(rollout.desired, "node"),
            rollout.unavailable
        )
    }

    pub(super) fn rollout_stalled(&self) -> Option<String> {
        let target = self.target()?;
        let stopped = target.stopped_strategy.is_some();
        let looping = &target.rollout.crash_looping;
        (stopped || (!looping.is_empty() && !target.rollout.is_done())).then(|| {
            let stopped = if target.addon.carrier().is_some() {
                "The DaemonSet belongs to EKS, so its rollout is not stopped, and goes no further than maxUnavailable"
            } else {
                "The rollout is stopped (updateStrategy OnDelete)"
            };
            format!(
                "the new aws-node pods do not come up: {}. {stopped}; set the last change of spec back, or correct it",
                listed(looping)
            )
        })
    }

    pub(super) fn refusal(&self) -> String {
        let findings = &self.verdict().review.findings;
        let refusing: Vec<&Finding> = findings.iter().filter(|f| f.severity > Severity::Warn).collect();
        let texts: Vec<String> = refusing
            .iter()
            .map(|f| format!("[{}] {} To do instead: {}", f.rule, f.message, f.fix.0))
            .collect();
        let kept = if self.world.record.settings.is_empty() {
            ""
        } else {
            "; what was applied before stays enforced"
        };
        let waits = self
            .verdict()
            .pending
            .iter()
            .filter(|pending| pending.why == Why::Refused)
            .count();
        let migration = if self.world.intent.strategy != Strategy::Refuse
            && refusing.iter().all(|f| f.resolution == Resolution::ReplaceNodes)
        {
            " It is to be carried out by replacing nodes: see kubectl get cnimigrations."
        } else {
            ""
        };
        format!(
            "{} {} not applied{kept}.{migration} {}",
            counted(waits, "setting"),
            agreeing(&waits, "is", "are"),
            listed(&texts)
        )
    }

    pub(super) fn held_message(&self) -> String {
        let rows: Vec<String> = self
            .verdict()
            .held
            .iter()
            .map(|row| describe(row, "set back by hand"))
            .collect();
        let mixed =
            mixed_nodes(&self.world.seen).map_or_else(String::new, |names| format!(" Nodes Mixed: {names}."));
        format!(
            "correcting it would break running nodes, so it is left: {}.{mixed}",
            listed(&rows)
        )
    }
}

fn text(value: Option<&Written>) -> String {
    value.map_or_else(
        || "(absent)".to_owned(),
        |value| format!("{:?}", value.to_string()),
    )
}

fn describe(row: &Row, how: &str) -> String {
    let owner = row.other_owner().map_or("nobody", |owner| owner.manager.as_str());
    let (is, wanted) = (text(row.from.as_ref()), text(row.to.as_ref()));
    format!("{} is {is}, owned by {owner}, wanted {wanted} ({how})", row.name)
}

pub(super) fn owned_by_other(rows: &[&Row]) -> String {
    let texts: Vec<String> = rows.iter().map(|row| describe(row, "not taken")).collect();
    format!(
        "{}. Name the field manager in spec.ownership.takeOverFrom where it is a person or a one-time tool, or change \
         the value where that manager gets it from",
        listed(&texts)
    )
}

pub(super) fn fight(rows: &[&Row]) -> String {
    let texts: Vec<String> = rows
        .iter()
        .map(|row| describe(row, "set back again and again"))
        .collect();
    format!(
        "{}. It is not written again for a while; remove it there or here",
        listed(&texts)
    )
}

/// Where people set the max-pods of a group.
pub(super) fn where_it_is(group: &NodeGroup) -> &'static str {
    match group.provider {
        Provider::Karpenter => "in spec.kubelet.maxPods of its EC2NodeClass",
        Provider::ManagedNodeGroup | Provider::AutoScalingGroup => "in the user data of its launch template",
        Provider::SelfManaged => "where its nodes are made",
    }
}

pub(super) fn listed(texts: &[String]) -> String {
    let shown = texts.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(" | ");
    match texts.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} | and {more} more in status.findings"),
    }
}
