//! What a life needs of a cluster, be it a real control plane or one in memory; and what people do there.

use crate::bed::{Operator, Wanted};
use http::Request;
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

pub(super) const POLICY: &str = "/apis/vpccni.io/v1alpha1/cnipolicies/default";
pub(super) const NODE_STATES: &str = "/apis/vpccni.io/v1alpha1/cninodestates";
pub(super) const ENI_CONFIGS: &str = "/apis/crd.k8s.amazonaws.com/v1alpha1/eniconfigs";
pub(super) const DAEMON_SET: &str = "/apis/apps/v1/namespaces/kube-system/daemonsets/aws-node";
pub(super) const CONFIG_MAP: &str = "/api/v1/namespaces/kube-system/configmaps/amazon-vpc-cni";

/// A cluster.
pub(super) trait Ground {
    /// A client of an administrator.
    fn client(&self) -> &kube::Client;
    /// The subnet for pods in the zone of the nodes.
    fn pod_subnet(&self) -> String;
    /// Longer than anything takes.
    fn patience(&self) -> Duration;
    /// For how long nothing changes any more once everything is done: what is read by and by has come round.
    fn calm(&self) -> Duration;
    /// Waits until it is worth looking again.
    async fn news(&self);
    /// What `kubectl apply` does.
    async fn apply(&self, manifest: &str);
    /// One more operator.
    async fn operator(&self, wanted: Wanted) -> Operator;
}

/// Waits until a look at the cluster finds what is wanted.
pub(super) async fn sees<G: Ground, T, F: Future<Output = Result<T, String>>>(
    ground: &G,
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let end = Instant::now() + ground.patience();
    loop {
        match look().await {
            Ok(found) => return found,
            Err(last) => assert!(Instant::now() < end, "waited for {what}; last seen: {last}"),
        }
        ground.news().await;
    }
}

/// An object, a list, or none where there is no such thing; an error where nobody answers.
pub(super) async fn get<G: Ground>(ground: &G, path: &str) -> Result<Option<Value>, String> {
    let request = Request::get(path).body(Vec::new()).unwrap();
    match ground.client().request::<Value>(request).await {
        Ok(object) => Ok(Some(object)),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// An object that is there.
pub(super) async fn found<G: Ground>(ground: &G, path: &str) -> Result<Value, String> {
    get(ground, path)
        .await?
        .ok_or_else(|| format!("{path} is not there"))
}

/// Waits until there is no such thing.
pub(super) async fn gone<G: Ground>(ground: &G, path: &str) {
    sees(ground, &format!("the end of {path}"), || async {
        match get(ground, path).await? {
            Some(_) => Err("it is there".to_owned()),
            None => Ok(()),
        }
    })
    .await;
}

/// Applies a manifest of ours server-side, until it is answered.
pub(super) async fn apply<G: Ground>(ground: &G, manifest: &str) {
    let object: Value = serde_norway::from_str(manifest).unwrap();
    let plural = match object["kind"].as_str().unwrap() {
        "CniPolicy" => "cnipolicies",
        _ => "cninodestates",
    };
    let name = object["metadata"]["name"].as_str().unwrap();
    let path = format!("/apis/vpccni.io/v1alpha1/{plural}/{name}?fieldManager=kubectl&force=true");
    send(ground, "PATCH", &path, ("application/apply-patch+yaml", &object)).await;
}

/// Sends a request of an administrator, until it is answered.
pub(super) async fn send<G: Ground>(ground: &G, method: &str, path: &str, (content, body): (&str, &Value)) {
    sees(ground, &format!("{method} {path} to be answered"), || async {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("content-type", content);
        let request = request.body(body.to_string().into_bytes()).unwrap();
        match ground.client().request::<Value>(request).await {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    })
    .await;
}

/// Deletes it, and waits until it is gone.
pub(super) async fn delete<G: Ground>(ground: &G, path: &str) {
    sees(ground, &format!("{path} to be deleted"), || async {
        let request = Request::delete(path).body(Vec::new()).unwrap();
        match ground.client().request::<Value>(request).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    })
    .await;
    gone(ground, path).await;
}

/// Waits until a condition of the policy has this status and reason for the newest generation.
pub(super) async fn condition<G: Ground>(ground: &G, kind: &str, status: &str, reason: &str) {
    sees(ground, &format!("{kind}={status} {reason}"), || async {
        let policy = found(ground, POLICY).await?;
        let conditions = policy["status"]["conditions"].as_array();
        let holds = |condition: &Value| {
            condition["type"] == kind
                && condition["status"] == status
                && condition["reason"] == reason
                && condition["observedGeneration"] == policy["metadata"]["generation"]
        };
        if conditions.into_iter().flatten().any(holds) {
            Ok(())
        } else {
            Err(serde_json::to_string_pretty(&policy["status"]["conditions"]).unwrap())
        }
    })
    .await;
}

/// The value of a variable of aws-node in a DaemonSet.
pub(super) fn variable<'a>(daemon_set: &'a Value, name: &str) -> Option<&'a str> {
    let containers = daemon_set["spec"]["template"]["spec"]["containers"].as_array()?;
    let aws_node = containers
        .iter()
        .find(|container| container["name"] == "aws-node")?;
    let env = aws_node["env"].as_array()?;
    env.iter().find(|variable| variable["name"] == name)?["value"].as_str()
}
