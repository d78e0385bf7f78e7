//! The policy controller: one CniPolicy, one target. Each round looks at everything, decides, writes, and says so.

mod act;
mod addon;
mod body;
mod invalid;
mod memory;
mod report;
mod round;
mod status;
mod surroundings;
mod templates;
mod unreadable;

pub(crate) use act::act;
pub(crate) use memory::Memory;

use crate::admission::{self, Mode, Parameters};
use crate::context::Context;
use crate::eniconfig;
use crate::events::Reason;
use crate::migration;
use crate::write::WriteError;
use k8s_openapi::Resource;
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::ResourceExt;
use round::Round;
use std::collections::BTreeSet;
use std::time::Duration;
use surroundings::surroundings;
use vpccni_api::policy::AdmissionMode;
use vpccni_api::{CniPolicy, POLICY_NAME};
use vpccni_core::config::ChangeClass;
use vpccni_core::eni_configs::{EniAction, EniWorld};
use vpccni_core::policy::{
    Action, ManagementState, Outcome, Outcomes, PolicyPlan, RowKind, SettingName, plan, release,
};
use vpccni_observe::deep::Deep;
use vpccni_observe::policy::{Carrier, Counts, Door, Eyes, IntentError, Observed, observe, parts, scope};
use vpccni_observe::stores::Lookup;

/// When to look again by itself: right after a write, whose effect has to be seen; else when something changes.
const AFTER_WRITE: Duration = Duration::from_secs(1);

/// When to look again while EKS works on the add-on: nothing in the cluster tells its end.
const ADDON_POLL: Duration = Duration::from_secs(10);

/// Why a round ended early. All else is in the status.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RoundError {
    /// The status could not be written, so nobody knows what was done.
    #[error("failed to report: {0}")]
    Report(WriteError),
    /// Keys of a policy that is gone could not be given up.
    #[error("failed to release: {0}")]
    Release(String),
}

impl RoundError {
    /// A bounded label for metrics.
    pub(crate) fn category(&self) -> &'static str {
        match self {
            Self::Report(error) => error.category(),
            Self::Release(_) => "release",
        }
    }
}

/// One round. Answers when to look again even if nothing changes.
pub(crate) async fn reconcile(
    ctx: &Context,
    eyes: &Eyes,
    memory: &mut Memory,
) -> Result<Option<Duration>, RoundError> {
    let namespace = eyes.stores.target_namespace();
    unreadable::report(ctx, &eyes.stores, &namespace, &mut memory.unreadable).await; // writes Events
    let policy = match eyes.stores.policies.lookup(POLICY_NAME) {
        Lookup::Found(policy) => policy,
        Lookup::Malformed(malformed) => {
            ctx.metrics.set_policy_unreadable(true);
            tracing::error!(error = %malformed.error, "the CniPolicy cannot be read; nothing is changed");
            return Ok(None);
        }
        Lookup::Missing => {
            ctx.metrics.set_policy_unreadable(false);
            return release_all(ctx, eyes, memory).await.map(|()| None);
        }
    };
    ctx.metrics.set_policy_unreadable(false);
    let policy = &policy.0;
    eyes.stores.look_at(scope(policy));
    if !eyes.stores.pending().is_empty() {
        return Ok(Some(AFTER_WRITE)); // no decision before what is looked at was listed
    }
    // Reads the API server and EC2; counts pods and services only where the draft of a plan asks for it.
    let mut observed = match look(ctx, eyes, memory, policy).await {
        Ok(observed) => observed,
        Err(error) => return invalid::report(ctx, policy, &error).await.map(|()| None),
    };
    observed.world.templates = memory.templates.read(ctx, eyes, &observed).await; // reads AWS now and then
    let eni = eniconfig::reconcile(ctx, &observed.eni, &eyes.stores, &mut memory.told).await;
    let draft = plan(&observed.world); // pure
    let migration = migration::reconcile(ctx, eyes, policy, (&observed, &draft), &mut memory.migration).await; // reads and writes what replaces nodes
    observed.world.pin = migration.pin;
    let plan = plan(&observed.world); // pure
    let outcomes = match &observed.carrier {
        Some(carrier) => act(ctx, carrier, &plan.steps).await, // writes DaemonSet and ConfigMap
        None => Outcomes::default(),
    };
    remember(memory, ctx, &plan, &outcomes);
    let round = Round {
        policy,
        observed: &observed,
        plan: &plan,
        outcomes: &outcomes,
        eni: &eni.plan,
    };
    let mut around = surroundings(ctx, eyes, memory, round).await;
    around.migration = migration.name;
    report::report(ctx, round, &around)
        .await
        .map_err(RoundError::Report)?;
    protect(ctx, memory, policy, &observed, &plan).await;
    let wrote = !plan.steps.is_empty() || !eni.outcomes.is_empty();
    let target = observed.world.target.as_ref();
    let busy = target.is_some_and(|target| target.addon.is_busy());
    Ok(if wrote {
        memory.recall.forget_addon();
        Some(AFTER_WRITE)
    } else {
        busy.then_some(ADDON_POLL).or(migration.again)
    })
}

