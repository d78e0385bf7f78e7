//! Reads what users write, strictly: a text that upstream would replace, skip or stop at is an error that names the
//! setting, its field in the policy, the text and what is allowed.

use super::upstream::{is_reserved_tag, veth_prefix_is_free};
use super::{Key, Kind, Value, go, json, text};
use std::fmt;

/// A setting in an error: its name and, where it has one, its field of `CniPolicy.spec`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Setting(pub Key);

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.field().path {
            "" => write!(f, "{}", self.0),
            path => write!(f, "{path} ({})", self.0),
        }
    }
}

/// A text or value that a setting cannot have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum ParseError {
    /// Not a switch.
    #[error("{setting}: {text:?} is not true or false")]
    NotBool {
        /// The setting.
        setting: Setting,
        /// What was given.
        text: String,
    },
    /// Not a number, or out of range.
    #[error("{setting}: {text:?} is not a whole number from {min} to {max}{}", unit(*setting))]
    NotInRange {
        /// The setting.
        setting: Setting,
        /// What was given.
        text: String,
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// Not one of the words.
    #[error("{setting}: {text:?} is not one of {}", words.join(", "))]
    NotAWord {
        /// The setting.
        setting: Setting,
        /// What was given.
        text: String,
        /// The words.
        words: &'static [&'static str],
    },
    /// Too long a text.
    #[error("{setting}: {text:?} has more than {max} characters")]
    TooLong {
        /// The setting.
        setting: Setting,
        /// What was given.
        text: String,
        /// The greatest length.
        max: usize,
    },
    /// A text the setting cannot have.
    #[error("{setting}: {text:?} is not possible: {why}")]
    Forbidden {
        /// The setting.
        setting: Setting,
        /// What was given.
        text: String,
        /// Why not.
        why: &'static str,
    },
    /// An entry of a list that is no IPv4 network.
    #[error(
        "{setting}: {entry:?} is not an IPv4 network such as 10.0.0.0/8, with no bits set after the prefix"
    )]
    NotANetwork {
        /// The setting.
        setting: Setting,
        /// The entry.
        entry: String,
    },
    /// Not a JSON object of strings.
    #[error("{setting}: {text:?} is not a JSON object of strings such as {{\"team\":\"web\"}}")]
    NotTags {
        /// The setting.
        setting: Setting,
        /// What was given.
        text: String,
    },
    /// A tag upstream drops.
    #[error(
        "{setting}: the tag {name:?} is dropped, keys that contain k8s.amazonaws.com are kept for the CNI"
    )]
    ReservedTag {
        /// The setting.
        setting: Setting,
        /// Its key.
        name: String,
    },
    /// A setting nobody writes.
    #[error("{setting}: it is filled in by Kubernetes and cannot be set")]
    NotSettable {
        /// The setting.
        setting: Setting,
    },
    /// A value of another type.
    #[error("{setting}: {text:?} is not of its type")]
    WrongType {
        /// The setting.
        setting: Setting,
        /// What was given.
        text: String,
    },
}

fn unit(setting: Setting) -> String {
    match setting.0.field().unit {
        "" => String::new(),
        unit => format!(" {unit}"),
    }
}

/// Parses the text of a setting.
pub fn parse(key: Key, given: &str) -> Result<Value, ParseError> {
    let setting = Setting(key);
    let text = || given.to_owned();
    let value = match key.field().kind {
        Kind::Bool => match given {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => {
                return Err(ParseError::NotBool {
                    setting,
                    text: text(),
                });
            }
        },
        Kind::Int { min, max } => {
            // The firewall mark is usually written as 0x80.
            let number = if key == Key::Connmark {
                go::parse_int(given)
            } else {
                go::atoi(given)
            };
            Value::Int(number.ok_or_else(|| ParseError::NotInRange {
                setting,
                text: text(),
                min,
                max,
            })?)
        }
        Kind::Enum(_) | Kind::Text { .. } => Value::Text(text()),
        Kind::Cidrs => networks(setting, given)?,
        Kind::Tags => Value::Tags(json::parse_strings(given).ok_or_else(|| ParseError::NotTags {
            setting,
            text: text(),
        })?),
        Kind::FieldRef => return Err(ParseError::NotSettable { setting }),
    };
    check(key, &value)?;
    Ok(value)
}

fn networks(setting: Setting, given: &str) -> Result<Value, ParseError> {
    let (cidrs, bad) = text::cidrs(given);
    let with_host_bits = || {
        let mut entries = given.split(',').filter(|entry| !entry.is_empty());
        entries
            .find(|entry| !cidrs.iter().any(|net| net.to_string() == entry.trim()))
            .map(str::to_owned)
    };
    match bad.into_iter().next().or_else(with_host_bits) {
        Some(entry) => Err(ParseError::NotANetwork { setting, entry }),
        None => Ok(Value::Cidrs(cidrs)),
    }
}

