//! A DaemonSet controller: a pod on every node that the template is for, replaced by and by when the template changes,
//! a ControllerRevision for each template, and the counts of all that. It writes as the controller manager does.

use super::shared::State;
use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

const REVISION: &str = "controller-revision-hash";

/// Every DaemonSet.
pub(super) fn sync_all(state: &mut State) {
    for set in state.all("daemonsets") {
        sync(state, &set);
    }
}

fn sync(state: &mut State, set: &Value) {
    if set["metadata"]["deletionTimestamp"].is_string() {
        return;
    }
    let template = &set["spec"]["template"];
    let revision = revision_of(template);
    record(state, set, &revision);
    let nodes: Vec<String> = state
        .all("nodes")
        .iter()
        .filter(|node| is_for(&template["spec"], node))
        .filter_map(|node| text(&node["metadata"]["name"]))
        .collect();
    let uid = &set["metadata"]["uid"];
    let mut pods: BTreeMap<String, Vec<Arc<Value>>> = BTreeMap::new();
    for pod in state.all("pods") {
        if pod["metadata"]["ownerReferences"][0]["uid"] == *uid
            && let Some(node) = text(&pod["spec"]["nodeName"])
        {
            pods.entry(node).or_default().push(pod);
        }
    }
    let on = |node: &String| pods.get(node).map(Vec::as_slice).unwrap_or_default();
    for node in nodes.iter().filter(|node| on(node).is_empty()) {
        let pod = pod_of(set, node, &revision);
        state.control(Method::POST, "pods", &pod, "", pod.clone());
    }
    for pod in to_replace(set, &nodes, &pods, &revision) {
        state.control(Method::DELETE, "pods", &pod, "", Value::Null);
    }
    let count = |wanted: &dyn Fn(&Value) -> bool| {
        let matching = nodes.iter().filter(|node| on(node).iter().any(|pod| wanted(pod)));
        matching.count()
    };
    let ready = count(&is_ready);
    let mut status = json!({
        "currentNumberScheduled": count(&|_| true), "desiredNumberScheduled": nodes.len(), "numberMisscheduled": 0,
        "numberReady": ready, "observedGeneration": set["metadata"]["generation"],
    });
    // Counts of nothing are left out.
    for (name, value) in [
        ("updatedNumberScheduled", count(&|pod| is_newest(pod, &revision))),
        ("numberAvailable", ready),
        ("numberUnavailable", nodes.len() - ready),
    ] {
        if value > 0 {
            status[name] = json!(value);
        }
    }
    if set["status"] != status {
        let mut new = set.clone();
        if let Some(metadata) = new["metadata"].as_object_mut() {
            metadata.remove("resourceVersion");
        }
        new["status"] = status;
        state.control(Method::PUT, "daemonsets", set, "status", new);
    }
}

/// Old pods that may go now: those that do not run, and of the others as many as may be away at a time.
fn to_replace(
    set: &Value,
    nodes: &[String],
    pods: &BTreeMap<String, Vec<Arc<Value>>>,
    revision: &str,
) -> Vec<Arc<Value>> {
    let strategy = &set["spec"]["updateStrategy"];
    if strategy["type"] != "RollingUpdate" {
        return Vec::new();
    }
    let on = |node: &String| pods.get(node).map(Vec::as_slice).unwrap_or_default();
    let available = nodes
        .iter()
        .filter(|node| on(node).iter().any(|pod| is_ready(pod)));
    let away = nodes.len() - available.count();
    let mut left =
        may_be_away(&strategy["rollingUpdate"]["maxUnavailable"], nodes.len()).saturating_sub(away);
    let mut going = Vec::new();
    for pod in nodes.iter().flat_map(on) {
        if is_newest(pod, revision) || pod["metadata"]["deletionTimestamp"].is_string() {
            continue;
        }
        if !is_ready(pod) {
            going.push(pod.clone());
        } else if left > 0 {
            left -= 1;
            going.push(pod.clone());
        }
    }
    going
}

/// A number, or a share of the nodes, rounded up; at least one.
fn may_be_away(value: &Value, nodes: usize) -> usize {
    let share = value
        .as_str()
        .and_then(|text| text.trim_end_matches('%').parse::<usize>().ok())
        .map(|percent| (nodes * percent).div_ceil(100));
    let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
    share.or(number).unwrap_or(1).max(1)
}

