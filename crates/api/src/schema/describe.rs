//! What a row of the table says in the schema: bounds, and a description that ends with variable, unit, range, default
//! and change class.

use super::error::SchemaError;
use super::walk::find;
use serde_json::{Value, json};
use vpccni_core::config::{ChangeClass, Field, Key, Kind, Place};

/// The most networks in a list: a security group's default number of rules.
const CIDRS: usize = 60;
/// The longest IPv4 network: 255.255.255.255/32.
const CIDR_LENGTH: usize = 18;
/// The most tags: AWS allows 50 on a resource, and the CNI adds up to five of its own.
const TAGS: usize = 45;
/// The longest value of a tag.
const TAG_LENGTH: usize = 256;

/// Completes the field of the key, if it has one. Keys that share a field are described together, by the first.
pub(crate) fn complete(root: &mut Value, key: Key) -> Result<(), SchemaError> {
    let row = key.field();
    let rows: Vec<&Field> = Key::all()
        .map(Key::field)
        .filter(|other| !other.path.is_empty() && other.path == row.path)
        .collect();
    if rows.first().is_none_or(|first| first.key != key) {
        return Ok(());
    }
    let leaf = find(root, &format!("spec.{}", row.path), &key.to_string())?;
    bound(leaf, row.kind);
    leaf["description"] = json!(description(row, &rows, leaf));
    Ok(())
}

fn bound(leaf: &mut Value, kind: Kind) {
    match kind {
        Kind::Int { min, max } => {
            leaf["minimum"] = json!(min);
            leaf["maximum"] = json!(max);
        }
        Kind::Text { max } => leaf["maxLength"] = json!(max),
        Kind::Cidrs => {
            leaf["maxItems"] = json!(CIDRS);
            leaf["items"]["maxLength"] = json!(CIDR_LENGTH);
        }
        Kind::Tags => {
            leaf["maxProperties"] = json!(TAGS);
            leaf["additionalProperties"]["maxLength"] = json!(TAG_LENGTH);
        }
        Kind::Bool | Kind::Enum(_) | Kind::FieldRef => {}
    }
}

/// What the words mean where there are words, the sentences of the first row, then one generated sentence.
fn description(first: &Field, rows: &[&Field], leaf: &Value) -> String {
    let names: Vec<String> = rows.iter().map(|row| place_name(row)).collect();
    let unit = if first.unit.is_empty() {
        "no unit".to_owned()
    } else {
        format!("unit {}", first.unit)
    };
    let facts = format!(
        "Sets {}; {unit}; {}; {}; {}.",
        names.join(", "),
        range(first.kind, leaf),
        default(first, leaf),
        change(first.class)
    );
    let meaning = leaf["description"].as_str().unwrap_or_default();
    [meaning, first.doc, &facts].join(" ").trim_start().to_owned()
}

/// The setting in the words of its place.
pub(crate) fn place_name(row: &Field) -> String {
    match row.place {
        Place::AwsNode => format!("variable {}", row.name),
        Place::Init => format!("variable {} of the init container", row.name),
        Place::NodeAgent => format!("flag --{} of the node agent", row.name),
        Place::ConfigMap => format!("key {} of the ConfigMap amazon-vpc-cni", row.name),
    }
}

fn words(leaf: &Value) -> Vec<&str> {
    leaf["enum"]
        .as_array()
        .map(|words| words.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default()
}

fn range(kind: Kind, leaf: &Value) -> String {
    match kind {
        Kind::Bool if leaf["enum"].is_array() => format!("one of {}", words(leaf).join(", ")),
        Kind::Bool => "true or false".to_owned(),
        Kind::Int { min, max } => format!("{min} to {max}"),
        Kind::Enum(_) => format!("one of {}", words(leaf).join(", ")),
        Kind::Text { max } => format!("at most {max} characters"),
        Kind::Cidrs => format!("at most {CIDRS} IPv4 networks"),
        Kind::Tags => format!("at most {TAGS} tags"),
        Kind::FieldRef => "filled in by Kubernetes".to_owned(),
    }
}

/// The default in the spelling of the field.
fn default(row: &Field, leaf: &Value) -> String {
    match (row.key, row.default) {
        (Key::EnableIpv4, _) | (_, None) => "no upstream default".to_owned(),
        (Key::EnablePrefixDelegation, Some(_)) => "upstream default SecondaryIp".to_owned(),
        (_, Some("" | "{}")) => "upstream default empty".to_owned(),
        (_, Some(word)) => {
            let spelling = words(leaf)
                .into_iter()
                .find(|candidate| candidate.eq_ignore_ascii_case(word));
            format!("upstream default {}", spelling.unwrap_or(word))
        }
    }
}

/// What a change needs, in words.
pub(crate) fn change(class: ChangeClass) -> &'static str {
    match class {
        ChangeClass::None => "a change has no effect",
        ChangeClass::ControlPlane => "a change is read by the control plane and restarts nothing",
        ChangeClass::Restart => "a change restarts the aws-node pods",
        ChangeClass::RecyclePods => {
            "a change restarts the aws-node pods and reaches only pods created afterwards"
        }
        ChangeClass::NewEnis => {
            "a change restarts the aws-node pods and reaches only interfaces made afterwards"
        }
        ChangeClass::ReplaceNodes => "a change needs new nodes",
        ChangeClass::ReplaceNodesMaxPods => "a change needs new nodes with another max-pods",
        ChangeClass::ClusterLifetime => "fixed when the cluster is created",
    }
}
