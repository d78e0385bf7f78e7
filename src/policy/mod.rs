//! The policy controller: one CniPolicy, one target. Each round looks at everything, decides, writes, and says so.

mod act;
mod addon;
mod body;
mod carrier;
mod conditions;
mod document;
mod intent;
mod invalid;
mod live;
mod memory;
mod observe;
mod report;
mod round;
mod status;
mod surroundings;
mod unreadable;
mod window;

pub(crate) use act::act;
pub(crate) use memory::Memory;
pub(crate) use observe::{Eyes, Parts, ask, parts};

use crate::admission::{self, Mode, Parameters};
use crate::context::Context;
use crate::eniconfig;
use crate::events::Reason;
use crate::write::WriteError;
use carrier::Carrier;
use k8s_openapi::Resource;
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::ResourceExt;
use observe::Observed;
use round::Round;
use std::collections::BTreeSet;
use std::time::Duration;
use surroundings::surroundings;
use vpccni_api::CniPolicy;
use vpccni_api::policy::{AdmissionMode, DaemonSetRef};
use vpccni_core::config::ChangeClass;
use vpccni_core::eni_configs::{EniAction, EniWorld};
use vpccni_core::policy::{
    Action, ManagementState, Outcome, Outcomes, PolicyPlan, RowKind, SettingName, plan, release,
};
use vpccni_observe::deep::Deep;
use vpccni_observe::stores::{Lookup, Scope, TargetRef};

/// The only name a policy may have.
pub(crate) const POLICY: &str = "default";

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
    let policy = match eyes.stores.policies.lookup(POLICY) {
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
    let observed = match look(ctx, eyes, memory, policy).await {
        Ok(observed) => observed,
        Err(error) => return invalid::report(ctx, policy, &error).await.map(|()| None),
    };
    let eni = eniconfig::reconcile(ctx, &observed.eni, &eyes.stores, &mut memory.told).await;
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
    let around = surroundings(ctx, eyes, memory, round).await;
    report::report(ctx, round, &around)
        .await
        .map_err(RoundError::Report)?;
    protect(ctx, memory, policy, &observed, &plan).await;
    let wrote = !plan.steps.is_empty() || !eni.outcomes.is_empty();
    let target = observed.world.target.as_ref();
    let busy = target.is_some_and(|target| target.addon.is_busy());
    Ok(if wrote {
        memory.addon = None; // what EKS said before is no longer so
        Some(AFTER_WRITE)
    } else {
        busy.then_some(ADDON_POLL)
    })
}

/// The target of the policy, and the node keys that can name an ENIConfig.
fn scope(policy: &CniPolicy) -> Scope {
    let named = policy
        .spec
        .target
        .as_ref()
        .and_then(|target| target.daemon_set.as_ref());
    let custom = policy.spec.custom_networking.as_ref();
    let keys = [
        custom.and_then(|c| c.label_key.clone()),
        custom.and_then(|c| c.annotation_key.clone()),
    ];
    let mut scope = Scope::default();
    if let Some(DaemonSetRef { namespace, name }) = named {
        scope.target = TargetRef {
            namespace: namespace.clone(),
            name: name.clone(),
        };
    }
    scope.node_keys.extend(keys.into_iter().flatten());
    scope
}

/// A cheap look, and a thorough one where the draft touches what nodes or pods depend on.
async fn look(
    ctx: &Context,
    eyes: &Eyes,
    memory: &mut Memory,
    policy: &CniPolicy,
) -> Result<Observed, intent::IntentError> {
    let cheap = observe::observe(ctx, eyes, memory, policy, Deep::Cheap).await?;
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
        return observe::observe(ctx, eyes, memory, policy, Deep::Full).await;
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
