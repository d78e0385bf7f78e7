//! What the settings on a target mean to the programs that read them.

use super::setting::{SettingName, Written};
use super::world::Target;
use crate::config::{CniConfig, Effective, Key, Place, RawConfig, RawValue, Value, read};
use crate::safety::CniSetup;
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

/// The settings of the target as they stand.
pub(super) fn settings_of(target: &Target) -> BTreeMap<SettingName, Written> {
    let settings = target.settings.iter();
    settings
        .map(|(name, seen)| (name.clone(), seen.value.clone()))
        .collect()
}

/// The version that reads them; the reference where the image does not tell.
fn version_of(target: &Target) -> CniVersion {
    target
        .version
        .as_option()
        .copied()
        .unwrap_or(CniVersion::REFERENCE)
}

/// The configuration that runs, with the defaults of the version that reads it.
pub fn effective_of(target: &Target) -> Effective {
    Effective::of(&config_of(&settings_of(target)), version_of(target))
}

/// The set-up that runs, or that would run with these settings instead: one side of a review.
pub(super) fn setup_with(target: &Target, settings: &BTreeMap<SettingName, Written>) -> CniSetup {
    CniSetup {
        config: config_of(settings),
        // An agent that is there and does not tell its version counts as the one of the published manifest.
        node_agent: target
            .has_agent
            .then(|| target.node_agent.unwrap_or(CniVersion::new(1, 4, 2))),
        eni_configs: target.eni_configs.clone(),
        ..CniSetup::empty(version_of(target))
    }
}

/// The set-up that runs.
pub fn setup_of(target: &Target) -> CniSetup {
    setup_with(target, &settings_of(target))
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
