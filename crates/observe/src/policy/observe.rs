//! What a round decides on: the policy, the target, the record, and the world around them. Reads only.

use super::addon::{addon_state, cluster_name};
use super::carrier::Carrier;
use super::cloud::cloud_view;
use super::door::Door;
use super::eni_configs::{eni_world, wanted_eni_configs};
use super::intent::{self, IntentError};
use super::parts::parts;
use super::recall::Recall;
use crate::deep::Deep;
use crate::inventory::{Ask, Inventory, InventoryCache};
use crate::stores::{Lookup, Scope, Stores, TargetRef};
use crate::target::LiveTarget;
use crate::{Sources, world};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use vpccni_api::policy::DaemonSetRef;
use vpccni_api::{CniPolicy, POLICY_NAME};
use vpccni_core::config::{Effective, Key};
use vpccni_core::eni_configs::{EniWorld, Wanted};
use vpccni_core::ids::EniConfigName;
use vpccni_core::policy::{CloudView, Fights, PolicyWorld, SettingName, effective_of, owners_through_addon};

/// How old a reading of EC2 may be for a round that changes nothing that nodes depend on.
const CHEAP_AGE: SignedDuration = SignedDuration::from_mins(10);

/// Where everything is read from.
#[derive(Debug, Clone)]
pub struct Eyes {
    /// What the API server has.
    pub stores: Stores,
    /// What EC2 and EKS said.
    pub inventory: Arc<InventoryCache>,
}

/// What was seen.
#[derive(Debug, Clone)]
pub struct Observed {
    /// What the planner decides on.
    pub world: PolicyWorld,
    /// What the planner of ENIConfigs decides on.
    pub eni: EniWorld,
    /// What writing to the target needs.
    pub carrier: Option<Carrier>,
    /// What could be read from AWS.
    pub cloud: CloudView,
    /// The reading of EC2 it rests on.
    pub inventory: Arc<Inventory>,
    /// The configuration that runs, with the defaults of its version.
    pub effective: Option<Effective>,
    /// The name of the cluster.
    pub cluster_name: Option<String>,
}

/// Looks at everything. `deep` also counts pods and services, and reads EC2 anew.
pub async fn observe(
    door: &Door<'_>,
    eyes: &Eyes,
    recall: &mut Recall,
    policy: &CniPolicy,
    fights: Fights,
    deep: Deep,
) -> Result<Observed, IntentError> {
    let now = door.now;
    let parts = parts(&eyes.stores);
    let (addon, document) = addon_state(door, recall, policy, parts.live.as_ref()).await;
    let record = intent::record(policy.status.as_ref());
    let found = parts
        .target(&eyes.stores, addon)
        .map(|(mut target, mut carrier)| {
            owners_through_addon(&mut target, &record.settings);
            carrier.addon = document;
            (target, carrier)
        });
    let effective = found.as_ref().map(|(target, _)| effective_of(target));
    let ask = ask(door.cluster_name, &eyes.stores, parts.live.as_ref());
    let inventory = read_cloud(eyes, &ask, deep, now).await;
    let counted = door.counts.read(deep).await;
    let seen = world(&Sources {
        stores: &eyes.stores,
        inventory: &inventory,
        deep: &counted,
        live: parts.live.as_ref(),
        running: effective.as_ref(),
    });
    let wanted = wanted_eni_configs(door, recall, policy, &inventory).await?;
    let resolved = wanted.as_ref().map(|wanted| {
        let ok = |(name, wanted): (&EniConfigName, &Wanted)| Some((name.clone(), wanted.spec.clone().ok()?));
        wanted.iter().filter_map(ok).collect()
    });
    let mut intent = intent::intent(&policy.spec, resolved, now)?;
    let (target, carrier) = found.map_or((None, None), |(target, carrier)| (Some(target), Some(carrier)));
    if target.as_ref().is_some_and(|target| !target.has_agent) {
        // It goes with ipFamily by itself; where there is no agent, nobody misses it.
        intent.settings.remove(&SettingName::of(Key::AgentEnableIpv6));
    }
    let eni = eni_world(&intent, wanted, parts.eni_configs, target.as_ref(), seen.clone());
    Ok(Observed {
        world: PolicyWorld {
            intent,
            target,
            record,
            fights,
            seen,
            now: now.as_second(),
            pin: None,
            templates: BTreeMap::new(),
        },
        eni,
        carrier,
        cloud: cloud_view(&inventory),
        inventory,
        effective,
        cluster_name: ask.cluster,
    })
}

/// What EC2 and EKS are asked about: the same for every controller, because they share the answer.
pub fn ask(given: Option<&str>, stores: &Stores, live: Option<&LiveTarget>) -> Ask {
    let policy = match stores.policies.lookup(POLICY_NAME) {
        Lookup::Found(policy) => Some(policy),
        Lookup::Malformed(_) | Lookup::Missing => None,
    };
    let policy = policy.as_deref().map(|policy| &policy.0);
    Ask::of(stores, cluster_name(given, policy, live))
}

async fn read_cloud(eyes: &Eyes, ask: &Ask, deep: Deep, now: Timestamp) -> Arc<Inventory> {
    match deep {
        Deep::Cheap => eyes.inventory.at_most(CHEAP_AGE, ask, now).await,
        Deep::Full => eyes.inventory.fresh(ask, now).await,
    }
}

/// The target of the policy, and the node keys that can name an ENIConfig.
pub fn scope(policy: &CniPolicy) -> Scope {
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
