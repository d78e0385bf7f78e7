//! Nodes of the real Karpenter: held, made to drift, and released one after the other; what its pools allow is a second
//! limit, and what a Git tool writes is left to it.

use super::sampler::{Sampler, max_pods};
use super::{approved, completed, migration, names, phase, resume, says, wanted};
use crate::bed::Bed;
use serde_json::{Value, json};
use std::time::Duration;
use vpccni_testbed::karpenter::{NodeClass, NodePool, node_claims};
use vpccni_testbed::scene::SceneOptions;

const CLASS: NodeClass = NodeClass {
    name: "default",
    max_pods: Some(29),
};

pub(super) fn options() -> SceneOptions {
    SceneOptions {
        groups: Vec::new(),
        karpenter: true,
        ..SceneOptions::default()
    }
}

pub(super) fn pool(budgets: Value) -> NodePool {
    NodePool {
        name: "default",
        class: CLASS.name,
        budgets,
    }
}

/// Pods of which only one fits on an m5.large, that run on Karpenter's nodes only.
pub(super) fn demand(replicas: u32) -> String {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "wide", "namespace": "default"},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": "wide"}},
            "template": {
                "metadata": {"labels": {"app": "wide"}},
                "spec": {
                    "terminationGracePeriodSeconds": 0,
                    "nodeSelector": {"karpenter.sh/nodepool": "default"},
                    "containers": [{
                        "name": "main", "image": "web", "resources": {"requests": {"cpu": "1200m"}},
                    }]
                }
            }
        }
    })
    .to_string()
}

/// Applies an EC2NodeClass as somebody, under this field manager.
async fn apply_as(bed: &Bed, manager: &str, object: &Value) {
    let manager = format!("--field-manager={manager}");
    let apply = ["apply", "--server-side", "--force-conflicts", &manager, "-f", "-"];
    let text = object.to_string();
    bed.scene.plane.kubectl_ok(&apply, Some(&text)).await.unwrap();
}

fn class(bed: &Bed, max_pods: u32) -> Value {
    let class = NodeClass {
        max_pods: Some(max_pods),
        ..CLASS
    };
    class.object(&bed.scene.cloud)
}

/// Waits for so many nodes, made by Karpenter for pods that wait.
pub(super) async fn grown(bed: &Bed, pool: &NodePool, nodes: u32) {
    bed.apply(&pool.object().to_string()).await;
    bed.apply(&demand(nodes)).await;
    bed.sees("the nodes of Karpenter", || async {
        let claims = node_claims(bed.scene.plane.client());
        let claims = claims
            .list(&kube::api::ListParams::default())
            .await
            .unwrap()
            .items;
        let initialised = |claim: &&kube::core::DynamicObject| {
            let conditions = claim.data.pointer("/status/conditions").and_then(Value::as_array);
            let mut conditions = conditions.into_iter().flatten();
            conditions.any(|one| one["type"] == "Initialized" && one["status"] == "True")
        };
        match claims.iter().filter(initialised).count() {
            there if there == nodes as usize => Ok(()),
            there => Err(format!(
                "{there} of {} claims; {}",
                claims.len(),
                bed.scene.karpenter.as_ref().unwrap().log_tail()
            )),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn karpenter_replaces_what_is_released_and_nothing_else() {
    let bed = Bed::start(options()).await;
    apply_as(&bed, "kubectl", &class(&bed, 29)).await;
    grown(&bed, &pool(json!([{"nodes": "100%"}])), 3).await;
    bed.apply(&wanted("SecondaryIp")).await;
    bed.condition("Ready", "True", "Applied").await;
    let before = names(&bed).await;

    bed.apply(&wanted("Prefix")).await;
    let sampler = Sampler::start(bed.scene.plane.client()).await;
    let planned = approved(&bed).await;
    let group = &planned["status"]["plan"]["groups"][0];
    assert_eq!(group["method"], "KarpenterMaxPods", "{planned}");
    completed(&bed, 3).await;
    sampler.at_most(1).await;

    for node in names(&bed).await {
        assert!(!before.contains(&node), "{node} was not replaced");
    }
    let pods = max_pods(bed.scene.plane.client()).await;
    assert!(pods.values().all(|pods| pods == "110"), "{pods:?}");
    let class = bed.get(&["ec2nodeclass", CLASS.name]).await;
    assert_eq!(class["spec"]["kubelet"]["maxPods"], 110);
    assert_eq!(bed.scene.sandbox.world().violations(), Vec::<String>::new());
    bed.shutdown().await;
}

/// A window of the pool that is never open: the schedule makes the plan go ahead, and Karpenter take nothing.
fn closed() -> Value {
    json!([{"nodes": "0", "schedule": "* * * * *", "duration": "24h"}])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_of_a_git_tool_with_a_closed_window_that_is_reverted() {
    let bed = Bed::start(options()).await;
    apply_as(&bed, "argocd-controller", &class(&bed, 29)).await;
    grown(&bed, &pool(closed()), 2).await;
    bed.apply(&wanted("SecondaryIp")).await;
    bed.condition("Ready", "True", "Applied").await;
    let before = names(&bed).await;

    // The patch is published and waited for.
    bed.apply(&wanted("Prefix")).await;
    approved(&bed).await;
    let patch = r#"EC2NodeClass default with {\"spec\":{\"kubelet\":{\"maxPods\":110}}}"#;
    let waits = says(&bed, "/status/waitingFor/what", patch).await;
    assert_eq!(waits["status"]["waitingFor"]["who"], "argocd-controller");
    assert_eq!(
        bed.get(&["ec2nodeclass", CLASS.name]).await["spec"]["kubelet"]["maxPods"],
        29
    );

    // Once it is there the node is released; the window of the pool keeps it.
    apply_as(&bed, "argocd-controller", &class(&bed, 110)).await;
    let waits = says(
        &bed,
        "/status/waitingFor/what",
        "is released and Karpenter has not taken it",
    )
    .await;
    let what = waits["status"]["waitingFor"]["what"].to_string();
    assert!(what.contains("24h"), "{what}");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(names(&bed).await, before);

    // Somebody puts the class back: it is noticed, and the node is held again.
    apply_as(&bed, "argocd-controller", &class(&bed, 29)).await;
    let halted = phase(&bed, "Halted").await;
    assert_eq!(halted["status"]["halt"]["reason"], "NodePoolReverted", "{halted}");
    bed.sees("the node to be held again", || async {
        let node = bed.get(&["nodes", &before[0]]).await;
        let held = &node["metadata"]["annotations"]["karpenter.sh/do-not-disrupt"];
        if held == "true" {
            Ok(())
        } else {
            Err(node["metadata"].to_string())
        }
    })
    .await;

    // What a person answers goes on: with the patch, and a pool whose window is open.
    apply_as(&bed, "argocd-controller", &class(&bed, 110)).await;
    bed.apply(&pool(json!([{"nodes": "1"}])).object().to_string())
        .await;
    resume(&bed).await;
    completed(&bed, 2).await;
    assert_eq!(migration(&bed).await["status"]["halt"], Value::Null);
    bed.shutdown().await;
}
