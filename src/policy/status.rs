//! From the core's report to the status of the CniPolicy. Pure: the times of conditions that did not change are kept.

use crate::status::merge_conditions;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use std::collections::BTreeMap;
use vpccni_api::convert::{bounded, findings, pending_changes, planned_change};
use vpccni_api::policy::{
    Applied, AppliedState, CloudStatus, ClusterStatus, CniPolicyStatus, EnforcementRecord, EniConfigStatus,
    NodeCounts, PodCounts, ReleasedKey, STATUS_LIST, STATUS_TEXT, Summary, SuspendedKey, TargetStatus,
};
use vpccni_core::config::Place;
use vpccni_core::eni_configs::EniRow;
use vpccni_core::policy::{PolicyPlan, PolicyReport, PolicyWorld, SettingName, Target, Written};

/// What the status says besides what the core decided.
#[derive(Debug, Clone, Default)]
pub(crate) struct Surroundings {
    pub(crate) generation: i64,
    pub(crate) target: Option<TargetStatus>,
    pub(crate) cluster: ClusterStatus,
    pub(crate) cloud: CloudStatus,
    pub(crate) eni_rows: Vec<EniRow>,
    pub(crate) agent_args: Vec<String>,
    pub(crate) effective: BTreeMap<String, String>,
    pub(crate) stalled: bool,
    /// The CniMigration that lives.
    pub(crate) migration: Option<String>,
}

/// Entries of lists that are bounded at 64 in the schema.
const CHANGES: usize = 64;

/// The whole status.
pub(crate) fn status(
    world: &PolicyWorld,
    plan: &PolicyPlan,
    report: &PolicyReport,
    around: &Surroundings,
    previous: Option<&CniPolicyStatus>,
    now: Timestamp,
) -> CniPolicyStatus {
    let verdict = &plan.verdict;
    let conditions = previous
        .and_then(|status| status.conditions.as_deref())
        .unwrap_or_default();
    let (findings, findings_total) = findings(&verdict.review);
    CniPolicyStatus {
        observed_generation: Some(around.generation),
        conditions: Some(merge_conditions(
            conditions,
            &report.conditions,
            around.generation,
            now,
        )),
        summary: Some(summary(report, world.target.as_ref())),
        target: around.target.clone(),
        applied: applied(world, plan, report, around, previous, now),
        change_hash: verdict.change_hash.clone(),
        would_change: Some(verdict.differs.iter().take(CHANGES).map(planned_change).collect()),
        pending: Some(pending_changes(&plan.verdict).take(CHANGES).collect()),
        released: Some(released(world, plan)),
        findings: Some(findings),
        findings_total: Some(findings_total),
        nodes: Some(nodes(world, report)),
        eni_configs: Some(around.eni_rows.iter().take(STATUS_LIST).map(eni_config).collect()),
        eni_configs_total: Some(number(around.eni_rows.len())),
        migration: around.migration.clone(),
        cluster: Some(around.cluster.clone()),
        cloud: Some(around.cloud.clone()),
    }
}

