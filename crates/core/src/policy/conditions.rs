//! Each condition of a CniPolicy, one function each.

mod addon;
mod messages;

use super::condition::{Condition, ConditionStatus::True};
use super::diff::{Row, RowKind};
use super::nodes::{NodeCounts, OverCommittedTemplate, mixed_nodes, over_committed_templates};
use super::outcome::{CloudView, EniConfigsView, Outcomes};
use super::plan::PolicyPlan;
use super::verdict::Verdict;
use super::world::{ManagementState, PolicyWorld, Target};
use crate::config::Effective;
use crate::known::Known;
use crate::plural::{agreeing, counted};
use crate::safety::Severity;
use messages::{TARGET_MISSING, fight, listed, owned_by_other, where_it_is};

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
            self.migration(false),
            self.migration(true),
        ]
    }

    fn verdict(&self) -> &Verdict {
        &self.plan.verdict
    }

    fn ready(&self, applied: &Condition, rolled_out: &Condition, stalled: &Condition) -> Condition {
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
                format!(
                    "{} {} taken; the result is read back next",
                    counted(n, "step"),
                    agreeing(&n, "was", "were")
                ),
            )
        } else if rolling {
            Condition::yes("Reconciling", "RollingOut", self.progress())
        } else if let Some((reason @ ("AddonUpdating" | "WaitingForWriter"), message)) = self.addon_pending()
        {
            Condition::yes("Reconciling", reason, message)
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
            return stalled("TargetNotFound", TARGET_MISSING.to_owned());
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
            return no("TargetNotFound", TARGET_MISSING.to_owned());
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
            no("WaitingForWindow", self.waiting_for_window(when))
        } else if let Some((reason, message)) = self.addon_pending() {
            no(reason, message)
        } else if let Some(message) = self.version_mismatch() {
            no("VersionMismatch", message)
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
            return Condition::unknown("RolledOut", "TargetNotFound", TARGET_MISSING.to_owned());
        };
        if let Some(message) = self.rollout_stalled() {
            return Condition::no("RolledOut", "RolloutStalled", message);
        }
        if target.rollout.is_done() && self.plan.steps.is_empty() {
            Condition::yes("RolledOut", "Complete", self.progress())
        } else if let Some(pin) = self.world.pin.as_ref().filter(|_| target.rollout.on_delete) {
            let message = format!("new nodes run it, and {} replaces the old ones", pin.migration);
            Condition::yes("RolledOut", "Migrating", message)
        } else {
            Condition::no("RolledOut", "InProgress", self.progress())
        }
    }

    /// A migration that waits, and one that goes on.
    fn migration(&self, progressing: bool) -> Condition {
        let kind = if progressing {
            "MigrationProgressing"
        } else {
            "MigrationPending"
        };
        match &self.world.pin {
            Some(pin) if pin.begun == progressing => Condition::yes(
                kind,
                "SeeMigration",
                format!(
                    "the change is carried out by replacing nodes: kubectl describe cnimigration {}",
                    pin.migration
                ),
            ),
            _ => Condition::no(kind, "NoMigration", "no migration does"),
        }
    }

    fn change_safe(&self) -> Condition {
        let review = &self.verdict().review;
        if review.allows() {
            let warnings = review.count(Severity::Warn);
            let message = match warnings {
                0 => "no rule is against what the policy asks for".to_owned(),
                n => format!("{}, see status.findings", counted(n, "warning")),
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
        if let Known::Unknown(why) = &self.world.seen.subnets {
            return Condition::unknown(kind, "NotChecked", why.as_str());
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
        let mode = if self.effective.prefix_delegation() {
            "Prefix"
        } else {
            "SecondaryIp"
        };
        let mut wrong = Vec::new();
        let n = self.nodes.max_pods_mismatch;
        if n > 0 {
            wrong.push(format!(
                "{n} of {} {} more pods than {} interfaces can carry in mode {mode}; replace {} with a lower \
                 max-pods",
                counted(self.nodes.total, "node"),
                agreeing(&n, "accepts", "accept"),
                agreeing(&n, "its", "their"),
                agreeing(&n, "it", "them")
            ));
        }
        let world = self.world;
        let templates = over_committed_templates(&world.seen, &world.templates, self.effective);
        wrong.extend(templates.iter().map(|template| {
            let OverCommittedTemplate { group, says, carries } = template;
            format!(
                "the template of {group} gives its next node {says} pods, and its types carry {carries} in mode {mode}; \
                 lower it {}",
                where_it_is(group)
            )
        }));
        match (wrong.as_slice(), n) {
            ([], _) => Condition::yes(
                kind,
                "Aligned",
                "no node accepts more pods than its interfaces can carry, and no template that was read makes one",
            ),
            (_, 0) => Condition::no(kind, "TemplateOverCommitted", listed(&wrong)),
            (_, _) => Condition::no(kind, "OverCommitted", listed(&wrong)),
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
            mixed_nodes(&self.world.seen).map_or_else(String::new, |names| format!("; nodes Mixed: {names}"));
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
            return match mixed_nodes(&self.world.seen) {
                None => Condition::no("ModeDrift", "NoDrift", "no mode changed behind the policy"),
                Some(names) => Condition::yes(
                    "ModeDrift",
                    "NodesMixed",
                    format!("nodes in another mode than the configuration asks for: {names}"),
                ),
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

    fn blocked(&self) -> Vec<&Row> {
        self.verdict()
            .differs
            .iter()
            .filter(|row| matches!(row.kind, RowKind::Blocked(_)))
            .collect()
    }
}
