//! The DaemonSet of aws-node as it stands: raw environment, arguments, images, strategy, rollout, owners.
//!
//! Values are not interpreted here: what a text means is the matter of `core::config`.

use super::ANNOTATION_PREFIX;
use super::config_map::LiveConfigMap;
use super::image;
use super::ownership::{Manager, Operation, Ownership, by_name};
use k8s_openapi::api::apps::v1::{DaemonSet, DaemonSetStatus, DaemonSetUpdateStrategy};
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::{BTreeMap, BTreeSet};
use vpccni_core::config::{Place, RawConfig, RawValue};
use vpccni_core::known::Known;
use vpccni_core::policy::{ManagerClass, classify_manager};
use vpccni_core::version::CniVersion;

/// A container of the DaemonSet that carries configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Container {
    /// `aws-node`.
    AwsNode,
    /// `aws-vpc-cni-init`.
    Init,
    /// `aws-eks-nodeagent`.
    NodeAgent,
}

impl Container {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::AwsNode, Self::Init, Self::NodeAgent];

    /// Its name in the manifest.
    pub fn name(self) -> &'static str {
        match self {
            Self::AwsNode => "aws-node",
            Self::Init => "aws-vpc-cni-init",
            Self::NodeAgent => "aws-eks-nodeagent",
        }
    }

    fn list(self) -> &'static str {
        match self {
            Self::AwsNode | Self::NodeAgent => "f:containers",
            Self::Init => "f:initContainers",
        }
    }
}

/// The value of a variable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum EnvValue {
    /// A text; an empty one is not the same as none.
    Text(String),
    /// Filled in by Kubernetes: the reference as JSON, such as `{"fieldRef":{"fieldPath":"spec.nodeName"}}`.
    From(String),
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// As the DaemonSet names it.
    pub text: String,
    /// The version its tag says.
    pub version: Known<CniVersion>,
}

/// How pods are replaced when the template changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpdateStrategy {
    /// By the controller; numbers or percentages as they stand.
    RollingUpdate {
        /// Pods that may be away at once.
        max_unavailable: Option<String>,
        /// Pods that may be there twice at once.
        max_surge: Option<String>,
    },
    /// When somebody deletes them.
    OnDelete,
}

/// How far the DaemonSet controller is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RolloutCounts {
    /// Nodes that should run a pod.
    pub desired: u32,
    /// Nodes that run one.
    pub current: u32,
    /// Of the newest template.
    pub updated: u32,
    /// Ready ones.
    pub ready: u32,
    /// Nodes without an available one.
    pub unavailable: u32,
}

/// A DaemonSet that is not that of aws-node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotATarget {
    /// Its container is missing.
    #[error("the DaemonSet {namespace}/{name} has no container aws-node")]
    NoAwsNode {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

/// The DaemonSet as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveTarget {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid: another one is another DaemonSet under the same name.
    pub uid: String,
    /// For a write that must not overtake another.
    pub resource_version: String,
    /// Of its spec.
    pub generation: i64,
    /// The generation that `counts` are about.
    pub observed_generation: i64,
    /// The environment of each container that is there; of several variables with one name the last counts.
    pub env: BTreeMap<Container, BTreeMap<String, EnvValue>>,
    /// The arguments of the node agent, where its container is there.
    pub node_agent_args: Option<Vec<String>>,
    /// The images of the containers that are there.
    pub images: BTreeMap<Container, Image>,
    /// How pods are replaced.
    pub update_strategy: UpdateStrategy,
    /// How far the controller is.
    pub counts: RolloutCounts,
    /// Annotations of ours.
    pub annotations: BTreeMap<String, String>,
    ownership: Ownership,
}