/// A cheap look, and a thorough one where the draft touches what nodes or pods depend on.
async fn look(
    ctx: &Context,
    eyes: &Eyes,
    memory: &mut Memory,
    policy: &CniPolicy,
) -> Result<Observed, IntentError> {
    let door = Door {
        counts: Counts::Live(&ctx.client),
        ec2: ctx.ec2.as_ref(),
        eks: ctx.eks.as_ref(),
        cluster_name: ctx.settings.cluster_name.as_deref(),
        now: ctx.now(),
    };
    let fights = memory.fights(door.now);
    if let Some(ask) = memory.migration.newcomers(&eyes.stores) {
        eyes.inventory.newcomers(&ask, door.now).await;
    }
    let cheap = observe(
        &door,
        eyes,
        &mut memory.recall,
        policy,
        fights.clone(),
        Deep::Cheap,
    )
    .await?;
    let draft = plan(&cheap.world);
    let eni_draft = vpccni_core::eni_configs::plan(&cheap.eni);
    let rewrites = eni_draft
        .steps
        .iter()
        .any(|step| matches!(step, EniAction::Apply { .. }));
    let touches = draft.verdict.differs.iter().any(|row| {
        row.is_write()
            && !matches!(
                row.class(),
                ChangeClass::None | ChangeClass::ControlPlane | ChangeClass::Restart
            )
    });
    if touches || rewrites || !eni_draft.refused.is_empty() {
        return observe(&door, eyes, &mut memory.recall, policy, fights, Deep::Full).await;
    }
    Ok(cheap)
}

/// Values that were put back are counted: three times in ten minutes is a fight.
fn remember(memory: &mut Memory, ctx: &Context, plan: &PolicyPlan, outcomes: &Outcomes) {
    for (step, outcome) in plan.steps.iter().zip(&outcomes.steps) {
        let (Action::Apply { changed, .. } | Action::UpdateAddon { changed, .. }, Outcome::Done) =
            (step, outcome)
        else {
            continue;
        };
        for row in changed {
            if let RowKind::Drift(owner) = &row.kind {
                memory.corrected(&row.name, &owner.manager, ctx.now());
            }
        }
    }
}

