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
