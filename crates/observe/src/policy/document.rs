//! The configuration document of a managed add-on: JSON or YAML as somebody wrote it. What we do not know in it stays as
//! it is. Pure.

use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use vpccni_core::config::Place;
use vpccni_core::policy::{DocumentPath, Form, SettingName, Written, document_members, document_path};

/// The list that carries variables the schema has no member for.
const EXTRA_ENV: &str = "extraEnv";

/// A document that cannot be read, and so cannot be changed without losing something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration values of the add-on are not an object in JSON or YAML: {0}")]
pub struct UnreadableDocument(String);

/// A configuration document.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Document(Map<String, Value>);

impl Document {
    /// Reads the text of `configurationValues`; none and an empty text are an empty document.
    pub fn parse(text: Option<&str>) -> Result<Self, UnreadableDocument> {
        let text = text.unwrap_or_default();
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        // YAML reads JSON, too.
        let value: Value =
            serde_norway::from_str(text).map_err(|error| UnreadableDocument(error.to_string()))?;
        match value {
            Value::Object(members) => Ok(Self(members)),
            Value::Null => Ok(Self::default()),
            other => Err(UnreadableDocument(format!("it is {}", kind(&other)))),
        }
    }

    /// The settings it sets.
    pub fn settings(&self) -> BTreeMap<SettingName, Written> {
        let mut settings = BTreeMap::new();
        for (name, path) in document_members() {
            if let DocumentPath::Member(path, form) = path
                && let Some(value) = self.member(&path).and_then(|value| read(value, form))
            {
                settings.insert(name, Written::Text(value));
            }
        }
        for entry in self.extra_env() {
            let Some(name) = entry.get("name").and_then(Value::as_str) else {
                continue;
            };
            let value = match (entry.get("value"), entry.get("valueFrom")) {
                (_, Some(source)) => Written::Reference(source.to_string()),
                (Some(value), None) => Written::Text(read(value, Form::Text).unwrap_or_default()),
                (None, None) => Written::Text(String::new()),
            };
            let name = SettingName {
                place: Place::AwsNode,
                name: name.to_owned(),
            };
            settings.insert(name, value);
        }
        settings
    }

    /// The same with these settings and without those. What has no place in it is left out: the plan never asks for it.
    #[must_use]
    pub fn with(mut self, set: &BTreeMap<SettingName, Written>, unset: &BTreeSet<SettingName>) -> Self {
        for (name, value) in set {
            match document_path(name) {
                Some(DocumentPath::Member(path, form)) => self.put(&path, write(value, form)),
                Some(DocumentPath::ExtraEnv(variable)) => self.put_extra(&variable, value),
                None => {}
            }
        }
        for name in unset {
            match document_path(name) {
                Some(DocumentPath::Member(path, _)) => remove(&mut self.0, &path),
                Some(DocumentPath::ExtraEnv(variable)) => self.remove_extra(&variable),
                None => {}
            }
        }
        self
    }

    /// As it is sent: JSON with sorted members.
    pub fn text(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }

    fn member(&self, path: &[String]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter()
            .try_fold(self.0.get(first)?, |value, name| value.get(name))
    }

    fn extra_env(&self) -> impl Iterator<Item = &Value> {
        self.0
            .get(EXTRA_ENV)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    }

    fn put(&mut self, path: &[String], value: Value) {
        let Some((last, parents)) = path.split_last() else {
            return;
        };
        let mut members = &mut self.0;
        for name in parents {
            let child = members.entry(name).or_insert_with(|| Value::Object(Map::new()));
            if !child.is_object() {
                *child = Value::Object(Map::new());
            }
            let Value::Object(inner) = child else {
                return;
            };
            members = inner;
        }
        members.insert(last.clone(), value);
    }

    fn put_extra(&mut self, variable: &str, value: &Written) {
        let entry = match value {
            Written::Text(text) => serde_json::json!({"name": variable, "value": text}),
            Written::Reference(source) => {
                let source: Value = serde_json::from_str(source).unwrap_or(Value::Null);
                serde_json::json!({"name": variable, "valueFrom": source})
            }
        };
        let list = self
            .0
            .entry(EXTRA_ENV)
            .or_insert_with(|| Value::Array(Vec::new()));
        if let Some(list) = list.as_array_mut() {
            match list.iter_mut().find(|item| is_named(item, variable)) {
                Some(item) => *item = entry,
                None => list.push(entry),
            }
        }
    }

