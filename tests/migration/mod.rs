//! A change that only new nodes can carry out, from the refusal to the end: planned, approved, shielded, node by node, and
//! proved to be done. Real API server, controller manager and scheduler; the providers of nodes are those of the sandbox
//! and the real Karpenter.

mod asg;
mod directions;
mod karpenter;
mod managed;
mod mixed;
mod sampler;

use crate::bed::{Bed, policy};
use serde_json::{Value, json};
use std::time::Duration;
use vpccni_testbed::wait::until;

/// A node takes half a minute: it comes, its agent starts, EC2 is read again, the old one is emptied and ends.
const PATIENCE: Duration = Duration::from_mins(4);

/// The policy, in a mode.
pub(super) fn wanted(mode: &str) -> String {
    wanted_with(&format!("ipAllocation: {{mode: {mode}}}"), "")
}

/// The policy with these settings, and more of how nodes are replaced.
pub(super) fn wanted_with(settings: &str, how: &str) -> String {
    policy(&format!(
        "managementState: Manage\nownership: {{takeOverFrom: [kubectl]}}\n{settings}\nmigration:\n  \
         strategy: Plan\n  budget: {{maxUnavailable: \"1\", maxSurge: \"2\"}}\n  canary: {{nodesPerGroup: 1, soakSeconds: 0}}\n  \
         drain: {{timeoutSeconds: 120}}\n{how}"
    ))
}

/// A Deployment whose pods can be evicted.
pub(super) fn workload(replicas: u32) -> String {
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

pub(super) async fn migration(bed: &Bed) -> Value {
    let all = bed.get(&["cnimigrations"]).await;
    let items = all["items"].as_array().unwrap().iter();
    let newest = items.max_by_key(|item| item["metadata"]["creationTimestamp"].to_string());
    newest.cloned().unwrap_or_default()
}

/// Waits until the migration is in a phase; what it says then.
pub(super) async fn phase(bed: &Bed, wanted: &str) -> Value {
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

pub(super) async fn approve(bed: &Bed, object: &Value) {
    let name = object["metadata"]["name"].as_str().unwrap();
    let approval = json!({"spec": {"approval": {
        "changeHash": object["spec"]["changeHash"], "maxNodes": 10, "notAfter": "2099-01-01T00:00:00Z", "by": "admin"
    }}});
    let patch = approval.to_string();
    bed.kubectl(&["patch", "cnimigration", name, "--type=merge", "-p", &patch])
        .await;
}

/// Answers a halt.
pub(super) async fn resume(bed: &Bed) {
    let object = migration(bed).await;
    let name = object["metadata"]["name"].as_str().unwrap();
    let resumed = json!({"spec": {"resumedAt": jiff::Timestamp::now().to_string()}}).to_string();
    bed.kubectl(&["patch", "cnimigration", name, "--type=merge", "-p", &resumed])
        .await;
}

/// The migration is planned, without an obstacle, and approved.
pub(super) async fn approved(bed: &Bed) -> Value {
    let planned = phase(bed, "Planned").await;
    assert_eq!(planned["status"]["plan"]["obstacles"], json!([]), "{planned}");
    approve(bed, &planned).await;
    planned
}

/// Waits until it is done; so many nodes are as planned, and no other is there.
pub(super) async fn completed(bed: &Bed, nodes: u32) -> Value {
    let done = phase(bed, "Completed").await;
    let progress = &done["status"]["progress"];
    let counted = [&progress["replaced"], &progress["old"], &progress["mixed"]];
    assert_eq!(counted, [&json!(nodes), &json!(0), &json!(0)], "{progress}");
    nothing_is_left(bed).await;
    done
}

pub(super) async fn names(bed: &Bed) -> Vec<String> {
    let nodes = bed.get(&["nodes"]).await;
    let items = nodes["items"].as_array().unwrap();
    items
        .iter()
        .map(|node| node["metadata"]["name"].as_str().unwrap().to_owned())
        .collect()
}

/// Nothing of ours is left on anybody's objects.
pub(super) async fn nothing_is_left(bed: &Bed) {
    let strategy = bed.daemon_set().await["spec"]["updateStrategy"]["type"].clone();
    assert_eq!(strategy, "RollingUpdate");
    let nodes = bed.get(&["nodes"]).await;
    for node in nodes["items"].as_array().unwrap() {
        let annotations = node["metadata"]["annotations"].to_string();
        assert!(!annotations.contains("vpccni.io/"), "{annotations}");
        assert!(!annotations.contains("do-not-disrupt"), "{annotations}");
        assert_ne!(node["spec"]["unschedulable"], true);
    }
    bed.scene.sandbox.world().read(|world| {
        for group in world.scaling.groups.values() {
            let marks: Vec<&str> = group.tags.keys().map(String::as_str).collect();
            assert!(
                marks.iter().all(|mark| !mark.starts_with("vpccni.io/")),
                "{marks:?}"
            );
            assert!(group.active().all(|member| !member.protected));
            assert_eq!(group.suspended.len(), 0, "{:?}", group.suspended);
        }
    });
}

/// A budget that allows nothing for the pods of the workload, or what it allowed before.
pub(super) fn budget(allowed: u32) -> String {
    json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "shop", "namespace": "default"},
        "spec": {"maxUnavailable": allowed, "selector": {"matchLabels": {"app": "shop"}}}
    })
    .to_string()
}

pub(super) async fn wish(bed: &Bed, object: &Value, desired: &str) {
    let name = object["metadata"]["name"].as_str().unwrap();
    let patch = json!({"spec": {"desiredState": desired}}).to_string();
    bed.kubectl(&["patch", "cnimigration", name, "--type=merge", "-p", &patch])
        .await;
}

/// Waits until what the migration says contains a text.
pub(super) async fn says(bed: &Bed, path: &str, text: &str) -> Value {
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
