//! What must be the same at the end, whatever happened on the way: objects without their times and versions.

use super::ground::{CONFIG_MAP, DAEMON_SET, ENI_CONFIGS, Ground, NODE_STATES, POLICY, found};
use serde_json::{Value, json};

/// What changes with every life.
const VOLATILE: [&str; 5] = [
    "lastTransitionTime",
    "observedAt",
    "time",
    "resourceVersion",
    "uid",
];

/// While the policy is there: its status, and everything else.
pub(super) async fn of_policy<G: Ground>(ground: &G) -> Result<Value, String> {
    let mut status = found(ground, POLICY).await?["status"].clone();
    strip(&mut status);
    Ok(json!({"status": status, "cluster": after_release(ground).await?}))
}

/// DaemonSet, ConfigMap, ENIConfigs and node states, with who owns what.
pub(super) async fn after_release<G: Ground>(ground: &G) -> Result<Value, String> {
    let daemon_set = found(ground, DAEMON_SET).await?;
    let map = found(ground, CONFIG_MAP).await?;
    let list = |value: &Value| {
        let items = value["items"].as_array().unwrap();
        let one = |item: &Value| json!({"name": item["metadata"]["name"], "spec": item["spec"], "owners": owners(item)});
        items.iter().map(one).collect::<Vec<_>>()
    };
    Ok(json!({
        "daemonSet": {
            "template": daemon_set["spec"]["template"],
            "updateStrategy": daemon_set["spec"]["updateStrategy"],
            "undo": daemon_set["metadata"]["annotations"]["vpccni.io/undo-update-strategy"],
            "owners": owners(&daemon_set),
        },
        "configMap": {"data": map["data"], "owners": owners(&map)},
        "eniConfigs": list(&found(ground, ENI_CONFIGS).await?),
        "nodeStates": list(&found(ground, NODE_STATES).await?),
    }))
}

/// Manager, operation and fields of every entry about the spec or the data, in an order of their own.
pub(super) fn owners(object: &Value) -> Vec<Value> {
    let managed = object["metadata"]["managedFields"]
        .as_array()
        .into_iter()
        .flatten();
    let mut entries: Vec<Value> = managed
        .map(|entry| {
            let fields = &entry["fieldsV1"];
            json!([
                entry["manager"],
                entry["operation"],
                fields["f:spec"],
                fields["f:data"]
            ])
        })
        .filter(|entry| entry[2] != Value::Null || entry[3] != Value::Null)
        .collect();
    entries.sort_by_key(Value::to_string);
    entries
}

pub(super) fn strip(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !VOLATILE.contains(&key.as_str()));
            map.values_mut().for_each(strip);
        }
        Value::Array(list) => list.iter_mut().for_each(strip),
        _ => {}
    }
}

/// The places where two values differ, a line each.
pub(super) fn difference(wanted: &Value, seen: &Value) -> String {
    let mut lines = Vec::new();
    compare("", wanted, seen, &mut lines);
    lines.join("\n")
}

fn compare(path: &str, wanted: &Value, seen: &Value, lines: &mut Vec<String>) {
    match (wanted, seen) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                compare(&format!("{path}/{key}"), &wanted[key], &seen[key], lines);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                compare(&format!("{path}/{index}"), a, b, lines);
            }
        }
        (a, b) if a == b => {}
        (a, b) => lines.push(format!("{path}: wanted {a}, seen {b}")),
    }
}