fn pod_of(set: &Value, node: &str, revision: &str) -> Value {
    let metadata = &set["metadata"];
    let template = &set["spec"]["template"];
    let mut labels = template["metadata"]["labels"].clone();
    labels[REVISION] = json!(revision);
    let name = text(&metadata["name"]).unwrap_or_default();
    let mut spec = template["spec"].clone();
    spec["nodeName"] = json!(node);
    json!({
        "metadata": {
            "generateName": format!("{name}-"), "namespace": metadata["namespace"], "labels": labels,
            "annotations": template["metadata"]["annotations"],
            "ownerReferences": [{
                "apiVersion": set["apiVersion"], "kind": set["kind"], "name": name, "uid": metadata["uid"],
                "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "spec": spec,
    })
}

pub(super) fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let mut ready = conditions.filter(|condition| condition["type"] == "Ready");
    ready.any(|condition| condition["status"] == "True")
}

fn is_newest(pod: &Value, revision: &str) -> bool {
    pod["metadata"]["labels"][REVISION] == revision
}

/// A name for a template: FNV-1a, as the real controller's, over other bytes than its.
fn revision_of(template: &Value) -> String {
    let bytes = template.to_string();
    let hash = bytes.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")[..10].to_owned()
}

/// Whether selector and affinity of a pod let it run on a node. Taints are not looked at: what we run tolerates all.
fn is_for(spec: &Value, node: &Value) -> bool {
    let labels = &node["metadata"]["labels"];
    let selected = spec["nodeSelector"]
        .as_object()
        .is_none_or(|wanted| wanted.iter().all(|(name, value)| labels[name] == *value));
    let required = &spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    let terms = required["nodeSelectorTerms"].as_array();
    let fits = |term: &Value| {
        let expressions = term["matchExpressions"].as_array().into_iter().flatten();
        let mut expressions = expressions;
        expressions.all(|expression| holds(expression, labels))
    };
    selected && terms.is_none_or(|terms| terms.iter().any(fits))
}

fn holds(expression: &Value, labels: &Value) -> bool {
    let seen = expression["key"].as_str().and_then(|key| labels.get(key));
    let among = || {
        let values = expression["values"].as_array().into_iter().flatten();
        seen.is_some_and(|seen| values.into_iter().any(|value| value == seen))
    };
    match expression["operator"].as_str() {
        Some("In") => among(),
        Some("NotIn") => !among(),
        Some("Exists") => seen.is_some(),
        Some("DoesNotExist") => seen.is_none(),
        _ => false,
    }
}

/// The newest ControllerRevision is that of the template: a new one, or an old one counted anew.
fn record(state: &mut State, set: &Value, revision: &str) {
    let all = state.all("controllerrevisions");
    let uid = &set["metadata"]["uid"];
    let own: Vec<_> = all
        .iter()
        .filter(|one| one["metadata"]["ownerReferences"][0]["uid"] == *uid)
        .collect();
    let number = |one: &Value| one["revision"].as_i64().unwrap_or_default();
    let newest = own.iter().map(|one| number(one)).max().unwrap_or_default();
    let same = own
        .iter()
        .find(|one| one["metadata"]["labels"][REVISION] == revision);
    match same {
        Some(one) if number(one) == newest => {}
        Some(one) => {
            let mut again = (***one).clone();
            again["revision"] = json!(newest + 1);
            state.control(Method::PUT, "controllerrevisions", one, "", again);
        }
        None => {
            let metadata = &set["metadata"];
            let name = text(&metadata["name"]).unwrap_or_default();
            let new = json!({
                "metadata": {
                    "name": format!("{name}-{revision}"), "namespace": metadata["namespace"],
                    "labels": {REVISION: revision},
                    "ownerReferences": [{
                        "apiVersion": set["apiVersion"], "kind": set["kind"], "name": name, "uid": uid,
                        "controller": true, "blockOwnerDeletion": true,
                    }],
                },
                "revision": newest + 1,
            });
            let about = json!({"metadata": {"namespace": metadata["namespace"]}});
            state.control(Method::POST, "controllerrevisions", &about, "", new);
        }
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
