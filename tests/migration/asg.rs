//! Auto Scaling groups: from the refusal to the last node, blocked, paused, killed, and back.

use super::{approve, budget, migration, names, nothing_is_left, phase, says, wanted, wish, workload};
use crate::bed::Bed;
use serde_json::{Value, json};
use std::time::Duration;
use vpccni_testbed::scaling::FleetGroup;
use vpccni_testbed::scene::SceneOptions;

fn options() -> SceneOptions {
    let group = |name, zone| FleetGroup {
        name,
        zone,
        instance_type: "m5.large",
        max_pods: 29,
        count: 2,
        max: 4,
    };
    SceneOptions {
        groups: Vec::new(),
        fleet: vec![group("workers-a", "us-west-2a"), group("workers-b", "us-west-2b")],
        ..SceneOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_refusal_to_the_last_node() {
    let bed = Bed::start(options()).await;
    bed.apply(&workload(6)).await;
    bed.apply(&wanted("SecondaryIp")).await;
    bed.condition("Ready", "True", "Applied").await;
    let before: Vec<String> = names(&bed).await;

    bed.apply(&wanted("Prefix")).await;
    let planned = phase(&bed, "Planned").await;
    assert_eq!(planned["status"]["plan"]["obstacles"], json!([]), "{planned}");
    assert_eq!(planned["status"]["plan"]["nodes"], 4);
    // What is applied stays, and the policy is Ready for it.
    let ready = bed.condition("MigrationPending", "True", "SeeMigration").await;
    assert_eq!(ready["status"]["migration"], planned["metadata"]["name"]);
    assert_eq!(
        bed.variable("ENABLE_PREFIX_DELEGATION").await.as_deref(),
        Some("false")
    );

    approve(&bed, &planned).await;
    let done = phase(&bed, "Completed").await;
    let progress = &done["status"]["progress"];
    let counted = [&progress["replaced"], &progress["old"], &progress["mixed"]];
    assert_eq!(counted, [&json!(4), &json!(0), &json!(0)], "{progress}");
    assert_eq!(
        bed.variable("ENABLE_PREFIX_DELEGATION").await.as_deref(),
        Some("true")
    );
    for node in names(&bed).await {
        assert!(!before.contains(&node), "{node} was not replaced");
    }
    nothing_is_left(&bed).await;
    bed.condition("Ready", "True", "Applied").await;
    bed.shutdown().await;
}

async fn planned(bed: &Bed, replicas: u32) -> Value {
    bed.apply(&workload(replicas)).await;
    bed.apply(&wanted("SecondaryIp")).await;
    bed.condition("Ready", "True", "Applied").await;
    bed.apply(&wanted("Prefix")).await;
    phase(bed, "Planned").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_that_blocks_is_named_and_a_pause_gives_the_nodes_back() {
    let bed = Bed::start(options()).await;
    let object = planned(&bed, 4).await;
    bed.apply(&budget(0)).await;
    approve(&bed, &object).await;
    let blocked = says(&bed, "/status/waitingFor", "default/shop").await;
    let waiting = &blocked["status"]["waitingFor"];
    assert!(
        waiting["command"].as_str().unwrap().contains("kubectl"),
        "{waiting}"
    );
    assert_eq!(
        blocked["status"]["blocked"][0]["by"], "default/shop",
        "{}",
        blocked["status"]["blocked"]
    );

    wish(&bed, &object, "Pause").await;
    phase(&bed, "Paused").await;
    bed.apply(&budget(1)).await;
    wish(&bed, &object, "Run").await;
    let done = phase(&bed, "Completed").await;
    assert_eq!(done["status"]["progress"]["old"], 0);
    nothing_is_left(&bed).await;
    bed.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_killed_again_and_again_ends_in_the_same_state() {
    let mut bed = Bed::start(options()).await;
    let object = planned(&bed, 4).await;
    approve(&bed, &object).await;
    for pause in [1500_u64, 700, 2600, 400, 1900] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        bed.kill_operator().await;
        bed.start_operator().await;
    }
    let done = phase(&bed, "Completed").await;
    let progress = &done["status"]["progress"];
    assert_eq!((&progress["old"], &progress["mixed"]), (&json!(0), &json!(0)));
    nothing_is_left(&bed).await;
    bed.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_back_brings_the_nodes_to_where_they_were() {
    let bed = Bed::start(options()).await;
    let object = planned(&bed, 4).await;
    approve(&bed, &object).await;
    bed.sees("a node to be replaced", || async {
        let progress = migration(&bed).await["status"]["progress"].clone();
        match progress["replaced"].as_i64() {
            Some(1..) => Ok(()),
            _ => Err(progress.to_string()),
        }
    })
    .await;
    wish(&bed, &object, "RollBack").await;
    let back = phase(&bed, "RolledBack").await;
    assert_eq!(back["status"]["progress"]["mixed"], 0);
    assert_eq!(
        bed.variable("ENABLE_PREFIX_DELEGATION").await.as_deref(),
        Some("false")
    );
    // The states follow EC2 by a few seconds, and go with their nodes.
    bed.sees("every node to give single addresses", || async {
        let states = bed.get(&["cninodestates"]).await;
        let states = states["items"].as_array().unwrap().clone();
        match states
            .iter()
            .find(|state| state["status"]["mode"] != "SecondaryIp")
        {
            Some(state) => Err(state.to_string()),
            None => Ok(()),
        }
    })
    .await;
    nothing_is_left(&bed).await;
    bed.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn approving_needs_the_verb_and_the_hash_that_was_read() {
    let bed = Bed::start(options()).await;
    let object = planned(&bed, 1).await;
    let name = object["metadata"]["name"].as_str().unwrap();
    let approval =
        |hash: &str| json!({"spec": {"approval": {"changeHash": hash, "maxNodes": 10}}}).to_string();
    let other = approval(&format!("sha256:{}", "0".repeat(64)));
    let patch = ["patch", "cnimigration", name, "--type=merge", "-p"];
    let with = |patch: &[&str], body: &str| -> Vec<String> {
        patch.iter().copied().chain([body]).map(str::to_owned).collect()
    };
    let role = ["vpc-cni-operator-edit", "vpc-cni-operator-approve"];
    for (role, user) in role.into_iter().zip(["erin", "anna"]) {
        let user_flag = format!("--user={user}");
        let role_flag = format!("--clusterrole={role}");
        bed.kubectl(&["create", "clusterrolebinding", user, &role_flag, &user_flag])
            .await;
    }
    let stale = with(&patch, &other);
    let stale: Vec<&str> = stale.iter().map(String::as_str).collect();
    let refused = bed.kubectl_as("anna", &stale).await;
    let refused = refused.unwrap_err();
    assert!(refused.contains("this migration is another one"), "{refused}");

    let right = with(&patch, &approval(object["spec"]["changeHash"].as_str().unwrap()));
    let right: Vec<&str> = right.iter().map(String::as_str).collect();
    let refused = bed.kubectl_as("erin", &right).await.unwrap_err();
    assert!(refused.contains("needs the verb approve"), "{refused}");
    bed.kubectl_as("anna", &right).await.unwrap();
    let paused = with(&patch, r#"{"spec":{"desiredState":"Pause"}}"#);
    let paused: Vec<&str> = paused.iter().map(String::as_str).collect();
    bed.kubectl_as("erin", &paused).await.unwrap();
    bed.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_is_deleted_gives_the_nodes_back_and_leaves_the_shield() {
    let bed = Bed::start(options()).await;
    let object = planned(&bed, 4).await;
    bed.apply(&budget(0)).await;
    approve(&bed, &object).await;
    says(&bed, "/status/waitingFor", "default/shop").await;
    bed.kubectl(&["delete", "cnip", "default"]).await;
    bed.sees("no cordon and no mark", || async {
        let nodes = bed.get(&["nodes"]).await;
        let held = |node: &&Value| {
            let annotations = node["metadata"]["annotations"].to_string();
            node["spec"]["unschedulable"] == true || annotations.contains("vpccni.io/")
        };
        match nodes["items"].as_array().unwrap().iter().find(held) {
            Some(node) => Err(node["metadata"].to_string()),
            None => Ok(()),
        }
    })
    .await;
    let strategy = bed.daemon_set().await["spec"]["updateStrategy"]["type"].clone();
    assert_eq!(
        strategy, "OnDelete",
        "old nodes would take the new configuration at once"
    );
    bed.shutdown().await;
}