    fn remove_extra(&mut self, variable: &str) {
        if let Some(list) = self.0.get_mut(EXTRA_ENV).and_then(Value::as_array_mut) {
            list.retain(|item| !is_named(item, variable));
            if list.is_empty() {
                self.0.remove(EXTRA_ENV);
            }
        }
    }
}

fn is_named(item: &Value, variable: &str) -> bool {
    item.get("name").and_then(Value::as_str) == Some(variable)
}

/// Takes a member away, and the parents that are empty without it.
fn remove(members: &mut Map<String, Value>, path: &[String]) {
    match path {
        [] => {}
        [last] => {
            members.remove(last);
        }
        [first, rest @ ..] => {
            let Some(Value::Object(inner)) = members.get_mut(first) else {
                return;
            };
            remove(inner, rest);
            if inner.is_empty() {
                members.remove(first);
            }
        }
    }
}

/// A value as the DaemonSet shows it.
fn read(value: &Value, form: Form) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    Some(match form {
        Form::Port => format!(":{text}"),
        Form::Text | Form::Number => text,
    })
}

/// A value as the schema wants it.
fn write(value: &Written, form: Form) -> Value {
    let text = value.to_string();
    match form {
        Form::Text => Value::String(text),
        Form::Number => text.parse::<i64>().map_or(Value::String(text), Value::from),
        Form::Port => Value::String(text.rsplit(':').next().unwrap_or_default().to_owned()),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "a list",
        Value::String(_) => "a text",
        Value::Number(_) => "a number",
        Value::Bool(_) => "a boolean",
        Value::Null | Value::Object(_) => "empty",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vpccni_core::config::Key;

    fn settings(rows: &[(Key, &str)]) -> BTreeMap<SettingName, Written> {
        let row = |(key, value): &(Key, &str)| (SettingName::of(*key), Written::Text((*value).to_owned()));
        rows.iter().map(row).collect()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let wanted = settings(&[
            (Key::EnablePrefixDelegation, "true"),
            (Key::DisableTcpEarlyDemux, "true"),
            (Key::EnableNetworkPolicy, "true"),
            (Key::NetworkPolicyController, "true"),
            (Key::AgentConntrackCleanup, "300"),
            (Key::AgentMetricsAddr, ":8162"),
            (Key::BranchEniCooldown, "60"),
            (Key::ManageUntaggedEni, "false"),
        ]);
        let document = Document::default().with(&wanted, &BTreeSet::new());
        assert_eq!(document.settings(), wanted);
        let expected = serde_json::json!({
            "branchENICooldown": 60,
            "enableNetworkPolicy": "true",
            "env": {"ENABLE_PREFIX_DELEGATION": "true"},
            "extraEnv": [{"name": "MANAGE_UNTAGGED_ENI", "value": "false"}],
            "init": {"env": {"DISABLE_TCP_EARLY_DEMUX": "true"}},
            "nodeAgent": {"conntrackCacheCleanupPeriod": 300, "metricsBindAddr": "8162"},
        });
        assert_eq!(document.text(), expected.to_string());
        let names = wanted.into_keys().collect();
        assert_eq!(document.with(&BTreeMap::new(), &names).text(), "{}");
    }

    #[test]
    fn what_others_wrote_stays() {
        let yaml = "tolerations: [{operator: Exists}]\nenv:\n  WARM_ENI_TARGET: \"2\"\n  POD_MTU: \"1400\"\n";
        let document = Document::parse(Some(yaml)).unwrap();
        let changed = document.with(
            &settings(&[(Key::WarmEniTarget, "3")]),
            &BTreeSet::from([SettingName::of(Key::PodMtu)]),
        );
        assert_eq!(
            changed.text(),
            r#"{"env":{"WARM_ENI_TARGET":"3"},"tolerations":[{"operator":"Exists"}]}"#
        );
    }

    #[test]
    fn what_cannot_be_read_is_not_replaced() {
        for text in ["[1]", "\"text\"", "{", "a: b: c"] {
            assert!(Document::parse(Some(text)).is_err(), "{text}");
        }
        assert_eq!(Document::parse(None), Document::parse(Some(" ")));
    }
}
