//! The objects of a snapshot: listed as they are, cut down to what is read of them, and put into stores again.

use super::error::TakeError;
use super::redact;
use crate::seen::{AwsNodePod, EniConfigSeen, NodePoolSeen, NodeSeen, NodeStateSeen, Whole};
use crate::stores::{Kind, Presence, Scope, Store, Stores};
use crate::watching::{MayMiss, Watched};
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Client;
use kube::api::ListParams;
use kube::core::{DeserializeGuard, Request};
use kube::runtime::watcher::{Config, Event};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use vpccni_api::{CniMigration, CniPolicy};

/// Objects of one page: as the watches list them.
const PAGE: u32 = 500;

/// Annotations that are longer name no ENIConfig.
const ANNOTATION: usize = 256;

/// What a list came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Listed {
    /// The objects.
    Objects(Vec<Value>),
    /// The cluster does not have the type.
    Absent,
    /// They may not be listed: why.
    Denied(String),
}

/// The lists of all kinds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Objects {
    pub(super) policies: Listed,
    nodes: Listed,
    aws_node_pods: Listed,
    target: Listed,
    config_map: Listed,
    eni_configs: Listed,
    node_states: Listed,
    node_pools: Listed,
    /// Snapshots of before there were migrations have none.
    #[serde(default = "absent")]
    migrations: Listed,
}

fn absent() -> Listed {
    Listed::Absent
}

impl Objects {
    /// Lists everything. What an operator that is not installed yet would bring may be missing.
    pub(super) async fn list(client: &Client, scope: &Scope) -> Result<Self, TakeError> {
        Ok(Self {
            policies: list::<Whole<CniPolicy>>(client, scope, MayMiss::Type).await?,
            nodes: list::<NodeSeen>(client, scope, MayMiss::Nothing).await?,
            aws_node_pods: list::<AwsNodePod>(client, scope, MayMiss::Nothing).await?,
            target: list::<Whole<DaemonSet>>(client, scope, MayMiss::Nothing).await?,
            config_map: list::<Whole<ConfigMap>>(client, scope, MayMiss::Nothing).await?,
            eni_configs: list::<EniConfigSeen>(client, scope, MayMiss::Type).await?,
            node_states: list::<NodeStateSeen>(client, scope, MayMiss::Type).await?,
            node_pools: list::<NodePoolSeen>(client, scope, MayMiss::TypeOrPermission).await?,
            migrations: list::<Whole<CniMigration>>(client, scope, MayMiss::TypeOrPermission).await?,
        })
    }

    /// The CniPolicies alone: they say where the target is.
    pub(super) async fn policies(client: &Client) -> Result<Listed, TakeError> {
        list::<Whole<CniPolicy>>(client, &Scope::default(), MayMiss::Type).await
    }

    /// The stores a watch would have filled.
    pub(super) fn stores(&self, scope: &Scope) -> Stores {
        let stores = Stores::empty(scope.clone());
        fill(&stores.policies, &self.policies, scope);
        fill(&stores.nodes, &self.nodes, scope);
        fill(&stores.aws_node_pods, &self.aws_node_pods, scope);
        fill(&stores.target, &self.target, scope);
        fill(&stores.config_map, &self.config_map, scope);
        fill(&stores.eni_configs, &self.eni_configs, scope);
        fill(&stores.node_states, &self.node_states, scope);
        fill(&stores.node_pools, &self.node_pools, scope);
        fill(&stores.migrations, &self.migrations, scope);
        stores
    }
}

async fn list<T: Watched>(client: &Client, scope: &Scope, may_miss: MayMiss) -> Result<Listed, TakeError> {
    let api = T::api(client.clone(), scope);
    let Config {
        label_selector,
        field_selector,
        ..
    } = T::narrow(Config::default(), scope);
    let mut params = ListParams {
        label_selector,
        field_selector,
        ..ListParams::default()
    }
    .limit(PAGE);
    let mut objects = Vec::new();
    loop {
        let request = Request::new(api.resource_url())
            .list(&params)
            .map_err(|error| TakeError::Request(T::KIND, error))?;
        let mut page: Value = match client.request(request).await {
            Ok(page) => page,
            Err(kube::Error::Api(status)) if status.code == 404 && may_miss != MayMiss::Nothing => {
                return Ok(Listed::Absent);
            }
            Err(kube::Error::Api(status)) if status.code == 403 && may_miss == MayMiss::TypeOrPermission => {
                return Ok(Listed::Denied(status.message));
            }
            Err(error) => return Err(TakeError::List(T::KIND, error)),
        };
        if let Value::Array(items) = page["items"].take() {
            objects.extend(items.into_iter().map(|item| lean(T::KIND, item)));
        }
        match page["metadata"]["continue"].as_str() {
            Some(token) if !token.is_empty() => params = params.continue_token(token),
            _ => return Ok(Listed::Objects(objects)),
        }
    }
}

fn fill<T: Watched>(store: &Store<T>, listed: &Listed, scope: &Scope) {
    let objects = match listed {
        Listed::Objects(objects) => objects,
        Listed::Absent => return store.settle_without(Presence::Absent),
        Listed::Denied(why) => return store.settle_without(Presence::Denied(why.clone())),
    };
    let parse = |wire| T::parse(wire, scope);
    store.fold::<T::Wire>(Event::Init, parse);
    for object in objects {
        // A guard reads everything that has metadata, and those every object was written with.
        if let Ok(object) = serde_json::from_value::<DeserializeGuard<T::Wire>>(object.clone()) {
            store.fold(Event::InitApply(object), parse);
        }
    }
    store.fold::<T::Wire>(Event::InitDone, parse);
}

