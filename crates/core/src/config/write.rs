//! Writes a configuration as upstream reads it.

use super::raw::{RawConfig, RawValue};
use super::{CniConfig, Key, Place, args};
use std::collections::{BTreeMap, BTreeSet};

/// The variables of one container, in the order of the table. Flags of the node agent go through `merge_agent_args`.
pub fn env(config: &CniConfig, place: Place) -> Vec<(String, String)> {
    match place {
        Place::AwsNode | Place::Init => texts(config, place).collect(),
        Place::NodeAgent | Place::ConfigMap => Vec::new(),
    }
}

/// The data of the ConfigMap `amazon-vpc-cni`, as far as it is set.
pub fn config_map(config: &CniConfig) -> BTreeMap<String, String> {
    texts(config, Place::ConfigMap).collect()
}

/// The whole configuration as it would stand in an empty cluster.
pub fn raw(config: &CniConfig) -> RawConfig {
    let literal = |place| {
        env(config, place)
            .into_iter()
            .map(|(name, text)| (name, RawValue::Text(text)))
            .collect()
    };
    let all: BTreeSet<Key> = Key::all().collect();
    RawConfig {
        aws_node: literal(Place::AwsNode),
        init: literal(Place::Init),
        node_agent_env: Vec::new(),
        node_agent_args: args::merge_agent_args(&[], config, &all),
        config_map: config_map(config),
    }
}

fn texts(config: &CniConfig, place: Place) -> impl Iterator<Item = (String, String)> {
    config
        .iter()
        .filter(move |(key, _)| key.field().place == place)
        .map(|(key, value)| (key.field().name.to_owned(), value.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Value;

    #[test]
    fn each_place_gets_its_own() {
        let mut config = CniConfig::default();
        config.set(Key::EnableIpv6, Value::Bool(true));
        config.set(Key::InitEnableIpv6, Value::Bool(true));
        config.set(Key::AgentEnableIpv6, Value::Bool(true));
        config.set(Key::WindowsIpam, Value::Bool(false));
        let one = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        assert_eq!(env(&config, Place::AwsNode), [one("ENABLE_IPv6", "true")]);
        assert_eq!(env(&config, Place::Init), [one("ENABLE_IPv6", "true")]);
        assert_eq!(raw(&config).node_agent_args, ["--enable-ipv6=true"]);
        assert_eq!(config_map(&config), [one("enable-windows-ipam", "false")].into());
    }
}
