//! The CniPolicy in a file. The API server would refuse or drop a field it does not know: so nothing unknown is let
//! through here either, and a misspelt field is not a policy that says nothing.

use crate::failure::Failure;
use serde::Deserialize;
use serde_json::Value;
use std::io::Read;
use std::path::Path;
use vpccni_api::{CniPolicy, GROUP, POLICY_NAME, schema};

/// Reads the only CniPolicy of a file, which may have other objects beside it.
pub(crate) fn read(path: &Path) -> Result<CniPolicy, Failure> {
    let failed = |source| Failure::Read {
        path: path.to_owned(),
        source,
    };
    let text = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(failed)?;
        text
    } else {
        std::fs::read_to_string(path).map_err(failed)?
    };
    parse(&text).map_err(|why| Failure::PolicyFile {
        path: path.to_owned(),
        why,
    })
}

/// The only CniPolicy of a text in YAML or JSON.
fn parse(text: &str) -> Result<CniPolicy, String> {
    let mut policies = Vec::new();
    for document in serde_norway::Deserializer::from_str(text) {
        let object = Value::deserialize(document).map_err(|error| error.to_string())?;
        let ours = object["apiVersion"]
            .as_str()
            .is_some_and(|version| version.starts_with(&format!("{GROUP}/")));
        if ours && object["kind"] == "CniPolicy" {
            policies.push(object);
        }
    }
    let policy = match policies.len() {
        1 => policies.remove(0),
        0 => return Err("it has no object of kind CniPolicy".to_owned()),
        several => return Err(format!("it has {several} CniPolicies, and a cluster has one")),
    };
    if policy["metadata"]["name"] != POLICY_NAME {
        return Err(format!("metadata.name has to be {POLICY_NAME}"));
    }
    let unknown = unknown_fields(&policy);
    if !unknown.is_empty() {
        return Err(format!(
            "it has fields that no CniPolicy has: {}",
            unknown.join(", ")
        ));
    }
    serde_json::from_value(policy).map_err(|error| error.to_string())
}

fn unknown_fields(policy: &Value) -> Vec<String> {
    let mut unknown = Vec::new();
    let definitions = schema::definitions().unwrap_or_default();
    let definition = definitions
        .iter()
        .find(|(_, definition)| definition["spec"]["names"]["kind"] == "CniPolicy");
    if let Some((_, definition)) = definition {
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
        compare(&policy["spec"], schema, "spec", &mut unknown);
    }
    unknown
}

fn compare(value: &Value, schema: &Value, path: &str, unknown: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            let known = schema["properties"].as_object();
            for (name, member) in members {
                let path = format!("{path}.{name}");
                match known.and_then(|known| known.get(name)) {
                    Some(schema) => compare(member, schema, &path, unknown),
                    None if known.is_some() => unknown.push(path),
                    None => {}
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                compare(item, &schema["items"], &format!("{path}[{index}]"), unknown);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "apiVersion: vpccni.io/v1alpha1\nkind: CniPolicy\nmetadata: {name: default}\n";

    #[test]
    fn the_policy_is_found_among_others() {
        let text =
            format!("kind: ConfigMap\napiVersion: v1\n---\n{HEAD}spec: {{managementState: Observe}}\n");
        assert!(parse(&text).is_ok());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            ("kind: ConfigMap", "it has no object of kind CniPolicy"),
            (
                "apiVersion: vpccni.io/v1alpha1\nkind: CniPolicy\nmetadata: {name: mine}\nspec: {managementState: Observe}",
                "metadata.name has to be default",
            ),
            (
                &format!(
                    "{HEAD}spec: {{managementState: Observe, ipAllocation: {{warmPrefixTraget: 1}}, x: 2}}"
                ),
                "it has fields that no CniPolicy has: spec.ipAllocation.warmPrefixTraget, spec.x",
            ),
            (
                &format!("{HEAD}spec: {{managementState: Sleep}}"),
                "unknown variant `Sleep`, expected one of `Observe`, `Manage`, `Paused`",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).map(drop), Err(expected.to_owned()));
        }
    }
}
