//! The bodies of the writes: which settings go where in a DaemonSet and a ConfigMap. Pure.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use vpccni_core::config::Place;
use vpccni_core::policy::{SettingName, Written};

/// The container each place stands for; none for the ConfigMap.
fn container(place: Place) -> Option<(&'static str, &'static str)> {
    match place {
        Place::AwsNode => Some(("containers", "aws-node")),
        Place::NodeAgent => Some(("containers", "aws-eks-nodeagent")),
        Place::Init => Some(("initContainers", "aws-vpc-cni-init")),
        Place::ConfigMap => None,
    }
}

fn variable(name: &str, value: &Written) -> Value {
    match value {
        Written::Text(text) => json!({"name": name, "value": text}),
        Written::Reference(source) => {
            let source: Value = serde_json::from_str(source).unwrap_or(Value::Null);
            json!({"name": name, "valueFrom": source})
        }
    }
}

/// The DaemonSet keys to own: exactly these settings, and the argument list where a flag is among them.
pub(crate) fn daemon_set(
    settings: &BTreeMap<SettingName, Written>,
    agent_args: Option<&[String]>,
    resource_version: &str,
) -> Value {
    let mut containers: BTreeMap<(&str, &str), serde_json::Map<String, Value>> = BTreeMap::new();
    for (name, value) in settings.iter().filter(|(name, _)| !name.is_agent_flag()) {
        let Some(at) = container(name.place) else { continue };
        let entry = containers
            .entry(at)
            .or_default()
            .entry("env")
            .or_insert_with(|| json!([]));
        if let Some(list) = entry.as_array_mut() {
            list.push(variable(&name.name, value));
        }
    }
    if let (Some(args), Some(at)) = (agent_args, container(Place::NodeAgent)) {
        containers
            .entry(at)
            .or_default()
            .insert("args".to_owned(), json!(args));
    }
    let mut pod = serde_json::Map::new();
    for ((list, name), mut body) in containers {
        body.insert("name".to_owned(), json!(name));
        if let Some(list) = pod.entry(list).or_insert_with(|| json!([])).as_array_mut() {
            list.push(Value::Object(body));
        }
    }
    let mut body = json!({"metadata": {"resourceVersion": resource_version}});
    if !pod.is_empty() {
        body["spec"] = json!({"template": {"spec": pod}});
    }
    body
}

/// The removal of variables: a strategic merge that names each.
pub(crate) fn unset_daemon_set(
    settings: &BTreeSet<SettingName>,
    agent_args: Option<&[String]>,
    resource_version: &str,
) -> Option<Value> {
    let mut containers: BTreeMap<(&str, &str), Vec<Value>> = BTreeMap::new();
    for name in settings.iter().filter(|name| !name.is_agent_flag()) {
        let Some(at) = container(name.place) else { continue };
        containers
            .entry(at)
            .or_default()
            .push(json!({"name": name.name, "$patch": "delete"}));
    }
    let mut pod = serde_json::Map::new();
    let mut push = |list: &'static str, body: Value| {
        if let Some(list) = pod.entry(list).or_insert_with(|| json!([])).as_array_mut() {
            list.push(body);
        }
    };
    for ((list, name), env) in containers {
        push(list, json!({"name": name, "env": env}));
    }
    if let (Some(args), Some((list, name))) = (agent_args, container(Place::NodeAgent)) {
        push(list, json!({"name": name, "args": args}));
    }
    (!pod.is_empty()).then(
        || json!({"metadata": {"resourceVersion": resource_version}, "spec": {"template": {"spec": pod}}}),
    )
}

/// The ConfigMap keys to own.
pub(crate) fn config_map(settings: &BTreeMap<SettingName, Written>, resource_version: Option<&str>) -> Value {
    let keys = settings.iter().filter(|(name, _)| name.place == Place::ConfigMap);
    let data: BTreeMap<&str, String> = keys
        .map(|(name, value)| (name.name.as_str(), value.to_string()))
        .collect();
    // An empty map would be owned as such; without it nothing is.
    let mut body = if data.is_empty() {
        json!({})
    } else {
        json!({"data": data})
    };
    if let Some(version) = resource_version {
        body["metadata"] = json!({"resourceVersion": version});
    }
    body
}

/// The removal of ConfigMap keys.
pub(crate) fn unset_config_map(settings: &BTreeSet<SettingName>, resource_version: &str) -> Option<Value> {
    let keys: BTreeMap<&str, Value> = settings
        .iter()
        .filter(|name| name.place == Place::ConfigMap)
        .map(|name| (name.name.as_str(), Value::Null))
        .collect();
    (!keys.is_empty()).then(|| json!({"metadata": {"resourceVersion": resource_version}, "data": keys}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use vpccni_core::config::Key;

    #[test]
    fn settings_go_to_their_containers() {
        let settings = BTreeMap::from([
            (SettingName::of(Key::WarmEniTarget), Written::Text("2".to_owned())),
            (
                SettingName::of(Key::DisableTcpEarlyDemux),
                Written::Text("true".to_owned()),
            ),
            (
                SettingName::of(Key::EnableNetworkPolicy),
                Written::Text("true".to_owned()),
            ),
            (
                SettingName::of(Key::BranchEniCooldown),
                Written::Text("60".to_owned()),
            ),
        ]);
        let args = ["--enable-network-policy=true".to_owned()];
        let body = daemon_set(&settings, Some(&args), "7");
        assert_eq!(body["metadata"]["resourceVersion"], "7");
        let pod = &body["spec"]["template"]["spec"];
        assert_eq!(
            pod["containers"][0],
            json!({"name": "aws-eks-nodeagent", "args": args})
        );
        assert_eq!(
            pod["containers"][1]["env"],
            json!([{"name": "WARM_ENI_TARGET", "value": "2"}])
        );
        assert_eq!(pod["initContainers"][0]["name"], "aws-vpc-cni-init");
        assert_eq!(
            config_map(&settings, None),
            json!({"data": {"branch-eni-cooldown": "60"}})
        );
    }

    #[test]
    fn nothing_to_own_is_an_empty_body() {
        let body = daemon_set(&BTreeMap::new(), None, "7");
        assert_eq!(body, json!({"metadata": {"resourceVersion": "7"}}));
        assert_eq!(config_map(&BTreeMap::new(), Some("7")), body);
    }

    #[test]
    fn removals_name_what_goes() {
        let names = BTreeSet::from([
            SettingName::of(Key::WarmEniTarget),
            SettingName::of(Key::WindowsIpam),
        ]);
        let body = unset_daemon_set(&names, None, "7").unwrap();
        let env = &body["spec"]["template"]["spec"]["containers"][0]["env"];
        assert_eq!(*env, json!([{"name": "WARM_ENI_TARGET", "$patch": "delete"}]));
        let body = unset_config_map(&names, "8").unwrap();
        assert_eq!(body["data"], json!({"enable-windows-ipam": null}));
        assert_eq!(unset_config_map(&BTreeSet::new(), "8"), None);
    }
}
