//! A policy that asks for something else while a migration lives. One that nobody has begun is thrown away. One that has
//! begun goes on, stops, or makes way for the next plan, as `spec.migration.onSuperseded` says; two are never carried
//! out at a time.
//!
//! Making way is in this order: the old one is paused, the new change is planned beside it from what is in place now, and
//! only when that plan is approved does the old one end where it stands. So an edit that is taken back costs a pause.

use super::object::{self, Work, approval, name_of};
use super::observe::Seen;
use super::{Memory, report};
use crate::context::Context;
use vpccni_api::CniPolicy;
use vpccni_api::convert::migration::migration_settings;
use vpccni_core::migration::{
    Desired, Next, NodeStep, OnSuperseded, OnWindowEnd, State, WaitingFor, WaitsOn, WindowView, World, next,
};
use vpccni_core::policy::{Change, Pin, PolicyPlan, PolicyWorld};
use vpccni_observe::policy::planned;
use vpccni_observe::policy::{Eyes, Observed};

/// What the policy asks of a migration that lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The same as ever.
    Still,
    /// Something else by now, and nobody has begun: it is thrown away.
    Never,
    /// Something else by now: it is finished first.
    FinishedFirst,
    /// Something else by now: nothing new is started until this has happened.
    Paused(WaitingFor),
    /// Something else by now: it ends where it stands, once the nodes that are in work are done.
    Ended,
}

impl Wanted {
    pub(super) fn applied_to(&self, state: &mut State, world: &mut World) {
        if state.desired != Desired::Run {
            return;
        }
        match self {
            Self::Still | Self::Never | Self::FinishedFirst => {}
            Self::Paused(_) => state.desired = Desired::Pause,
            // As when a window closes: a group that was raised for a replacement would stay larger otherwise.
            Self::Ended if is_at_work(state, world) && state.memory.halt.is_none() => {
                state.plan.settings.on_window_end = OnWindowEnd::FinishInFlight;
                world.window = WindowView {
                    open: false,
                    text: "it makes way for another migration".to_owned(),
                };
            }
            Self::Ended => state.desired = Desired::Abort,
        }
    }

    pub(super) fn say(&self, next: &mut Next) {
        if let Self::Paused(waiting) = self {
            next.waiting_for = Some(waiting.clone());
        }
    }
}

/// Whether a node is under way that can still be finished.
fn is_at_work(state: &State, world: &World) -> bool {
    state.nodes.iter().any(|(name, record)| {
        let ours = record.migration == state.name && world.nodes.contains_key(name);
        ours && !matches!(record.step, NodeStep::Pending | NodeStep::Quarantined)
    })
}

/// What a round knows of the policy and the cluster.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) ctx: &'a Context,
    pub(super) eyes: &'a Eyes,
    pub(super) policy: &'a CniPolicy,
    pub(super) observed: &'a Observed,
    pub(super) draft: &'a PolicyPlan,
    pub(super) seen: &'a Seen,
}

/// What the policy asks of the migration that is carried out; `beside` are those that wait.
pub(super) async fn wanted(
    around: Around<'_>,
    (work, state): (&Work, &State),
    beside: &[Work],
    memory: &mut Memory,
) -> Wanted {
    let going_back = state.goes_back() || state.desired == Desired::Abort;
    if going_back || still_asks(work, &around.observed.world) {
        throw_away(around, beside, None).await;
        return Wanted::Still;
    }
    if state.memory.started.is_none() {
        return Wanted::Never;
    }
    let settings = migration_settings(around.policy.spec.migration.as_ref());
    match settings.on_superseded {
        OnSuperseded::Complete => Wanted::FinishedFirst,
        OnSuperseded::Stop => Wanted::Paused(for_a_person()),
        OnSuperseded::Replan => match &around.draft.verdict.change {
            Some(change) => replan(around, change, beside, memory).await,
            // Nothing of it is in place yet, so there is nothing to plan either.
            None if state.memory.switched.is_empty() => Wanted::Ended,
            None => Wanted::Paused(for_a_person()),
        },
    }
}

/// Whether the policy still asks for this change: its own settings, not the ones that are pinned.
fn still_asks(work: &Work, world: &PolicyWorld) -> bool {
    let intent = &world.intent;
    let pin = Pin::of(work.name(), &work.from.config, &work.to.config, &work.to.config);
    pin.settings.iter().all(|(name, to)| match to {
        Some(to) => intent
            .settings
            .get(name)
            .is_some_and(|value| vpccni_core::policy::same_value(name.key(), value, to)),
        None => !intent.settings.contains_key(name),
    })
}

fn for_a_person() -> WaitingFor {
    WaitingFor {
        on: WaitsOn::Superseded,
        what: "the policy asks for something else now; this change is not continued by itself".to_owned(),
        who: "a person".to_owned(),
        since: None,
        command: "kubectl vpc-cni migrate abort, or rollback, or put the policy back".to_owned(),
    }
}

/// The next change, planned beside the one that is paused. What was planned for an earlier edit is thrown away.
async fn replan(around: Around<'_>, change: &Change, beside: &[Work], memory: &mut Memory) -> Wanted {
    let Around {
        ctx,
        eyes,
        policy,
        observed,
        seen,
        ..
    } = around;
    let plan = planned(
        policy,
        observed,
        (&change.from, &change.to),
        (&seen.groups, &[]),
        seen.at,
    );
    let name = name_of(policy, &plan);
    throw_away(around, beside, Some(&name)).await;
    let waits = |what: String, command: String| {
        Wanted::Paused(WaitingFor {
            on: WaitsOn::Superseded,
            what,
            who: "a person with the verb approve".to_owned(),
            since: None,
            command,
        })
    };
    let Some(next_one) = beside.iter().find(|work| work.name() == name) else {
        object::make(ctx, eyes, policy, (observed, change), &mut memory.groups).await;
        let what = format!("the policy asks for something else now, and {name} is planned for it");
        return waits(what, format!("kubectl get cnimigration {name}"));
    };
    let mut state = next_one.state(policy, observed, seen);
    let approved = approval(&next_one.object, policy, &plan.hash)
        .is_some_and(|approval| approval.covers(&plan, plan.nodes, seen.at).is_ok());
    if approved && plan.obstacles.is_empty() {
        return Wanted::Ended;
    }
    // It is shown as it will be, and begins nothing while another one is carried out.
    state.desired = Desired::Pause;
    let decided = next(&state, &seen.world, ctx.now());
    if let Err(error) = report::report(ctx, next_one, (&state, &decided), memory).await {
        tracing::warn!(%error, migration = name, "the status of a migration that waits was not written");
    }
    waits(
        format!("the policy asks for something else now: {name} waits for approval, and this one ends then"),
        format!("kubectl vpc-cni migrate approve {name}"),
    )
}

/// Those that wait and that nobody asks for any more.
async fn throw_away(around: Around<'_>, beside: &[Work], but: Option<&str>) {
    let stale = |work: &&Work| Some(work.name()) != but && !work.has_begun();
    for work in beside.iter().filter(stale) {
        object::discard(around.ctx, work).await;
    }
}
