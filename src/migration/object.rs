//! The CniMigration object: found, made, read into what core's machine works on, and thrown away while nobody has
//! approved it and the policy asks for something else.

use super::Round;
use super::observe::{LastGroups, Seen};
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
use vpccni_core::migration::{Approval, ChangeHash, Desired, Method, Next, State, WaitingFor, WaitsOn};
use vpccni_core::policy::{Change, Pin, PolicyWorld};
use vpccni_core::safety::{CniSetup, NodeGroup};
use vpccni_observe::migration::{groups_of, planned};
use vpccni_observe::policy::{Eyes, Observed};
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

/// The migration of the policy that has not ended; the oldest, if somebody made a second one.
pub(super) fn living(
    ctx: &Context,
    eyes: &Eyes,
    policy: &CniPolicy,
) -> Option<Result<Work, (String, InvalidChange)>> {
    let all = eyes.stores.migrations.all();
    let of_policy = all
        .iter()
        .filter(|object| object.spec.policy == policy.name_any());
    let object = of_policy
        .filter(|object| !object.has_ended())
        .filter(|object| object.meta().deletion_timestamp.is_none())
        .min_by_key(|object| (created(&object.0), object.name_any()))?
        .clone();
    let name = object.name_any();
    let records = ctx.stores.node_states.all();
    let records = records.iter().filter_map(|state| {
        let record = state.spec.migration.as_ref()?;
        Some((NodeName::parse(&state.name).ok()?, record_of(record)))
    });
    let records = records.collect();
    let change = &object.spec.change;
    let read = || {
        Ok((
            setup("from", &change.from)?,
            setup("to", &change.to)?,
            originals(&change.groups)?,
        ))
    };
    Some(match read() {
        Ok((from, to, originals)) => Ok(Work {
            object,
            from,
            to,
            originals,
            records,
        }),
        Err(error) => Err((name, error)),
    })
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
    let name = format!("{}-{}", policy.name_any(), planned.hash.short());
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
                "{name}: {} nodes in {} groups",
                planned.nodes,
                planned.groups.len()
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
fn approval(object: &CniMigration, policy: &CniPolicy, planned: &ChangeHash) -> Option<Approval> {
    let own = object.spec.approval.as_ref();
    own.and_then(approval_of_migration).or_else(|| {
        let migration = policy.spec.migration.as_ref()?;
        approval_of_policy(migration, planned)
    })
}

/// What the policy asks of a migration that lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The same as ever.
    Still,
    /// Something else by now, and nobody has begun: it is thrown away.
    Never,
    /// Something else by now: nothing new is started.
    Superseded,
}

impl Wanted {
    pub(super) fn applied_to(&self, mut state: State) -> State {
        if *self == Self::Superseded && state.desired == Desired::Run {
            state.desired = Desired::Pause;
        }
        state
    }

    pub(super) fn say(&self, next: &mut Next) {
        if *self == Self::Superseded {
            next.waiting_for = Some(WaitingFor {
                on: WaitsOn::Superseded,
                what: "the policy asks for something else now; this change is not continued by itself"
                    .to_owned(),
                who: "a person".to_owned(),
                since: None,
                command: "kubectl vpc-cni migrate abort, or rollback, or put the policy back".to_owned(),
            });
        }
    }
}

impl Work {
    pub(super) fn name(&self) -> &str {
        self.object.meta().name.as_deref().unwrap_or_default()
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
        let back = || planned(policy, observed, (&self.to, &self.from), facts, seen.at);
        let status = self.object.status.as_ref();
        State {
            name: self.name().to_owned(),
            approval: approval(&self.object, policy, &there.hash),
            plan: there,
            back: (desired == Desired::RollBack).then(back),
            desired,
            resumed: spec.resumed_at.as_ref().map(|time| time.0),
            change_hash: ChangeHash(spec.change_hash.clone()),
            nodes: self.records.clone(),
            memory: memory_of(
                status.and_then(|status| status.memory.as_ref()),
                status.and_then(|status| status.halt.as_ref()),
            ),
        }
    }

    /// Whether the policy still asks for this change: its own settings, not the ones that are pinned.
    pub(super) fn wanted(&self, world: &PolicyWorld, state: &State) -> Wanted {
        let intent = &world.intent;
        let pin = Pin::of(self.name(), &self.from.config, &self.to.config, &self.to.config);
        let same = pin.settings.iter().all(|(name, to)| match to {
            Some(to) => intent
                .settings
                .get(name)
                .is_some_and(|value| vpccni_core::policy::same_value(name.key(), value, to)),
            None => !intent.settings.contains_key(name),
        });
        let going_back = matches!(state.desired, Desired::RollBack | Desired::Abort);
        match (same || going_back, state.memory.started) {
            (true, _) => Wanted::Still,
            (false, None) => Wanted::Never,
            (false, Some(_)) => Wanted::Superseded,
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
