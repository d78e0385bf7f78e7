//! Writes the status of the CniPolicy, and tells Events and metrics. The only writer of that status; decides nothing.

use super::round::Round;
use super::status::{Surroundings, status};
use crate::context::Context;
use crate::events::Reason;
use crate::status::without_empty_maps;
use crate::write::{Apply, Target as WriteTarget, WriteError, WriteSite};
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{Resource, ResourceExt};
use serde_json::json;
use std::collections::BTreeSet;
use vpccni_api::CniPolicy;
use vpccni_api::policy::{CloudState, CloudStatus, CniPolicyStatus};
use vpccni_core::policy::{
    Action, CloudView, ManagerClass, Outcome, Outcomes, PolicyPlan, PolicyReport, Row, RowKind,
    report as core_report,
};
use vpccni_core::safety::Severity;
use vpccni_observe::policy::Observed;

/// Says what a round came to.
pub(super) async fn report(ctx: &Context, round: Round<'_>, around: &Surroundings) -> Result<(), WriteError> {
    let Round {
        policy,
        observed,
        plan,
        outcomes,
        eni,
    } = round;
    let said = core_report(&observed.world, plan, outcomes, &observed.cloud, &eni.view);
    let before = policy.status.as_ref();
    let after = status(&observed.world, plan, &said, around, before, ctx.now());
    metrics(ctx, observed, plan, &said);
    write_status(ctx, policy, &after).await?;
    let teller = Teller {
        ctx,
        about: reference(policy),
        before,
        after: &after,
    };
    teller.steps(plan, outcomes).await;
    teller.transitions(observed, plan).await;
    Ok(())
}

/// The policy in an Event.
pub(crate) fn reference(policy: &CniPolicy) -> ObjectReference {
    policy.object_ref(&())
}

/// Writes the status where it differs; a newer reading of EC2 that says the same is no difference.
pub(crate) async fn write_status(
    ctx: &Context,
    policy: &CniPolicy,
    status: &CniPolicyStatus,
) -> Result<(), WriteError> {
    if policy.status.as_ref().is_some_and(|before| same(before, status)) {
        return Ok(());
    }
    let target = WriteTarget::cluster::<CniPolicy>(&policy.name_any());
    let body = json!({"status": without_empty_maps(json!(status))});
    ctx.writer
        .apply_status(WriteSite::PolicyStatus, &target, Apply::TAKE_OVER, body)
        .await
        .map(|_| ())
}

fn same(before: &CniPolicyStatus, after: &CniPolicyStatus) -> bool {
    let timeless = |status: &CniPolicyStatus| {
        let mut status = status.clone();
        if let Some(cloud) = status.cloud.as_mut() {
            cloud.observed_at = None;
        }
        without_empty_maps(json!(status))
    };
    timeless(before) == timeless(after)
}

/// What could be read from AWS, for the status.
pub(crate) fn cloud_status(observed: &Observed) -> CloudStatus {
    let (state, message) = match &observed.cloud {
        CloudView::Observed(message) => (CloudState::Observed, message.clone()),
        CloudView::Partly("AccessDenied", message) => (CloudState::Denied, message.clone()),
        CloudView::Partly("Unreachable" | "TimedOut", message) => (CloudState::Unreachable, message.clone()),
        CloudView::Partly(_, message) => (CloudState::Partial, message.clone()),
    };
    let denied: BTreeSet<String> = observed
        .inventory
        .failures
        .iter()
        .filter(|failure| failure.kind == vpccni_core::ports::CloudErrorKind::Denied)
        .map(|failure| failure.action.to_owned())
        .collect();
    CloudStatus {
        state: Some(state),
        observed_at: Some(Time(observed.inventory.at)),
        message: Some(vpccni_api::convert::bounded(&message, 4096)),
        denied: Some(denied.into_iter().collect()),
    }
}

