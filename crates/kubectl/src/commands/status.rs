//! `status`: what the operator wrote into the CniPolicy, arranged for a person: state, conditions, what waits, what next.

use crate::args::Flags;
use crate::connect;
use crate::failure::Failure;
use crate::next::next;
use crate::output::{Cell, Out, Paint, Style, Table, age, facts, heading, line, wrapped};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Api;
use serde::Serialize;
use vpccni_api::policy::{CniPolicyStatus, FindingStatus, NodeCounts, PendingChange, Summary};
use vpccni_api::{CniPolicy, POLICY_NAME};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusView {
    policy: String,
    management_state: String,
    /// Whether the operator has seen the newest spec.
    observed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    summary: Summary,
    nodes: NodeCounts,
    conditions: Vec<Condition>,
    pending: Vec<PendingChange>,
    findings: Vec<FindingStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    migration: Option<String>,
    next: Vec<String>,
}

/// Reads and shows.
pub(super) async fn run(flags: &Flags, out: &mut Out) -> Result<(), Failure> {
    let client = connect::cluster(flags).await?;
    let policies: Api<CniPolicy> = Api::all(client);
    let found = policies.get_opt(POLICY_NAME).await;
    let found = found.map_err(Failure::object("read", "the CniPolicy default"))?;
    let policy = found.ok_or_else(|| Failure::NotFound {
        what: "there is no CniPolicy default, or the operator is not installed".to_owned(),
        hint: "docs/guides/install.md tells how to begin with one that only observes; \
               `kubectl vpc-cni plan -f policy.yaml` shows beforehand what one would do"
            .to_owned(),
    })?;
    let now = Timestamp::now();
    out.show(&view(policy), |view, paint| text(view, now, paint))
}

fn view(policy: CniPolicy) -> StatusView {
    let status = policy.status.unwrap_or_default();
    let next = next(&status);
    let CniPolicyStatus {
        observed_generation,
        conditions,
        summary,
        target,
        pending,
        findings,
        nodes,
        migration,
        ..
    } = status;
    StatusView {
        policy: POLICY_NAME.to_owned(),
        management_state: policy.spec.management_state.to_string(),
        observed: observed_generation.is_some() && observed_generation == policy.metadata.generation,
        target: target
            .and_then(|target| target.daemon_set)
            .map(|target| format!("{}/{}", target.namespace, target.name)),
        summary: summary.unwrap_or_default(),
        nodes: nodes.unwrap_or_default(),
        conditions: conditions.unwrap_or_default(),
        pending: pending.unwrap_or_default(),
        findings: findings.unwrap_or_default(),
        migration: migration.filter(|name| !name.is_empty()),
        next,
    }
}

fn text(view: &StatusView, now: Timestamp, paint: Paint) -> String {
    let mut text = head(view, paint);
    if !view.conditions.is_empty() {
        text.push_str(&heading("Conditions", paint));
        for condition in &view.conditions {
            text.push_str(&condition_text(condition, now, paint));
        }
    }
    if !view.pending.is_empty() {
        let mut table = Table::new(&["KEY", "TO", "WAITS FOR"]);
        for pending in &view.pending {
            let to = pending.to.clone().unwrap_or_else(|| "(removed)".to_owned());
            table.row(vec![
                pending.key.clone().into(),
                to.into(),
                pending.waits_for.clone().into(),
            ]);
        }
        text.push_str(&heading("Waiting", paint));
        text.push_str(&table.text("  ", paint));
    }
    if !view.findings.is_empty() {
        let mut table = Table::new(&["SEVERITY", "RULE", "RESOLUTION"]);
        for finding in &view.findings {
            let cells: [Cell; 3] = [
                finding.severity.as_str().into(),
                finding.rule.clone().into(),
                finding.resolution.as_str().into(),
            ];
            table.row(cells.into());
        }
        text.push_str(&heading("Findings", paint));
        text.push_str(&table.text("  ", paint));
    }
    text.push_str(&heading("Next", paint));
    if view.next.is_empty() {
        text.push_str("  nothing to do\n");
    }
    for step in &view.next {
        line(&mut text, &format!("  {step}"));
    }
    text
}

