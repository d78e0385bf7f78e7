//! What stands in a cluster before the operator comes: the objects of the VPC CNI v1.23.1 and the upstream CRDs.
//!
//! Applied with client-side kubectl, as people do, so that the field managers are those of real clusters.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::ControlPlane;
use crate::control_plane::CommandError;

/// The CRDs ENIConfig and CNINode.
pub const CRDS: &str = concat!(
    include_str!("../fixtures/eniconfig-crd.yaml"),
    "---\n",
    include_str!("../fixtures/cninode-crd.yaml")
);

const AWS_NODE: &str = include_str!("../fixtures/aws-node.yaml");

/// The containers whose environment can be varied.
const CONTAINERS: [&str; 3] = ["aws-vpc-cni-init", "aws-node", "aws-eks-nodeagent"];

/// The manifest of aws-node with the changes of one test.
#[derive(Debug, Clone, Default)]
pub struct AwsNode {
    /// Container and variable; none removes the variable.
    env: BTreeMap<(&'static str, String), Option<String>>,
    /// Flags of the node agent, without the dashes; none removes the flag.
    agent_args: BTreeMap<String, Option<String>>,
    config_map: BTreeMap<String, String>,
}

impl AwsNode {
    /// As published.
    pub fn published() -> Self {
        Self::default()
    }

    /// Sets a variable of the container `aws-node`.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env
            .insert((CONTAINERS[1], name.to_owned()), Some(value.to_owned()));
        self
    }

    /// Removes a variable of the container `aws-node`.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.env.insert((CONTAINERS[1], name.to_owned()), None);
        self
    }

    /// Sets a variable of the init container.
    #[must_use]
    pub fn init_env(mut self, name: &str, value: &str) -> Self {
        self.env
            .insert((CONTAINERS[0], name.to_owned()), Some(value.to_owned()));
        self
    }

    /// Sets a flag of the node agent, given without its dashes.
    #[must_use]
    pub fn agent_arg(mut self, name: &str, value: &str) -> Self {
        self.agent_args.insert(name.to_owned(), Some(value.to_owned()));
        self
    }

    /// Sets a key of the ConfigMap `amazon-vpc-cni`.
    #[must_use]
    pub fn config_map(mut self, key: &str, value: &str) -> Self {
        self.config_map.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Custom networking by a node label, as the guides set it up.
    #[must_use]
    pub fn custom_networking(self, label: &str) -> Self {
        self.env("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", "true")
            .env("ENI_CONFIG_LABEL_DEF", label)
    }

    /// Prefix mode.
    #[must_use]
    pub fn prefix_mode(self) -> Self {
        self.env("ENABLE_PREFIX_DELEGATION", "true")
    }

    /// The objects, in the order of the manifest.
    pub fn objects(&self) -> Vec<Value> {
        let mut objects = documents(AWS_NODE);
        for object in &mut objects {
            match object["kind"].as_str() {
                Some("DaemonSet") => self.vary_daemon_set(object),
                Some("ConfigMap") => {
                    for (key, value) in &self.config_map {
                        object["data"][key] = json!(value);
                    }
                }
                _ => {}
            }
        }
        objects
    }

    /// The manifest, for `kubectl apply -f -`.
    pub fn render(&self) -> String {
        json!({"apiVersion": "v1", "kind": "List", "items": self.objects()}).to_string()
    }

    /// The DaemonSet alone.
    pub fn daemon_set(&self) -> Value {
        self.objects()
            .into_iter()
            .find(|object| object["kind"] == "DaemonSet")
            .unwrap_or_default()
    }

    fn vary_daemon_set(&self, object: &mut Value) {
        let spec = &mut object["spec"]["template"]["spec"];
        for list in ["initContainers", "containers"] {
            for container in spec[list].as_array_mut().into_iter().flatten() {
                let Some(name) = CONTAINERS.into_iter().find(|name| container["name"] == *name) else {
                    continue;
                };
                for ((_, variable), value) in self.env.iter().filter(|((of, _), _)| *of == name) {
                    set_env(&mut container["env"], variable, value.as_deref());
                }
                if name == CONTAINERS[2] {
                    for (flag, value) in &self.agent_args {
                        set_arg(&mut container["args"], flag, value.as_deref());
                    }
                }
            }
        }
    }
}

/// Applies the CRDs and waits until their kinds are served.
pub async fn apply_crds(plane: &ControlPlane) -> Result<(), CommandError> {
    plane.kubectl_ok(&["apply", "-f", "-"], Some(CRDS)).await?;
    let names = [
        "crd/eniconfigs.crd.k8s.amazonaws.com",
        "crd/cninodes.vpcresources.k8s.aws",
    ];
    plane
        .kubectl_ok(
            &[
                "wait",
                "--for=condition=Established",
                "--timeout=30s",
                names[0],
                names[1],
            ],
            None,
        )
        .await
        .map(drop)
}

/// Applies the manifest of aws-node with client-side `kubectl apply`.
pub async fn apply_aws_node(plane: &ControlPlane, manifest: &AwsNode) -> Result<(), CommandError> {
    plane
        .kubectl_ok(&["apply", "-f", "-"], Some(&manifest.render()))
        .await
        .map(drop)
}

/// An ENIConfig as JSON, for `kubectl apply -f -`.
pub fn eni_config(name: &str, subnet: &str, security_groups: &[&str]) -> Value {
    json!({
        "apiVersion": "crd.k8s.amazonaws.com/v1alpha1",
        "kind": "ENIConfig",
        "metadata": {"name": name},
        "spec": {"subnet": subnet, "securityGroups": security_groups},
    })
}

