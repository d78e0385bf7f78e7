//! The CustomResourceDefinitions: generated from the types, completed from the table of settings and the CEL rules.
//!
//! The types say which fields there are. Here nulls are taken out (an absent field is absent), every setting gets its
//! bounds and description from its row of the table, and the rules of `rules` are put where they belong.

mod describe;
mod error;
mod names;
mod reference;
mod rules;
mod walk;

pub use error::SchemaError;
pub use reference::reference;
pub use rules::{Rule, migration_rules, policy_rules};
pub use walk::{Node, walk};

use crate::migration::CniMigration;
use crate::node_state::CniNodeState;
use crate::policy::CniPolicy;
use kube::CustomResourceExt;
use serde_json::Value;
use vpccni_core::config::Key;

/// The definitions of our kinds: file name and YAML, in a fixed order.
pub fn crds() -> Result<Vec<(String, String)>, SchemaError> {
    definitions()?
        .into_iter()
        .map(|(file, definition)| {
            let yaml = serde_norway::to_string(&sorted(definition)).map_err(|source| SchemaError::Write {
                kind: file.clone(),
                source,
            })?;
            Ok((file, yaml))
        })
        .collect()
}

/// The same definitions as values.
pub fn definitions() -> Result<Vec<(String, Value)>, SchemaError> {
    let mut definitions = Vec::new();
    for crd in [CniPolicy::crd(), CniMigration::crd(), CniNodeState::crd()] {
        let kind = crd.spec.names.kind.clone();
        let file = format!("{}_{}.yaml", crd.spec.group, crd.spec.names.plural);
        let mut definition = serde_json::to_value(&crd).map_err(|source| SchemaError::Read {
            kind: kind.clone(),
            source,
        })?;
        let schema = &mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        drop_nulls(schema);
        if kind == "CniPolicy" {
            for key in Key::all() {
                describe::complete(schema, key)?;
            }
            for rule in policy_rules() {
                rule.insert(schema)?;
            }
        }
        if kind == "CniMigration" {
            for rule in migration_rules() {
                rule.insert(schema)?;
            }
        }
        definitions.push((file, definition));
    }
    Ok(definitions)
}

/// Takes null out of a schema: an absent field is left out, never null.
fn drop_nulls(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.remove("nullable");
            if let Some(Value::Array(words)) = object.get_mut("enum") {
                words.retain(|word| !word.is_null());
            }
            object.values_mut().for_each(drop_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// The value with every object's keys in order, whatever map `serde_json` was built with.
fn sorted(value: Value) -> serde_norway::Value {
    match value {
        Value::Object(object) => {
            let ordered: std::collections::BTreeMap<String, Value> = object.into_iter().collect();
            serde_norway::Value::Mapping(
                ordered
                    .into_iter()
                    .map(|(key, value)| (serde_norway::Value::String(key), sorted(value)))
                    .collect(),
            )
        }
        Value::Array(list) => serde_norway::Value::Sequence(list.into_iter().map(sorted).collect()),
        Value::String(text) => serde_norway::Value::String(text),
        Value::Bool(flag) => serde_norway::Value::Bool(flag),
        Value::Null => serde_norway::Value::Null,
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => serde_norway::Value::Number(whole.into()),
            // Bounds come as floats from the API type, whole ones are written without a point.
            (None, Some(float)) if float.fract() == 0.0 && float.abs() < 9e15 => whole(float),
            (None, Some(float)) => serde_norway::Value::Number(float.into()),
            (None, None) => serde_norway::Value::String(number.to_string()),
        },
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the caller checked that it is whole and under 2^53"
)]
fn whole(float: f64) -> serde_norway::Value {
    serde_norway::Value::Number((float as i64).into())
}