fn metrics(ctx: &Context, observed: &Observed, plan: &PolicyPlan, said: &PolicyReport) {
    let version = observed
        .world
        .target
        .as_ref()
        .and_then(|target| target.version.as_option().copied());
    let version = version.map(|version| version.to_string());
    ctx.metrics.set_config(
        version
            .as_deref()
            .map(|version| (plan.verdict.hash.as_str(), said.summary.mode.as_str(), version)),
    );
    let conditions: Vec<(&str, &str)> = said
        .conditions
        .iter()
        .map(|condition| {
            let status = match condition.status {
                vpccni_core::policy::ConditionStatus::True => "True",
                vpccni_core::policy::ConditionStatus::False => "False",
                vpccni_core::policy::ConditionStatus::Unknown => "Unknown",
            };
            (condition.kind, status)
        })
        .collect();
    ctx.metrics.set_conditions(conditions);
    let findings = &plan.verdict.review.findings;
    ctx.metrics.set_findings(
        findings
            .iter()
            .map(|finding| (finding.rule.0, severity(finding.severity), 1)),
    );
    let drifting = plan.verdict.differs.iter().filter_map(|row| match &row.kind {
        RowKind::Drift(owner) | RowKind::Fought(owner, _) => {
            Some((row.name.to_string(), owner_class(owner.class)))
        }
        _ => None,
    });
    let drifting: Vec<(String, &'static str)> = drifting.collect();
    ctx.metrics
        .set_drift(drifting.iter().map(|(key, class)| (key.as_str(), *class)));
    let target = observed.world.target.as_ref();
    ctx.metrics
        .set_on_delete(target.is_some_and(|target| target.rollout.on_delete));
    let count = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
    let nodes = said.nodes;
    ctx.metrics.set_nodes([
        ("SecondaryIp", count(nodes.secondary_ip)),
        ("Prefix", count(nodes.prefix)),
        ("Mixed", count(nodes.mixed)),
        ("Unknown", count(nodes.unknown)),
        ("Ignored", count(nodes.ignored)),
    ]);
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Warn => "warn",
        Severity::Refuse => "refuse",
        Severity::Never => "never",
    }
}

/// Managers are named by anybody, so only their kind may become a label.
fn owner_class(class: ManagerClass) -> &'static str {
    match class {
        ManagerClass::Ours | ManagerClass::Released => "ours",
        ManagerClass::Eks | ManagerClass::Reconciler => "reconciler",
        ManagerClass::Person => "person",
        ManagerClass::Other => "unknown",
    }
}

struct Teller<'a> {
    ctx: &'a Context,
    about: ObjectReference,
    before: Option<&'a CniPolicyStatus>,
    after: &'a CniPolicyStatus,
}