/// Checks a typed value against what the table allows.
pub fn check(key: Key, value: &Value) -> Result<(), ParseError> {
    let setting = Setting(key);
    match (key.field().kind, value) {
        (Kind::Bool, Value::Bool(_)) => Ok(()),
        (Kind::Int { min, max }, Value::Int(number)) => {
            if (min..=max).contains(number) {
                return Ok(());
            }
            let text = number.to_string();
            Err(ParseError::NotInRange {
                setting,
                text,
                min,
                max,
            })
        }
        (Kind::Enum(words), Value::Text(word)) => {
            if words.contains(&word.as_str()) {
                return Ok(());
            }
            let text = word.clone();
            Err(ParseError::NotAWord { setting, text, words })
        }
        (Kind::Text { max }, Value::Text(text)) => check_text(setting, text, max),
        (Kind::Cidrs, Value::Cidrs(cidrs)) => match cidrs.iter().find(|net| net.trunc() != **net) {
            Some(net) => Err(ParseError::NotANetwork {
                setting,
                entry: net.to_string(),
            }),
            None => Ok(()),
        },
        (Kind::Tags, Value::Tags(tags)) => match tags.keys().find(|name| is_reserved_tag(name)) {
            Some(name) => Err(ParseError::ReservedTag {
                setting,
                name: name.clone(),
            }),
            None => Ok(()),
        },
        (Kind::FieldRef, _) => Err(ParseError::NotSettable { setting }),
        (_, other) => Err(ParseError::WrongType {
            setting,
            text: other.to_string(),
        }),
    }
}

fn check_text(setting: Setting, text: &str, max: usize) -> Result<(), ParseError> {
    let forbidden = |why| {
        let text = text.to_owned();
        Err(ParseError::Forbidden { setting, text, why })
    };
    match setting.0 {
        _ if text.chars().count() > max => {
            let text = text.to_owned();
            Err(ParseError::TooLong { setting, text, max })
        }
        Key::VethPrefix if !veth_prefix_is_free(text) => {
            forbidden("eth, lo and vlan are prefixes of other links")
        }
        Key::VethPrefix if text.is_empty() => forbidden("links of pods need a prefix to be told from others"),
        Key::PluginLogFile if text == "stdout" => forbidden("standard output carries the plugin's answer"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::arbitrary::any_value;
    use proptest::prelude::*;

    fn error(key: Key, text: &str) -> String {
        parse(key, text).unwrap_err().to_string()
    }

    #[test]
    fn errors_name_setting_field_value_and_what_is_allowed() {
        assert_eq!(
            error(Key::EnablePodEni, "1"),
            "podSecurityGroups.enabled (ENABLE_POD_ENI): \"1\" is not true or false"
        );
        assert_eq!(
            error(Key::WarmIpTarget, "-1"),
            "ipAllocation.warmIpTarget (WARM_IP_TARGET): \"-1\" is not a whole number from 0 to 16384 addresses"
        );
        assert_eq!(
            error(Key::RandomizeSnat, "PRNG"),
            "egress.randomizeSnat (AWS_VPC_K8S_CNI_RANDOMIZESNAT): \"PRNG\" is not one of prng, hashrandom, none"
        );
        assert!(error(Key::VethPrefix, "abcde").ends_with("\"abcde\" has more than 4 characters"));
        assert!(error(Key::VethPrefix, "vlan").contains("is not possible: eth, lo and vlan"));
        assert!(error(Key::VethPrefix, "").contains("need a prefix"));
        assert!(error(Key::PluginLogFile, "stdout").contains("standard output"));
        assert!(
            error(Key::ExcludeSnatCidrs, "10.0.0.0/8,2001:db8::/32")
                .contains("\"2001:db8::/32\" is not an IPv4")
        );
        assert!(error(Key::ExcludeSnatCidrs, "10.0.0.1/8").contains("\"10.0.0.1/8\" is not an IPv4 network"));
        assert!(error(Key::AdditionalEniTags, "{\"a\":1}").contains("is not a JSON object of strings"));
        assert!(error(Key::AdditionalEniTags, r#"{"x.k8s.amazonaws.com/y":"1"}"#).contains("is dropped"));
        assert_eq!(
            error(Key::MyNodeName, "x"),
            "MY_NODE_NAME: it is filled in by Kubernetes and cannot be set"
        );
    }

    #[test]
    fn typed_values_are_checked_the_same_way() {
        let wrong = check(Key::WarmIpTarget, &Value::Bool(true)).unwrap_err();
        assert!(wrong.to_string().ends_with("\"true\" is not of its type"));
        let host_bits = Value::Cidrs(vec!["10.0.0.1/8".parse().unwrap()]);
        assert!(check(Key::ExcludeSnatCidrs, &host_bits).is_err());
        assert!(check(Key::EniMtu, &Value::Int(9002)).is_err());
        assert!(check(Key::MyNodeName, &Value::Text(String::new())).is_err());
    }

    #[test]
    fn a_firewall_mark_may_be_hexadecimal() {
        assert_eq!(parse(Key::Connmark, "0x80"), Ok(Value::Int(128)));
        assert!(parse(Key::WarmIpTarget, "0x80").is_err());
    }

    #[test]
    fn defaults_and_manifest_values_pass() {
        for key in Key::all().filter(|key| !matches!(key.field().kind, Kind::FieldRef)) {
            let field = key.field();
            for text in field.default.into_iter().chain(field.manifest) {
                assert!(parse(key, text).is_ok(), "{key}={text:?}: {:?}", parse(key, text));
            }
        }
    }

    fn any_setting() -> impl Strategy<Value = (Key, Value)> {
        let keys: Vec<Key> = Key::all()
            .filter(|key| !matches!(key.field().kind, Kind::FieldRef))
            .collect();
        proptest::sample::select(keys).prop_flat_map(|key| any_value(key).prop_map(move |value| (key, value)))
    }

    proptest! {
        #[test]
        fn what_is_allowed_is_parsed_back((key, value) in any_setting()) {
            if check(key, &value).is_ok() {
                prop_assert_eq!(parse(key, &value.to_string()), Ok(value));
            } else {
                prop_assert_eq!((key, value), (Key::VethPrefix, Value::Text(String::new())));
            }
        }
    }
}
