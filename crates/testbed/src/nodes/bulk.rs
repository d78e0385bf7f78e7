//! Many objects quickly, with nobody behind them: for benchmarks, where leases alone would be hundreds of writes a
//! second.

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{Node, Pod, ServiceAccount};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;

use super::AT_ONCE;
use super::error::NodeError;
use super::pod_status;
use super::shape::SimNode;

/// Pods to be made.
#[derive(Debug, Clone)]
pub struct StaticPods<'a> {
    /// Where.
    pub namespace: &'a str,
    /// Names are this, a dash and a number.
    pub prefix: &'a str,
    /// How many, spread over the nodes in turn.
    pub count: usize,
    /// Whether they say they run; that is a second request for each.
    pub running: bool,
    /// A label of theirs.
    pub label: (&'a str, &'a str),
}

/// Creates Node objects without a kubelet.
pub async fn static_nodes(client: &Client, nodes: &[SimNode]) -> Result<(), NodeError> {
    let api = Api::<Node>::all(client.clone());
    futures::stream::iter(nodes)
        .map(Ok)
        .try_for_each_concurrent(AT_ONCE, |node| {
            let api = api.clone();
            async move {
                let object = node.object().map_err(NodeError::shape(&node.name))?;
                let made = api.create(&PostParams::default(), &object).await;
                made.map(drop).map_err(NodeError::api("create node", &node.name))
            }
        })
        .await
}

/// Creates pods bound to those nodes, and the service account they need where no controller made it.
pub async fn static_pods(
    client: &Client,
    nodes: &[SimNode],
    wanted: &StaticPods<'_>,
) -> Result<(), NodeError> {
    ensure_account(client, wanted.namespace).await?;
    let api = Api::<Pod>::namespaced(client.clone(), wanted.namespace);
    futures::stream::iter((0..wanted.count).zip(nodes.iter().cycle()))
        .map(Ok)
        .try_for_each_concurrent(AT_ONCE, |(number, node)| {
            let api = api.clone();
            async move { static_pod(&api, node, &format!("{}-{number}", wanted.prefix), wanted).await }
        })
        .await
}

async fn static_pod(
    api: &Api<Pod>,
    node: &SimNode,
    name: &str,
    wanted: &StaticPods<'_>,
) -> Result<(), NodeError> {
    let (key, value) = wanted.label;
    let object = json!({
        "metadata": {"name": name, "labels": {key: value}},
        "spec": {
            "nodeName": node.name,
            "automountServiceAccountToken": false,
            "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "main", "image": "static"}],
        },
    });
    let pod: Pod = serde_json::from_value(object).map_err(NodeError::shape(name))?;
    let made = api.create(&PostParams::default(), &pod).await;
    let pod = made.map_err(NodeError::api("create pod", name))?;
    if !wanted.running {
        return Ok(());
    }
    let status = Patch::Strategic(pod_status::running(&pod, node.address, node.address));
    let written = api.patch_status(name, &PatchParams::default(), &status).await;
    written
        .map(drop)
        .map_err(NodeError::api("patch status of pod", name))
}

async fn ensure_account(client: &Client, namespace: &str) -> Result<(), NodeError> {
    let account: ServiceAccount = serde_json::from_value(json!({"metadata": {"name": "default"}}))
        .map_err(NodeError::shape("default"))?;
    match Api::namespaced(client.clone(), namespace)
        .create(&PostParams::default(), &account)
        .await
    {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        Err(source) => Err(NodeError::api("create service account", "default")(source)),
    }
}
