//! A DaemonSet controller: a pod on every node that the template is for, replaced by and by when the template changes,
//! and the counts of all that. It writes as the controller manager does, and rests while the server is away.

use super::request::Request;
use super::shared::{Shared, State};
use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// How long the controller takes to notice: enough that others write in between.
const LAG: Duration = Duration::from_millis(20);

/// How long it waits while the server is away.
const AWAY: Duration = Duration::from_secs(1);

const REVISION: &str = "controller-revision-hash";

/// Runs for ever.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut changed = shared.subscribe();
    loop {
        changed.borrow_and_update();
        let wrote = {
            let mut state = shared.state();
            if state.is_away() {
                None
            } else {
                Some(sync_all(&mut state))
            }
        };
        match wrote {
            None => sleep(AWAY).await,
            Some(true) => {
                shared.tell();
                sleep(LAG).await;
            }
            Some(false) => {
                if changed.changed().await.is_err() {
                    return;
                }
                sleep(LAG).await;
            }
        }
    }
}

/// Whether anything was written.
fn sync_all(state: &mut State) -> bool {
    let before = state.world.store.version();
    for set in state.all("daemonsets") {
        sync(state, &set);
    }
    state.world.store.version() != before
}

fn sync(state: &mut State, set: &Value) {
    if set["metadata"]["deletionTimestamp"].is_string() {
        return;
    }
    let template = &set["spec"]["template"];
    let revision = revision_of(template);
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

fn is_ready(pod: &Value) -> bool {
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

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

impl State {
    fn kind_of(&self, plural: &str) -> Option<usize> {
        self.world.kinds.iter().position(|kind| kind.plural == plural)
    }

    fn all(&self, plural: &str) -> Vec<Arc<Value>> {
        self.kind_of(plural)
            .map(|kind| self.world.store.at(kind, u64::MAX))
            .unwrap_or_default()
    }

    /// A write about an object as the controller manager.
    fn control(&mut self, method: Method, plural: &str, about: &Value, subresource: &str, body: Value) {
        let Some(kind) = self.kind_of(plural) else { return };
        let metadata = &about["metadata"];
        let request = Request::inside(
            method,
            kind,
            [&metadata["namespace"], &metadata["name"]].map(|value| value.as_str().unwrap_or_default()),
            subresource,
            body,
        );
        if let Err(refusal) = self.write(&request) {
            tracing::debug!(plural, ?refusal, "the DaemonSet controller was refused");
        }
    }
}
