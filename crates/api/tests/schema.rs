//! The schemas: everything is bounded, every setting is described, and table and fields match one to one.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test fails the test"
)]

use serde_json::Value;
use std::collections::BTreeSet;
use vpccni_api::schema::{Node, definitions, policy_rules, walk};
use vpccni_core::config::{ChangeClass, Field, Key, Kind};

/// Fields of spec that are no settings: what they hold is for the operator, not for aws-node.
const NOT_SETTINGS: [&str; 12] = [
    "managementState",
    "target",
    "cluster",
    "version",
    "ownership",
    "applyMode",
    "extraEnv",
    "unset",
    "safety",
    "rollout",
    "migration",
    "admission",
];

fn schemas() -> Vec<(String, Value)> {
    definitions()
        .unwrap()
        .into_iter()
        .map(|(file, definition)| {
            let schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone();
            (file, schema)
        })
        .collect()
}

fn policy() -> Value {
    schemas().remove(0).1
}

fn rows(path: &str) -> Vec<&'static Field> {
    Key::all()
        .map(Key::field)
        .filter(|row| row.path == path)
        .collect()
}

/// The settings of the schema: path below spec, and leaf.
fn settings() -> Vec<(String, Value)> {
    let policy = policy();
    let mut leaves = Vec::new();
    walk(
        &policy["properties"]["spec"],
        "",
        &mut |path, Node { schema, element }| {
            let top = path.split('.').next().unwrap();
            let structured = schema["properties"].is_object();
            let declared = path.starts_with("customNetworking.eniConfigs");
            if !element && !structured && !declared && !NOT_SETTINGS.contains(&top) {
                leaves.push((path.to_owned(), schema.clone()));
            }
        },
    );
    leaves
}

#[test]
fn every_list_map_and_string_has_a_maximum() {
    let mut seen = 0;
    for (file, schema) in schemas() {
        walk(&schema, "", &mut |path, Node { schema, .. }| {
            if ["apiVersion", "kind", "metadata"].contains(&path) {
                return;
            }
            seen += 1;
            let bounded = match schema["type"].as_str() {
                Some("string") => {
                    schema["maxLength"].is_number()
                        || schema["enum"].is_array()
                        || schema["format"] == "date-time"
                }
                Some("array") => schema["maxItems"].is_number(),
                Some("object") if schema["properties"].is_object() => {
                    !schema["additionalProperties"].is_object()
                }
                Some("object") => schema["maxProperties"].is_number(),
                Some("boolean" | "integer") => true,
                other => panic!("{file}: {path} has the type {other:?}"),
            };
            assert!(bounded, "{file}: {path} has no maximum");
            assert!(schema["nullable"].is_null(), "{file}: {path} may be null");
        });
    }
    assert!(seen > 300, "only {seen} nodes were seen");
}

#[test]
fn every_field_is_described() {
    for (file, schema) in schemas() {
        walk(&schema, "", &mut |path, Node { schema, element }| {
            let named = ["apiVersion", "kind", "metadata"].contains(&path) || path.contains("conditions[]");
            if !element && !named {
                let text = schema["description"].as_str().unwrap_or_default();
                assert!(text.ends_with('.'), "{file}: {path} is described as {text:?}");
            }
        });
    }
}

#[test]
fn every_row_has_a_field_and_every_field_a_row() {
    let of_schema: BTreeSet<String> = settings().into_iter().map(|(path, _)| path).collect();
    let of_table: BTreeSet<String> = Key::all()
        .map(|key| key.field().path.to_owned())
        .filter(|path| !path.is_empty())
        .collect();
    assert_eq!(of_schema, of_table);
}

#[test]
fn every_setting_names_variable_unit_range_default_and_class() {
    for (path, leaf) in settings() {
        let text = leaf["description"].as_str().unwrap();
        let rows = rows(&path);
        for row in &rows {
            assert!(text.contains(row.name), "{path} does not name {}", row.name);
        }
        let row = rows[0];
        let unit = if row.unit.is_empty() {
            "no unit".to_owned()
        } else {
            format!("unit {}", row.unit)
        };
        for part in [
            unit,
            range(row, &leaf),
            default(row, &leaf),
            class(row.class).to_owned(),
        ] {
            assert!(text.contains(&part), "{path} does not say {part:?}: {text}");
        }
    }
}

