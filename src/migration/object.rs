//! The CniMigration object: found, made, read into what core's machine works on, and thrown away while nobody has
//! approved it and the policy asks for something else.

use super::Round;
use super::groups::LastGroups;
use super::observe::Seen;
use crate::context::Context;
use crate::events::Reason;
use crate::write::{Preconditions, Target, WriteError, WriteSite};
use jiff::Timestamp;
use kube::{Resource, ResourceExt};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use vpccni_api::convert::migration::{
    InvalidChange, approval_of_migration, approval_of_policy, change as api_change, memory_of, originals,
    record_of, setup,
};
use vpccni_api::migration::{CniMigrationSpec, DesiredState};
use vpccni_api::{CniMigration, CniPolicy};
use vpccni_core::config::CniConfig;
use vpccni_core::ids::NodeName;
use vpccni_core::migration::{
    Approval, ChangeHash, Desired, Method, MigrationPlan, Next, NodeStep, State, reversed,
};
use vpccni_core::plural::counted;
use vpccni_core::policy::{Change, Pin};
use vpccni_core::safety::{CniSetup, NodeGroup};
use vpccni_observe::policy::{Eyes, Observed, groups_of, planned};
use vpccni_observe::seen::Whole;

/// A migration that lives, read.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) object: Arc<Whole<CniMigration>>,
    pub(super) from: CniSetup,
    pub(super) to: CniSetup,
    pub(super) originals: Vec<(NodeGroup, Method)>,
    records: BTreeMap<NodeName, vpccni_core::migration::Record>,
}

/// The migrations of the policy that have not ended, the oldest first: that one is carried out.
pub(super) fn living(
    ctx: &Context,
    eyes: &Eyes,
    policy: &CniPolicy,
) -> Vec<Result<Work, (String, InvalidChange)>> {
    let all = eyes.stores.migrations.all();
    let of_policy = all
        .iter()
        .filter(|object| object.spec.policy == policy.name_any());
    let mut living: Vec<_> = of_policy
        .filter(|object| !object.has_ended())
        .filter(|object| object.meta().deletion_timestamp.is_none())
        .cloned()
        .collect();
    living.sort_by_key(|object| (created(&object.0), object.name_any()));
    let records = ctx.stores.node_states.all();
    let records = records.iter().filter_map(|state| {
        let record = state.spec.migration.as_ref()?;
        Some((NodeName::parse(&state.name).ok()?, record_of(record)))
    });
    let records: BTreeMap<_, _> = records.collect();
    living
        .into_iter()
        .map(|object| read(object, records.clone()))
        .collect()
}

fn read(
    object: Arc<Whole<CniMigration>>,
    records: BTreeMap<NodeName, vpccni_core::migration::Record>,
) -> Result<Work, (String, InvalidChange)> {
    let change = &object.spec.change;
    let read = || {
        Ok((
            setup("from", &change.from)?,
            setup("to", &change.to)?,
            originals(&change.groups)?,
        ))
    };
    match read() {
        Ok((from, to, originals)) => Ok(Work {
            object,
            from,
            to,
            originals,
            records,
        }),
        Err(error) => Err((object.name_any(), error)),
    }
}

/// The time of an object, for the order of migrations.
fn created(object: &impl ResourceExt) -> Timestamp {
    object
        .creation_timestamp()
        .map_or(Timestamp::UNIX_EPOCH, |time| time.0)
}

/// Makes the migration of a change that was refused.
pub(super) async fn make(
    ctx: &Context,
    eyes: &Eyes,
    policy: &CniPolicy,
    (observed, change): (&Observed, &Change),
    groups: &mut LastGroups,
) -> Round {
    let wanted: BTreeSet<NodeGroup> = groups_of(observed).collect();
    let seen = groups.read(ctx, observed.cluster_name.as_deref(), wanted).await;
    let planned = planned(
        policy,
        observed,
        (&change.from, &change.to),
        (&seen.facts, &[]),
        ctx.now(),
    );
    let name = name_of(policy, &planned);
    if eyes.stores.migrations.get(&name).is_some() {
        // It ended, rolled back or aborted: a person deletes it to have the change planned again.
        return Round {
            name: Some(name),
            ..Round::default()
        };
    }
    let spec = CniMigrationSpec {
        policy: policy.name_any(),
        change_hash: planned.hash.to_string(),
        change: api_change(&planned, &change.from, &change.to),
        desired_state: None,
        approval: None,
        resumed_at: None,
    };
    // Not owned by the policy: a policy that is deleted must not take along what tells what is to be given back.
    let body = json!({"spec": spec});
    let target = Target::cluster::<CniMigration>(&name);
    match ctx.writer.create(WriteSite::MigrationCreate, &target, body).await {
        Ok(_) => {
            let note = format!(
                "{name}: {} in {}",
                counted(planned.nodes, "node"),
                counted(planned.groups.len(), "group")
            );
            let about = policy.object_ref(&());
            ctx.events.tell(&about, Reason::MigrationPlanned, &note).await;
        }
        Err(WriteError::AlreadyExists { .. }) => {}
        Err(error) => {
            tracing::warn!(%error, "a CniMigration was not made");
            return Round::default();
        }
    }
    Round {
        pin: Some(Pin::of(
            &name,
            &change.from.config,
            &change.to.config,
            &change.from.config,
        )),
        name: Some(name),
        again: Some(super::SOON),
    }
}