/// Metadata that are read of every kind.
const METADATA: [&str; 9] = [
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "labels",
    "ownerReferences",
];

/// The object, with nothing in it that nobody reads and nothing that is secret.
fn lean(kind: Kind, mut object: Value) -> Value {
    let mut metadata: Map<String, Value> = Map::new();
    let with_owners = matches!(kind, Kind::Target | Kind::ConfigMap | Kind::EniConfig);
    let extra = ["managedFields"].into_iter().filter(|_| with_owners);
    for name in METADATA.into_iter().chain(extra) {
        if let Some(value) = object["metadata"].get_mut(name) {
            metadata.insert(name.to_owned(), value.take());
        }
    }
    if let Some(Value::Object(mut annotations)) = object["metadata"].get_mut("annotations").map(Value::take) {
        annotations.retain(|key, value| {
            key.as_str() != "kubectl.kubernetes.io/last-applied-configuration"
                && value.as_str().is_some_and(|text| text.len() <= ANNOTATION)
        });
        metadata.insert("annotations".to_owned(), annotations.into());
    }
    let mut lean = match kind {
        Kind::Node => json!({
            "spec": only(&mut object["spec"], &["providerID", "unschedulable", "taints"]),
            "status": {
                "allocatable": only(&mut object["status"]["allocatable"], &["pods"]),
                "capacity": only(&mut object["status"]["capacity"], &["pods"]),
                "conditions": ready(&object["status"]["conditions"]),
            },
        }),
        Kind::AwsNodePod => {
            let statuses = ["phase", "containerStatuses", "initContainerStatuses"];
            let mut status = only(&mut object["status"], &statuses);
            status["conditions"] = ready(&object["status"]["conditions"]);
            json!({"spec": only(&mut object["spec"], &["nodeName"]), "status": status})
        }
        Kind::NodePool => {
            let requirements = object["spec"]["template"]["spec"]["requirements"].take();
            json!({"spec": {"template": {"spec": {"requirements": requirements}}}})
        }
        Kind::Policy
        | Kind::Target
        | Kind::ConfigMap
        | Kind::EniConfig
        | Kind::NodeState
        | Kind::Migration => only(&mut object, &["spec", "status", "data"]),
    };
    lean["metadata"] = metadata.into();
    redact::object(&mut lean);
    lean
}

fn only(object: &mut Value, names: &[&str]) -> Value {
    let mut kept = Map::new();
    for name in names {
        if let Some(value) = object.get_mut(*name) {
            kept.insert((*name).to_owned(), value.take());
        }
    }
    kept.into()
}

/// The condition Ready, without its times: heartbeats would make every snapshot differ from the last.
fn ready(conditions: &Value) -> Value {
    let all = conditions.as_array().into_iter().flatten();
    all.filter(|condition| condition["type"] == "Ready")
        .map(|condition| json!({"type": "Ready", "status": condition["status"]}))
        .collect()
}

/// The only policy of a list, as it was written.
pub(super) fn first_policy(listed: &Listed) -> Option<Result<CniPolicy, String>> {
    let Listed::Objects(objects) = listed else {
        return None;
    };
    let first = objects.first()?;
    Some(serde_json::from_value(first.clone()).map_err(|error| error.to_string()))
}

/// A list of one policy.
pub(super) fn only_policy(policy: &CniPolicy) -> Listed {
    Listed::Objects(vec![json!(policy)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_keeps_what_is_read_and_loses_the_rest() {
        let node = json!({
            "metadata": {
                "name": "a", "uid": "u", "labels": {"x": "y"}, "managedFields": [{}],
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "k": "v"}
            },
            "spec": {"providerID": "aws:///z/i-1", "podCIDR": "10.0.0.0/24"},
            "status": {
                "allocatable": {"pods": "29", "cpu": "2"}, "capacity": {"pods": "29"}, "images": [],
                "conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "now"}, {"type": "X"}]
            }
        });
        let expected = json!({
            "metadata": {"name": "a", "uid": "u", "labels": {"x": "y"}, "annotations": {"k": "v"}},
            "spec": {"providerID": "aws:///z/i-1"},
            "status": {
                "allocatable": {"pods": "29"}, "capacity": {"pods": "29"},
                "conditions": [{"type": "Ready", "status": "True"}]
            }
        });
        assert_eq!(lean(Kind::Node, node), expected);
    }

    #[test]
    fn an_object_that_cannot_be_read_is_still_there() {
        let object = json!({"metadata": {"name": "not an ENIConfig!"}, "spec": {}});
        let store = Stores::empty(Scope::default()).eni_configs;
        fill(&store, &Listed::Objects(vec![object]), &Scope::default());
        assert_eq!((store.len(), store.malformed().len()), (0, 1));
        fill(&store, &Listed::Denied("no".to_owned()), &Scope::default());
        assert_eq!(store.presence(), Presence::Denied("no".to_owned()));
    }
}
