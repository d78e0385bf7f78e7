//! Live reads: what an action rests on, past every cache, in bounded time.

use super::outcome::ActError;
use crate::context::Context;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::ListParams;
use kube::core::{ApiResource, DynamicObject, ObjectMeta};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::time::Duration;
use vpccni_api::CniNodeState;
use vpccni_core::ids::{InstanceId, NodeName};

/// How long a read may take; as long as a write.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// An object by name; none where it does not exist.
pub(super) async fn get<K>(api: Api<K>, kind: &str, name: &str) -> Result<Option<K>, ActError>
where
    K: Clone + DeserializeOwned + Debug,
{
    let failed = |message: String| ActError::Read {
        what: format!("{kind} {name}"),
        message,
    };
    match tokio::time::timeout(READ_TIMEOUT, api.get_opt(name)).await {
        Ok(Ok(object)) => Ok(object),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed("no answer in time".to_owned())),
    }
}

/// A cluster-scoped object of a kind known by its name only.
pub(super) async fn dynamic(
    ctx: &Context,
    resource: &ApiResource,
    name: &str,
) -> Result<Option<DynamicObject>, ActError> {
    let api = Api::all_with(ctx.client.clone(), resource);
    get(api, &resource.kind, name).await
}

/// All cluster-scoped objects of a kind known by its name only.
pub(super) async fn list(ctx: &Context, resource: &ApiResource) -> Result<Vec<DynamicObject>, ActError> {
    let failed = |message: String| ActError::Read {
        what: format!("every {}", resource.kind),
        message,
    };
    let api = Api::<DynamicObject>::all_with(ctx.client.clone(), resource);
    match tokio::time::timeout(READ_TIMEOUT, api.list(&ListParams::default())).await {
        Ok(Ok(list)) => Ok(list.items),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed("no answer in time".to_owned())),
    }
}

/// An object in a namespace.
pub(super) async fn namespaced<K>(ctx: &Context, namespace: &str, name: &str) -> Result<Option<K>, ActError>
where
    K: Clone + DeserializeOwned + Debug + Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    let api: Api<K> = Api::namespaced(ctx.client.clone(), namespace);
    get(api, &K::kind(&()), name).await
}

/// A node; one that is gone drops the action.
pub(super) async fn node(ctx: &Context, name: &NodeName) -> Result<Node, ActError> {
    let node = get(Api::<Node>::all(ctx.client.clone()), "Node", name.as_str()).await?;
    node.ok_or_else(|| ActError::moved(format!("the node {name} is gone")))
}

/// The CniNodeState of a node; one that is gone drops the action.
pub(super) async fn state(ctx: &Context, name: &NodeName) -> Result<CniNodeState, ActError> {
    let api = Api::<CniNodeState>::all(ctx.client.clone());
    let state = get(api, "CniNodeState", name.as_str()).await?;
    state.ok_or_else(|| ActError::moved(format!("there is no CniNodeState {name}")))
}

/// The instance that a node says it is.
pub(super) fn instance(node: &Node) -> Option<InstanceId> {
    vpccni_observe::seen::instance(node.spec.as_ref()?.provider_id.as_deref()?)
}

/// Whether nothing new is scheduled there.
pub(super) fn is_cordoned(node: &Node) -> bool {
    node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true)
}

/// The version a write is bound to.
pub(super) fn version<K: Resource>(object: &K) -> String {
    version_of(object.meta())
}

/// The version in the metadata of an object.
pub(super) fn version_of(metadata: &ObjectMeta) -> String {
    metadata.resource_version.clone().unwrap_or_default()
}

/// Every pod of a node.
pub(super) async fn pods(ctx: &Context, node: &NodeName) -> Result<Vec<Pod>, ActError> {
    let failed = |message: String| ActError::Read {
        what: format!("the pods of {node}"),
        message,
    };
    let params = ListParams::default().fields(&format!("spec.nodeName={node}"));
    let api = Api::<Pod>::all(ctx.client.clone());
    match tokio::time::timeout(READ_TIMEOUT, api.list(&params)).await {
        Ok(Ok(list)) => Ok(list.items),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed("no answer in time".to_owned())),
    }
}

/// Namespace and name, as people write it.
pub(super) fn called(pod: &Pod) -> String {
    format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any())
}