/// Tells the admission policies what is ours. A failure is logged and tried again: it never holds the configuration.
async fn protect(
    ctx: &Context,
    memory: &mut Memory,
    policy: &CniPolicy,
    observed: &Observed,
    plan: &PolicyPlan,
) {
    let manages = observed.world.intent.state == ManagementState::Manage;
    let in_use = observed
        .effective
        .as_ref()
        .is_some_and(vpccni_core::config::Effective::custom_networking);
    let names = observed
        .world
        .seen
        .eni_configs_in_use
        .keys()
        .map(ToString::to_string);
    let parameters = Parameters {
        target: observed
            .world
            .target
            .as_ref()
            .map(|target| target.name.clone())
            .unwrap_or_default(),
        owned: if manages {
            plan.verdict.enforced.keys().cloned().collect()
        } else {
            BTreeSet::new()
        },
        suspended: plan
            .verdict
            .suspended
            .keys()
            .cloned()
            .collect::<BTreeSet<SettingName>>(),
        eni_configs_in_use: if manages && in_use {
            names.collect()
        } else {
            BTreeSet::new()
        },
        shield: observed
            .world
            .target
            .as_ref()
            .is_some_and(|target| target.stopped_strategy.is_some()),
    };
    let mode = match policy
        .spec
        .admission
        .as_ref()
        .and_then(|admission| admission.mode)
    {
        Some(AdmissionMode::Deny) if manages => Mode::Deny,
        Some(AdmissionMode::Deny | AdmissionMode::Warn) | None => Mode::Warn,
    };
    for error in admission::reconcile(ctx, &mut memory.admission, &parameters, Some(mode)).await {
        tracing::warn!(%error, "the admission policies were not told");
    }
}

/// No policy: whatever is ours is given up, with the values it has.
pub(crate) async fn release_all(ctx: &Context, eyes: &Eyes, memory: &mut Memory) -> Result<(), RoundError> {
    let parts = parts(&eyes.stores);
    if let Some((target, carrier)) = parts.target(&eyes.stores, vpccni_core::policy::AddonState::Absent) {
        let steps = release(&target);
        let outcomes = act(ctx, &carrier, &steps).await;
        if let Some((_, message)) = outcomes.failure() {
            return Err(RoundError::Release(message.to_owned()));
        }
        if !steps.is_empty() {
            let uid = parts.live.as_ref().map(|live| live.uid.clone());
            tell_given_up(ctx, &carrier, uid).await;
        }
    }
    if let Some(message) = migration::give_back(ctx).await.into_iter().next() {
        return Err(RoundError::Release(message));
    }
    let world = EniWorld::giving_up(parts.eni_configs);
    let round = eniconfig::reconcile(ctx, &world, &eyes.stores, &mut memory.told).await;
    if let Some((name, outcome)) = round
        .outcomes
        .iter()
        .find(|(_, outcome)| *outcome != Outcome::Done)
    {
        return Err(RoundError::Release(format!("ENIConfig {name}: {outcome:?}")));
    }
    let nothing = Parameters::default();
    let failed = admission::reconcile(ctx, &mut memory.admission, &nothing, Some(Mode::Warn)).await;
    match failed.into_iter().next() {
        Some(error) => Err(RoundError::Release(error.to_string())),
        None => Ok(()),
    }
}

/// Tells on the target that nothing of it is enforced any more: the policy may be gone by now.
async fn tell_given_up(ctx: &Context, carrier: &Carrier, uid: Option<String>) {
    let about = ObjectReference {
        api_version: Some(DaemonSet::API_VERSION.to_owned()),
        kind: Some(DaemonSet::KIND.to_owned()),
        namespace: Some(carrier.namespace.clone()),
        name: Some(carrier.name.clone()),
        uid,
        ..ObjectReference::default()
    };
    let note = format!(
        "{}/{} is released: every value stays, none is enforced",
        carrier.namespace, carrier.name
    );
    ctx.events.tell(&about, Reason::PolicyReleased, &note).await;
}

/// Tells on a policy that it was released before it goes.
pub(crate) async fn tell_released(ctx: &Context, policy: &CniPolicy) {
    let note = format!(
        "{} is released: every value stays, none is enforced",
        policy.name_any()
    );
    ctx.events
        .tell(&report::reference(policy), Reason::PolicyReleased, &note)
        .await;
}
