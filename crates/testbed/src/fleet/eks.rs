//! What EKS does to the nodes of its groups in an update, told by the sandbox as events: it cordons them, and asks their
//! pods to leave. The sandbox ends an instance after its delay, as EKS does when the pods are gone.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{EvictParams, ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use vpccni_sandbox::WorldHandle;
use vpccni_sandbox::world::Happened;

use super::{Joined, locked};

/// How often events are looked for.
const LOOK: Duration = Duration::from_millis(100);

/// Follows the events for ever.
pub(super) async fn follow(client: Client, world: WorldHandle, joined: Joined) {
    let mut last = 0;
    let mut look = tokio::time::interval(LOOK);
    loop {
        look.tick().await;
        let events: Vec<_> = world.read(|now| now.events_after(last).cloned().collect());
        for event in events {
            last = event.number;
            match event.what {
                Happened::NodeCordoned {
                    instance, cordoned, ..
                } => cordon(&client, &joined, &instance, cordoned).await,
                Happened::NodeDrainRequested { instance, .. } => drain(&client, &joined, &instance).await,
                _ => {}
            }
        }
    }
}

fn name(joined: &Joined, instance: &str) -> Option<String> {
    let joined = locked(joined);
    let mut nodes = joined.iter();
    nodes
        .find(|(_, id)| *id == instance)
        .map(|(node, _)| node.clone())
}

async fn cordon(client: &Client, joined: &Joined, instance: &str, cordoned: bool) {
    let Some(node) = name(joined, instance) else {
        return;
    };
    let patch = Patch::Merge(json!({"spec": {"unschedulable": cordoned}}));
    let nodes = Api::<Node>::all(client.clone());
    if let Err(error) = nodes.patch(&node, &PatchParams::default(), &patch).await {
        tracing::debug!(node, %error, "EKS could not cordon");
    }
}

/// Asks once: a pod that a budget keeps stays, and the test bed says whether EKS gives up over it.
async fn drain(client: &Client, joined: &Joined, instance: &str) {
    let Some(node) = name(joined, instance) else {
        return;
    };
    let bound = ListParams::default().fields(&format!("spec.nodeName={node}"));
    let Ok(pods) = Api::<Pod>::all(client.clone()).list(&bound).await else {
        return;
    };
    let of_daemon_set = |pod: &Pod| {
        pod.owner_references()
            .iter()
            .any(|owner| owner.kind == "DaemonSet")
    };
    for pod in pods.items.iter().filter(|pod| !of_daemon_set(pod)) {
        let namespace = pod.namespace().unwrap_or_default();
        let api = Api::<Pod>::namespaced(client.clone(), &namespace);
        if let Err(error) = api.evict(&pod.name_any(), &EvictParams::default()).await {
            tracing::debug!(node, pod = pod.name_any(), %error, "EKS could not evict");
        }
    }
}
