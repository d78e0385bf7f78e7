//! One step of a path in an object: its text in `fieldsV1`, and in messages.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// One step from an object to a part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::memory) enum Element {
    /// A field of a struct, or a key of a map.
    Field(String),
    /// An item of a list, by its keys and their values in JSON.
    Key(Vec<(String, String)>),
    /// An item of a set, by its value in JSON.
    Value(String),
}

impl Element {
    pub(super) fn encode(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Key(keys) => format!("k:{}", object_of(keys)),
            Self::Value(value) => format!("v:{value}"),
        }
    }

    pub(super) fn decode(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "f" => Some(Self::Field(rest.to_owned())),
            "k" => {
                let keys: BTreeMap<String, Value> = serde_json::from_str(rest).ok()?;
                let text = |(name, value): (String, Value)| (name, value.to_string());
                Some(Self::Key(keys.into_iter().map(text).collect()))
            }
            "v" => Some(Self::Value(rest.to_owned())),
            _ => None,
        }
    }
}

/// The keys in their own order, whatever the map type of `serde_json` does.
fn object_of(keys: &[(String, String)]) -> String {
    let one = |(name, value): &(String, String)| format!("{}:{value}", Value::from(name.as_str()));
    format!("{{{}}}", keys.iter().map(one).collect::<Vec<_>>().join(","))
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(keys) => {
                let one = |(name, value): &(String, String)| format!("{name}={value}");
                write!(f, "[{}]", keys.iter().map(one).collect::<Vec<_>>().join(","))
            }
            Self::Value(value) => write!(f, "[={value}]"),
        }
    }
}
