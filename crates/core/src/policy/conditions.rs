//! Each condition of a CniPolicy, one function each.

use super::condition::Condition;
use super::diff::{Row, RowKind};
use super::nodes::NodeCounts;
use super::plan::{PolicyPlan, owner_of};
use super::report::{CloudView, EniConfigsView, Outcomes, mixed_nodes, subnets_unknown};
use super::verdict::{Verdict, Why};
use super::world::{ManagementState, PolicyWorld, Strategy, Target};
use crate::config::Effective;
use crate::safety::{Finding, Resolution, Severity};

/// What a line of a message may show before the rest is counted.
const SHOWN: usize = 4;

pub(super) struct Scene<'a> {
    pub(super) world: &'a PolicyWorld,
    pub(super) plan: &'a PolicyPlan,
    pub(super) outcomes: &'a Outcomes,
    pub(super) cloud: &'a CloudView,
    pub(super) eni_configs: &'a EniConfigsView,
    pub(super) nodes: NodeCounts,
    pub(super) effective: &'a Effective,
}

impl Scene<'_> {
    pub(super) fn all(&self) -> Vec<Condition> {
        let applied = self.config_applied();
        let rolled_out = self.rolled_out();
        let stalled = self.stalled();
        let reconciling = self.reconciling(&stalled);
        vec![
            self.ready(&applied, &rolled_out, &stalled),
            reconciling,
            stalled,
            applied,
            rolled_out,
            self.change_safe(),
            self.eni_configs_valid(),
            self.capacity_available(),
            self.max_pods_aligned(),
            self.cloud_observed(),
            self.drift_held(),
            self.mode_drift(),
        ]
    }

    fn verdict(&self) -> &Verdict {
        &self.plan.verdict
    }

    fn ready(&self, applied: &Condition, rolled_out: &Condition, stalled: &Condition) -> Condition {
        use super::condition::ConditionStatus::True;
        if stalled.status == True {
            return Condition::no("Ready", stalled.reason, stalled.message.clone());
        }
        match self.world.intent.state {
            ManagementState::Observe => {
                let n = self.verdict().differs.len();
                return Condition::yes(
                    "Ready",
                    "Observing",
                    format!("nothing is written; {n} settings would change"),
                );
            }
            ManagementState::Paused => {
                return Condition::yes(
                    "Ready",
                    "Paused",
                    "nothing is written until managementState is Manage",
                );
            }
            ManagementState::Manage => {}
        }
        if applied.status != True {
            return Condition::no("Ready", applied.reason, applied.message.clone());
        }
        if rolled_out.status != True {
            return Condition::no("Ready", rolled_out.reason, rolled_out.message.clone());
        }
        Condition::yes(
            "Ready",
            "Applied",
            "the configuration is applied and every node runs it",
        )
    }

    fn reconciling(&self, stalled: &Condition) -> Condition {
        use super::condition::ConditionStatus::True;
        let rolling = self
            .target()
            .is_some_and(|target| !target.rollout.is_done() && !target.rollout.on_delete);
        if stalled.status == True || self.world.intent.state != ManagementState::Manage {
            Condition::no("Reconciling", "Idle", "nothing is under way")
        } else if !self.plan.steps.is_empty() {
            let n = self.plan.steps.len();
            Condition::yes(
                "Reconciling",
                "Applying",
                format!("{n} steps were taken; the result is read back next"),
            )
        } else if rolling {
            Condition::yes("Reconciling", "RollingOut", self.progress())
        } else {
            Condition::no("Reconciling", "Idle", "nothing is under way")
        }
    }

    fn stalled(&self) -> Condition {
        let verdict = self.verdict();
        let stalled = |reason, message: String| Condition::yes("Stalled", reason, message);
        let fought: Vec<&Row> = verdict
            .differs
            .iter()
            .filter(|row| matches!(row.kind, RowKind::Fought(..)))
            .collect();
        let blocked = self.blocked();
        if !verdict.target_found {
            return stalled("TargetNotFound", self.target_missing());
        }
        if self.world.intent.state != ManagementState::Manage {
            return Condition::no("Stalled", "NotManaged", "nothing is enforced");
        }
        if verdict.refused {
            stalled("UnsafeChange", self.refusal())
        } else if !fought.is_empty() {
            stalled("RevertedByOther", fight(&fought))
        } else if let Some(message) = self.rollout_stalled() {
            stalled("RolloutStalled", message)
        } else if let Some(("denied", message)) = self.outcomes.failure() {
            stalled("PermissionMissing", message.to_owned())
        } else if let Some(("invalid", message)) = self.outcomes.failure() {
            stalled("WriteRejected", message.to_owned())
        } else if !blocked.is_empty() {
            stalled("OwnedByOther", owned_by_other(&blocked))
        } else {
            Condition::no("Stalled", "Progressing", "nothing stands in the way")
        }
    }

    fn config_applied(&self) -> Condition {
        let verdict = self.verdict();
        let no = |reason, message: String| Condition::no("ConfigApplied", reason, message);
        if !verdict.target_found {
            return no("TargetNotFound", self.target_missing());
        }
        if self.world.intent.state != ManagementState::Manage {
            return no(
                "NotManaged",
                "managementState is not Manage: nothing is written".to_owned(),
            );
        }
        if let Some((category, message)) = self.outcomes.failure() {
            let reason = match category {
                "denied" => "PermissionMissing",
                "conflict" => "Conflict",
                "timed_out" => "EffectUnknown",
                _ => "WriteFailed",
            };
            return no(reason, message.to_owned());
        }
        let blocked = self.blocked();
        if verdict.refused {
            no("UnsafeChange", self.refusal())
        } else if !blocked.is_empty() {
            no("OwnedByOther", owned_by_other(&blocked))
        } else if !verdict.held.is_empty() {
            no("DriftHeld", self.held_message())
        } else if let Some(when) = &verdict.window {
            no(
                "WaitingForWindow",
                format!(
                    "{} settings wait for a rollout window: {when}",
                    verdict.pending.len()
                ),
            )
        } else if let Some((wanted, seen)) = verdict.version_mismatch {
            let fix = "change the image of the DaemonSet, or spec.version";
            no(
                "VersionMismatch",
                format!("spec.version is {wanted}, the DaemonSet runs {seen}: {fix}"),
            )
        } else if verdict.suspended.is_empty() {
            Condition::yes(
                "ConfigApplied",
                "Applied",
                format!("{} settings are enforced", verdict.enforced.len()),
            )
        } else {
            let names: Vec<String> = verdict.suspended.keys().map(ToString::to_string).collect();
            let message = format!(
                "not enforced after a break-glass: {}; remove the annotation vpccni.io/break-glass to resume",
                names.join(", ")
            );
            Condition::yes("ConfigApplied", "Suspended", message)
        }
    }

    fn rolled_out(&self) -> Condition {
        let Some(target) = self.target() else {
            return Condition::unknown("RolledOut", "TargetNotFound", self.target_missing());
        };
        if let Some(message) = self.rollout_stalled() {
            return Condition::no("RolledOut", "RolloutStalled", message);
        }
        if target.rollout.is_done() && self.plan.steps.is_empty() {
            Condition::yes("RolledOut", "Complete", self.progress())
        } else {
            Condition::no("RolledOut", "InProgress", self.progress())
        }
    }

    fn change_safe(&self) -> Condition {
        let review = &self.verdict().review;
        if review.allows() {
            let warnings = review.count(Severity::Warn);
            let message = match warnings {
                0 => "no rule is against what the policy asks for".to_owned(),
                n => format!("{n} warnings, see status.findings"),
            };
            Condition::yes("ChangeSafe", "Reviewed", message)
        } else {
            Condition::no("ChangeSafe", "Refused", self.refusal())
        }
    }

    fn eni_configs_valid(&self) -> Condition {
        let kind = "EniConfigsValid";
        match self.eni_configs {
            EniConfigsView::NotUsed => Condition::yes(kind, "NotUsed", "custom networking is off"),
            EniConfigsView::Valid(n) => Condition::yes(kind, "Valid", format!("{n} ENIConfigs are valid")),
            EniConfigsView::Invalid(why) => Condition::no(kind, "Invalid", listed(why)),
            EniConfigsView::Unknown(why) => Condition::unknown(kind, "NotChecked", why.clone()),
        }
    }

    fn capacity_available(&self) -> Condition {
        let kind = "CapacityAvailable";
        if let Some(why) = subnets_unknown(self.world) {
            return Condition::unknown(kind, "NotChecked", why);
        }
        let short: Vec<String> = self
            .verdict()
            .review
            .findings
            .iter()
            .filter(|finding| {
                finding.rule.0.starts_with("prefix-blocks") && finding.severity > Severity::Warn
            })
            .map(|finding| finding.message.clone())
            .collect();
        if short.is_empty() {
            Condition::yes(
                kind,
                "Sufficient",
                "the subnets hold what the configuration needs",
            )
        } else {
            Condition::no(kind, "Insufficient", listed(&short))
        }
    }

    fn max_pods_aligned(&self) -> Condition {
        let kind = "MaxPodsAligned";
        match self.nodes.max_pods_mismatch {
            0 => Condition::yes(
                kind,
                "Aligned",
                "no node accepts more pods than its interfaces can carry",
            ),
            n => {
                let mode = if self.effective.prefix_delegation() {
                    "Prefix"
                } else {
                    "SecondaryIp"
                };
                let message = format!(
                    "{n} of {} nodes accept more pods than their interfaces can carry in mode {mode}; \
                     replace them with a lower max-pods",
                    self.nodes.total
                );
                Condition::no(kind, "OverCommitted", message)
            }
        }
    }

    fn cloud_observed(&self) -> Condition {
        match self.cloud {
            CloudView::Observed(message) => Condition::yes("CloudObserved", "Observed", message.clone()),
            CloudView::Partly(reason, message) => Condition::no("CloudObserved", reason, message.clone()),
        }
    }

    fn drift_held(&self) -> Condition {
        if self.verdict().held.is_empty() {
            Condition::no("DriftHeld", "NoDrift", "no drift is held")
        } else {
            Condition::yes("DriftHeld", "CorrectionUnsafe", self.held_message())
        }
    }

    fn mode_drift(&self) -> Condition {
        let mixed =
            mixed_nodes(self.world).map_or_else(String::new, |names| format!("; nodes Mixed: {names}"));
        let drifts: Vec<String> = self
            .verdict()
            .mode_drift
            .iter()
            .map(|drift| {
                let by = drift
                    .owner
                    .as_ref()
                    .map_or_else(|| "nobody".to_owned(), |owner| owner.manager.clone());
                format!(
                    "{} went from {} to {}, owned by {by}",
                    drift.name, drift.was, drift.is
                )
            })
            .collect();
        if drifts.is_empty() {
            let message = format!("no mode changed behind the policy{mixed}");
            return if mixed.is_empty() {
                Condition::no("ModeDrift", "NoDrift", message)
            } else {
                Condition::yes("ModeDrift", "NodesMixed", message)
            };
        }
        Condition::yes(
            "ModeDrift",
            "ChangedByOther",
            format!("{}{mixed}; it is not reverted", listed(&drifts)),
        )
    }

    fn target(&self) -> Option<&Target> {
        self.world.target.as_ref()
    }

    fn target_missing(&self) -> String {
        "there is no DaemonSet aws-node to configure; nothing is created. Install the VPC CNI, or name another \
         DaemonSet in spec.target.daemonSet"
            .to_owned()
    }

    fn progress(&self) -> String {
        let Some(rollout) = self.target().map(|target| &target.rollout) else {
            return String::new();
        };
        format!(
            "{} of {} nodes run the newest revision, {} unavailable",
            rollout.updated.min(rollout.desired),
            rollout.desired,
            rollout.unavailable
        )
    }

    fn rollout_stalled(&self) -> Option<String> {
        let target = self.target()?;
        let stopped = target.stopped_strategy.is_some();
        let looping = &target.rollout.crash_looping;
        (stopped || (!looping.is_empty() && !target.rollout.is_done())).then(|| {
            format!(
                "the new aws-node pods do not come up: {}. The rollout is stopped (updateStrategy OnDelete); set the \
                 last change of spec back, or correct it",
                listed(looping)
            )
        })
    }

    fn refusal(&self) -> String {
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
            " This version of the operator plans no migrations yet: strategy Plan is treated as Refuse."
        } else {
            ""
        };
        format!(
            "{waits} settings are not applied{kept}.{migration} {}",
            listed(&texts)
        )
    }

    fn held_message(&self) -> String {
        let rows: Vec<String> = self
            .verdict()
            .held
            .iter()
            .map(|row| describe(row, "set back by hand"))
            .collect();
        let mixed =
            mixed_nodes(self.world).map_or_else(String::new, |names| format!(" Nodes Mixed: {names}."));
        format!(
            "correcting it would break running nodes, so it is left: {}.{mixed}",
            listed(&rows)
        )
    }

    fn blocked(&self) -> Vec<&Row> {
        self.verdict()
            .differs
            .iter()
            .filter(|row| matches!(row.kind, RowKind::Blocked(_)))
            .collect()
    }
}

fn text(value: Option<&super::Written>) -> String {
    value.map_or_else(
        || "(absent)".to_owned(),
        |value| format!("{:?}", value.to_string()),
    )
}

fn describe(row: &Row, how: &str) -> String {
    let owner = owner_of(row).map_or("nobody", |owner| owner.manager.as_str());
    let (is, wanted) = (text(row.from.as_ref()), text(row.to.as_ref()));
    format!("{} is {is}, owned by {owner}, wanted {wanted} ({how})", row.name)
}

fn owned_by_other(rows: &[&Row]) -> String {
    let texts: Vec<String> = rows.iter().map(|row| describe(row, "not taken")).collect();
    format!(
        "{}. Name the field manager in spec.ownership.takeOverFrom where it is a person or a one-time tool, or change \
         the value where that manager gets it from",
        listed(&texts)
    )
}

fn fight(rows: &[&Row]) -> String {
    let texts: Vec<String> = rows
        .iter()
        .map(|row| describe(row, "set back again and again"))
        .collect();
    format!(
        "{}. It is not written again for a while; remove it there or here",
        listed(&texts)
    )
}

fn listed(texts: &[String]) -> String {
    let shown = texts.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(" | ");
    match texts.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} | and {more} more in status.findings"),
    }
}
