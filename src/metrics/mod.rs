//! The operator's metrics. The table names the families; the methods here are the only way to set them, so that every
//! label stays bounded. Nothing reads them back to decide anything.

mod labels;
mod migration;
mod table;

pub use migration::MigrationNow;
pub use table::reference_md;

use labels::{
    CallLabels, CategoryLabels, ConditionLabels, ConfigLabels, ControllerLabels, DriftLabels, EventLabels,
    FindingLabels, KindLabels, ModeLabels, ResultLabels, RuleLabels, WriteLabels,
};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use table::FamilyDoc;
use vpccni_telemetry::metrics::Registry;

/// From a no-op that reads caches (1 ms) to a reconcile that met every time-out.
const DURATION_BUCKETS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0, 60.0,
];

/// The operator's metrics.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    config_info: GaugeSet<ConfigLabels>,
    policy_unreadable: Gauge,
    objects_unreadable: GaugeSet<KindLabels>,
    conditions: GaugeSet<ConditionLabels>,
    findings: GaugeSet<FindingLabels>,
    refused: Family<RuleLabels, Counter>,
    drift: GaugeSet<DriftLabels>,
    nodes: GaugeSet<ModeLabels>,
    on_delete: Gauge,
    migration: migration::Families,
    cloud_calls: Family<CallLabels, Counter>,
    reconcile_duration: Family<ControllerLabels, Histogram, fn() -> Histogram>,
    reconciles: Family<ResultLabels, Counter>,
    reconcile_errors: Family<CategoryLabels, Counter>,
    writes: Family<WriteLabels, Counter>,
    events: Family<EventLabels, Counter>,
    leader: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new(Registry::default())
    }
}