impl Teller<'_> {
    async fn tell(&self, reason: Reason, note: &str) {
        self.ctx.events.tell(&self.about, reason, note).await;
    }

    /// What was done in this round.
    async fn steps(&self, plan: &PolicyPlan, outcomes: &Outcomes) {
        for (step, outcome) in plan.steps.iter().zip(&outcomes.steps) {
            if *outcome != Outcome::Done {
                continue;
            }
            match step {
                Action::HandToReleased { settings } => {
                    let names: Vec<String> = settings.keys().map(ToString::to_string).collect();
                    let note = format!(
                        "no longer named by the policy, the values stay: {}",
                        names.join(", ")
                    );
                    self.tell(Reason::KeysReleased, &note).await;
                }
                Action::Apply { changed, .. } | Action::UpdateAddon { changed, .. } => {
                    self.applied(changed).await;
                }
                Action::Unset { settings } => {
                    let names: Vec<String> = settings.iter().map(ToString::to_string).collect();
                    self.tell(Reason::KeysUnset, &format!("removed: {}", names.join(", ")))
                        .await;
                }
                Action::StopRollout { pods } => {
                    let note = format!(
                        "the new revision does not come up, updateStrategy is OnDelete now: {}",
                        pods.join("; ")
                    );
                    self.tell(Reason::RolloutStalled, &note).await;
                }
                Action::ResumeRollout => {
                    self.tell(Reason::RolloutResumed, "the update strategy is back")
                        .await;
                }
            }
        }
    }

    async fn applied(&self, changed: &[Row]) {
        let texts = |pick: fn(&RowKind) -> bool| {
            changed
                .iter()
                .filter(|row| pick(&row.kind))
                .map(change)
                .collect::<Vec<_>>()
                .join(", ")
        };
        let drift = texts(|kind| matches!(kind, RowKind::Drift(_)));
        if !drift.is_empty() {
            self.tell(Reason::DriftCorrected, &format!("put back: {drift}"))
                .await;
        }
        let taken = texts(|kind| matches!(kind, RowKind::TakeOver(_)));
        if !taken.is_empty() {
            self.tell(Reason::KeysTakenOver, &format!("taken over: {taken}"))
                .await;
        }
        let written = texts(|kind| !matches!(kind, RowKind::Drift(_)));
        if !written.is_empty() {
            self.tell(Reason::ConfigurationApplied, &written).await;
        }
    }

    /// Conditions that became true or false since the last status.
    async fn transitions(&self, observed: &Observed, plan: &PolicyPlan) {
        let became = [
            ("Stalled", "True", "UnsafeChange", Reason::UnsafeChangeRefused),
            ("Stalled", "True", "TargetNotFound", Reason::TargetNotFound),
            ("Stalled", "True", "RevertedByOther", Reason::RevertedByOther),
            ("Stalled", "True", "OwnedByOther", Reason::KeysOwnedByOther),
            ("Stalled", "True", "PermissionMissing", Reason::PermissionMissing),
            ("DriftHeld", "True", "CorrectionUnsafe", Reason::DriftHeld),
            ("ModeDrift", "True", "ChangedByOther", Reason::ModeDrift),
            ("RolledOut", "True", "Complete", Reason::RolloutCompleted),
        ];
        for (kind, state, reason, event) in became {
            let Some(message) = self.newly(kind, state, reason) else {
                continue;
            };
            self.tell(event, message).await;
            if event == Reason::UnsafeChangeRefused {
                for finding in plan
                    .verdict
                    .review
                    .findings
                    .iter()
                    .filter(|f| f.severity > Severity::Warn)
                {
                    self.ctx.metrics.refused(finding.rule.0);
                }
            }
        }
        if let Some(message) = self.newly_false("CloudObserved") {
            self.tell(Reason::CloudNotObserved, message).await;
        }
        self.break_glass(observed, plan).await;
    }

    /// The message of a condition that has this status and reason now and had not before, or for an older generation.
    fn newly(&self, kind: &str, state: &str, reason: &str) -> Option<&str> {
        let find = |status: Option<&CniPolicyStatus>| {
            let found = status?
                .conditions
                .iter()
                .flatten()
                .find(|condition| condition.type_ == kind)?;
            let holds = found.status == state && found.reason == reason;
            holds.then(|| (found.observed_generation, found.message.clone()))
        };
        let (generation, _) = find(Some(self.after))?;
        let before = find(self.before);
        if before.is_some_and(|(old, _)| old == generation || kind == "RolledOut") {
            return None;
        }
        self.message(kind)
    }

    fn newly_false(&self, kind: &str) -> Option<&str> {
        let is_false = |status: Option<&CniPolicyStatus>| {
            status.is_some_and(|status| {
                status
                    .conditions
                    .iter()
                    .flatten()
                    .any(|c| c.type_ == kind && c.status == "False")
            })
        };
        if !is_false(Some(self.after)) || is_false(self.before) {
            return None;
        }
        self.message(kind)
    }

    /// What a condition says now.
    fn message(&self, kind: &str) -> Option<&str> {
        let mut now = self.after.conditions.iter().flatten();
        let found = now.find(|condition| condition.type_ == kind)?;
        Some(&found.message)
    }

    async fn break_glass(&self, observed: &Observed, plan: &PolicyPlan) {
        let before = &observed.world.record.suspended;
        for (name, suspension) in &plan.verdict.suspended {
            if !before.contains_key(name) {
                let note = format!(
                    "{name} was set to {:?} by {} with break-glass; it is not enforced until the annotation is removed",
                    suspension.value, suspension.by
                );
                self.tell(Reason::BreakGlassUsed, &note).await;
            }
        }
        let resumed: Vec<String> = before
            .keys()
            .filter(|name| !plan.verdict.suspended.contains_key(*name))
            .map(ToString::to_string)
            .collect();
        if !resumed.is_empty() {
            self.tell(
                Reason::EnforcementResumed,
                &format!("enforced again: {}", resumed.join(", ")),
            )
            .await;
        }
    }
}

fn change(row: &Row) -> String {
    let text = |value: &Option<vpccni_core::policy::Written>| {
        value
            .as_ref()
            .map_or_else(|| "(absent)".to_owned(), ToString::to_string)
    };
    let from = match &row.kind {
        RowKind::TakeOver(owner) | RowKind::Drift(owner) => format!(" (was {})", owner.manager),
        _ => String::new(),
    };
    format!("{} {} -> {}{from}", row.name, text(&row.from), text(&row.to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_maps_are_left_out_at_every_depth() {
        let status = json!({"a": {"b": {}}, "list": [{"c": {}, "d": 1}], "empty": [], "text": ""});
        let expected = json!({"list": [{"d": 1}], "empty": [], "text": ""});
        assert_eq!(without_empty_maps(status), expected);
    }
}
