//! What a round decides on: the policy, the target, the record, and the world around them. Reads only.

use super::addon;
use super::carrier::{AddonDocument, Carrier};
use super::intent::{self, IntentError};
use super::live::{Live, owners};
use super::memory::Memory;
use crate::context::Context;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use vpccni_api::CniPolicy;
use vpccni_api::convert::{self, Selector, WantedEniConfig};
use vpccni_core::config::{Effective, Key};
use vpccni_core::eni_configs::{EniWorld, Present, Wanted};
use vpccni_core::ids::EniConfigName;
use vpccni_core::policy::{
    AddonState, CloudView, Intent, ManagerClass, PolicyWorld, SettingName, Target, effective_of,
    owners_through_addon, setup_of,
};
use vpccni_core::ports::CloudErrorKind;
use vpccni_core::safety::{CniSetup, EniConfigSpec};
use vpccni_core::version::CniVersion;
use vpccni_observe::deep::{Deep, DeepFacts};
use vpccni_observe::inventory::{Ask, Inventory, InventoryCache};
use vpccni_observe::seen::EniConfigSeen;
use vpccni_observe::stores::{Lookup, Stores};
use vpccni_observe::target::{LiveConfigMap, LiveTarget};
use vpccni_observe::{Sources, world};

/// How old a reading of EC2 may be for a round that changes nothing that nodes depend on.
const CHEAP_AGE: SignedDuration = SignedDuration::from_mins(10);

/// Where everything is read from.
#[derive(Debug, Clone)]
pub(crate) struct Eyes {
    pub(crate) stores: Stores,
    pub(crate) inventory: Arc<InventoryCache>,
}

/// What was seen.
#[derive(Debug)]
pub(crate) struct Observed {
    pub(crate) world: PolicyWorld,
    pub(crate) eni: EniWorld,
    pub(crate) carrier: Option<Carrier>,
    pub(crate) cloud: CloudView,
    pub(crate) inventory: Arc<Inventory>,
    pub(crate) effective: Option<Effective>,
    pub(crate) cluster_name: Option<String>,
}

/// The DaemonSet and the ConfigMap as they stand.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) live: Option<LiveTarget>,
    pub(crate) config_map: Option<LiveConfigMap>,
    pub(crate) eni_configs: BTreeMap<EniConfigName, Present>,
}

/// The target and what is beside it.
pub(crate) fn parts(stores: &Stores) -> Parts {
    let live = stores
        .target
        .all()
        .first()
        .and_then(|object| LiveTarget::of(&object.0).ok());
    let config_map = stores
        .config_map
        .all()
        .first()
        .map(|object| LiveConfigMap::of(&object.0));
    let eni_configs = stores
        .eni_configs
        .all()
        .iter()
        .map(|seen| (seen.name.clone(), present(seen)))
        .collect();
    Parts {
        live,
        config_map,
        eni_configs,
    }
}

fn present(seen: &EniConfigSeen) -> Present {
    Present {
        spec: seen.spec(),
        owners: owners(seen.owners.clone()),
    }
}

impl Parts {
    /// The readable ENIConfigs.
    fn specs(&self) -> BTreeMap<EniConfigName, EniConfigSpec> {
        let readable = |(name, present): (&EniConfigName, &Present)| {
            Some((name.clone(), present.spec.as_ref().ok()?.clone()))
        };
        self.eni_configs.iter().filter_map(readable).collect()
    }

    /// The target as the planner sees it, with what writing to it needs.
    pub(crate) fn target(&self, stores: &Stores, addon: AddonState) -> Option<(Target, Carrier)> {
        let pods = stores.aws_node_pods.all();
        let live = Live {
            target: self.live.as_ref()?,
            config_map: self.config_map.as_ref(),
            pods: &pods,
            addon,
            eni_configs: self.specs(),
        };
        Some((live.target(), live.carrier()))
    }
}

