//! From the spec of the CniPolicy to what the planner wants. Everything the schema cannot check is collected.

use super::window::{Opening, WindowError, WindowSpec, opening};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use vpccni_api::convert::{self, ConvertError, Selector, WantedEniConfig};
use vpccni_api::policy::{
    ApplyMode as ApiApplyMode, CniPolicySpec, CniPolicyStatus, ManagementState as ApiState, MigrationStrategy,
};
use vpccni_core::config::{Key, Place};
use vpccni_core::ids::EniConfigName;
use vpccni_core::policy::{
    ApplyMode, Intent, ManagementState, Record, SettingName, Strategy, Suspension, Window, Written,
};
use vpccni_core::ports::{SecurityGroup, Subnet};
use vpccni_core::safety::{Acceptance, EniConfigSpec};
use vpccni_core::version::CniVersion;

/// Why a policy cannot be followed at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntentError {
    /// Values the schema let through and nothing can use.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Spec(Vec<ConvertError>),
    /// A window nobody understands.
    #[error("spec.rollout.windows: {0}")]
    Window(WindowError),
    /// A version nobody understands.
    #[error("spec.version: {0}")]
    Version(String),
}

/// The management state, which is valid in every policy that can be read.
pub fn state(spec: &CniPolicySpec) -> ManagementState {
    match spec.management_state {
        ApiState::Observe => ManagementState::Observe,
        ApiState::Manage => ManagementState::Manage,
        ApiState::Paused => ManagementState::Paused,
    }
}

/// What the policy wants.
pub fn intent(
    spec: &CniPolicySpec,
    eni_configs: Option<BTreeMap<EniConfigName, EniConfigSpec>>,
    now: Timestamp,
) -> Result<Intent, IntentError> {
    let config = convert::config(spec).map_err(IntentError::Spec)?;
    let mut settings: BTreeMap<SettingName, Written> = config
        .iter()
        .map(|(key, value)| (SettingName::of(key), Written::Text(value.to_string())))
        .collect();
    for extra in convert::extra_env(spec) {
        let name = SettingName {
            place: extra.place,
            name: extra.variable.name.clone(),
        };
        settings.insert(name, extra_value(&extra.variable));
    }
    let version = spec.version.as_deref().map(CniVersion::parse).transpose();
    Ok(Intent {
        state: state(spec),
        settings,
        unset: unset(spec)?,
        version: version.map_err(|error| IntentError::Version(error.to_string()))?,
        take_over_from: spec
            .ownership
            .as_ref()
            .and_then(|o| o.take_over_from.clone())
            .unwrap_or_default(),
        apply_mode: match spec.apply_mode {
            Some(ApiApplyMode::SafeFirst) => ApplyMode::SafeFirst,
            Some(ApiApplyMode::Atomic) | None => ApplyMode::Atomic,
        },
        accept: accepted(spec),
        strategy: match spec.migration.as_ref().and_then(|migration| migration.strategy) {
            Some(MigrationStrategy::Plan) => Strategy::Plan,
            Some(MigrationStrategy::Automatic) => Strategy::Automatic,
            Some(MigrationStrategy::Refuse) | None => Strategy::Refuse,
        },
        window: window(spec, now)?,
        eni_configs,
    })
}

fn extra_value(variable: &k8s_openapi::api::core::v1::EnvVar) -> Written {
    match &variable.value_from {
        Some(source) => Written::Reference(serde_json::json!(source).to_string()),
        None => Written::Text(variable.value.clone().unwrap_or_default()),
    }
}

fn unset(spec: &CniPolicySpec) -> Result<BTreeSet<SettingName>, IntentError> {
    let unset = convert::unset(spec).map_err(IntentError::Spec)?;
    let keys = unset.keys.into_iter().map(SettingName::of);
    let other = unset
        .other
        .into_iter()
        .map(|(place, name)| SettingName { place, name });
    Ok(keys.chain(other).collect())
}

