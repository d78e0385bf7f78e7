//! Hashes of configurations and of changes: the same in every cluster, whatever the order in which keys were set.

use super::{CniConfig, Place};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// The canonical text: one line a setting, in the order of places and names, so that the order of the table's rows
/// does not matter. Texts are quoted, so that no value can look like a line of its own.
pub fn canonical(config: &CniConfig) -> String {
    let mut lines: Vec<String> = config
        .iter()
        .map(|(key, value)| {
            let field = key.field();
            format!("{} {} {:?}\n", place(field.place), field.name, value.to_string())
        })
        .collect();
    lines.sort_unstable();
    lines.concat()
}

/// The hash of a change, as an approval names it: `sha256:` and 64 digits.
pub fn change_hash(from: &CniConfig, to: &CniConfig) -> String {
    let text = format!("from\n{}to\n{}", canonical(from), canonical(to));
    format!("sha256:{}", digest(&text))
}

/// A short name of a configuration, for annotations and columns: 12 digits.
pub fn config_hash(config: &CniConfig) -> String {
    digest(&canonical(config)).chars().take(12).collect()
}

/// The digest of any text in 64 hexadecimal digits: a token under which the same request is the same.
pub fn text_digest(text: &str) -> String {
    digest(text)
}

fn place(place: Place) -> &'static str {
    match place {
        Place::AwsNode => "aws-node",
        Place::Init => "init",
        Place::NodeAgent => "node-agent",
        Place::ConfigMap => "config-map",
    }
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .fold(String::new(), |mut hex, byte| {
            // Writing to a String cannot fail.
            write!(hex, "{byte:02x}").unwrap_or_default();
            hex
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::arbitrary::any_config;
    use crate::config::{Key, Value};
    use proptest::prelude::*;

    #[test]
    fn the_hash_is_that_of_the_canonical_text() {
        let mut config = CniConfig::default();
        config.set(Key::WarmIpTarget, Value::Int(5));
        config.set(Key::InitEnableIpv6, Value::Bool(false));
        assert_eq!(
            canonical(&config),
            "aws-node WARM_IP_TARGET \"5\"\ninit ENABLE_IPv6 \"false\"\n"
        );
        // printf 'from\nto\n' | sha256sum
        let empty = CniConfig::default();
        assert_eq!(
            change_hash(&empty, &empty),
            "sha256:b70e45a28cd49d4b818c6ae1c385c926073ff45da4a920757b2d672b02349255"
        );
        // printf '' | sha256sum
        assert_eq!(config_hash(&empty), "e3b0c44298fc");
    }

    #[test]
    fn absent_and_empty_are_two_things() {
        let mut empty_text = CniConfig::default();
        empty_text.set(Key::ClusterEndpoint, Value::Text(String::new()));
        assert_ne!(config_hash(&empty_text), config_hash(&CniConfig::default()));
    }

    proptest! {
        #[test]
        fn equal_hashes_mean_equal_configurations(one in any_config(), other in any_config()) {
            prop_assert_eq!(canonical(&one) == canonical(&other), one == other);
            prop_assert_eq!(change_hash(&one, &other) == change_hash(&other, &one), one == other);
        }

        #[test]
        fn the_order_of_setting_does_not_matter(config in any_config()) {
            let mut settings: Vec<_> = config.iter().collect();
            settings.reverse();
            let mut reversed = CniConfig::default();
            for (key, value) in settings {
                reversed.set(key, value.clone());
            }
            prop_assert_eq!(config_hash(&reversed), config_hash(&config));
        }
    }
}