/// Looks at everything. `deep` also counts pods and services, and reads EC2 anew.
pub(crate) async fn observe(
    ctx: &Context,
    eyes: &Eyes,
    memory: &mut Memory,
    policy: &CniPolicy,
    deep: Deep,
) -> Result<Observed, IntentError> {
    let now = ctx.now();
    let parts = parts(&eyes.stores);
    let (addon, document) = addon_state(ctx, memory, policy, parts.live.as_ref()).await;
    let record = intent::record(policy.status.as_ref());
    let found = parts
        .target(&eyes.stores, addon)
        .map(|(mut target, mut carrier)| {
            owners_through_addon(&mut target, &record.settings);
            carrier.addon = document;
            (target, carrier)
        });
    let effective = found.as_ref().map(|(target, _)| effective_of(target));
    let ask = ask(ctx, &eyes.stores, parts.live.as_ref());
    let inventory = read_cloud(eyes, &ask, deep, now).await;
    let counted = DeepFacts::read(&ctx.client, deep).await;
    let seen = world(&Sources {
        stores: &eyes.stores,
        inventory: &inventory,
        deep: &counted,
        live: parts.live.as_ref(),
        running: effective.as_ref(),
    });
    let wanted = wanted_eni_configs(ctx, memory, policy, &inventory, now).await?;
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
            fights: memory.fights(now),
            seen,
            now: now.as_second(),
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
pub(crate) fn ask(ctx: &Context, stores: &Stores, live: Option<&LiveTarget>) -> Ask {
    let policy = match stores.policies.lookup(super::POLICY) {
        Lookup::Found(policy) => Some(policy),
        Lookup::Malformed(_) | Lookup::Missing => None,
    };
    let policy = policy.as_deref().map(|policy| &policy.0);
    Ask::of(stores, cluster_name(ctx, policy, live))
}

async fn read_cloud(eyes: &Eyes, ask: &Ask, deep: Deep, now: Timestamp) -> Arc<Inventory> {
    match deep {
        Deep::Cheap => eyes.inventory.at_most(CHEAP_AGE, ask, now).await,
        Deep::Full => eyes.inventory.fresh(ask, now).await,
    }
}

fn eni_world(
    intent: &Intent,
    wanted: Option<BTreeMap<EniConfigName, Wanted>>,
    present: BTreeMap<EniConfigName, Present>,
    target: Option<&Target>,
    seen: vpccni_core::safety::World,
) -> EniWorld {
    let key = SettingName::of(Key::CustomNetworkCfg);
    let wanted_on = intent
        .settings
        .get(&key)
        .and_then(vpccni_core::policy::Written::text)
        == Some("true");
    let running = target.map_or_else(|| CniSetup::empty(CniVersion::REFERENCE), setup_of);
    EniWorld {
        state: intent.state,
        wanted,
        present,
        running,
        wanted_on,
        seen,
    }
}

/// The ENIConfigs of the policy with their selectors looked up. Only tags need another reading of EC2.
async fn wanted_eni_configs(
    ctx: &Context,
    memory: &mut Memory,
    policy: &CniPolicy,
    inventory: &Inventory,
    now: Timestamp,
) -> Result<Option<BTreeMap<EniConfigName, Wanted>>, IntentError> {
    let Some(wanted) = convert::eni_configs(&policy.spec).map_err(IntentError::Spec)? else {
        return Ok(None);
    };
    let unreadable = if wanted.iter().any(by_tags) {
        read_tagged(ctx, memory, inventory, now).await
    } else {
        None
    };
    let (subnets, groups) = match &memory.tagged {
        Some((_, subnets, groups)) => (subnets.as_slice(), groups.as_slice()),
        None => (&[][..], &[][..]),
    };
    let mut resolved = intent::resolve_eni_configs(&wanted, subnets, groups);
    if let Some(why) = unreadable {
        for wanted in wanted.iter().filter(|wanted| by_tags(wanted)) {
            resolved.insert(wanted.name.clone(), Err(why.clone()));
        }
    }
    Ok(Some(
        resolved
            .into_iter()
            .map(|(name, spec)| (name, Wanted { spec }))
            .collect(),
    ))
}

fn by_tags(wanted: &WantedEniConfig) -> bool {
    matches!(wanted.subnet, Selector::Tags(_))
        || wanted
            .groups
            .iter()
            .any(|group| matches!(group, Selector::Tags(_)))
}

/// Reads subnets and groups with all their tags; says why not, where it cannot.
async fn read_tagged(
    ctx: &Context,
    memory: &mut Memory,
    inventory: &Inventory,
    now: Timestamp,
) -> Option<String> {
    let fresh = |at: &Timestamp| now.duration_since(*at) < CHEAP_AGE;
    if memory.tagged.as_ref().is_some_and(|(at, _, _)| fresh(at)) {
        return None;
    }
    let vpc = match &inventory.vpc {
        vpccni_core::known::Known::Yes(vpc) => vpc,
        vpccni_core::known::Known::Unknown(why) => return Some(why.clone()),
    };
    match (ctx.ec2.subnets(vpc).await, ctx.ec2.security_groups(vpc).await) {
        (Ok(subnets), Ok(groups)) => {
            memory.tagged = Some((now, subnets, groups));
            None
        }
        (Err(error), _) | (_, Err(error)) => Some(error.to_string()),
    }
}

/// What stands behind the target: the add-on that the policy names, or one whose manager owns something there. EKS is
/// only asked in those two cases.
async fn addon_state(
    ctx: &Context,
    memory: &mut Memory,
    policy: &CniPolicy,
    live: Option<&LiveTarget>,
) -> (AddonState, Option<AddonDocument>) {
    let target = policy.spec.target.as_ref();
    if let Some(named) = target.and_then(|target| target.managed_addon.as_ref()) {
        let wanted = policy
            .spec
            .version
            .as_deref()
            .and_then(|text| CniVersion::parse(text).ok());
        let (carrier, document) = addon::carrier(ctx, memory, named, wanted).await;
        return (AddonState::Carries(carrier), Some(document));
    }
    let by_eks = live.is_some_and(|live| {
        let owners = owners(live.image_owners(vpccni_observe::target::Container::AwsNode));
        owners.iter().any(|owner| owner.class == ManagerClass::Eks)
    });
    if !by_eks {
        return (AddonState::Absent, None);
    }
    let Some(cluster) = cluster_name(ctx, Some(policy), live) else {
        let why =
            "the field manager eks owns aws-node, and the cluster's name is not known: set spec.cluster.name";
        return (AddonState::Unknown(why.to_owned()), None);
    };
    let state = match addon::describe(ctx, memory, &cluster, "vpc-cni").await {
        Ok(Some(addon)) => AddonState::Present(addon.version),
        Ok(None) => AddonState::Absent,
        Err(error) => AddonState::Unknown(error.to_string()),
    };
    (state, None)
}

/// The name of the cluster: the policy, the flags, the environment of aws-node.
pub(crate) fn cluster_name(
    ctx: &Context,
    policy: Option<&CniPolicy>,
    live: Option<&LiveTarget>,
) -> Option<String> {
    let in_policy = policy.and_then(|policy| policy.spec.cluster.as_ref()?.name.clone());
    let in_environment = || {
        let container = vpccni_observe::target::Container::AwsNode;
        match live?.variable(container, "CLUSTER_NAME")? {
            vpccni_observe::target::EnvValue::Text(text) if !text.is_empty() => Some(text.clone()),
            _ => None,
        }
    };
    in_policy
        .or_else(|| ctx.settings.cluster_name.clone())
        .or_else(in_environment)
}

fn cloud_view(inventory: &Inventory) -> CloudView {
    let Some(worst) = inventory.failures.iter().min_by_key(|failure| rank(failure.kind)) else {
        let subnets = inventory.subnets.as_option().map_or(0, BTreeMap::len);
        let instances = inventory.interfaces.as_option().map_or(0, BTreeMap::len);
        return match &inventory.vpc {
            vpccni_core::known::Known::Yes(vpc) => CloudView::Observed(format!(
                "{vpc}: {subnets} subnets, {instances} instances with interfaces"
            )),
            vpccni_core::known::Known::Unknown(why) => CloudView::Partly("NotRead", why.clone()),
        };
    };
    let reason = match worst.kind {
        CloudErrorKind::Denied => "AccessDenied",
        CloudErrorKind::Throttled => "Throttled",
        CloudErrorKind::TimedOut => "TimedOut",
        CloudErrorKind::Unreachable => "Unreachable",
        CloudErrorKind::NotFound | CloudErrorKind::Invalid => "RequestRejected",
        CloudErrorKind::Internal => "CloudFailed",
    };
    let texts: Vec<String> = inventory
        .failures
        .iter()
        .map(vpccni_observe::inventory::sentence)
        .collect();
    CloudView::Partly(reason, texts.join("; "))
}

/// What somebody can do something about comes first.
fn rank(kind: CloudErrorKind) -> u8 {
    match kind {
        CloudErrorKind::Denied => 0,
        CloudErrorKind::Throttled => 1,
        CloudErrorKind::Unreachable => 2,
        CloudErrorKind::TimedOut => 3,
        CloudErrorKind::Invalid => 4,
        CloudErrorKind::NotFound => 5,
        CloudErrorKind::Internal => 6,
    }
}