fn range(row: &Field, leaf: &Value) -> String {
    if let Some(words) = leaf["enum"].as_array() {
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        return format!("one of {}", words.join(", "));
    }
    match row.kind {
        Kind::Bool => "true or false".to_owned(),
        Kind::Int { min, max } => format!("{min} to {max}"),
        Kind::Text { max } => format!("at most {max} characters"),
        Kind::Cidrs => "IPv4 networks".to_owned(),
        Kind::Tags => "tags".to_owned(),
        Kind::Enum(_) | Kind::FieldRef => panic!("{} is no field", row.name),
    }
}

fn default(row: &Field, leaf: &Value) -> String {
    let text = match row.default {
        _ if row.path == "ipFamily" => return "no upstream default".to_owned(),
        None => return "no upstream default".to_owned(),
        Some("false") if row.path == "ipAllocation.mode" => "SecondaryIp",
        Some("" | "{}") => "empty",
        Some(text) => text,
    };
    let word = leaf["enum"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .find(|word| word.eq_ignore_ascii_case(text));
    format!("upstream default {}", word.unwrap_or(text))
}

fn class(class: ChangeClass) -> &'static str {
    match class {
        ChangeClass::None => "no effect",
        ChangeClass::ControlPlane => "control plane",
        ChangeClass::Restart => "restarts the aws-node pods.",
        ChangeClass::RecyclePods => "only pods created afterwards",
        ChangeClass::NewEnis => "only interfaces made afterwards",
        ChangeClass::ReplaceNodes => "needs new nodes.",
        ChangeClass::ReplaceNodesMaxPods => "needs new nodes with another max-pods",
        ChangeClass::ClusterLifetime => "fixed when the cluster is created",
    }
}

#[test]
fn the_bounds_of_a_setting_are_those_of_its_row() {
    for (path, leaf) in settings() {
        for row in rows(&path) {
            let fits = match row.kind {
                Kind::Int { min, max } => {
                    leaf["type"] == "integer" && leaf["minimum"] == min && leaf["maximum"] == max
                }
                Kind::Text { max } => leaf["type"] == "string" && leaf["maxLength"] == max,
                Kind::Enum(words) => {
                    let mut of_leaf: Vec<String> = leaf["enum"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(|word| word.as_str().unwrap().to_lowercase())
                        .collect();
                    let mut of_row: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
                    of_leaf.sort();
                    of_row.sort();
                    of_leaf == of_row
                }
                Kind::Bool => leaf["type"] == "boolean" || leaf["enum"].as_array().unwrap().len() == 2,
                Kind::Cidrs => leaf["type"] == "array",
                Kind::Tags => leaf["type"] == "object",
                Kind::FieldRef => false,
            };
            assert!(fits, "{path} does not have the bounds of {}: {leaf}", row.name);
        }
    }
}

#[test]
fn every_message_begins_with_a_field_and_fits() {
    for rule in policy_rules() {
        let field = rule.message.split(':').next().unwrap();
        assert!(
            field.starts_with("spec.") || field == "metadata.name",
            "{} names no field",
            rule.message
        );
        let verbs = [
            "write", "set", "keep", "rename", "remove", "take", "turn", "give", "leave", "add", "at least",
        ];
        let says = verbs.iter().any(|verb| rule.message.contains(verb));
        assert!(says, "{} does not say what to do", rule.message);
        assert!(rule.message.len() <= 2048);
    }
}

#[test]
fn columns_show_strings() {
    for (file, definition) in definitions().unwrap() {
        for column in definition["spec"]["versions"][0]["additionalPrinterColumns"]
            .as_array()
            .unwrap()
        {
            let date = column["name"] == "Age" && column["type"] == "date";
            assert!(date || column["type"] == "string", "{file}: {column}");
        }
    }
}
