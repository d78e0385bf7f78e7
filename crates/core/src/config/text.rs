//! The text of a typed value: how it stands in an environment, a flag or a ConfigMap.

use super::{Kind, Value, go, json};
use crate::net::Ipv4Net;
use std::fmt;

/// The value of a text in the form this crate writes; none for every other text.
pub(super) fn typed(kind: Kind, text: &str) -> Option<Value> {
    match kind {
        Kind::Bool => go::parse_bool(text).map(Value::Bool),
        Kind::Int { .. } => go::atoi(text).map(Value::Int),
        Kind::Enum(words) => words.contains(&text).then(|| Value::Text(text.to_owned())),
        Kind::Text { .. } => Some(Value::Text(text.to_owned())),
        Kind::Cidrs => {
            let (cidrs, bad) = cidrs(text);
            bad.is_empty().then_some(Value::Cidrs(cidrs))
        }
        Kind::Tags => json::parse_strings(text).map(Value::Tags),
        Kind::FieldRef => None,
    }
}

/// The text as upstream reads it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(on) => on.fmt(f),
            Self::Int(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
            Self::Cidrs(cidrs) => {
                let cidrs: Vec<String> = cidrs.iter().map(Ipv4Net::to_string).collect();
                f.write_str(&cidrs.join(","))
            }
            Self::Tags(tags) => f.write_str(&json::write_strings(tags)),
        }
    }
}

/// Whether the value is of the kind; bounds are another question.
pub(super) fn fits(kind: Kind, value: &Value) -> bool {
    matches!(
        (kind, value),
        (Kind::Bool, Value::Bool(_))
            | (Kind::Int { .. }, Value::Int(_))
            | (Kind::Enum(_) | Kind::Text { .. }, Value::Text(_))
            | (Kind::Cidrs, Value::Cidrs(_))
            | (Kind::Tags, Value::Tags(_))
    )
}

/// The networks of a comma separated list, sorted and each once, and the entries that are no IPv4 network.
pub(super) fn cidrs(text: &str) -> (Vec<Ipv4Net>, Vec<String>) {
    let mut cidrs = Vec::new();
    let mut bad = Vec::new();
    if text.is_empty() {
        return (cidrs, bad);
    }
    for entry in text.split(',') {
        match entry.trim().parse::<Ipv4Net>() {
            Ok(net) => cidrs.push(net.trunc()),
            Err(_) => bad.push(entry.to_owned()),
        }
    }
    cidrs.sort_unstable();
    cidrs.dedup();
    (cidrs, bad)
}
