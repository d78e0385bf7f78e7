//! A change that only new nodes can carry out, from the refusal to the end: planned, approved, shielded, node by node, and
//! proved to be done. Real API server, controller manager and scheduler; Auto Scaling groups of the sandbox.

use crate::bed::{Bed, policy};
use serde_json::{Value, json};
use std::time::Duration;
use vpccni_testbed::scaling::FleetGroup;
use vpccni_testbed::scene::SceneOptions;
use vpccni_testbed::wait::until;

/// A node takes half a minute: it comes, its agent starts, EC2 is read again, the old one is emptied and ends.
const PATIENCE: Duration = Duration::from_mins(6);

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

/// The policy, in a mode.
fn wanted(mode: &str) -> String {
    policy(&format!(
        "managementState: Manage\nownership: {{takeOverFrom: [kubectl]}}\nipAllocation: {{mode: {mode}}}\nmigration:\n  \
         strategy: Plan\n  budget: {{maxUnavailable: \"1\", maxSurge: \"2\"}}\n  canary: {{nodesPerGroup: 1, soakSeconds: 0}}\n  \
         drain: {{timeoutSeconds: 120}}"
    ))
}

/// A Deployment whose pods can be evicted.
fn workload(replicas: u32) -> String {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop", "namespace": "default"},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": "shop"}},
            "template": {
                "metadata": {"labels": {"app": "shop"}},
                "spec": {"containers": [{"name": "shop", "image": "shop"}]}
            }
        }
    })
    .to_string()
}

async fn migration(bed: &Bed) -> Value {
    let all = bed.get(&["cnimigrations"]).await;
    all["items"]
        .as_array()
        .unwrap()
        .first()
        .cloned()
        .unwrap_or_default()
}

/// Waits until the migration is in a phase; what it says then.
async fn phase(bed: &Bed, wanted: &str) -> Value {
    let what = format!("phase {wanted}");
    let seen = until(&what, PATIENCE, || async {
        let object = migration(bed).await;
        if object["status"]["phase"] == wanted {
            return Ok(object);
        }
        let mut status = object["status"].clone();
        for long in ["plan", "conditions", "memory"] {
            status[long] = Value::Null;
        }
        Err(serde_json::to_string_pretty(&status).unwrap())
    });
    seen.await.unwrap()
}

async fn approve(bed: &Bed, object: &Value) {
    let name = object["metadata"]["name"].as_str().unwrap();
    let approval = json!({"spec": {"approval": {
        "changeHash": object["spec"]["changeHash"], "maxNodes": 10, "notAfter": "2099-01-01T00:00:00Z", "by": "admin"
    }}});
    let patch = approval.to_string();
    bed.kubectl(&["patch", "cnimigration", name, "--type=merge", "-p", &patch])
        .await;
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
    given_back(&bed).await;
    bed.condition("Ready", "True", "Applied").await;
    bed.shutdown().await;
}

async fn names(bed: &Bed) -> Vec<String> {
    let nodes = bed.get(&["nodes"]).await;
    let items = nodes["items"].as_array().unwrap();
    items
        .iter()
        .map(|node| node["metadata"]["name"].as_str().unwrap().to_owned())
        .collect()
}

/// Nothing of ours is left on anybody's objects.
async fn given_back(bed: &Bed) {
    let strategy = bed.daemon_set().await["spec"]["updateStrategy"]["type"].clone();
    assert_eq!(strategy, "RollingUpdate");
    let nodes = bed.get(&["nodes"]).await;
    for node in nodes["items"].as_array().unwrap() {
        let annotations = node["metadata"]["annotations"].to_string();
        assert!(!annotations.contains("vpccni.io/"), "{annotations}");
        assert_ne!(node["spec"]["unschedulable"], true);
    }
    bed.scene.sandbox.world().read(|world| {
        for group in ["workers-a", "workers-b"] {
            let group = world.scaling_group(group).unwrap();
            let marks: Vec<&str> = group.tags.keys().map(String::as_str).collect();
            assert!(
                marks.iter().all(|mark| !mark.starts_with("vpccni.io/")),
                "{marks:?}"
            );
            assert!(group.active().all(|member| !member.protected));
        }
    });
}

/// A budget that allows nothing for the pods of the workload, or what it allowed before.
fn budget(allowed: u32) -> String {
    json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "shop", "namespace": "default"},
        "spec": {"maxUnavailable": allowed, "selector": {"matchLabels": {"app": "shop"}}}
    })
    .to_string()
}

async fn wish(bed: &Bed, object: &Value, desired: &str) {
    let name = object["metadata"]["name"].as_str().unwrap();
    let patch = json!({"spec": {"desiredState": desired}}).to_string();
    bed.kubectl(&["patch", "cnimigration", name, "--type=merge", "-p", &patch])
        .await;
}

async fn planned(bed: &Bed, replicas: u32) -> Value {
    bed.apply(&workload(replicas)).await;
    bed.apply(&wanted("SecondaryIp")).await;
    bed.condition("Ready", "True", "Applied").await;
    bed.apply(&wanted("Prefix")).await;
    phase(bed, "Planned").await
}

/// Waits until what the migration says contains a text.
async fn says(bed: &Bed, path: &str, text: &str) -> Value {
    let what = format!("{path} to say {text}");
    let seen = until(&what, PATIENCE, || async {
        let object = migration(bed).await;
        let said = object.pointer(path).map(Value::to_string).unwrap_or_default();
        if said.contains(text) {
            Ok(object)
        } else {
            Err(format!("{said} in {}", object["status"]["phase"]))
        }
    });
    seen.await.unwrap()
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
    given_back(&bed).await;
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
    given_back(&bed).await;
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
    given_back(&bed).await;
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
