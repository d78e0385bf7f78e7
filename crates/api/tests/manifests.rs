//! The manifests under `tests/` of the repository: what an API server must take, and what it must refuse and why.
//!
//! They are applied to a real API server by the system tests; here it is checked that they are whole and well formed.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test fails the test"
)]

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use vpccni_api::policy::CniPolicySpec;
use vpccni_api::schema::policy_rules;
use vpccni_api::{CniNodeState, CniPolicy, convert};
use vpccni_core::config::{self, Key, Kind};

/// The manifests of a folder by name.
fn manifests(folder: &str) -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests")
        .join(folder);
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

fn expectations() -> BTreeMap<String, String> {
    manifests("invalid")
        .into_iter()
        .map(|(name, text)| {
            let header = text.lines().next().unwrap();
            let expected = header.strip_prefix("# expect: ");
            (
                name.clone(),
                expected
                    .unwrap_or_else(|| panic!("{name} expects nothing"))
                    .to_owned(),
            )
        })
        .collect()
}

#[test]
fn every_invalid_manifest_expects_a_message_with_a_field() {
    let expectations = expectations();
    assert!(expectations.len() >= 40);
    for (name, expected) in &expectations {
        assert!(
            expected.contains("spec.") || expected.contains("metadata.name"),
            "{name} expects no field: {expected}"
        );
    }
    for (name, text) in manifests("invalid") {
        let manifest: Value = serde_norway::from_str(&text).unwrap();
        assert_eq!(manifest["apiVersion"], "vpccni.io/v1alpha1", "{name}");
    }
}

#[test]
fn every_rule_has_a_manifest_that_breaks_it() {
    let expectations: Vec<String> = expectations().into_values().collect();
    for rule in policy_rules() {
        let field = rule.message.split(':').next().unwrap();
        // The family is compared with status, which takes two writes; each settable key has a rule against unset.
        let elsewhere = field == "spec.ipFamily" || rule.message.contains("is also set by spec.");
        let broken = expectations.iter().any(|expected| {
            rule.message.starts_with(expected.as_str())
                || rule.message_expression.is_some() && expected.starts_with(&format!("{field}: "))
        });
        assert!(broken || elsewhere, "no manifest breaks: {}", rule.message);
    }
}

#[test]
fn every_range_has_a_manifest_outside_it() {
    let expectations: Vec<String> = expectations().into_values().collect();
    for key in Key::all() {
        let row = key.field();
        let start = format!("spec.{} in body should be", row.path);
        if matches!(row.kind, Kind::Int { .. }) {
            assert!(
                expectations.iter().any(|expected| expected.starts_with(&start)),
                "{key}"
            );
        }
    }
}

#[test]
fn every_valid_manifest_is_read_and_written_back_as_it_was() {
    for (name, text) in manifests("valid") {
        let manifest: Value = serde_norway::from_str(&text).unwrap();
        let back = match manifest["kind"].as_str() {
            Some("CniPolicy") => {
                let policy: CniPolicy = serde_json::from_value(manifest.clone()).unwrap();
                assert!(convert::config(&policy.spec).is_ok(), "{name}");
                assert!(convert::unset(&policy.spec).is_ok(), "{name}");
                assert!(convert::eni_configs(&policy.spec).is_ok(), "{name}");
                serde_json::to_value(policy).unwrap()
            }
            Some("CniNodeState") => {
                let state: CniNodeState = serde_json::from_value(manifest.clone()).unwrap();
                serde_json::to_value(state).unwrap()
            }
            other => panic!("{name} is a {other:?}"),
        };
        assert_eq!(back, manifest, "{name}");
    }
}

fn every_setting() -> (Value, CniPolicySpec) {
    let text = manifests("valid").remove("every-setting.yaml").unwrap();
    let manifest: Value = serde_norway::from_str(&text).unwrap();
    let policy: CniPolicy = serde_json::from_value(manifest.clone()).unwrap();
    (manifest["spec"].clone(), policy.spec)
}

#[test]
fn every_field_sets_the_keys_of_its_rows() {
    let (manifest, spec) = every_setting();
    let config = convert::config(&spec).unwrap();
    for key in Key::all() {
        let row = key.field();
        if row.path.is_empty() {
            assert_eq!(config.get(key), None, "{key}");
            continue;
        }
        let pointer = format!("/{}", row.path.replace('.', "/"));
        let field = manifest
            .pointer(&pointer)
            .unwrap_or_else(|| panic!("every-setting.yaml lacks {}", row.path));
        let value = config
            .get(key)
            .unwrap_or_else(|| panic!("{} does not set {key}", row.path));
        let same = match (value, field) {
            (config::Value::Bool(value), Value::Bool(field)) => value == field,
            (config::Value::Bool(value), Value::String(word)) => {
                *value == (key == Key::EnableIpv4 && word == "IPv4" || word == "Prefix")
            }
            (config::Value::Int(value), Value::Number(field)) => field.as_i64() == Some(*value),
            (config::Value::Text(value), Value::String(field)) => match row.kind {
                Kind::Enum(_) => value.eq_ignore_ascii_case(field),
                _ => value == field,
            },
            (config::Value::Cidrs(nets), Value::Array(field)) => nets
                .iter()
                .map(ToString::to_string)
                .eq(field.iter().map(|net| net.as_str().unwrap())),
            (config::Value::Tags(tags), field) => serde_json::to_value(tags).unwrap() == *field,
            _ => false,
        };
        assert!(same, "{key} is {value:?}, the field says {field}");
    }
}

#[test]
fn an_eni_config_keeps_what_it_does_not_know() {
    let text = serde_json::json!({
        "apiVersion": "crd.k8s.amazonaws.com/v1alpha1",
        "kind": "ENIConfig",
        "metadata": {"name": "us-west-2a"},
        "spec": {"subnet": "subnet-0a1", "securityGroups": ["sg-01"], "later": {"field": [1]}},
    });
    let object: vpccni_api::EniConfig = serde_json::from_value(text.clone()).unwrap();
    assert_eq!(object.spec.subnet.as_deref(), Some("subnet-0a1"));
    assert_eq!(serde_json::to_value(object).unwrap(), text);
}