fn number(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn summary(report: &PolicyReport, target: Option<&Target>) -> Summary {
    let text = |text: &String| Some(text.clone());
    let version = target
        .and_then(|target| target.version.as_option())
        .map(ToString::to_string);
    Summary {
        state: text(&report.summary.state),
        mode: text(&report.summary.mode),
        desired: text(&report.summary.desired),
        rolled_out: text(&report.summary.rolled_out),
        migrated: text(&report.summary.migrated),
        findings: text(&report.summary.findings),
        version: Some(version.unwrap_or_default()),
    }
}

fn released(world: &PolicyWorld, plan: &PolicyPlan) -> Vec<ReleasedKey> {
    let value = |name: &SettingName| {
        let seen = world.target.as_ref()?.settings.get(name)?;
        Some(bounded(&seen.value.to_string(), STATUS_TEXT))
    };
    let row = |name: &SettingName| ReleasedKey {
        key: name.to_string(),
        value: value(name),
    };
    plan.verdict.released.iter().take(CHANGES).map(row).collect()
}

fn nodes(world: &PolicyWorld, report: &PolicyReport) -> NodeCounts {
    let old = world.target.as_ref().map_or(0, |target| {
        target.rollout.desired.saturating_sub(target.rollout.updated)
    });
    let count = |n: u32| Some(i64::from(n));
    let nodes = report.nodes;
    NodeCounts {
        total: count(nodes.total),
        secondary_ip: count(nodes.secondary_ip),
        prefix: count(nodes.prefix),
        mixed: count(nodes.mixed),
        unknown: count(nodes.unknown),
        ignored: count(nodes.ignored),
        old_pods: count(old),
        max_pods_mismatch: count(nodes.max_pods_mismatch),
    }
}

fn eni_config(row: &EniRow) -> EniConfigStatus {
    EniConfigStatus {
        name: row.name.clone(),
        valid: row.valid,
        nodes: i64::from(row.nodes),
        subnet: Some(row.subnet.clone()).filter(|subnet| !subnet.is_empty()),
        free_prefixes: row.free_prefixes.map(i64::from),
        message: (!row.problems.is_empty()).then(|| bounded(&row.problems.join(" | "), 1024)),
    }
}

/// What is applied: the values that stand, but for settings of ours the values we enforce.
fn applied(
    world: &PolicyWorld,
    plan: &PolicyPlan,
    report: &PolicyReport,
    around: &Surroundings,
    previous: Option<&CniPolicyStatus>,
    now: Timestamp,
) -> Option<Applied> {
    let target = world.target.as_ref()?;
    let before = previous.and_then(|status| status.applied.as_ref());
    let enforced = enforced_record(world, plan);
    let values = |place| {
        let live = target.settings.iter().filter(|(name, _)| name.place == place);
        let mut values: BTreeMap<String, String> = live
            .map(|(name, seen)| (name.name.clone(), bounded(&seen.value.to_string(), STATUS_TEXT)))
            .collect();
        let ours = enforced.iter().filter(|(name, _)| name.place == place);
        values
            .extend(ours.map(|(name, value)| (name.name.clone(), bounded(&value.to_string(), STATUS_TEXT))));
        values
    };
    let rollout = &target.rollout;
    let mut applied = Applied {
        state: Some(if report.verified {
            AppliedState::Verified
        } else {
            AppliedState::Unknown
        }),
        change_hash: Some(plan.verdict.hash.clone()),
        time: None,
        aws_node: Some(values(Place::AwsNode)),
        init: Some(values(Place::Init)),
        node_agent: Some(around.agent_args.clone()),
        pods: Some(PodCounts {
            updated: Some(i64::from(rollout.updated)),
            total: Some(i64::from(rollout.desired)),
            unavailable: Some(i64::from(rollout.unavailable)),
        }),
        owned_keys: Some(enforced.keys().map(ToString::to_string).collect()),
        effective: Some(around.effective.clone()),
        record: Some(record(world, plan, report, around, &enforced)),
    };
    let same_hash = before.is_some_and(|before| before.change_hash == applied.change_hash);
    applied.time = before
        .filter(|_| same_hash)
        .and_then(|before| before.time.clone())
        .or(Some(Time(now)));
    Some(applied)
}

/// The settings to enforce from now on: what this round decided while managing, what was recorded otherwise.
fn enforced_record(world: &PolicyWorld, plan: &PolicyPlan) -> BTreeMap<SettingName, Written> {
    let mut enforced = plan.verdict.enforced.clone();
    // Drift that is held, and keys that others fight for or broke the glass on, stay ours by right.
    for (name, value) in &world.record.settings {
        if world.intent.settings.contains_key(name) {
            enforced.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    enforced
}

fn record(
    world: &PolicyWorld,
    plan: &PolicyPlan,
    report: &PolicyReport,
    around: &Surroundings,
    enforced: &BTreeMap<SettingName, Written>,
) -> EnforcementRecord {
    let suspended = plan
        .verdict
        .suspended
        .iter()
        .map(|(name, suspension)| SuspendedKey {
            key: name.to_string(),
            value: bounded(&suspension.value, STATUS_TEXT),
            by: bounded(&suspension.by, 128),
        });
    let break_glass = world
        .target
        .as_ref()
        .and_then(|target| target.break_glass.clone());
    EnforcementRecord {
        settings: Some(texts(enforced)),
        references: Some(references(enforced)),
        modes: Some(
            report
                .modes
                .iter()
                .map(|(name, value)| (name.to_string(), value.clone()))
                .collect(),
        ),
        suspended: Some(suspended.take(CHANGES).collect()),
        break_glass_seen: break_glass.map(|value| bounded(&value, 256)),
        stalled_hash: world.stalled_after(&plan.verdict.hash, around.stalled),
    }
}

fn texts(settings: &BTreeMap<SettingName, Written>) -> BTreeMap<String, String> {
    settings
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), value.text()?.to_owned())))
        .collect()
}

fn references(settings: &BTreeMap<SettingName, Written>) -> BTreeMap<String, String> {
    let reference = |(name, value): (&SettingName, &Written)| match value {
        Written::Reference(source) => Some((name.to_string(), source.clone())),
        Written::Text(_) => None,
    };
    settings.iter().filter_map(reference).collect()
}
