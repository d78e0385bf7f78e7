//! What the simulated kubelets do with one pod: start it, let it crash, end it. Each is tried until it succeeds.

use std::net::Ipv4Addr;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::{Api, Client, ResourceExt};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::conduct::Conduct;
use super::pod_status;
use super::shared::{Shared, Stage, locked};

/// Looks at a pod that has changed, and starts what is due.
pub(super) fn consider(shared: &Arc<Shared>, running: &mut JoinSet<()>, pod: Pod) {
    let Some((node, host)) = shared.host_of(&pod) else {
        return;
    };
    let wanted = if pod.metadata.deletion_timestamp.is_some() {
        Stage::Ending
    } else {
        Stage::Starting
    };
    let uid = uid_of(&pod);
    {
        let mut stages = locked(&shared.stages);
        if stages.get(&uid).is_some_and(|stage| *stage >= wanted) {
            return;
        }
        stages.insert(uid, wanted);
    }
    let shared = Arc::clone(shared);
    match wanted {
        Stage::Ending => {
            running.spawn(async move { end(&shared, &pod).await });
        }
        Stage::Starting => {
            running.spawn(async move { start(&shared, &pod, &node, host).await });
        }
    }
}

/// The pod is no longer there.
pub(super) fn gone(shared: &Shared, pod: &Pod) {
    let uid = uid_of(pod);
    locked(&shared.stages).remove(&uid);
    if let Some(node) = pod.spec.as_ref().and_then(|spec| spec.node_name.as_ref()) {
        locked(&shared.addresses).take_back(node, &uid);
    }
}

async fn start(shared: &Shared, pod: &Pod, node: &str, host: Ipv4Addr) {
    sleep(shared.delays.start).await;
    let conduct = shared.conduct_of(pod);
    if conduct == Conduct::Ignore {
        return;
    }
    let Some(address) = address_for(shared, pod, node, host).await else {
        return;
    };
    match conduct {
        Conduct::Ignore => {}
        Conduct::Run => write(shared, pod, || pod_status::running(pod, host, address)).await,
        Conduct::Complete => write(shared, pod, || pod_status::completed(pod, host, address)).await,
        Conduct::CrashLoop { container, message } => {
            let mut restarts = 1;
            while starting(shared, pod) {
                let crash = (container.as_str(), message.as_str());
                write(shared, pod, || {
                    pod_status::crashing(pod, (host, address), crash, restarts)
                })
                .await;
                sleep(shared.delays.restart).await;
                restarts += 1;
            }
        }
    }
}

/// The node's own address for pods of the host network, else one of its CNI; none when the pod is gone first.
async fn address_for(shared: &Shared, pod: &Pod, node: &str, host: Ipv4Addr) -> Option<Ipv4Addr> {
    if pod.spec.as_ref().and_then(|spec| spec.host_network) == Some(true) {
        return Some(host);
    }
    while starting(shared, pod) {
        let given = locked(&shared.addresses).give(node, &uid_of(pod));
        if given.is_some() {
            return given;
        }
        sleep(shared.delays.again).await;
    }
    None
}

async fn end(shared: &Shared, pod: &Pod) {
    sleep(shared.delays.end).await;
    while !delete_now(&shared.client, pod).await {
        sleep(shared.delays.again).await;
    }
}

/// Removes a pod at once; whether that is done.
pub(super) async fn delete_now(client: &Client, pod: &Pod) -> bool {
    let only = Preconditions {
        uid: pod.uid(),
        resource_version: None,
    };
    let params = DeleteParams::default().grace_period(0).preconditions(only);
    done(
        pod,
        pods_beside(client, pod)
            .delete(&pod.name_any(), &params)
            .await
            .map(drop),
    )
}

async fn write(shared: &Shared, pod: &Pod, status: impl Fn() -> Value) {
    while starting(shared, pod) {
        let patch = Patch::Strategic(status());
        let pods = pods_beside(&shared.client, pod);
        if done(
            pod,
            pods.patch_status(&pod.name_any(), &PatchParams::default(), &patch)
                .await
                .map(drop),
        ) {
            return;
        }
        sleep(shared.delays.again).await;
    }
}

/// Whether the pod is still to be started: not gone, not ending.
fn starting(shared: &Shared, pod: &Pod) -> bool {
    locked(&shared.stages).get(&uid_of(pod)) == Some(&Stage::Starting)
}

/// Whether nothing is left to do: it worked, or the answer is final.
fn done(pod: &Pod, answer: kube::Result<()>) -> bool {
    match answer {
        Ok(()) => true,
        // Gone (404), or a pod of the same name in its place (409).
        Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => true,
        Err(kube::Error::Api(status)) if status.code == 400 || status.code == 422 => {
            tracing::warn!(pod = %pod.name_any(), %status, "the simulated kubelet wrote nonsense");
            true
        }
        Err(error) => {
            tracing::debug!(pod = %pod.name_any(), %error, "the simulated kubelet tries again");
            false
        }
    }
}

fn pods_beside(client: &Client, pod: &Pod) -> Api<Pod> {
    Api::namespaced(client.clone(), &pod.namespace().unwrap_or_default())
}

fn uid_of(pod: &Pod) -> String {
    pod.uid().unwrap_or_default()
}
