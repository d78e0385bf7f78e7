//! The families of a migration. Each is set as a whole, so that nothing of a migration that has ended stays.

use super::labels::{
    BudgetLabels, OnLabels, PhaseLabels, ReasonLabels, StateLabels, StepLabels, SubnetLabels,
};
use super::{GaugeSet, clamp, table};
use prometheus_client::metrics::gauge::Gauge;
use std::collections::BTreeMap;
use vpccni_telemetry::metrics::Registry;

/// A migration in numbers. The default is that none lives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MigrationNow {
    /// Where it stands.
    pub phase: Option<&'static str>,
    /// What it waits for.
    pub waits_on: Option<&'static str>,
    /// Why it stopped by itself.
    pub halted: Option<&'static str>,
    /// Nodes by what they are.
    pub nodes: Vec<(&'static str, u32)>,
    /// Nodes in work: the step, and since when, in seconds since 1970.
    pub in_work: Vec<(&'static str, i64)>,
    /// The budget: what of, which part, how many nodes.
    pub budget: Vec<(&'static str, &'static str, u32)>,
    /// Pods that do not leave.
    pub blocked_pods: usize,
    /// How long it still takes.
    pub eta_seconds: i64,
    /// The fewest free blocks of each subnet over the rest of the plan.
    pub min_free_prefixes: Vec<(String, i64)>,
}

#[derive(Debug, Default)]
pub(super) struct Families {
    phase: GaugeSet<PhaseLabels>,
    waiting: GaugeSet<OnLabels>,
    halted: GaugeSet<ReasonLabels>,
    nodes: GaugeSet<StateLabels>,
    steps: GaugeSet<StepLabels>,
    step_since: GaugeSet<StepLabels>,
    budget: GaugeSet<BudgetLabels>,
    blocked: Gauge,
    eta: Gauge,
    free: GaugeSet<SubnetLabels>,
}

impl Families {
    pub(super) fn register(&self, registry: &Registry) {
        self.phase.register(registry, &table::MIGRATION_PHASE);
        self.waiting.register(registry, &table::MIGRATION_WAITING);
        self.halted.register(registry, &table::MIGRATION_HALTED);
        self.nodes.register(registry, &table::MIGRATION_NODES);
        self.steps.register(registry, &table::MIGRATION_STEPS);
        self.step_since.register(registry, &table::MIGRATION_STEP_SINCE);
        self.budget.register(registry, &table::MIGRATION_BUDGET);
        self.free.register(registry, &table::MIGRATION_FREE);
        for (doc, gauge) in [
            (&table::MIGRATION_BLOCKED, &self.blocked),
            (&table::MIGRATION_ETA, &self.eta),
        ] {
            registry.register(doc.name, doc.help, gauge.clone());
        }
    }

    pub(super) fn set(&self, now: MigrationNow) {
        let MigrationNow {
            phase,
            waits_on,
            halted,
            nodes,
            in_work,
            budget,
            blocked_pods,
            eta_seconds,
            min_free_prefixes,
        } = now;
        self.phase.replace(phase.map(|phase| (PhaseLabels { phase }, 1)));
        self.waiting.replace(waits_on.map(|on| (OnLabels { on }, 1)));
        self.halted
            .replace(halted.map(|reason| (ReasonLabels { reason }, 1)));
        let nodes = nodes.into_iter();
        self.nodes
            .replace(nodes.map(|(state, count)| (StateLabels { state }, i64::from(count))));
        let mut since: BTreeMap<&'static str, i64> = BTreeMap::new();
        for (step, at) in &in_work {
            let longest = since.entry(step).or_insert(*at);
            *longest = (*longest).min(*at);
        }
        self.steps
            .replace(in_work.iter().map(|(step, _)| (StepLabels { step }, 1)));
        self.step_since
            .replace(since.into_iter().map(|(step, at)| (StepLabels { step }, at)));
        let budget = budget.into_iter();
        self.budget
            .replace(budget.map(|(of, part, nodes)| (BudgetLabels { of, part }, i64::from(nodes))));
        self.blocked.set(clamp(blocked_pods));
        self.eta.set(eta_seconds);
        let free = min_free_prefixes.into_iter();
        self.free
            .replace(free.map(|(subnet, blocks)| (SubnetLabels { subnet }, blocks)));
    }
}