fn head(view: &StatusView, paint: Paint) -> String {
    let or_unknown = |text: &Option<String>| match text.as_deref() {
        None | Some("") => "not known".to_owned(),
        Some(text) => text.to_owned(),
    };
    let Summary {
        state: _,
        mode,
        desired,
        rolled_out,
        migrated,
        findings,
        version,
    } = &view.summary;
    let seen = if view.observed {
        ""
    } else {
        " (the operator has not seen the newest spec yet)"
    };
    let mut rows = vec![
        (
            "Policy",
            format!("{}, {}{seen}", view.policy, view.management_state),
        ),
        ("Target", or_unknown(&view.target)),
        ("CNI", or_unknown(version)),
        (
            "Mode",
            format!("{}, desired {}", or_unknown(mode), or_unknown(desired)),
        ),
        ("Rollout", or_unknown(rolled_out)),
        ("Nodes", format!("{} in the desired mode", or_unknown(migrated))),
        ("Findings", or_unknown(findings)),
    ];
    if let Some(migration) = &view.migration {
        rows.push(("Migration", migration.clone()));
    }
    facts(&rows, paint)
}

fn condition_text(condition: &Condition, now: Timestamp, paint: Paint) -> String {
    let since = age(condition.last_transition_time.0, now);
    let head = format!(
        "  {:<18} {:<8} {} ({since})\n",
        condition.type_, condition.status, condition.reason
    );
    let is_bad_sign = (condition.status == "False") != bad_when_true(&condition.type_);
    let style = if is_bad_sign && condition.type_ != "Reconciling" {
        Style::Bad
    } else {
        Style::Good
    };
    paint.on(style, head.trim_end()) + "\n" + &wrapped("      ", &condition.message)
}

fn bad_when_true(kind: &str) -> bool {
    ["Stalled", "DriftHeld", "ModeDrift", "Reconciling"].contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_refused_change_shows_why_and_the_next_step() {
        let policy: CniPolicy = serde_json::from_value(json!({
            "apiVersion": "vpccni.io/v1alpha1", "kind": "CniPolicy", "metadata": {"name": "default", "generation": 2},
            "spec": {"managementState": "Manage"},
            "status": {
                "observedGeneration": 2,
                "target": {"daemonSet": {"namespace": "kube-system", "name": "aws-node"}},
                "summary": {
                    "state": "Manage", "mode": "SecondaryIp", "desired": "Prefix", "rolledOut": "3/3",
                    "migrated": "0/3", "findings": "1 refuse", "version": "v1.23.1"
                },
                "conditions": [
                    {"type": "Ready", "status": "False", "reason": "UnsafeChange", "message": "refused",
                     "lastTransitionTime": "2026-11-21T10:00:00Z"},
                    {"type": "Stalled", "status": "True", "reason": "UnsafeChange", "message": "refused",
                     "lastTransitionTime": "2026-11-21T10:00:00Z"}
                ],
                "pending": [{"key": "ENABLE_PREFIX_DELEGATION", "to": "true", "waitsFor": "the findings"}],
                "findings": [{
                    "rule": "prefix-mode-in-place", "severity": "Refuse", "resolution": "ReplaceNodes",
                    "subjects": [], "subjectsTotal": 0, "message": "m", "fix": "f"
                }]
            }
        }))
        .unwrap();
        let now = "2026-11-21T10:05:00Z".parse().unwrap();
        let expected = "\
Policy    default, Manage
Target    kube-system/aws-node
CNI       v1.23.1
Mode      SecondaryIp, desired Prefix
Rollout   3/3
Nodes     0/3 in the desired mode
Findings  1 refuse

Conditions
  Ready              False    UnsafeChange (5m)
      refused
  Stalled            True     UnsafeChange (5m)
      refused

Waiting
  KEY                        TO     WAITS FOR
  ENABLE_PREFIX_DELEGATION   true   the findings

Findings
  SEVERITY   RULE                   RESOLUTION
  Refuse     prefix-mode-in-place   ReplaceNodes

Next
  kubectl vpc-cni plan
  kubectl vpc-cni explain prefix-mode-in-place
";
        assert_eq!(text(&view(policy), now, Paint::new(false)), expected);
    }
}
