//! The ENIConfig controller: writes those of the policy, says which of the cluster's can work, tells it on the object.

mod act;

use crate::context::Context;
use crate::events::Reason;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Resource;
use std::collections::BTreeMap;
use vpccni_api::EniConfig;
use vpccni_core::eni_configs::{EniPlan, EniWorld, plan};
use vpccni_core::ids::EniConfigName;
use vpccni_core::policy::Outcome;
use vpccni_observe::stores::Stores;

/// The ENIConfigs that were told about in an Event, with the text: each text is told once.
pub(crate) type Told = BTreeMap<String, String>;

/// What a round came to.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) plan: EniPlan,
    pub(crate) outcomes: Vec<(EniConfigName, Outcome)>,
}

/// One round: the world is given by the policy controller, whose status shows the result.
pub(crate) async fn reconcile(ctx: &Context, world: &EniWorld, stores: &Stores, told: &mut Told) -> Round {
    let plan = plan(world); // pure
    let outcomes = act::act(ctx, &plan.steps).await; // writes ENIConfigs
    tell(ctx, stores, told, &plan, &outcomes).await; // writes Events
    Round { plan, outcomes }
}

async fn tell(
    ctx: &Context,
    stores: &Stores,
    told: &mut Told,
    plan: &EniPlan,
    outcomes: &[(EniConfigName, Outcome)],
) {
    for (name, outcome) in outcomes {
        if *outcome == Outcome::Done {
            ctx.events
                .tell(
                    &reference(stores, name.as_str()),
                    Reason::EniConfigWritten,
                    "as the policy says",
                )
                .await;
        }
    }
    for row in &plan.rows {
        let text = row.problems.join(" | ");
        let before = told.get(&row.name);
        if text.is_empty() {
            told.remove(&row.name);
        } else if before != Some(&text) {
            ctx.events
                .tell(&reference(stores, &row.name), Reason::EniConfigInvalid, &text)
                .await;
            told.insert(row.name.clone(), text);
        }
    }
}

/// The object in an Event; without a uid where it is not there yet.
fn reference(stores: &Stores, name: &str) -> ObjectReference {
    let uid = stores.eni_configs.get(name).map(|seen| seen.uid.clone());
    ObjectReference {
        api_version: Some(EniConfig::api_version(&()).into_owned()),
        kind: Some(EniConfig::kind(&()).into_owned()),
        name: Some(name.to_owned()),
        uid,
        ..ObjectReference::default()
    }
}
