//! The one table of the operator's metrics: what is registered, and what the reference page says.

use std::fmt::Write as _;

/// What a family is to Prometheus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One family.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FamilyDoc {
    /// The name it is registered under; the text format appends `_total` to a counter's.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Every label with the values it can have.
    pub(crate) labels: &'static [(&'static str, &'static str)],
    pub(crate) help: &'static str,
}

impl FamilyDoc {
    /// The name in queries.
    pub(crate) fn exposed(&self) -> String {
        match self.kind {
            Kind::Counter => format!("{}_total", self.name),
            Kind::Gauge | Kind::Histogram => self.name.to_owned(),
        }
    }
}

macro_rules! families {
    ($($constant:ident: $kind:ident $name:literal { $($label:literal: $values:literal),* } $help:literal,)+) => {
        $(pub(crate) const $constant: FamilyDoc = FamilyDoc {
            name: $name,
            kind: Kind::$kind,
            labels: &[$(($label, $values)),*],
            help: $help,
        };)+

        /// All of them, in the order of the page.
        pub(crate) const FAMILIES: &[FamilyDoc] = &[$($constant),+];
    };
}

families! {
    CONFIG_INFO: Gauge "vpccni_config_info" {
        "hash": "hash of the applied configuration",
        "mode": "SecondaryIp, Prefix, Unknown",
        "cni_version": "version of the CNI that runs"
    } "Always 1; its labels say what is applied. There is one series: the old one goes when the configuration changes.",
    POLICY_UNREADABLE: Gauge "vpccni_policy_unreadable" {}
        "1 while the CniPolicy cannot be read, so that nothing it says is looked after. Alert on this.",
    OBJECTS_UNREADABLE: Gauge "vpccni_objects_unreadable" {
        "kind": "a watched kind"
    } "Objects of a watched kind that could not be read and are left out of every decision.",
    CONDITION: Gauge "vpccni_condition" {
        "type": "a condition type of the CniPolicy",
        "status": "True, False, Unknown"
    } "1 for the status a condition of the CniPolicy has, 0 for the two it has not.",
    FINDINGS: Gauge "vpccni_findings" {
        "rule": "a rule id, see rules.md",
        "severity": "warn, refuse, never"
    } "Findings of the last review.",
    REFUSED: Counter "vpccni_refused" {
        "rule": "a rule id, see rules.md"
    } "Changes that were refused, counted once a change for each rule that refused it.",
    DRIFT: Gauge "vpccni_config_drift" {
        "key": "an owned key that is not as applied",
        "owner_class": "person, reconciler, ours, unknown"
    } "1 for each owned key that differs from what was applied, and what kind of manager wrote it.",
    NODES: Gauge "vpccni_nodes" {
        "mode": "SecondaryIp, Prefix, Mixed, Unknown, Ignored"
    } "Nodes by the mode in which they hold addresses.",
    ON_DELETE: Gauge "vpccni_on_delete" {}
        "1 while the update strategy of the DaemonSet is OnDelete: old nodes keep the old configuration until they go.",
    MIGRATION_PHASE: Gauge "vpccni_migration_phase" {
        "phase": "Planned, Approved, Prepared, Canary, Rolling, Verifying, Paused, Halted, RollingBack, Aborting, Completed, RolledBack, Aborted"
    } "1 for where the migration stands that lives; no series while none does.",
    MIGRATION_WAITING: Gauge "vpccni_migration_waiting" {
        "on": "Halted, Superseded, Approval, Obstacle, Paused, BlockedPod, FailedNode, Template, Carrier, Group, Window, Node, Owner, Soak"
    } "1 for what the migration waits for, as in status.waitingFor.reason; no series while it waits for nothing.",
    MIGRATION_HALTED: Gauge "vpccni_migration_halted" {
        "reason": "a halt reason, each with a section in runbooks/migration.md"
    } "1 while the migration has stopped by itself and nobody has resumed it.",
    MIGRATION_NODES: Gauge "vpccni_migration_nodes" {
        "state": "Old, Mixed, Young, Replaced, Failed"
    } "Nodes of the migration by what they are; together all that take part.",
    MIGRATION_STEPS: Gauge "vpccni_migration_nodes_in_work" {
        "step": "Selected, ReplacementReady, Cordoned, Draining, Drained, Terminating, Quarantined"
    } "Nodes in work by how far they are.",
    MIGRATION_STEP_SINCE: Gauge "vpccni_migration_step_since_timestamp_seconds" {
        "step": "as of vpccni_migration_nodes_in_work"
    } "Since when the node is in this step that has been in it the longest.",
    MIGRATION_BUDGET: Gauge "vpccni_migration_budget_nodes" {
        "of": "unavailable, surge",
        "part": "allowed, used"
    } "The budget of the migration over all groups together, and what of it is used.",
    MIGRATION_BLOCKED: Gauge "vpccni_migration_blocked_pods" {}
        "Pods that do not leave the nodes in work: a PodDisruptionBudget or their annotations keep them.",
    MIGRATION_ETA: Gauge "vpccni_migration_eta_seconds" {}
        "How long the migration still takes if nothing blocks; 0 while none lives.",
    MIGRATION_FREE: Gauge "vpccni_migration_min_free_prefixes" {
        "subnet": "a subnet of the plan, the first 20"
    } "The fewest free /28 blocks the subnet will have over the rest of the plan; below zero so many are missing.",
    CLOUD_CALLS: Counter "vpccni_cloud_calls" {
        "action": "an API action such as ec2:DescribeSubnets",
        "outcome": "ok, denied, throttled, timed_out, unreachable, not_found, invalid, internal"
    } "Calls to the cloud.",
    RECONCILE_DURATION: Histogram "vpccni_operator_reconcile_duration_seconds" {
        "controller": "a controller"
    } "How long a reconcile took.",
    RECONCILES: Counter "vpccni_operator_reconciles" {
        "controller": "a controller",
        "result": "ok, error"
    } "Reconciles.",
    RECONCILE_ERRORS: Counter "vpccni_operator_reconcile_errors" {
        "controller": "a controller",
        "category": "what the operator can do about it, such as conflict, denied, timed_out"
    } "Reconciles that failed, by category.",
    WRITES: Counter "vpccni_operator_writes" {
        "site": "a write site of the code",
        "outcome": "written, no_op (sent, nothing changed), unchanged (not sent), or the category of the error"
    } "Writes to the API server.",
    EVENTS: Counter "vpccni_operator_events" {
        "reason": "an Event reason",
        "outcome": "written, repeated (series counted), suppressed, failed"
    } "Events told.",
    LEADER: Gauge "vpccni_operator_leader" {} "1 while this replica leads.",
}

/// The page `docs/reference/metrics.md`.
pub fn reference_md() -> String {
    let mut page = String::from(
        "# Metrics\n\n\
         Served at `/metrics` of the admin address (`--listen`). Every label has few values, whatever the size of the\n\
         cluster. Generated from the table in the code; do not edit.\n",
    );
    for family in FAMILIES {
        // Writing to a String cannot fail.
        writeln!(
            page,
            "\n## `{}`\n\n{}. {}",
            family.exposed(),
            family.kind.name(),
            family.help
        )
        .ok();
        if !family.labels.is_empty() {
            page.push_str("\n| label | values |\n|---|---|\n");
        }
        for (label, values) in family.labels {
            writeln!(page, "| `{label}` | {values} |").ok();
        }
    }
    page
}
