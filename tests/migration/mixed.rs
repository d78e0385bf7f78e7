//! All providers in one cluster: an Auto Scaling group, a managed group with a successor, the real Karpenter, and a node
//! that nobody knows how to make. One budget over all of them.

use super::karpenter::{self, pool};
use super::managed::group;
use super::sampler::Sampler;
use super::{PATIENCE, approved, completed, names, wanted, wanted_with, workload};
use crate::bed::Bed;
use serde_json::json;
use std::collections::BTreeSet;
use vpccni_testbed::karpenter::NodeClass;
use vpccni_testbed::scene::SceneOptions;
use vpccni_testbed::wait::until;

fn options() -> SceneOptions {
    SceneOptions {
        fleet: vec![group("workers", "us-west-2a", 2)],
        managed: vec![group("blue", "us-west-2b", 1)],
        by_hand: vec![("us-west-2a", "m5.large", 29)],
        ..karpenter::options()
    }
}

/// Waits until the node that somebody launched by hand is empty, and does what that person does: another one comes, and
/// this one goes.
async fn replaced_by_hand(bed: &Bed, node: &str) {
    let what = format!("{node} to be empty");
    let drained = until(&what, PATIENCE, || async {
        let state = bed.get(&["cninodestates", node]).await;
        match state["spec"]["migration"]["step"].as_str() {
            Some("Drained") => Ok(()),
            step => Err(format!("{step:?}")),
        }
    });
    drained.await.unwrap();
    let instance = bed.scene.fleet.nodes()[node].clone();
    bed.scene.cloud.by_hand("us-west-2a", "m5.large", 110).unwrap();
    bed.scene.cloud.terminate(&instance).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn four_providers_share_one_budget() {
    let bed = Bed::start(options()).await;
    let class = NodeClass {
        name: "default",
        max_pods: Some(29),
    };
    let by_hand = by_hand(&bed);
    bed.apply(&class.object(&bed.scene.cloud).to_string()).await;
    karpenter::grown(&bed, &pool(json!([{"nodes": "100%"}])), 2).await;
    bed.apply(&workload(5)).await;
    bed.apply(&wanted("SecondaryIp")).await;
    bed.condition("Ready", "True", "Applied").await;
    let before: BTreeSet<String> = names(&bed).await.into_iter().collect();
    assert_eq!(before.len(), 6);

    let how = "  nodeGroups: [{name: blue, replace: BlueGreen}]";
    let policy = wanted_with("ipAllocation: {mode: Prefix}", how);
    bed.apply(&policy.replace("maxUnavailable: \"1\"", "maxUnavailable: \"2\""))
        .await;
    let sampler = Sampler::start(bed.scene.plane.client()).await;
    let planned = approved(&bed).await;
    let methods: Vec<_> = planned["status"]["plan"]["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["method"].as_str().unwrap())
        .collect();
    assert_eq!(methods, ["AutoScaling", "BlueGreen", "KarpenterMaxPods", "Drain"]);
    replaced_by_hand(&bed, &by_hand).await;
    completed(&bed, 6).await;
    sampler.at_most(2).await;

    let after: BTreeSet<String> = names(&bed).await.into_iter().collect();
    assert!(before.is_disjoint(&after), "{before:?} {after:?}");
    bed.scene.sandbox.world().read(|world| {
        let groups: Vec<&String> = world.clusters["demo"].nodegroups.keys().collect();
        assert!(groups.len() == 1 && groups[0].starts_with("blue-"), "{groups:?}");
        let green = world.nodegroup("demo", groups[0]).unwrap();
        assert_eq!((green.sizes.min, green.sizes.max), (1, 2));
    });
    bed.shutdown().await;
}

/// The node that no group has made.
fn by_hand(bed: &Bed) -> String {
    let instances = bed.scene.fleet.nodes();
    let of_nobody = |id: &str| {
        bed.scene.sandbox.world().read(|world| {
            let mut all = world.instances.values();
            all.any(|one| one.id.as_str() == id && !one.tags.contains_key("aws:autoscaling:groupName"))
        })
    };
    let found = instances.iter().find(|(_, id)| of_nobody(id));
    found.unwrap().0.clone()
}
