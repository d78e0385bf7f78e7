//! A configuration as it stands in the cluster: texts, place by place, in their order.

use super::{Key, Kind, Place};
use std::collections::BTreeMap;

/// A literal text, or a reference that Kubernetes fills in for each pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RawValue {
    /// `value: …`
    Text(String),
    /// `valueFrom: …`
    FromField,
}

/// Environments, arguments and ConfigMap as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawConfig {
    /// Environment of `aws-node`.
    pub aws_node: Vec<(String, RawValue)>,
    /// Environment of the init container.
    pub init: Vec<(String, RawValue)>,
    /// Environment of the node agent, which reads one variable only.
    pub node_agent_env: Vec<(String, RawValue)>,
    /// Arguments of the node agent.
    pub node_agent_args: Vec<String>,
    /// Data of the ConfigMap `amazon-vpc-cni`.
    pub config_map: BTreeMap<String, String>,
}

impl RawConfig {
    /// The text a variable has in the end: of several with one name the last wins.
    pub(super) fn last_text(&self, key: Key) -> Option<&str> {
        let field = key.field();
        let environment = match field.place {
            Place::AwsNode => &self.aws_node,
            Place::Init => &self.init,
            Place::NodeAgent | Place::ConfigMap => return None,
        };
        let (_, value) = environment.iter().rev().find(|(name, _)| name == field.name)?;
        match value {
            RawValue::Text(text) => Some(text),
            RawValue::FromField => None,
        }
    }
}

/// The key of a variable of that place; flags of the node agent are no variables.
pub(super) fn variable(place: Place, name: &str) -> Option<Key> {
    Key::find(place, name)
        .filter(|key| place != Place::NodeAgent || matches!(key.field().kind, Kind::FieldRef))
}

/// The key of a flag of the node agent.
pub(super) fn flag(name: &str) -> Option<Key> {
    Key::find(Place::NodeAgent, name).filter(|key| !matches!(key.field().kind, Kind::FieldRef))
}
