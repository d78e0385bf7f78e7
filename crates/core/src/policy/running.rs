//! What the settings on a target mean to the programs that read them.

use super::setting::{SettingName, Written};
use super::world::Target;
use crate::config::{CniConfig, Effective, Key, Place, RawConfig, RawValue, Value, read};
use crate::version::CniVersion;
use std::collections::BTreeMap;

/// The modes whose change by others is reported even where the setting is not ours.
const MODES: [Key; 3] = [
    Key::EnablePrefixDelegation,
    Key::CustomNetworkCfg,
    Key::EnablePodEni,
];

/// Reads settings with upstream's own semantics.
pub fn config_of(settings: &BTreeMap<SettingName, Written>) -> CniConfig {
    let mut raw = RawConfig::default();
    for (name, value) in settings {
        add(&mut raw, name, value);
    }
    read(&raw).config
}

fn add(raw: &mut RawConfig, name: &SettingName, value: &Written) {
    let literal = match value {
        Written::Text(text) => RawValue::Text(text.clone()),
        Written::Reference(_) => RawValue::FromField,
    };
    match (name.place, value.text()) {
        (Place::AwsNode, _) => raw.aws_node.push((name.name.clone(), literal)),
        (Place::Init, _) => raw.init.push((name.name.clone(), literal)),
        (Place::NodeAgent, Some(text)) if name.is_agent_flag() => {
            raw.node_agent_args.push(format!("--{}={text}", name.name));
        }
        (Place::NodeAgent, _) => raw.node_agent_env.push((name.name.clone(), literal)),
        (Place::ConfigMap, Some(text)) => {
            raw.config_map.insert(name.name.clone(), text.to_owned());
        }
        (Place::ConfigMap, None) => {}
    }
}

/// The configuration that runs, with the defaults of the version that reads it.
pub fn effective_of(target: &Target) -> Effective {
    let settings: BTreeMap<SettingName, Written> = target
        .settings
        .iter()
        .map(|(name, seen)| (name.clone(), seen.value.clone()))
        .collect();
    Effective::of(
        &config_of(&settings),
        target
            .version
            .as_option()
            .copied()
            .unwrap_or(CniVersion::REFERENCE),
    )
}

/// The effective modes of the target, recorded so that a later change by others is seen.
pub(super) fn modes(target: &Target) -> BTreeMap<SettingName, String> {
    let effective = effective_of(target);
    let is_on = |key| effective.value(key) == Some(&Value::Bool(true));
    MODES
        .iter()
        .map(|key| (SettingName::of(*key), is_on(*key).to_string()))
        .collect()
}