impl LiveTarget {
    /// Reads the object.
    pub fn of(object: &DaemonSet) -> Result<Self, NotATarget> {
        let meta = &object.metadata;
        let namespace = meta.namespace.clone().unwrap_or_default();
        let name = meta.name.clone().unwrap_or_default();
        let pod = object.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
        let containers = pod.map(containers).unwrap_or_default();
        if !containers.contains_key(&Container::AwsNode) {
            return Err(NotATarget::NoAwsNode { namespace, name });
        }
        let mut annotations = meta.annotations.clone().unwrap_or_default();
        annotations.retain(|key, _| key.starts_with(ANNOTATION_PREFIX));
        let status = object.status.as_ref();
        Ok(Self {
            namespace,
            name,
            uid: meta.uid.clone().unwrap_or_default(),
            resource_version: meta.resource_version.clone().unwrap_or_default(),
            generation: meta.generation.unwrap_or_default(),
            observed_generation: status.and_then(|s| s.observed_generation).unwrap_or_default(),
            env: containers
                .iter()
                .map(|(place, container)| (*place, env(container)))
                .collect(),
            node_agent_args: containers
                .get(&Container::NodeAgent)
                .map(|container| container.args.clone().unwrap_or_default()),
            images: containers
                .iter()
                .map(|(place, container)| (*place, image_of(container)))
                .collect(),
            update_strategy: strategy(
                object
                    .spec
                    .as_ref()
                    .and_then(|spec| spec.update_strategy.as_ref()),
            ),
            counts: status.map(counts).unwrap_or_default(),
            annotations,
            ownership: Ownership::of(meta.managed_fields.as_ref()),
        })
    }

    /// The version of aws-node.
    pub fn version(&self) -> Known<CniVersion> {
        self.images.get(&Container::AwsNode).map_or_else(
            || Known::not_read("the image of aws-node"),
            |image| image.version.clone(),
        )
    }

    /// A variable, if it is there.
    pub fn variable(&self, container: Container, name: &str) -> Option<&EnvValue> {
        self.env.get(&container)?.get(name)
    }

    /// All that configures the CNI, as texts: what `vpccni_core::config::read` takes.
    pub fn raw(&self, config_map: Option<&LiveConfigMap>) -> RawConfig {
        let env = |container| {
            let variables = self.env.get(&container).into_iter().flatten();
            variables
                .map(|(name, value)| (name.clone(), raw(value)))
                .collect()
        };
        RawConfig {
            aws_node: env(Container::AwsNode),
            init: env(Container::Init),
            node_agent_env: env(Container::NodeAgent),
            node_agent_args: self.node_agent_args.clone().unwrap_or_default(),
            config_map: config_map.map(|map| map.data.clone()).unwrap_or_default(),
        }
    }

    /// Whether the controller has seen the newest template and every node runs it.
    pub fn rolled_out(&self) -> bool {
        let counts = self.counts;
        self.observed_generation >= self.generation
            && counts.updated >= counts.desired
            && counts.unavailable == 0
    }

    /// Who owns a setting at its place; those of the ConfigMap are not here.
    pub fn owners(&self, place: Place, name: &str) -> Vec<Manager> {
        match place {
            Place::AwsNode => self.env_owners(Container::AwsNode, name),
            Place::Init => self.env_owners(Container::Init, name),
            Place::NodeAgent => self.args_owners(Container::NodeAgent),
            Place::ConfigMap => Vec::new(),
        }
    }

    /// Who owns what a variable of a container says. Whoever has applied it keeps its name when somebody else writes its
    /// value; only a variable without either is its name.
    pub fn env_owners(&self, container: Container, name: &str) -> Vec<Manager> {
        let item = by_name(name);
        let mut owners = self.under(container, &["f:env", &item, "f:value"]);
        for owner in self.under(container, &["f:env", &item, "f:valueFrom"]) {
            if !owners.contains(&owner) {
                owners.push(owner);
            }
        }
        if owners.is_empty() {
            self.under(container, &["f:env", &item])
        } else {
            owners
        }
    }

    /// Whether a field manager has applied any part of the pod template, be it only the name of a variable.
    pub fn is_applied_by(&self, manager: &str) -> bool {
        let owners = self.ownership.of_path(&["f:spec", "f:template"]);
        owners
            .iter()
            .any(|owner| owner.operation == Operation::Apply && owner.name == manager)
    }

    /// Who owns the arguments of a container: the list is one field.
    pub fn args_owners(&self, container: Container) -> Vec<Manager> {
        self.under(container, &["f:args"])
    }

