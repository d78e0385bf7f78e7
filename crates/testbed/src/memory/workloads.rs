//! ReplicaSets, a scheduler and the counts of PodDisruptionBudgets, as far as a drain meets them: a pod that is evicted is
//! made again, goes where there is room, and is healthy when it runs.
//!
//! The real ones weigh much more. Here a pod goes to the Ready node without taints that has the fewest pods of its kind.

use super::daemon_sets::is_ready;
use super::shared::State;
use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) fn sync_all(state: &mut State) {
    for set in state.all("replicasets") {
        replicas(state, &set);
    }
    schedule(state);
    for budget in state.all("poddisruptionbudgets") {
        count(state, &budget);
    }
}

fn is_leaving(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

fn replicas(state: &mut State, set: &Value) {
    let metadata = &set["metadata"];
    let wanted = set["spec"]["replicas"].as_u64().unwrap_or(1);
    let pods = state.all("pods");
    let there = pods
        .iter()
        .filter(|pod| pod["metadata"]["ownerReferences"][0]["uid"] == metadata["uid"] && !is_leaving(pod))
        .count();
    let missing = wanted.saturating_sub(there.try_into().unwrap_or(u64::MAX));
    let about = json!({"metadata": {"namespace": metadata["namespace"]}});
    for _ in 0..missing {
        let mut pod = set["spec"]["template"].clone();
        pod["metadata"]["generateName"] = json!(format!("{}-", metadata["name"].as_str().unwrap_or("pod")));
        pod["metadata"]["namespace"] = metadata["namespace"].clone();
        pod["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": metadata["name"], "uid": metadata["uid"],
            "controller": true, "blockOwnerDeletion": true,
        }]);
        state.control(Method::POST, "pods", &about, "", pod);
    }
}

/// Pods without a node get one, where there is one.
fn schedule(state: &mut State) {
    let pods = state.all("pods");
    let mut on: BTreeMap<String, usize> = state
        .all("nodes")
        .iter()
        .filter(|node| takes_pods(node))
        .filter_map(|node| Some((node["metadata"]["name"].as_str()?.to_owned(), 0)))
        .collect();
    for pod in pods.iter().filter(|pod| pod["spec"]["hostNetwork"] != true) {
        if let Some(count) = pod["spec"]["nodeName"].as_str().and_then(|node| on.get_mut(node)) {
            *count += 1;
        }
    }
    let waits = |pod: &&Arc<Value>| pod["spec"]["nodeName"].is_null() && !is_leaving(pod);
    for pod in pods.iter().filter(waits) {
        let Some((node, count)) = on.iter_mut().min_by_key(|(_, count)| **count) else {
            return;
        };
        *count += 1;
        let mut bound = (**pod).clone();
        bound["spec"]["nodeName"] = json!(node);
        state.control(Method::PUT, "pods", pod, "", bound);
    }
}

fn takes_pods(node: &Value) -> bool {
    node["spec"]["unschedulable"] != true
        && node["spec"]["taints"].as_array().is_none_or(Vec::is_empty)
        && is_ready(node)
        && !is_leaving(node)
}

/// `status.disruptionsAllowed`, from `minAvailable` or `maxUnavailable` as a number.
fn count(state: &mut State, budget: &Value) {
    let wanted = budget["spec"]["selector"]["matchLabels"].as_object();
    let Some(wanted) = wanted else { return };
    let guards = |pod: &&Arc<Value>| {
        let metadata = &pod["metadata"];
        metadata["namespace"] == budget["metadata"]["namespace"]
            && wanted
                .iter()
                .all(|(key, value)| metadata["labels"][key] == *value)
    };
    let pods = state.all("pods");
    let expected: Vec<_> = pods.iter().filter(guards).collect();
    let living = expected.iter().filter(|pod| !is_leaving(pod));
    let healthy = living.clone().filter(|pod| is_ready(pod)).count();
    let number = |field: &str| {
        budget["spec"][field]
            .as_u64()
            .and_then(|n| usize::try_from(n).ok())
    };
    let replicas = living.count();
    let desired = number("minAvailable")
        .or_else(|| Some(replicas.saturating_sub(number("maxUnavailable")?)))
        .unwrap_or_default();
    let status = json!({
        "observedGeneration": budget["metadata"]["generation"], "expectedPods": replicas,
        "currentHealthy": healthy, "desiredHealthy": desired,
        "disruptionsAllowed": healthy.saturating_sub(desired),
    });
    if budget["status"] != status {
        let mut new = budget.clone();
        new["status"] = status;
        if let Some(metadata) = new["metadata"].as_object_mut() {
            metadata.remove("resourceVersion");
        }
        state.control(Method::PUT, "poddisruptionbudgets", budget, "status", new);
    }
}
