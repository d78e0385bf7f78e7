//! How a pod can be moved away from a node, from the pod as the API server has it.

use super::marks::{DO_NOT_DISRUPT, SAFE_TO_EVICT};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use vpccni_core::migration::PodKind;

/// Made by the kubelet from a file: the API server has only its picture.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// What kind of pod it is for a drain.
pub(crate) fn kind(pod: &Pod) -> PodKind {
    let owners = pod.metadata.owner_references.iter().flatten();
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    if pod.annotations().contains_key(MIRROR) {
        PodKind::Mirror
    } else if owners
        .filter(|owner| owner.controller == Some(true))
        .any(|owner| owner.kind == "DaemonSet")
    {
        PodKind::DaemonSet
    } else if matches!(phase, Some("Succeeded" | "Failed")) {
        PodKind::Finished
    } else if pod.metadata.deletion_timestamp.is_some() {
        PodKind::Terminating
    } else {
        PodKind::Evictable
    }
}

/// Whether a node may not be taken from under it.
pub(crate) fn must_leave(pod: &Pod) -> bool {
    matches!(kind(pod), PodKind::Evictable | PodKind::Terminating)
}

/// Why it may not be moved, where its owner said so.
pub(crate) fn keeps(pod: &Pod) -> Option<&'static str> {
    let says = |key: &str| pod.annotations().get(key).map(String::as_str);
    // Karpenter takes a duration there, too: how long the pod is not to be disturbed.
    if says(DO_NOT_DISRUPT).is_some_and(|value| value != "false") {
        Some(DO_NOT_DISRUPT)
    } else if says(SAFE_TO_EVICT) == Some("false") {
        Some(SAFE_TO_EVICT)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[expect(clippy::needless_pass_by_value, reason = "made where it is passed")]
    fn pod(metadata: Value, phase: &str) -> Pod {
        serde_json::from_value(json!({"metadata": metadata, "status": {"phase": phase}})).unwrap()
    }

    fn owned(kind: &str) -> Value {
        json!({"ownerReferences": [{"apiVersion": "v1", "kind": kind, "name": "a", "uid": "u", "controller": true}]})
    }

    #[test]
    fn every_kind_of_pod() {
        let leaving = json!({"deletionTimestamp": "2026-11-21T00:00:00Z"});
        for (metadata, phase, expected, stays) in [
            (owned("ReplicaSet"), "Running", PodKind::Evictable, true),
            (json!({}), "Pending", PodKind::Evictable, true),
            (owned("DaemonSet"), "Running", PodKind::DaemonSet, false),
            (
                json!({"annotations": {MIRROR: "x"}}),
                "Running",
                PodKind::Mirror,
                false,
            ),
            (leaving.clone(), "Running", PodKind::Terminating, true),
            (leaving, "Failed", PodKind::Finished, false),
            (json!({}), "Succeeded", PodKind::Finished, false),
        ] {
            let pod = pod(metadata.clone(), phase);
            assert_eq!(
                (kind(&pod), must_leave(&pod)),
                (expected, stays),
                "{metadata} {phase}"
            );
        }
    }

    #[test]
    fn owners_can_keep_their_pods() {
        for (key, value, kept) in [
            (DO_NOT_DISRUPT, "true", Some(DO_NOT_DISRUPT)),
            (DO_NOT_DISRUPT, "30m", Some(DO_NOT_DISRUPT)),
            (DO_NOT_DISRUPT, "false", None),
            (SAFE_TO_EVICT, "false", Some(SAFE_TO_EVICT)),
            (SAFE_TO_EVICT, "true", None),
        ] {
            let pod = pod(json!({"annotations": {key: value}}), "Running");
            assert_eq!(keeps(&pod), kept, "{key}={value}");
        }
    }
}
