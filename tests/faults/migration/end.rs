//! What must be the same at the end of a migration, whatever happened on the way: of every kind, without names that
//! chance gives.

use super::super::ground::{DAEMON_SET, Ground, NODE_STATES, POLICY, found};
use super::super::snapshot::{owners, strip};
use super::ground::{REPLICAS, Replacing, migration};
use serde_json::{Value, json};

/// What is left on others' objects begins so.
const OURS: &str = "vpccni.io/";

/// Everything; an error while pods of the workload do not all run.
pub(super) async fn look(ground: &Replacing) -> Result<Value, String> {
    let daemon_set = found(ground, DAEMON_SET).await?;
    let status = migration(ground).await?["status"].clone();
    Ok(json!({
        "policy": conditions(&found(ground, POLICY).await?["status"]),
        "migration": {
            "phase": status["phase"], "progress": status["progress"], "halt": status["halt"],
            "stays": status["stays"], "conditions": conditions(&status),
        },
        "daemonSet": {
            "template": daemon_set["spec"]["template"], "updateStrategy": daemon_set["spec"]["updateStrategy"],
            "marks": marks(&daemon_set["metadata"]["annotations"]), "owners": owners(&daemon_set),
        },
        "nodes": nodes(ground).await?,
        "pools": pools(ground).await?,
        "groups": groups(ground),
        "pods": workload(ground).await?,
    }))
}

fn conditions(status: &Value) -> Value {
    let mut conditions = status["conditions"].clone();
    strip(&mut conditions);
    // They tell times, and ids that chance gives.
    for condition in conditions.as_array_mut().into_iter().flatten() {
        condition["message"] = Value::Null;
    }
    conditions
}

fn marks(map: &Value) -> Vec<String> {
    let all = map.as_object().into_iter().flatten();
    all.filter(|(key, _)| key.starts_with(OURS))
        .map(|(key, value)| format!("{key}={value}"))
        .collect()
}

/// Each node with its group, what it gives pods, and what is ours on it; in an order of their own.
async fn nodes<G: Ground>(ground: &G) -> Result<Vec<Value>, String> {
    let states = found(ground, NODE_STATES).await?;
    let nodes = found(ground, "/api/v1/nodes").await?;
    let state_of = |node: &Value| {
        let all = states["items"].as_array().unwrap().iter();
        let mut all = all.filter(|state| state["metadata"]["name"] == node["metadata"]["name"]);
        all.next().cloned().unwrap_or_default()
    };
    let one = |node: &Value| {
        let state = state_of(node);
        json!({
            "mode": state["status"]["mode"], "group": state["status"]["group"], "record": state["spec"]["migration"],
            "pods": node["status"]["allocatable"]["pods"], "unschedulable": node["spec"]["unschedulable"],
            "taints": node["spec"]["taints"], "marks": marks(&node["metadata"]["annotations"]),
            "held": node["metadata"]["annotations"]["karpenter.sh/do-not-disrupt"],
        })
    };
    let mut all: Vec<Value> = nodes["items"].as_array().unwrap().iter().map(one).collect();
    all.sort_by_key(Value::to_string);
    Ok(all)
}

async fn pools(ground: &Replacing) -> Result<Value, String> {
    let spec = |list: Value| -> Vec<Value> {
        let items = list["items"].as_array().unwrap().iter();
        items.map(|item| item["spec"].clone()).collect()
    };
    Ok(json!({
        "pools": spec(found(ground, "/apis/karpenter.sh/v1/nodepools").await?),
        "classes": spec(found(ground, "/apis/karpenter.k8s.aws/v1/ec2nodeclasses").await?),
    }))
}

/// What AWS keeps: sizes, marks, processes, versions of templates and protected members.
fn groups(ground: &Replacing) -> Value {
    let cluster = &ground.setting.cloud.cluster;
    ground.sandbox.world().read(|world| {
        let managed = world.clusters[cluster].nodegroups.values();
        let managed = managed.map(|group| {
            json!({
                "name": group.name, "status": group.status.as_str(),
                "sizes": [group.sizes.min, group.sizes.max, group.sizes.desired], "tags": group.tags,
                "version": group.user_template.as_ref().map(|its| its.version),
            })
        });
        let mut scaling: Vec<Value> = world
            .scaling
            .groups
            .values()
            .map(|group| {
                // Names of those that EKS makes are chance.
                let name = group.tags.get("eks:nodegroup-name").unwrap_or(&group.name);
                json!({
                    "name": name, "sizes": [group.min, group.max, group.desired], "marks": marks(&json!(group.tags)),
                    "suspended": group.suspended.keys().map(|process| process.as_str()).collect::<Vec<_>>(),
                    "version": group.source.template.version,
                    "protected": group.active().filter(|member| member.protected).count(),
                    "members": group.active().count(),
                })
            })
            .collect();
        scaling.sort_by_key(Value::to_string);
        let mut templates: Vec<Value> = world
            .templates
            .values()
            .filter(|template| !template.name.starts_with("eks-"))
            .map(|template| json!([template.name, template.latest_version, template.default_version]))
            .collect();
        templates.sort_by_key(Value::to_string);
        json!({"managed": managed.collect::<Vec<_>>(), "scaling": scaling, "templates": templates})
    })
}

async fn workload<G: Ground>(ground: &G) -> Result<usize, String> {
    let pods = found(ground, "/api/v1/namespaces/default/pods").await?;
    let run =
        |pod: &&Value| pod["status"]["phase"] == "Running" && pod["metadata"]["deletionTimestamp"].is_null();
    let running = pods["items"].as_array().unwrap().iter().filter(run).count();
    if running == REPLICAS as usize {
        Ok(running)
    } else {
        Err(format!("{running} pods of the workload run"))
    }
}
