//! A plan as programs read it.

use super::facts::unknown;
use super::proposal::{Proposal, proposal};
use super::room::{Room, rooms};
use crate::look::Look;
use kube::ResourceExt;
use serde::Serialize;
use vpccni_api::convert::{self, finding, pending_changes, planned_change};
use vpccni_api::migration::MigrationPhase;
use vpccni_api::policy::{ApplyMode, FindingStatus, MigrationStrategy, PendingChange, PlannedChange};
use vpccni_core::eni_configs::{self, EniAction, EniPlan};
use vpccni_core::known::Known;
use vpccni_core::policy::{self, AddonWriter, PolicyPlan, Row, RowKind, Target};
use vpccni_core::safety::NodeMode;

/// What a plan comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Verdict {
    /// Everything is as the policy says.
    Unchanged,
    /// It would be applied.
    Applicable,
    /// A key belongs to somebody else, or somebody sets it back again and again.
    Blocked,
    /// A rule refuses it.
    Refused,
}

/// A plan.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlanView {
    pub(crate) verdict: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) change_hash: Option<String>,
    pub(crate) policy: PolicyView,
    pub(crate) seen: Seen,
    /// The migration that is open: what it changes follows it, not this plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) migration: Option<OpenMigration>,
    pub(crate) changes: Vec<Change>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<VersionChange>,
    pub(crate) eni_configs: Vec<EniConfigChange>,
    pub(crate) findings: Vec<FindingStatus>,
    pub(crate) pending: Vec<PendingChange>,
    /// The migration that would carry out what is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proposal: Option<Proposal>,
    pub(crate) capacity: Vec<Room>,
    pub(crate) unknown: Vec<String>,
}

/// The policy it is about.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PolicyView {
    /// Whether there is one, in the cluster or in a file; else one that only observes is meant.
    pub(crate) exists: bool,
    pub(crate) management_state: String,
    pub(crate) apply_mode: ApplyMode,
    pub(crate) strategy: MigrationStrategy,
}

/// What it was made of.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Seen {
    /// A file, or none for a live cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    pub(crate) at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kubernetes: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cluster: Option<String>,
    pub(crate) target: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cni: Option<String>,
    pub(crate) nodes: Nodes,
}

/// The nodes that take part, by mode.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Nodes {
    pub(crate) total: usize,
    pub(crate) secondary_ip: usize,
    pub(crate) prefix: usize,
    pub(crate) mixed: usize,
    pub(crate) unknown: usize,
    pub(crate) ignored: usize,
}

/// A migration that has not ended.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct OpenMigration {
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) phase: Option<MigrationPhase>,
}

/// One setting.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Change {
    #[serde(flatten)]
    pub(crate) change: PlannedChange,
    pub(crate) action: Deed,
}

/// What is done with a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Deed {
    /// It is as it should be.
    Keep,
    /// It is written.
    Write,
    /// It is written and taken from its owner.
    TakeOver,
    /// What somebody changed is put back.
    PutBack,
    /// Its owner keeps it.
    LeaveToOwner,
    /// Nothing, for its owner sets it back again and again.
    LeaveToFight,
    /// Nothing after a break-glass.
    LeaveSuspended,
}

/// Another version, where an add-on is the carrier; asserted otherwise.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VersionChange {
    pub(crate) wanted: String,
    pub(crate) running: String,
    /// Whether it would be changed: the version of a DaemonSet is only asserted.
    pub(crate) is_changed: bool,
}

/// One ENIConfig that differs, or is not valid.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EniConfigChange {
    pub(crate) name: String,
    pub(crate) subnet: String,
    pub(crate) nodes: u32,
    pub(crate) action: EniDeed,
    pub(crate) problems: Vec<String>,
}

/// What is done with an ENIConfig.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum EniDeed {
    /// It is written.
    Write,
    /// It is handed to the released field manager and stays.
    Release,
    /// It is not written: a finding refuses it.
    Refuse,
    /// Nothing: it cannot work.
    Invalid,
}

impl PlanView {
    /// Whether anything would be written.
    pub(crate) fn changes_anything(&self) -> bool {
        let writes = |change: &Change| matches!(change.action, Deed::Write | Deed::TakeOver | Deed::PutBack);
        let eni = |config: &EniConfigChange| matches!(config.action, EniDeed::Write | EniDeed::Release);
        self.changes.iter().any(writes)
            || self.eni_configs.iter().any(eni)
            || self.version.as_ref().is_some_and(|version| version.is_changed)
    }
}

/// Plans, and shows it. Nothing where there is no target.
pub(crate) fn view(look: &Look) -> Option<PlanView> {
    let observed = &look.sight.observed;
    let target = observed.world.target.as_ref()?;
    let plan = policy::plan(&observed.world);
    let eni = eni_configs::plan(&observed.eni);
    let mut findings: Vec<FindingStatus> = plan.verdict.review.findings.iter().map(finding).collect();
    for refused in &eni.refused {
        let others: Vec<FindingStatus> = refused.findings.iter().map(finding).collect();
        findings.extend(
            others
                .into_iter()
                .filter(|other| !findings.contains(other))
                .collect::<Vec<_>>(),
        );
    }
    let mut view = PlanView {
        verdict: Verdict::Unchanged,
        change_hash: plan.verdict.change_hash.clone(),
        policy: policy_view(look),
        seen: seen(look, target),
        migration: open_migration(look),
        changes: plan.verdict.differs.iter().map(change).collect(),
        version: version(&plan, target),
        eni_configs: eni_changes(&eni),
        findings,
        pending: pending_changes(&plan.verdict).collect(),
        proposal: proposal(look, &plan),
        capacity: match rooms(&observed.world.seen) {
            Known::Yes(rooms) => rooms,
            Known::Unknown(_) => Vec::new(),
        },
        unknown: unknown(look, plan.verdict.change.is_some()),
    };
    view.verdict = verdict(&plan, &eni, &view);
    Some(view)
}