    /// Who owns the image of a container.
    pub fn image_owners(&self, container: Container) -> Vec<Manager> {
        self.under(container, &["f:image"])
    }

    /// Who owns the update strategy.
    pub fn strategy_owners(&self) -> Vec<Manager> {
        self.ownership.of_path(&["f:spec", "f:updateStrategy"])
    }

    fn under(&self, container: Container, rest: &[&str]) -> Vec<Manager> {
        let item = by_name(container.name());
        let mut path = vec!["f:spec", "f:template", "f:spec", container.list(), item.as_str()];
        path.extend(rest);
        self.ownership.of_path(&path)
    }

    /// Variables that a person wrote and that neither EKS nor a reconciling controller nor we own, sorted.
    pub fn hand_edits(&self) -> Vec<String> {
        let mut edits = BTreeSet::new();
        for (container, variables) in &self.env {
            for name in variables.keys() {
                let classes = self.env_owners(*container, name);
                let classes: BTreeSet<_> = classes
                    .iter()
                    .map(|owner| classify_manager(&owner.name))
                    .collect();
                let declared = [ManagerClass::Ours, ManagerClass::Eks, ManagerClass::Reconciler]
                    .iter()
                    .any(|class| classes.contains(class));
                if classes.contains(&ManagerClass::Person) && !declared {
                    edits.insert(name.clone());
                }
            }
        }
        edits.into_iter().collect()
    }
}

fn containers(pod: &core::PodSpec) -> BTreeMap<Container, &core::Container> {
    let find = |list: &'_ [core::Container], wanted: Container| {
        list.iter().position(|container| container.name == wanted.name())
    };
    let init = pod.init_containers.as_deref().unwrap_or_default();
    let list_of = |wanted| match wanted {
        Container::Init => init,
        Container::AwsNode | Container::NodeAgent => pod.containers.as_slice(),
    };
    Container::ALL
        .into_iter()
        .filter_map(|wanted| Some((wanted, list_of(wanted).get(find(list_of(wanted), wanted)?)?)))
        .collect()
}

fn env(container: &core::Container) -> BTreeMap<String, EnvValue> {
    let value = |variable: &core::EnvVar| match &variable.value_from {
        Some(source) => EnvValue::From(serde_json::json!(source).to_string()),
        None => EnvValue::Text(variable.value.clone().unwrap_or_default()),
    };
    let variables = container.env.iter().flatten();
    variables
        .map(|variable| (variable.name.clone(), value(variable)))
        .collect()
}

fn raw(value: &EnvValue) -> RawValue {
    match value {
        EnvValue::Text(text) => RawValue::Text(text.clone()),
        EnvValue::From(_) => RawValue::FromField,
    }
}

fn image_of(container: &core::Container) -> Image {
    let text = container.image.clone().unwrap_or_default();
    Image {
        version: image::version(&text),
        text,
    }
}

fn strategy(strategy: Option<&DaemonSetUpdateStrategy>) -> UpdateStrategy {
    if strategy.and_then(|s| s.type_.as_deref()) == Some("OnDelete") {
        return UpdateStrategy::OnDelete;
    }
    let rolling = strategy.and_then(|s| s.rolling_update.as_ref());
    UpdateStrategy::RollingUpdate {
        max_unavailable: rolling.and_then(|r| r.max_unavailable.as_ref()).map(int_or_text),
        max_surge: rolling.and_then(|r| r.max_surge.as_ref()).map(int_or_text),
    }
}

fn int_or_text(value: &IntOrString) -> String {
    match value {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(text) => text.clone(),
    }
}

fn counts(status: &DaemonSetStatus) -> RolloutCounts {
    let count = |number: i32| u32::try_from(number).unwrap_or_default();
    RolloutCounts {
        desired: count(status.desired_number_scheduled),
        current: count(status.current_number_scheduled),
        updated: count(status.updated_number_scheduled.unwrap_or_default()),
        ready: count(status.number_ready),
        unavailable: count(status.number_unavailable.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests;
