//! One setting at a time: its typed value, checked against its row of the table.

use std::collections::BTreeMap;
use vpccni_core::config::{CniConfig, Key, Kind, Value};
use vpccni_core::net::Ipv4Net;

/// A value of a policy that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("spec.{path}: {value:?} is not {allowed}")]
pub struct ConvertError {
    /// The field below spec, with dots and indexes.
    pub path: String,
    /// What it says.
    pub value: String,
    /// What it may say.
    pub allowed: String,
}

impl ConvertError {
    pub(crate) fn new(path: impl Into<String>, value: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            value: value.into(),
            allowed: allowed.into(),
        }
    }
}

/// A group of settings.
pub(crate) trait Settings {
    /// Hands over every setting that is there.
    fn collect(&self, into: &mut Collector);
}

/// Something a setting can be written as.
pub(crate) trait Setting {
    /// Its value for core, or the part of it that is wrong.
    fn value(&self) -> Result<Value, String>;
}

impl Setting for bool {
    fn value(&self) -> Result<Value, String> {
        Ok(Value::Bool(*self))
    }
}

impl Setting for i64 {
    fn value(&self) -> Result<Value, String> {
        Ok(Value::Int(*self))
    }
}

impl Setting for String {
    fn value(&self) -> Result<Value, String> {
        Ok(Value::Text(self.clone()))
    }
}

impl Setting for Vec<String> {
    fn value(&self) -> Result<Value, String> {
        let mut nets = self
            .iter()
            .map(|text| text.parse::<Ipv4Net>().map_err(|_| text.clone()))
            .collect::<Result<Vec<_>, _>>()?;
        nets.sort_unstable();
        nets.dedup();
        Ok(Value::Cidrs(nets))
    }
}

impl Setting for BTreeMap<String, String> {
    fn value(&self) -> Result<Value, String> {
        match self.keys().find(|key| key.contains("k8s.amazonaws.com")) {
            Some(key) => Err(key.clone()),
            None => Ok(Value::Tags(self.clone())),
        }
    }
}

/// Gathers settings and what is wrong with them.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    config: CniConfig,
    errors: Vec<ConvertError>,
}

impl Collector {
    /// Sets the key if the field is there and its value is one the row of the table allows.
    pub(crate) fn setting<S: Setting>(&mut self, key: Key, field: Option<&S>) {
        let Some(field) = field else { return };
        let wrong = match field.value() {
            Ok(value) => match offence(&value, key.field().kind) {
                None => return self.set(key, value),
                Some(offence) => offence,
            },
            Err(part) => part,
        };
        let row = key.field();
        let error = ConvertError::new(row.path, wrong, allowed(row.kind));
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }

    /// Sets the key.
    pub(crate) fn set(&mut self, key: Key, value: Value) {
        self.config.set(key, value);
    }

    /// The configuration, or everything that is wrong.
    pub(crate) fn finish(self) -> Result<CniConfig, Vec<ConvertError>> {
        if self.errors.is_empty() {
            Ok(self.config)
        } else {
            Err(self.errors)
        }
    }
}

/// The part of a value that its row does not allow.
fn offence(value: &Value, kind: Kind) -> Option<String> {
    match (value, kind) {
        (Value::Int(number), Kind::Int { min, max }) => {
            (!(min..=max).contains(number)).then(|| number.to_string())
        }
        (Value::Text(text), Kind::Text { max }) => (text.chars().count() > max).then(|| text.clone()),
        (Value::Text(text), Kind::Enum(words)) => (!words.contains(&text.as_str())).then(|| text.clone()),
        (Value::Bool(_), Kind::Bool) | (Value::Cidrs(_), Kind::Cidrs) | (Value::Tags(_), Kind::Tags) => None,
        (other, _) => Some(format!("{other:?}")),
    }
}

/// What a row allows, in words.
pub(crate) fn allowed(kind: Kind) -> String {
    match kind {
        Kind::Bool => "true or false".to_owned(),
        Kind::Int { min, max } => format!("a whole number from {min} to {max}"),
        Kind::Enum(words) => format!("one of {}", words.join(", ")),
        Kind::Text { max } => format!("a text of at most {max} characters"),
        Kind::Cidrs => "an IPv4 network such as 10.0.0.0/8".to_owned(),
        Kind::Tags => "a tag key without k8s.amazonaws.com".to_owned(),
        Kind::FieldRef => "settable: Kubernetes fills it in".to_owned(),
    }
}
