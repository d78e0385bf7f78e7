//! The migration controller: a change that only new nodes can carry out becomes a CniMigration, and is carried out round
//! by round as core decides. Its rounds are part of those of the policy, whose configuration it holds meanwhile.

mod act;
mod counted;
mod give_back;
#[cfg(test)]
mod golden;
mod groups;
mod object;
mod observe;
mod pods;
mod report;
mod say;
mod superseded;
mod versions;

use crate::context::Context;
pub(crate) use give_back::give_back;

use object::Work;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use superseded::{Around, Wanted};
use tokio::sync::Notify;
use vpccni_api::CniPolicy;
use vpccni_core::ids::InstanceId;
use vpccni_core::migration::{ActionKind, Next, State, next};
use vpccni_core::policy::{ManagementState, Pin, PolicyPlan, Strategy};
use vpccni_core::safety::Provider;
use vpccni_observe::policy::{Eyes, Observed, groups_of};
use vpccni_observe::{Ask, Stores};

/// When a migration is looked at again at the earliest: pods that leave and nodes that come are not watched.
const SOON: Duration = Duration::from_secs(2);

/// When at the latest, while one lives: a person waits for its progress.
const LATE: Duration = Duration::from_secs(30);

/// How often EC2 is asked, and a round made, while nodes are Ready that are not verified yet: the next nodes wait for it.
const NEWCOMERS: Duration = Duration::from_secs(1);

/// What the rounds remember between them; losing it costs nothing but an Event.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    told: report::Told,
    failures: Vec<String>,
    denied: Option<String>,
    groups: groups::LastGroups,
    sandboxes: observe::LastFailures,
    pods: Option<pods::PodWatch>,
    evictions: act::EvictionTasks,
    stirred: Arc<Notify>,
    /// Instances of nodes that have joined, of which EC2 has not said what they hold.
    newcomers: BTreeSet<InstanceId>,
}

impl Memory {
    /// Tells when a round should look although no watched object has changed.
    pub(crate) fn stirred(&self) -> Arc<Notify> {
        Arc::clone(&self.stirred)
    }

    /// What EC2 is to be asked about nodes that have become Ready and are not verified yet.
    pub(crate) fn newcomers(&self, stores: &Stores) -> Option<Ask> {
        if self.newcomers.is_empty() {
            return None;
        }
        let nodes = stores.nodes.all();
        let ready = nodes.iter().filter(|node| node.ready);
        let ready = ready.filter_map(|node| Some((node.instance.clone()?, &node.group)));
        let mut ask = Ask::default();
        for (instance, group) in ready.filter(|(instance, _)| self.newcomers.contains(instance)) {
            if group.provider == Provider::SelfManaged {
                ask.ungrouped.insert(instance.clone());
            }
            ask.instances.insert(instance);
        }
        (!ask.instances.is_empty()).then_some(ask)
    }
}

/// What a round came to.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// The settings it holds.
    pub(crate) pin: Option<Pin>,
    /// The migration that lives, for the status of the policy.
    pub(crate) name: Option<String>,
    /// When to look again.
    pub(crate) again: Option<Duration>,
}

/// One round, after the policy was planned without it.
pub(crate) async fn reconcile(
    ctx: &Context,
    eyes: &Eyes,
    policy: &CniPolicy,
    (observed, draft): (&Observed, &PolicyPlan),
    memory: &mut Memory,
) -> Round {
    let mut living = object::living(ctx, eyes, policy).into_iter();
    let Some(work) = living.next() else {
        return without(ctx, eyes, policy, (observed, draft), memory).await;
    };
    let work = match work {
        Ok(work) => work,
        Err((name, error)) => {
            tracing::error!(migration = name, %error, "the CniMigration cannot be read; nothing is done");
            memory.evictions = act::EvictionTasks::default();
            return Round {
                name: Some(name),
                ..Round::default()
            };
        }
    };
    let beside: Vec<Work> = living.flatten().collect();
    let of = (&work.object.0, work.originals.as_slice());
    let mut seen = observe::observe(ctx, eyes, policy, observed, of, memory).await; // reads
    let counted = counted::counted(observed, &seen, &work);
    let observed = counted.as_ref().unwrap_or(observed);
    let mut state = work.state(policy, observed, &seen);
    let around = Around {
        ctx,
        eyes,
        policy,
        observed,
        draft,
        seen: &seen,
    };
    let wanted = superseded::wanted(around, (&work, &state), &beside, memory).await;
    wanted.applied_to(&mut state, &mut seen.world);
    let mut decided = next(&state, &seen.world, ctx.now()); // pure
    wanted.say(&mut decided);
    report::measure(ctx, &state, &decided);
    memory.newcomers = observe::newcomers(&state, &seen.world, ctx.now());
    let round = work.round(&state, &decided, memory.newcomers(&eyes.stores).is_some());
    // The memory first: a deed may rest on it.
    if let Err(error) = report::report(ctx, &work, (&state, &decided), memory).await {
        tracing::warn!(%error, migration = work.name(), "the status of a migration was not written; nothing is done");
        return round;
    }
    if wanted == Wanted::Never {
        object::discard(ctx, &work).await;
        return Round::default();
    }
    let outcomes = act::act(ctx, &mut memory.evictions, decided.actions.clone()).await; // writes
    memory.denied = outcomes.denied().map(str::to_owned);
    if outcomes.touch_groups() {
        memory.groups.forget();
    }
    memory.failures = outcomes.failures();
    report::tell_blocked(ctx, &work, &outcomes, &mut memory.told).await;
    round
}

/// A round while there is no migration: one is made where it is asked for.
async fn without(
    ctx: &Context,
    eyes: &Eyes,
    policy: &CniPolicy,
    (observed, draft): (&Observed, &PolicyPlan),
    memory: &mut Memory,
) -> Round {
    ctx.metrics.set_migration(None);
    (memory.pods, memory.newcomers) = (None, BTreeSet::new());
    memory.evictions = act::EvictionTasks::default();
    let intent = &observed.world.intent;
    let asked = draft.verdict.change.as_ref();
    let manages = intent.state == ManagementState::Manage;
    match asked.filter(|_| manages && intent.strategy != Strategy::Refuse) {
        Some(_) if groups_of(observed).any(|group| !group.is_known()) => {
            // The plan that would be written down is of the groups that were there at first.
            tracing::info!("who makes some nodes is not known yet; no migration is planned before");
            Round {
                again: Some(SOON),
                ..Round::default()
            }
        }
        Some(change) => object::make(ctx, eyes, policy, (observed, change), &mut memory.groups).await,
        None => Round::default(),
    }
}

impl Work {
    /// What the policy's round needs of this one.
    fn round(&self, state: &State, decided: &Next, newcomers: bool) -> Round {
        let again = Duration::try_from(decided.again_after).unwrap_or(SOON);
        let again = if newcomers {
            NEWCOMERS
        } else {
            again.clamp(SOON, LATE)
        };
        let switch = decided
            .actions
            .iter()
            .any(|action| matches!(action.kind, ActionKind::Switch { .. }));
        Round {
            pin: Some(self.pin(state, decided, switch)),
            name: Some(self.name().to_owned()),
            again: (!decided.phase.is_final()).then_some(again),
        }
    }
}
