//! What makes a roll stop by itself: another tenant takes the addresses, new nodes do not come up. It halts, says why and
//! what to do, and goes on once that is mended and a person has resumed it.

use super::{begun, options};
use crate::bed::Bed;
use crate::migration::{
    approved, budget, completed, migration, names, phase, resume, says, wanted, wanted_with, workload,
};
use serde_json::Value;
use std::collections::BTreeSet;
use vpccni_testbed::sandbox::world::Holding;
use vpccni_testbed::scene::SceneOptions;

#[tokio::test(flavor = "multi_thread")]
async fn another_tenant_takes_the_free_blocks_and_gives_them_back() {
    let bed = Bed::start(options()).await;
    // The first node cannot be emptied, so the others are still to come.
    bed.apply(&budget(0)).await;
    begun(&bed).await;
    says(&bed, "/status/waitingFor", "default/shop").await;
    let world = bed.scene.sandbox.world();
    let subnet = bed.scene.cloud.zones["us-west-2b"].nodes.clone();
    let held = world.write(|world| world.occupy(&subnet, &Holding::EveryBlock).unwrap());

    let halted = phase(&bed, "Halted").await;
    let halt = &halted["status"]["halt"];
    assert_eq!(halt["reason"], "CapacityLost", "{halt}");
    let message = halt["message"].as_str().unwrap();
    assert!(message.contains(subnet.as_str()), "{message}");
    let command = halted["status"]["waitingFor"]["command"].as_str().unwrap();
    assert!(command.starts_with("kubectl vpc-cni subnets"), "{command}");

    world.write(|world| {
        for interface in &held {
            world.delete_interface(interface).unwrap();
        }
    });
    bed.sees("room in the subnet", || async {
        let obstacles = migration(&bed).await["status"]["plan"]["obstacles"].to_string();
        if obstacles.contains(subnet.as_str()) {
            Err(obstacles)
        } else {
            Ok(())
        }
    })
    .await;
    bed.apply(&budget(1)).await;
    resume(&bed).await;
    completed(&bed, 4).await;
    bed.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_node_that_never_gets_ready_halts_it_and_is_named() {
    let all = options();
    let bed = Bed::start(SceneOptions {
        fleet: all.fleet[..1].to_vec(),
        ..all
    })
    .await;
    bed.apply(&workload(2)).await;
    bed.apply(&wanted("SecondaryIp")).await;
    bed.condition("Ready", "True", "Applied").await;
    let before: BTreeSet<String> = names(&bed).await.into_iter().collect();
    bed.scene.fleet.get_ready(false);
    let soon = "  halt: {newNodeSeconds: 30}";
    bed.apply(&wanted_with("ipAllocation: {mode: Prefix}", soon))
        .await;
    approved(&bed).await;

    let halted = phase(&bed, "Halted").await;
    let halt = &halted["status"]["halt"];
    assert_eq!(halt["reason"], "NewNodesFail", "{halt}");
    let mut nodes = names(&bed).await.into_iter();
    let new = nodes.find(|name| !before.contains(name)).unwrap();
    assert!(said(halt).contains(&format!("{new}: it is not Ready")), "{halt}");
    let described = bed.kubectl(&["describe", "cnimigration"]).await;
    for text in [
        &format!("kubectl describe node {new}"),
        "kubectl vpc-cni migrate resume",
    ] {
        assert!(described.contains(text), "{text} in {described}");
    }

    bed.scene.fleet.get_ready(true);
    bed.scene.kubelets.set_ready(&new, true).await.unwrap();
    resume(&bed).await;
    completed(&bed, 2).await;
    bed.shutdown().await;
}

fn said(halt: &Value) -> &str {
    halt["message"].as_str().unwrap_or_default()
}