fn accepted(spec: &CniPolicySpec) -> Vec<Acceptance> {
    let acceptance = |convert::Acceptance {
                          rule,
                          change_hash,
                          reason,
                          until,
                      }| Acceptance {
        rule,
        change_hash,
        reason,
        until,
    };
    convert::acceptances(spec).into_iter().map(acceptance).collect()
}

fn window(spec: &CniPolicySpec, now: Timestamp) -> Result<Window, IntentError> {
    let windows = spec
        .rollout
        .iter()
        .flat_map(|rollout| rollout.windows.iter().flatten());
    let windows = WindowSpec::all(windows);
    Ok(match opening(&windows, now).map_err(IntentError::Window)? {
        Opening::Open => Window::Open,
        Opening::Next(Some(at)) => Window::Closed(format!("the next opens at {at}")),
        Opening::Next(None) => Window::Closed("none opens within eight days".to_owned()),
    })
}

/// The ENIConfigs of the policy with their selectors looked up; an entry that finds nothing, or more than one subnet,
/// says so.
pub(super) fn resolve_eni_configs(
    wanted: &[WantedEniConfig],
    subnets: &[Subnet],
    groups: &[SecurityGroup],
) -> BTreeMap<EniConfigName, Result<EniConfigSpec, String>> {
    let resolve = |wanted: &WantedEniConfig| {
        let subnet = one_subnet(wanted, subnets)?;
        let mut security_groups = Vec::new();
        for selector in &wanted.groups {
            match selector {
                Selector::Id(id) => security_groups.push(id.clone()),
                Selector::Tags(tags) => {
                    let found = groups.iter().filter(|group| has_tags(&group.tags, tags));
                    let before = security_groups.len();
                    security_groups.extend(found.map(|group| group.id.clone()));
                    if security_groups.len() == before {
                        return Err(format!("no security group has the tags {}", shown(tags)));
                    }
                }
            }
        }
        Ok(EniConfigSpec {
            subnet,
            security_groups,
            zone: Some(wanted.zone.clone()),
        })
    };
    wanted
        .iter()
        .map(|wanted| (wanted.name.clone(), resolve(wanted)))
        .collect()
}

fn one_subnet(wanted: &WantedEniConfig, subnets: &[Subnet]) -> Result<vpccni_core::ids::SubnetId, String> {
    let tags = match &wanted.subnet {
        Selector::Id(id) => return Ok(id.clone()),
        Selector::Tags(tags) => tags,
    };
    let found: Vec<&Subnet> = subnets
        .iter()
        .filter(|subnet| subnet.zone == wanted.zone && has_tags(&subnet.tags, tags))
        .collect();
    match found.as_slice() {
        [one] => Ok(one.id.clone()),
        [] => Err(format!(
            "no subnet in zone {} has the tags {}",
            wanted.zone,
            shown(tags)
        )),
        several => {
            let ids: Vec<&str> = several.iter().map(|subnet| subnet.id.as_str()).collect();
            Err(format!(
                "several subnets in zone {} have the tags {}: {}",
                wanted.zone,
                shown(tags),
                ids.join(", ")
            ))
        }
    }
}

fn has_tags(tags: &BTreeMap<String, String>, wanted: &BTreeMap<String, String>) -> bool {
    wanted.iter().all(|(key, value)| tags.get(key) == Some(value))
}

fn shown(tags: &BTreeMap<String, String>) -> String {
    tags.iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect::<Vec<_>>()
        .join(",")
}

