//! EKS managed node groups: one that EKS rolls, which fails first, one that is left to its owner, and one that another
//! group takes over from.

use super::sampler::{Sampler, max_pods};
use super::{approved, completed, names, phase, resume, says, wanted, wanted_with, workload};
use crate::bed::Bed;
use serde_json::json;
use std::time::Duration;
use vpccni_testbed::sandbox::world::Nodes;
use vpccni_testbed::scaling::FleetGroup;
use vpccni_testbed::scene::SceneOptions;

const CLUSTER: &str = "demo";

pub(super) fn group(name: &'static str, zone: &'static str, count: u32) -> FleetGroup {
    FleetGroup {
        name,
        zone,
        instance_type: "m5.large",
        max_pods: 29,
        count,
        max: count + 1,
    }
}

fn options() -> SceneOptions {
    SceneOptions {
        groups: Vec::new(),
        managed: vec![group("rolled", "us-west-2a", 2), group("quiet", "us-west-2b", 1)],
        ..SceneOptions::default()
    }
}

/// What becomes of the pods of a node that EKS drains.
fn evictions(bed: &Bed, succeed: bool) {
    let nodes = Nodes {
        join: true,
        evict: succeed,
    };
    let world = bed.scene.sandbox.world();
    world.write(|world| {
        // EKS waits for pods for a quarter of an hour.
        world.timings.node_drain = Duration::from_secs(2);
        world.timings.node_eviction = Duration::from_secs(4);
        world.set_nodes(CLUSTER, "rolled", nodes).unwrap();
    });
}

/// What the owner of a group does: its node goes, and the group makes another one.
fn owner_replaces(bed: &Bed, group: &str) {
    let instance = bed.scene.sandbox.world().read(|world| {
        let group = &world.nodegroup(CLUSTER, group).unwrap().scaling_group;
        let group = world.scaling_group(group).unwrap();
        group.members.keys().next().unwrap().clone()
    });
    bed.scene.cloud.terminate(instance.as_str()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn eks_rolls_a_group_fails_first_and_leaves_the_other_to_its_owner() {
    let bed = Bed::start(options()).await;
    evictions(&bed, false);
    bed.apply(&workload(3)).await;
    bed.apply(&wanted("SecondaryIp")).await;
    bed.condition("Ready", "True", "Applied").await;

    let how = "  nodeGroups: [{name: rolled, replace: UpdateVersion}]";
    bed.apply(&wanted_with("ipAllocation: {mode: Prefix}", how)).await;
    let sampler = Sampler::start(bed.scene.plane.client()).await;
    let planned = approved(&bed).await;
    let methods: Vec<_> = planned["status"]["plan"]["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| (group["group"]["name"].clone(), group["method"].clone()))
        .collect();
    let expected = [("rolled", "UpdateVersion"), ("quiet", "Wait")];
    assert_eq!(
        methods,
        expected.map(|(name, method)| (json!(name), json!(method)))
    );

    // EKS gives up over pods that do not go, and its own words are in the status.
    let halted = phase(&bed, "Halted").await;
    let halt = &halted["status"]["halt"];
    assert_eq!(halt["reason"], "UpdateFailed", "{halt}");
    let message = halt["message"].as_str().unwrap();
    assert!(message.contains("PodEvictionFailure"), "{message}");

    evictions(&bed, true);
    resume(&bed).await;
    says(&bed, "/status/summary/replaced", "2/3").await;
    let waits = says(&bed, "/status/waitingFor/what", "nodegroup/quiet is still old").await;
    assert_eq!(
        waits["status"]["waitingFor"]["who"],
        "the owner of nodegroup/quiet"
    );
    let pods = max_pods(bed.scene.plane.client()).await;
    assert_eq!(pods.values().filter(|pods| *pods == "110").count(), 2, "{pods:?}");
    owner_replaces(&bed, "quiet");
    completed(&bed, 3).await;
    // While EKS rolls, all old nodes are cordoned: their replacements are there.
    sampler.at_most(2).await;
    bed.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_group_takes_over_node_by_node_and_the_old_one_is_deleted() {
    let bed = Bed::start(SceneOptions {
        groups: Vec::new(),
        managed: vec![group("blue", "us-west-2a", 2)],
        ..SceneOptions::default()
    })
    .await;
    let sizes = |name: &str| {
        let world = bed.scene.sandbox.world();
        world.read(|world| {
            let sizes = &world.nodegroup(CLUSTER, name).unwrap().sizes;
            (sizes.min, sizes.max, sizes.desired)
        })
    };
    let old = sizes("blue");
    bed.apply(&workload(3)).await;
    bed.apply(&wanted("SecondaryIp")).await;
    bed.condition("Ready", "True", "Applied").await;
    let before = names(&bed).await;

    let how = "  nodeGroups: [{name: blue, replace: BlueGreen}]";
    bed.apply(&wanted_with("ipAllocation: {mode: Prefix}", how)).await;
    let sampler = Sampler::start(bed.scene.plane.client()).await;
    let planned = approved(&bed).await;
    assert_eq!(planned["status"]["plan"]["groups"][0]["method"], "BlueGreen");
    completed(&bed, 2).await;
    sampler.at_most(1).await;

    let groups = bed.scene.sandbox.world().read(|world| {
        let groups = world.clusters[CLUSTER].nodegroups.keys();
        groups.cloned().collect::<Vec<_>>()
    });
    assert!(groups.len() == 1 && groups[0].starts_with("blue-"), "{groups:?}");
    assert_eq!(sizes(&groups[0]), old);
    assert!(names(&bed).await.iter().all(|node| !before.contains(node)));
    let pods = max_pods(bed.scene.plane.client()).await;
    assert!(
        pods.len() == 2 && pods.values().all(|pods| pods == "110"),
        "{pods:?}"
    );
    bed.shutdown().await;
}