fn documents(text: &str) -> Vec<Value> {
    // The text is part of this program; the test below reads all of it.
    serde_norway::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).unwrap_or_default())
        .collect()
}

fn set_env(env: &mut Value, name: &str, value: Option<&str>) {
    let Some(list) = env.as_array_mut() else { return };
    let place = list.iter().position(|variable| variable["name"] == name);
    match (place, value) {
        (Some(place), Some(value)) => list[place] = json!({"name": name, "value": value}),
        (Some(place), None) => drop(list.remove(place)),
        (None, Some(value)) => list.push(json!({"name": name, "value": value})),
        (None, None) => {}
    }
}

fn set_arg(args: &mut Value, flag: &str, value: Option<&str>) {
    let Some(list) = args.as_array_mut() else { return };
    let start = format!("--{flag}=");
    let place = list
        .iter()
        .position(|arg| arg.as_str().is_some_and(|arg| arg.starts_with(&start)));
    match (place, value) {
        (Some(place), Some(value)) => list[place] = json!(format!("{start}{value}")),
        (Some(place), None) => drop(list.remove(place)),
        (None, Some(value)) => list.push(json!(format!("{start}{value}"))),
        (None, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use vpccni_core::config::{FIELDS, Kind, Place};

    use super::*;

    fn container<'a>(set: &'a Value, name: &str) -> &'a Value {
        let spec = &set["spec"]["template"]["spec"];
        [&spec["initContainers"], &spec["containers"]]
            .into_iter()
            .flat_map(|list| list.as_array().unwrap())
            .find(|container| container["name"] == name)
            .unwrap()
    }

    fn written(place: Place) -> BTreeMap<String, String> {
        let objects = AwsNode::published().objects();
        let set = objects
            .iter()
            .find(|object| object["kind"] == "DaemonSet")
            .unwrap();
        let env = |name| {
            container(set, name)["env"]
                .as_array()
                .unwrap()
                .iter()
                .map(|variable| {
                    let value = variable["value"].as_str();
                    let value = value.or_else(|| variable["valueFrom"]["fieldRef"]["fieldPath"].as_str());
                    (
                        variable["name"].as_str().unwrap().to_owned(),
                        value.unwrap().to_owned(),
                    )
                })
        };
        match place {
            Place::AwsNode => env(CONTAINERS[1]).collect(),
            Place::Init => env(CONTAINERS[0]).collect(),
            Place::NodeAgent => env(CONTAINERS[2])
                .chain(flags(container(set, CONTAINERS[2])))
                .collect(),
            Place::ConfigMap => {
                let map = objects
                    .iter()
                    .find(|object| object["kind"] == "ConfigMap")
                    .unwrap();
                serde_json::from_value(map["data"].clone()).unwrap()
            }
        }
    }

    fn flags(agent: &Value) -> impl Iterator<Item = (String, String)> {
        agent["args"].as_array().unwrap().iter().map(|arg| {
            let (flag, value) = arg
                .as_str()
                .unwrap()
                .trim_start_matches("--")
                .split_once('=')
                .unwrap();
            (flag.to_owned(), value.to_owned())
        })
    }

    #[test]
    fn the_manifest_says_what_the_table_says() {
        for place in [Place::AwsNode, Place::Init, Place::NodeAgent, Place::ConfigMap] {
            let table: BTreeMap<String, String> = FIELDS
                .iter()
                .filter(|field| field.place == place)
                .filter_map(|field| Some((field.name.to_owned(), field.manifest?.to_owned())))
                .collect();
            // The table has no manifest value for flags whose default the manifest repeats.
            let mut manifest = written(place);
            if place == Place::NodeAgent {
                let default_of = |name: &str| {
                    FIELDS
                        .iter()
                        .find(|f| f.place == place && f.name == name)
                        .unwrap()
                        .default
                };
                manifest.retain(|name, value| table.contains_key(name) || default_of(name) != Some(value));
            }
            assert_eq!(manifest, table, "{place:?}");
        }
        assert!(FIELDS.iter().any(|field| field.kind == Kind::FieldRef));
    }

    #[test]
    fn variations_touch_only_what_they_name() {
        let varied = AwsNode::published()
            .env("WARM_ENI_TARGET", "2")
            .env("WARM_IP_TARGET", "5")
            .without("NETWORK_POLICY_ENFORCING_MODE")
            .init_env("DISABLE_TCP_EARLY_DEMUX", "true")
            .agent_arg("enable-network-policy", "true")
            .config_map("branch-eni-cooldown", "30");
        let set = varied.daemon_set();
        let env = |name: &str| {
            let list = container(&set, "aws-node")["env"].as_array().unwrap();
            list.iter()
                .find(|variable| variable["name"] == name)
                .map(|variable| variable["value"].clone())
        };
        assert_eq!(env("WARM_ENI_TARGET"), Some(json!("2")));
        assert_eq!(env("WARM_IP_TARGET"), Some(json!("5")));
        assert_eq!(env("NETWORK_POLICY_ENFORCING_MODE"), None);
        assert_eq!(env("ENABLE_IPv6"), Some(json!("false")));
        assert_eq!(container(&set, "aws-vpc-cni-init")["env"][0]["value"], "true");
        assert_eq!(
            container(&set, "aws-eks-nodeagent")["args"][1],
            "--enable-network-policy=true"
        );
        assert!(varied.render().contains(r#""branch-eni-cooldown":"30""#));
        assert_eq!(documents(CRDS).len(), 2);
        assert_eq!(AwsNode::published().objects().len(), 5);
    }
}
