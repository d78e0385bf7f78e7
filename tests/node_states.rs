//! CniNodeStates: one for every node the VPC CNI runs on, none for the others, and none after its node.

use crate::bed::{Bed, policy};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use vpccni_testbed::SimNode;
use vpccni_testbed::cloud::PodNetwork;
use vpccni_testbed::scene::{GroupSpec, SceneOptions};

fn options() -> SceneOptions {
    let group = |name, zone, network, max_pods| GroupSpec {
        name,
        zone,
        instance_type: "m5.large",
        max_pods,
        count: 1,
        network,
    };
    SceneOptions {
        groups: vec![
            group("blue", "us-west-2a", PodNetwork::SECONDARY, 29),
            group("green", "us-west-2b", PodNetwork::PREFIX, 110),
        ],
        ..SceneOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_node_of_the_vpc_cni_has_a_state_as_long_as_it_lives() {
    let bed = Bed::start(options()).await;
    let others = [
        SimNode::fargate(201, "us-west-2a"),
        SimNode::windows(202, "us-west-2a", "win"),
        SimNode::auto_mode(203, "us-west-2b"),
        SimNode::hybrid(204, "us-west-2"),
    ];
    bed.scene.kubelets.add(&others).await.unwrap();
    bed.apply(&policy("managementState: Observe")).await;
    let names: BTreeSet<String> = bed.scene.nodes.iter().map(|node| node.name.clone()).collect();
    has_states(&bed, &names).await;

    let [blue, green] = bed.scene.nodes.as_slice() else {
        panic!("two nodes")
    };
    let seen = status(&bed, blue, "SecondaryIp").await;
    assert_eq!(
        seen["instance"],
        json!({"id": blue.instance_id, "type": "m5.large", "zone": "us-west-2a"})
    );
    assert_eq!(
        seen["group"],
        json!({"provider": "ManagedNodeGroup", "name": "blue"})
    );
    // Two interfaces with nine addresses for pods each.
    assert_eq!(
        (&seen["enis"]["attached"], &seen["enis"]["secondaryIps"]),
        (&json!(2), &json!(18)),
        "{seen}"
    );
    assert_eq!(
        (&seen["maxPods"]["seen"], &seen["maxPods"]["possible"]),
        (&json!(29), &json!(29)),
        "{seen}"
    );
    assert_eq!(seen["observedBy"], "Operator");
    let seen = status(&bed, green, "Prefix").await;
    assert_eq!(
        (&seen["enis"]["attached"], &seen["enis"]["prefixes"]),
        (&json!(1), &json!(1)),
        "{seen}"
    );
    assert_eq!(seen["maxPods"]["seen"], 110);

    bed.sees("four nodes ignored", || async {
        let nodes = bed.policy().await["status"]["nodes"].clone();
        if nodes["ignored"] == 4 && nodes["total"] == 2 {
            Ok(())
        } else {
            Err(nodes.to_string())
        }
    })
    .await;
    bed.scene.kubelets.remove(&green.name).await.unwrap();
    has_states(&bed, &BTreeSet::from([blue.name.clone()])).await;
    bed.shutdown().await;
}

async fn has_states(bed: &Bed, names: &BTreeSet<String>) {
    bed.sees(&format!("states of {names:?} and no others"), || async {
        let states = bed.get(&["cninodestates"]).await;
        let name = |state: &Value| state["metadata"]["name"].as_str().unwrap().to_owned();
        let seen: BTreeSet<String> = states["items"].as_array().unwrap().iter().map(name).collect();
        if seen == *names {
            Ok(())
        } else {
            Err(format!("{seen:?}"))
        }
    })
    .await;
}

/// The status of a node once its mode is known; the state belongs to its Node.
async fn status(bed: &Bed, node: &SimNode, mode: &str) -> Value {
    let state = bed
        .sees(&format!("{} in mode {mode}", node.name), || async {
            let state = bed.get(&["cninodestate", &node.name]).await;
            if state["status"]["mode"] == mode {
                Ok(state)
            } else {
                Err(state["status"].to_string())
            }
        })
        .await;
    let owner = &state["metadata"]["ownerReferences"][0];
    assert_eq!(
        (&owner["kind"], &owner["name"]),
        (&json!("Node"), &json!(node.name))
    );
    state["status"].clone()
}
