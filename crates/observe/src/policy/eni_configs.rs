//! The ENIConfigs of a policy, with their selectors looked up, beside those that stand.

use super::door::Door;
use super::intent::{IntentError, resolve_eni_configs};
use super::recall::Recall;
use crate::inventory::Inventory;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use vpccni_api::CniPolicy;
use vpccni_api::convert::{self, Selector, WantedEniConfig};
use vpccni_core::config::Key;
use vpccni_core::eni_configs::{EniWorld, Present, Wanted};
use vpccni_core::ids::EniConfigName;
use vpccni_core::known::Known;
use vpccni_core::policy::{Intent, SettingName, Target, Written, setup_of};
use vpccni_core::safety::{CniSetup, World};
use vpccni_core::version::CniVersion;

/// How old the tags of subnets and groups may be.
const FRESH: SignedDuration = SignedDuration::from_mins(10);

pub(super) fn eni_world(
    intent: &Intent,
    wanted: Option<BTreeMap<EniConfigName, Wanted>>,
    present: BTreeMap<EniConfigName, Present>,
    target: Option<&Target>,
    seen: World,
) -> EniWorld {
    let key = SettingName::of(Key::CustomNetworkCfg);
    let wanted_on = intent.settings.get(&key).and_then(Written::text) == Some("true");
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
pub(super) async fn wanted_eni_configs(
    door: &Door<'_>,
    recall: &mut Recall,
    policy: &CniPolicy,
    inventory: &Inventory,
) -> Result<Option<BTreeMap<EniConfigName, Wanted>>, IntentError> {
    let Some(wanted) = convert::eni_configs(&policy.spec).map_err(IntentError::Spec)? else {
        return Ok(None);
    };
    let unreadable = if wanted.iter().any(by_tags) {
        read_tagged(door, recall, inventory).await
    } else {
        None
    };
    let (subnets, groups) = match &recall.tagged {
        Some((_, subnets, groups)) => (subnets.as_slice(), groups.as_slice()),
        None => (&[][..], &[][..]),
    };
    let mut resolved = resolve_eni_configs(&wanted, subnets, groups);
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
async fn read_tagged(door: &Door<'_>, recall: &mut Recall, inventory: &Inventory) -> Option<String> {
    let fresh = |at: &Timestamp| door.now.duration_since(*at) < FRESH;
    if recall.tagged.as_ref().is_some_and(|(at, _, _)| fresh(at)) {
        return None;
    }
    let vpc = match &inventory.vpc {
        Known::Yes(vpc) => vpc,
        Known::Unknown(why) => return Some(why.clone()),
    };
    match (door.ec2.subnets(vpc).await, door.ec2.security_groups(vpc).await) {
        (Ok(subnets), Ok(groups)) => {
            recall.tagged = Some((door.now, subnets, groups));
            None
        }
        (Err(error), _) | (_, Err(error)) => Some(error.to_string()),
    }
}
