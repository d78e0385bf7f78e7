//! What people do in the life of a migration.

use super::super::ground::{Ground, condition, delete, found, get, sees};
use super::super::inject::Life;
use super::super::life::{Cast, beside_operators, settled};
use super::end;
use super::ground::{MIGRATIONS, REPLICAS, Replacing, migration};
use crate::bed::policy;
use serde_json::{Value, json};

const BUDGETS: &str = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";

fn wanted(mode: &str) -> String {
    policy(&format!(
        "managementState: Manage\nownership: {{takeOverFrom: [kubectl]}}\nipAllocation: {{mode: {mode}}}\nmigration:\n  \
         strategy: Plan\n  budget: {{maxUnavailable: \"1\", maxSurge: \"1\"}}\n  canary: {{nodesPerGroup: 1, soakSeconds: 0}}\n  \
         nodeGroups: [{{name: blue, replace: BlueGreen}}, {{name: rolled, replace: UpdateVersion}}]"
    ))
}

/// Plays it; the state at the end.
pub(super) async fn live(ground: &Replacing, life: Life, cast: &Cast, expected: Option<&Value>) -> Value {
    workload(ground).await;
    beside_operators(ground, cast, async {
        match life {
            Life::Karpenter => there_and_back(ground).await,
            _ => there(ground).await,
        }
        settled(ground, expected, || end::look(ground)).await
    })
    .await
}

async fn workload(ground: &Replacing) {
    let set = json!({
        "metadata": {"name": "shop", "namespace": "default"},
        "spec": {"replicas": REPLICAS, "selector": {"matchLabels": {"app": "shop"}}, "template": {
            "metadata": {"labels": {"app": "shop"}},
            "spec": {"containers": [{"name": "shop", "image": "shop"}], "terminationGracePeriodSeconds": 5},
        }},
    });
    ground
        .create("/apis/apps/v1/namespaces/default/replicasets", &set)
        .await;
    let budget = json!({
        "metadata": {"name": "shop", "namespace": "default"},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "shop"}}},
    });
    ground.create(BUDGETS, &budget).await;
}

async fn allows(ground: &Replacing, pods: u32) {
    let path = format!("{BUDGETS}/shop");
    ground
        .merge(&path, &json!({"spec": {"maxUnavailable": pods}}))
        .await;
}

async fn phase(ground: &Replacing, wanted: &str) -> Value {
    sees(ground, &format!("phase {wanted}"), || async {
        let object = migration(ground).await?;
        if object["status"]["phase"] == wanted {
            return Ok(object);
        }
        let mut status = object["status"].clone();
        for long in ["conditions", "plan", "ifStopped", "rollback"] {
            status[long] = Value::Null;
        }
        Err(serde_json::to_string_pretty(&status).unwrap())
    })
    .await
}

async fn change(ground: &Replacing, object: &Value, patch: Value) {
    let name = object["metadata"]["name"].as_str().unwrap();
    ground.merge(&format!("{MIGRATIONS}/{name}"), &patch).await;
}

async fn approve(ground: &Replacing, object: &Value) {
    let approval = json!({"spec": {"approval": {
        "changeHash": object["spec"]["changeHash"], "maxNodes": 20, "by": "admin"
    }}});
    change(ground, object, approval).await;
}

async fn planned(ground: &Replacing) -> Value {
    ground.apply(&wanted("Prefix")).await;
    let planned = phase(ground, "Planned").await;
    let obstacles = &planned["status"]["plan"]["obstacles"];
    assert_eq!(obstacles, &json!([]), "{}", planned["status"]["plan"]);
    planned
}

/// Thought better of once; then approved, blocked by a budget, paused until everything is given back, and done.
async fn there(ground: &Replacing) {
    ground.apply(&wanted("SecondaryIp")).await;
    condition(ground, "Ready", "True", "Applied").await;
    let first = planned(ground).await;
    ground.apply(&wanted("SecondaryIp")).await;
    let path = format!("{MIGRATIONS}/{}", first["metadata"]["name"].as_str().unwrap());
    sees(ground, "the plan thrown away", || async {
        match get(ground, &path).await? {
            Some(object) => Err(object["status"].to_string()),
            None => Ok(()),
        }
    })
    .await;
    let object = planned(ground).await;
    allows(ground, 0).await;
    approve(ground, &object).await;
    sees(ground, "a pod that a budget keeps", || async {
        let waits = migration(ground).await?["status"]["waitingFor"].to_string();
        if waits.contains("default/shop") {
            Ok(())
        } else {
            Err(waits)
        }
    })
    .await;
    change(ground, &object, json!({"spec": {"desiredState": "Pause"}})).await;
    phase(ground, "Paused").await;
    sees(ground, "no node cordoned", || async {
        let nodes = found(ground, "/api/v1/nodes").await?;
        let cordoned = |node: &&Value| node["spec"]["unschedulable"] == true;
        match nodes["items"].as_array().unwrap().iter().find(cordoned) {
            Some(node) => Err(node["metadata"].to_string()),
            None => Ok(()),
        }
    })
    .await;
    allows(ground, 1).await;
    change(ground, &object, json!({"spec": {"desiredState": "Run"}})).await;
    phase(ground, "Completed").await;
}

/// Half-way, and back, with nodes whose agents were restarted: they are mixed, and once their class is as it was Karpenter
/// finds no drift of them.
async fn there_and_back(ground: &Replacing) {
    ground.apply(&wanted("SecondaryIp")).await;
    condition(ground, "Ready", "True", "Applied").await;
    let object = planned(ground).await;
    approve(ground, &object).await;
    sees(ground, "some nodes replaced", || async {
        let progress = migration(ground).await?["status"]["progress"].clone();
        match progress["replaced"].as_i64() {
            Some(1..) => Ok(()),
            _ => Err(progress.to_string()),
        }
    })
    .await;
    restart_agents(ground).await;
    change(ground, &object, json!({"spec": {"desiredState": "RollBack"}})).await;
    // Nobody asks for the change any more: no new plan follows.
    ground.apply(&wanted("SecondaryIp")).await;
    phase(ground, "RolledBack").await;
}

/// The agents of the nodes that wait for their turn, of the pool with a class of its own.
async fn restart_agents(ground: &Replacing) {
    let agents = sees(ground, "nodes that are held", || async {
        let nodes = found(ground, "/api/v1/nodes").await?;
        let held = |node: &&Value| {
            let metadata = &node["metadata"];
            metadata["annotations"]["karpenter.sh/do-not-disrupt"] == "true"
                && metadata["labels"]["karpenter.sh/nodepool"] == "class"
        };
        let held = nodes["items"].as_array().unwrap().iter().filter(held);
        let held: Vec<_> = held.map(|node| &node["metadata"]["name"]).collect();
        let pods = found(ground, "/api/v1/namespaces/kube-system/pods").await?;
        let pods = pods["items"].as_array().unwrap().iter();
        let agents: Vec<String> = pods
            .filter(|pod| held.contains(&&pod["spec"]["nodeName"]))
            .map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned())
            .collect();
        if agents.is_empty() {
            return Err(format!("none of {held:?}"));
        }
        Ok(agents)
    })
    .await;
    for pod in agents {
        delete(ground, &format!("/api/v1/namespaces/kube-system/pods/{pod}")).await;
    }
}