fn verdict(plan: &PolicyPlan, eni: &EniPlan, view: &PlanView) -> Verdict {
    let is_left = |change: &Change| matches!(change.action, Deed::LeaveToOwner | Deed::LeaveToFight);
    if plan.verdict.refused || !plan.verdict.held.is_empty() || !eni.refused.is_empty() {
        Verdict::Refused
    } else if view.changes.iter().any(is_left) {
        Verdict::Blocked
    } else if view.changes_anything() {
        Verdict::Applicable
    } else {
        Verdict::Unchanged
    }
}

fn policy_view(look: &Look) -> PolicyView {
    let spec = &look.policy.spec;
    let migration = spec.migration.as_ref();
    PolicyView {
        exists: look.has_policy,
        management_state: spec.management_state.to_string(),
        apply_mode: spec.apply_mode.unwrap_or(ApplyMode::Atomic),
        strategy: migration
            .and_then(|migration| migration.strategy)
            .unwrap_or(MigrationStrategy::Refuse),
    }
}

fn seen(look: &Look, target: &Target) -> Seen {
    let mut nodes = Nodes::default();
    for node in &look.sight.observed.world.seen.nodes {
        if !node.takes_part() {
            nodes.ignored += 1;
            continue;
        }
        nodes.total += 1;
        *match node.mode {
            NodeMode::SecondaryIp => &mut nodes.secondary_ip,
            NodeMode::Prefix => &mut nodes.prefix,
            NodeMode::Mixed => &mut nodes.mixed,
            NodeMode::Unknown => &mut nodes.unknown,
        } += 1;
    }
    Seen {
        file: look.file.as_ref().map(|file| file.display().to_string()),
        at: look.snapshot.taken_at().to_string(),
        kubernetes: look.snapshot.kubernetes_version().map(str::to_owned),
        cluster: look.sight.observed.cluster_name.clone(),
        target: target.name.clone(),
        cni: target.version.as_option().map(ToString::to_string),
        nodes,
    }
}

fn open_migration(look: &Look) -> Option<OpenMigration> {
    let all = look.sight.stores.migrations.all();
    let open = all.iter().find(|migration| !migration.has_ended())?;
    Some(OpenMigration {
        name: open.name_any(),
        phase: open.phase(),
    })
}

fn change(row: &Row) -> Change {
    Change {
        change: planned_change(row),
        action: match &row.kind {
            RowKind::Same => Deed::Keep,
            RowKind::Write => Deed::Write,
            RowKind::TakeOver(_) => Deed::TakeOver,
            RowKind::Drift(_) => Deed::PutBack,
            RowKind::Blocked(_) => Deed::LeaveToOwner,
            RowKind::Fought(..) => Deed::LeaveToFight,
            RowKind::Suspended => Deed::LeaveSuspended,
        },
    }
}

fn version(plan: &PolicyPlan, target: &Target) -> Option<VersionChange> {
    let (wanted, running) = plan.verdict.version_mismatch?;
    Some(VersionChange {
        wanted: wanted.to_string(),
        running: running.to_string(),
        is_changed: target
            .addon
            .carrier()
            .is_some_and(|carrier| carrier.writer == AddonWriter::Operator),
    })
}

fn eni_changes(plan: &EniPlan) -> Vec<EniConfigChange> {
    let step = |name: &str| {
        plan.steps.iter().find_map(|step| match step {
            EniAction::Apply {
                name: applied, spec, ..
            } if applied.as_str() == name => Some((EniDeed::Write, Some(spec.subnet.to_string()))),
            EniAction::HandToReleased(released) if released.as_str() == name => {
                Some((EniDeed::Release, None))
            }
            _ => None,
        })
    };
    let refused = |name: &str| plan.refused.iter().any(|refused| refused.name.as_str() == name);
    let row = |row: &eni_configs::EniRow| {
        let (action, subnet) = match step(&row.name) {
            Some((action, subnet)) => (action, subnet.unwrap_or_else(|| row.subnet.clone())),
            None if refused(&row.name) => (EniDeed::Refuse, row.subnet.clone()),
            None if !row.valid && !row.problems.is_empty() => (EniDeed::Invalid, row.subnet.clone()),
            None => return None,
        };
        Some(EniConfigChange {
            name: row.name.clone(),
            subnet,
            nodes: row.nodes,
            action,
            problems: row
                .problems
                .iter()
                .map(|text| convert::bounded(text, 1024))
                .collect(),
        })
    };
    plan.rows.iter().filter_map(row).collect()
}