/// The name of the migration of a plan.
pub(super) fn name_of(policy: &CniPolicy, planned: &MigrationPlan) -> String {
    format!("{}-{}", policy.name_any(), planned.hash.short())
}

/// Throws away what nobody has approved.
pub(super) async fn discard(ctx: &Context, work: &Work) {
    let target = Target::cluster::<CniMigration>(work.name());
    let only = Preconditions {
        uid: work.object.uid(),
        resource_version: None,
    };
    if let Err(error) = ctx.writer.delete(WriteSite::MigrationDelete, &target, only).await {
        tracing::warn!(%error, "a superseded CniMigration was not deleted");
    }
}

/// The approval that counts: that of the object first, then that of the policy.
pub(super) fn approval(object: &CniMigration, policy: &CniPolicy, planned: &ChangeHash) -> Option<Approval> {
    let own = object.spec.approval.as_ref();
    own.and_then(approval_of_migration).or_else(|| {
        let migration = policy.spec.migration.as_ref()?;
        approval_of_policy(migration, planned)
    })
}

impl Work {
    pub(super) fn name(&self) -> &str {
        self.object.meta().name.as_deref().unwrap_or_default()
    }

    /// Whether anything was done for it.
    pub(super) fn has_begun(&self) -> bool {
        let status = self.object.status.as_ref();
        let memory = status.and_then(|status| status.memory.as_ref());
        memory.is_some_and(|memory| memory.started.is_some())
    }

    /// Whether the node is in work: its replacement is asked for, or there.
    pub(super) fn works_on(&self, node: &NodeName) -> bool {
        let record = self.records.get(node);
        record.is_some_and(|record| record.migration == self.name() && record.step != NodeStep::Pending)
    }

    /// Everything core's machine knows of it.
    pub(super) fn state(&self, policy: &CniPolicy, observed: &Observed, seen: &Seen) -> State {
        let spec = &self.object.spec;
        let facts = (&seen.groups, self.originals.as_slice());
        let there = planned(policy, observed, (&self.from, &self.to), facts, seen.at);
        let desired = match spec.desired_state {
            Some(DesiredState::Run) | None => Desired::Run,
            Some(DesiredState::Pause) => Desired::Pause,
            Some(DesiredState::Abort) => Desired::Abort,
            Some(DesiredState::RollBack) => Desired::RollBack,
        };
        let status = self.object.status.as_ref();
        let memory = memory_of(
            status.and_then(|status| status.memory.as_ref()),
            status.and_then(|status| status.halt.as_ref()),
        );
        let turned = reversed(&self.originals);
        let there_from = (&seen.groups, turned.as_slice());
        let back = || planned(policy, observed, (&self.to, &self.from), there_from, seen.at);
        State {
            name: self.name().to_owned(),
            approval: approval(&self.object, policy, &there.hash),
            plan: there,
            back: (desired == Desired::RollBack || memory.going_back).then(back),
            desired,
            resumed: spec.resumed_at.as_ref().map(|time| time.0),
            change_hash: ChangeHash(spec.change_hash.clone()),
            nodes: self.records.clone(),
            memory,
        }
    }

    /// What is held of the configuration: the end of the last stage that was put in place, or of the one that may be
    /// put in place now.
    pub(super) fn pin(&self, state: &State, next: &Next, switch: bool) -> Pin {
        let plan = state.active_plan();
        let stage = usize::try_from(next.memory.stage).unwrap_or(usize::MAX);
        let in_place = plan.stages.get(stage).is_some_and(|stage| {
            let last = next.memory.switched.last();
            last.is_some_and(|switched| switched.to == stage.to_id)
        });
        let now: &CniConfig = match plan.stages.get(stage) {
            Some(stage) if switch || in_place => &stage.to.config,
            Some(stage) => &stage.from.config,
            // All stages are done.
            None => plan
                .stages
                .last()
                .map_or(&self.to.config, |stage| &stage.to.config),
        };
        Pin {
            begun: next.memory.started.is_some(),
            permitted: switch,
            ..Pin::of(self.name(), &self.from.config, &self.to.config, now)
        }
    }
}