impl Metrics {
    /// Registers every family.
    pub fn new(registry: Registry) -> Self {
        let metrics = Self {
            registry,
            config_info: GaugeSet::default(),
            policy_unreadable: Gauge::default(),
            objects_unreadable: GaugeSet::default(),
            conditions: GaugeSet::default(),
            findings: GaugeSet::default(),
            refused: Family::default(),
            drift: GaugeSet::default(),
            nodes: GaugeSet::default(),
            on_delete: Gauge::default(),
            migration: migration::Families::default(),
            cloud_calls: Family::default(),
            reconcile_duration: Family::new_with_constructor(|| Histogram::new(DURATION_BUCKETS)),
            reconciles: Family::default(),
            reconcile_errors: Family::default(),
            writes: Family::default(),
            events: Family::default(),
            leader: Gauge::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&self) {
        let add =
            |doc: &FamilyDoc, family: &Gauge| self.registry.register(doc.name, doc.help, family.clone());
        add(&table::POLICY_UNREADABLE, &self.policy_unreadable);
        add(&table::LEADER, &self.leader);
        add(&table::ON_DELETE, &self.on_delete);
        self.migration.register(&self.registry);
        self.config_info.register(&self.registry, &table::CONFIG_INFO);
        self.objects_unreadable
            .register(&self.registry, &table::OBJECTS_UNREADABLE);
        self.conditions.register(&self.registry, &table::CONDITION);
        self.findings.register(&self.registry, &table::FINDINGS);
        self.drift.register(&self.registry, &table::DRIFT);
        self.nodes.register(&self.registry, &table::NODES);
        let registry = &self.registry;
        counter(registry, &table::REFUSED, &self.refused);
        counter(registry, &table::CLOUD_CALLS, &self.cloud_calls);
        counter(registry, &table::RECONCILES, &self.reconciles);
        counter(registry, &table::RECONCILE_ERRORS, &self.reconcile_errors);
        counter(registry, &table::WRITES, &self.writes);
        counter(registry, &table::EVENTS, &self.events);
        let duration = &table::RECONCILE_DURATION;
        registry.register(duration.name, duration.help, self.reconcile_duration.clone());
    }

    /// The registry, for the admin server.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What is applied now; `None` when that is not known.
    pub fn set_config(&self, config: Option<(&str, &str, &str)>) {
        self.config_info.replace(config.map(|(hash, mode, cni_version)| {
            let labels = ConfigLabels {
                hash: hash.into(),
                mode: mode.into(),
                cni_version: cni_version.into(),
            };
            (labels, 1)
        }));
    }

    /// Whether the CniPolicy cannot be read.
    pub fn set_policy_unreadable(&self, unreadable: bool) {
        self.policy_unreadable.set(i64::from(unreadable));
    }

    /// Objects that could not be read, by kind.
    pub fn set_objects_unreadable<'a>(&self, kinds: impl IntoIterator<Item = (&'a str, usize)>) {
        let kinds = kinds
            .into_iter()
            .map(|(kind, count)| (KindLabels { kind: kind.into() }, clamp(count)));
        self.objects_unreadable.replace(kinds);
    }

    /// The conditions of the CniPolicy: type and status.
    pub fn set_conditions<'a>(&self, conditions: impl IntoIterator<Item = (&'a str, &'a str)>) {
        self.conditions
            .replace(conditions.into_iter().flat_map(|(kind, now)| {
                ["True", "False", "Unknown"].map(|status| {
                    (
                        ConditionLabels {
                            r#type: kind.into(),
                            status,
                        },
                        i64::from(status == now),
                    )
                })
            }));
    }

    /// The findings of the last review: rule, severity, number.
    pub fn set_findings<'a>(&self, findings: impl IntoIterator<Item = (&'a str, &'a str, usize)>) {
        self.findings
            .replace(findings.into_iter().map(|(rule, severity, count)| {
                (
                    FindingLabels {
                        rule: rule.into(),
                        severity: severity.into(),
                    },
                    clamp(count),
                )
            }));
    }

    /// A change was refused by this rule.
    pub fn refused(&self, rule: &str) {
        self.refused
            .get_or_create(&RuleLabels { rule: rule.into() })
            .inc();
    }

    /// The owned keys that differ from what was applied, and the class of who wrote them.
    pub fn set_drift<'a>(&self, keys: impl IntoIterator<Item = (&'a str, &'a str)>) {
        self.drift.replace(keys.into_iter().map(|(key, class)| {
            (
                DriftLabels {
                    key: key.into(),
                    owner_class: class.into(),
                },
                1,
            )
        }));
    }

    /// Nodes by mode.
    pub fn set_nodes<'a>(&self, modes: impl IntoIterator<Item = (&'a str, usize)>) {
        let modes = modes
            .into_iter()
            .map(|(mode, count)| (ModeLabels { mode: mode.into() }, clamp(count)));
        self.nodes.replace(modes);
    }

    /// Whether the DaemonSet's pods are only replaced when somebody deletes them.
    pub fn set_on_delete(&self, on_delete: bool) {
        self.on_delete.set(i64::from(on_delete));
    }

    /// The migration that lives; none where none does.
    pub fn set_migration(&self, now: Option<MigrationNow>) {
        self.migration.set(now.unwrap_or_default());
    }

    /// A call to the cloud ended.
    pub fn cloud_call(&self, action: &str, outcome: &'static str) {
        self.cloud_calls
            .get_or_create(&CallLabels {
                action: action.into(),
                outcome,
            })
            .inc();
    }

    /// A reconcile ended, with the category of its error if it failed.
    pub fn reconciled(&self, controller: &'static str, took: Duration, failed: Option<&'static str>) {
        self.reconcile_duration
            .get_or_create(&ControllerLabels { controller })
            .observe(took.as_secs_f64());
        let result = if failed.is_some() { "error" } else { "ok" };
        self.reconciles
            .get_or_create(&ResultLabels { controller, result })
            .inc();
        if let Some(category) = failed {
            self.reconcile_errors
                .get_or_create(&CategoryLabels { controller, category })
                .inc();
        }
    }

    /// A write was made, spared or failed.
    pub(crate) fn write(&self, site: &'static str, outcome: &'static str) {
        self.writes.get_or_create(&WriteLabels { site, outcome }).inc();
    }

    /// How many writes a site made with this outcome: tests count no-ops by it.
    pub fn writes(&self, site: &'static str, outcome: &'static str) -> u64 {
        self.writes
            .get(&WriteLabels { site, outcome })
            .map_or(0, |counter| counter.get())
    }

    /// An Event was told, or not.
    pub(crate) fn event(&self, reason: &'static str, outcome: &'static str) {
        self.events.get_or_create(&EventLabels { reason, outcome }).inc();
    }

    /// Whether this replica leads. One that no longer does knows nothing of the cluster: what it saw last would stay
    /// true for ever, and alerts take the worst that any replica says.
    pub fn set_leader(&self, leads: bool) {
        self.leader.set(i64::from(leads));
        if !leads {
            self.set_config(None);
            self.set_policy_unreadable(false);
            self.set_objects_unreadable([]);
            self.set_conditions([]);
            self.set_findings([]);
            self.set_drift([]);
            self.set_nodes([]);
            self.set_on_delete(false);
            self.set_migration(None);
        }
    }
}

/// A family of gauges that is always set as a whole, so that a series whose reason is gone does not stay.
#[derive(Debug)]
struct GaugeSet<L> {
    family: Family<L, Gauge>,
    current: Mutex<BTreeMap<L, i64>>,
}

impl<L> Default for GaugeSet<L>
where
    L: Clone + Hash + Ord,
{
    fn default() -> Self {
        Self {
            family: Family::default(),
            current: Mutex::default(),
        }
    }
}

impl<L> GaugeSet<L>
where
    L: Clone + Hash + Ord + Debug + EncodeLabelSet + Send + Sync + 'static,
{
    fn register(&self, registry: &Registry, doc: &FamilyDoc) {
        registry.register(doc.name, doc.help, self.family.clone());
    }

    /// Sets these series and removes all others. Equal labels add up.
    fn replace(&self, series: impl IntoIterator<Item = (L, i64)>) {
        let mut next: BTreeMap<L, i64> = BTreeMap::new();
        for (labels, value) in series {
            *next.entry(labels).or_default() += value;
        }
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        for (labels, value) in &next {
            self.family.get_or_create(labels).set(*value);
        }
        for gone in current.keys().filter(|labels| !next.contains_key(labels)) {
            self.family.remove(gone);
        }
        *current = next;
    }
}

fn counter<L>(registry: &Registry, doc: &FamilyDoc, family: &Family<L, Counter>)
where
    L: Clone + Hash + Eq + Debug + EncodeLabelSet + Send + Sync + 'static,
{
    registry.register(doc.name, doc.help, family.clone());
}

fn clamp(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