/// What the status remembers.
pub fn record(status: Option<&CniPolicyStatus>) -> Record {
    let applied = status.and_then(|status| status.applied.as_ref());
    let Some(memory) = applied.and_then(|applied| applied.record.as_ref()) else {
        return Record::default();
    };
    let texts = memory
        .settings
        .iter()
        .flatten()
        .map(|(name, text)| (name, Written::Text(text.clone())));
    let references = memory
        .references
        .iter()
        .flatten()
        .map(|(name, text)| (name, Written::Reference(text.clone())));
    let released = status
        .and_then(|status| status.released.as_deref())
        .unwrap_or_default();
    Record {
        settings: texts
            .chain(references)
            .map(|(name, value)| (name_of(name), value))
            .collect(),
        released: released.iter().map(|released| name_of(&released.key)).collect(),
        suspended: memory
            .suspended
            .iter()
            .flatten()
            .map(|key| {
                (
                    name_of(&key.key),
                    Suspension {
                        value: key.value.clone(),
                        by: key.by.clone(),
                    },
                )
            })
            .collect(),
        break_glass_seen: memory.break_glass_seen.clone(),
        stalled_hash: memory.stalled_hash.clone(),
        modes: memory
            .modes
            .iter()
            .flatten()
            .map(|(name, value)| (name_of(name), value.clone()))
            .collect(),
    }
}

/// The reverse of `SettingName`'s `Display`.
pub fn name_of(text: &str) -> SettingName {
    if let Some(key) = Key::all().find(|key| key.to_string() == text) {
        return SettingName::of(key);
    }
    let places = [
        ("init ", Place::Init),
        ("nodeagent ", Place::NodeAgent),
        ("--", Place::NodeAgent),
        ("amazon-vpc-cni/", Place::ConfigMap),
    ];
    let found = places
        .iter()
        .find_map(|(prefix, place)| Some((*place, text.strip_prefix(prefix)?)));
    let (place, name) = found.unwrap_or((Place::AwsNode, text));
    SettingName {
        place,
        name: name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_from_their_text() {
        for key in Key::all() {
            let name = SettingName::of(key);
            assert_eq!(name_of(&name.to_string()), name, "{key}");
        }
        for (place, name) in [
            (Place::AwsNode, "MY_OWN"),
            (Place::Init, "X"),
            (Place::ConfigMap, "some-key"),
        ] {
            let name = SettingName {
                place,
                name: name.to_owned(),
            };
            assert_eq!(name_of(&name.to_string()), name);
        }
    }

    #[test]
    fn a_selector_by_tags_finds_exactly_one_subnet() {
        let subnet = |id: &str, zone: &str| Subnet {
            id: id.parse().unwrap(),
            vpc: "vpc-1".parse().unwrap(),
            zone: zone.parse().unwrap(),
            cidr: "10.0.0.0/24".parse().unwrap(),
            available: 251,
            tags: BTreeMap::from([("use".to_owned(), "pods".to_owned())]),
            owner: "1".to_owned(),
        };
        let wanted = |zone: &str| WantedEniConfig {
            name: zone.parse().unwrap(),
            zone: zone.parse().unwrap(),
            subnet: Selector::Tags(BTreeMap::from([("use".to_owned(), "pods".to_owned())])),
            groups: Vec::new(),
        };
        let subnets = [subnet("subnet-a", "us-west-2a"), subnet("subnet-b", "us-west-2b")];
        let found = resolve_eni_configs(&[wanted("us-west-2a")], &subnets, &[]);
        assert_eq!(
            found.values().next().unwrap().as_ref().unwrap().subnet.as_str(),
            "subnet-a"
        );
        let none = resolve_eni_configs(&[wanted("us-west-2c")], &subnets, &[]);
        let why = none.values().next().unwrap().clone().unwrap_err();
        assert_eq!(why, "no subnet in zone us-west-2c has the tags use=pods");
        let twice = [subnet("subnet-a", "us-west-2a"), subnet("subnet-b", "us-west-2a")];
        let several = resolve_eni_configs(&[wanted("us-west-2a")], &twice, &[]);
        assert!(
            several
                .values()
                .next()
                .unwrap()
                .clone()
                .unwrap_err()
                .starts_with("several subnets")
        );
    }
}
