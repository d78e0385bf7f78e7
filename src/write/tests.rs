//! The funnel against a small API server: what is sent, what comes back, and how each kind of failure is sorted.

use super::*;
use crate::testing::{FakeApi, Fault, status};
use async_trait::async_trait;
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{ConfigMap, Node};
use serde_json::json;
use std::sync::Mutex;
use std::time::Duration;

const DAEMON_SET: &str = "/apis/apps/v1/namespaces/kube-system/daemonsets/aws-node";

fn writer(api: &FakeApi, gate: impl Gate + 'static) -> (Writer, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::default());
    (
        Writer::new(api.client(), Arc::new(gate), metrics.clone()),
        metrics,
    )
}

fn aws_node() -> Target {
    Target::namespaced::<DaemonSet>("kube-system", "aws-node")
}

/// Says what it was asked, closes or shortens on demand.
#[derive(Debug, Default)]
struct Turnstile {
    calls: Mutex<Vec<&'static str>>,
    closed_before: bool,
    closed_after: bool,
    left: Option<Duration>,
}

#[async_trait]
impl Gate for Turnstile {
    async fn before(&self, site: WriteSite) -> Result<(), WriteError> {
        self.calls.lock().unwrap().push("before");
        if self.closed_before {
            Err(WriteError::NotLeader { site })
        } else {
            Ok(())
        }
    }

    async fn after(&self, site: WriteSite) -> Result<(), WriteError> {
        self.calls.lock().unwrap().push("after");
        if self.closed_after {
            Err(WriteError::NotLeader { site })
        } else {
            Ok(())
        }
    }

    fn time_left(&self, _site: WriteSite) -> Option<Duration> {
        self.left
    }
}

#[tokio::test]
async fn an_apply_names_the_object_the_manager_and_the_force() {
    let api = FakeApi::default();
    let (writer, metrics) = writer(&api, OpenGate);
    let body = json!({ "spec": { "minReadySeconds": 5 } });
    let written = writer
        .apply(WriteSite::ApplyDaemonSet, &aws_node(), Apply::TAKE_OVER, body)
        .await
        .unwrap();
    assert_eq!(written.resource_version(), Some("1"));
    let seen = api.writes().remove(0);
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("PATCH", DAEMON_SET));
    assert_eq!(seen.content_type, "application/apply-patch+yaml");
    assert!(
        seen.query.contains("force=true") && seen.query.contains("fieldManager=vpc-cni-operator"),
        "{seen:?}"
    );
    assert_eq!(seen.body["apiVersion"], "apps/v1");
    assert_eq!(seen.body["kind"], "DaemonSet");
    assert_eq!(
        seen.body["metadata"],
        json!({ "name": "aws-node", "namespace": "kube-system" })
    );
    assert_eq!(metrics.writes("apply_daemon_set", "written"), 1);
}

#[tokio::test]
async fn without_force_and_as_the_released_manager() {
    let api = FakeApi::default();
    let (writer, _) = writer(&api, OpenGate);
    writer
        .apply(WriteSite::ApplyDaemonSet, &aws_node(), Apply::OURS, json!({}))
        .await
        .unwrap();
    writer
        .apply(WriteSite::HandToReleased, &aws_node(), Apply::RELEASED, json!({}))
        .await
        .unwrap();
    let queries: Vec<_> = api.writes().into_iter().map(|seen| seen.query).collect();
    assert!(!queries[0].contains("force=true"), "{queries:?}");
    assert!(
        queries[1].contains("fieldManager=vpc-cni-operator-released"),
        "{queries:?}"
    );
}

#[tokio::test]
async fn every_kind_of_write_goes_where_it_belongs() {
    let api = FakeApi::default();
    let (writer, _) = writer(&api, OpenGate);
    let (node, site) = (Target::cluster::<Node>("n1"), WriteSite::NodeStateCreate);
    let created = writer
        .create(site, &node, json!({ "metadata": { "uid": "u1" } }))
        .await
        .unwrap();
    assert_eq!(
        (created.uid(), created.resource_version()),
        (Some("u1"), Some("1"))
    );
    writer
        .merge(site, &node, json!({ "spec": { "a": 1 } }))
        .await
        .unwrap();
    writer
        .strategic_merge_unowned(site, &node, json!({ "spec": { "b": 2 } }))
        .await
        .unwrap();
    writer
        .apply_status(site, &node, Apply::OURS, json!({ "status": {} }))
        .await
        .unwrap();
    writer
        .json_patch(site, &node, json!([{ "op": "remove", "path": "/spec/a" }]))
        .await
        .unwrap();
    let only_if = Preconditions {
        uid: Some("u1".to_owned()),
        resource_version: None,
    };
    writer.delete(site, &node, only_if).await.unwrap();
    let sent: Vec<_> = api
        .writes()
        .into_iter()
        .map(|s| (s.method.to_string(), s.path, s.content_type))
        .collect();
    let expected = [
        ("POST", "/api/v1/nodes", "application/json"),
        ("PATCH", "/api/v1/nodes/n1", "application/merge-patch+json"),
        (
            "PATCH",
            "/api/v1/nodes/n1",
            "application/strategic-merge-patch+json",
        ),
        ("PATCH", "/api/v1/nodes/n1/status", "application/apply-patch+yaml"),
        ("PATCH", "/api/v1/nodes/n1", "application/json-patch+json"),
        ("DELETE", "/api/v1/nodes/n1", "application/json"),
    ]
    .map(|(method, path, kind)| (method.to_owned(), path.to_owned(), kind.to_owned()));
    assert_eq!(sent, expected);
    assert_eq!(api.object("/api/v1/nodes/n1"), None);
}

#[tokio::test]
async fn a_bound_write_meets_a_conflict_when_the_object_has_moved_on_and_a_delete_too() {
    let api = FakeApi::default();
    let (writer, metrics) = writer(&api, OpenGate);
    let map = Target::namespaced::<ConfigMap>("kube-system", "amazon-vpc-cni");
    let site = WriteSite::ApplyConfigMap;
    let first = writer
        .apply(site, &map, Apply::OURS, json!({ "data": { "a": "1" } }))
        .await
        .unwrap();
    let old = first.resource_version().unwrap().to_owned();
    writer
        .apply(site, &map, Apply::OURS, json!({ "data": { "a": "2" } }))
        .await
        .unwrap();
    let stale = json!({ "metadata": { "resourceVersion": old }, "data": { "a": "3" } });
    let error = writer.apply(site, &map, Apply::OURS, stale).await.unwrap_err();
    assert_eq!(error.category(), "conflict");
    assert!(
        error.to_string().contains("ConfigMap kube-system/amazon-vpc-cni"),
        "{error}"
    );
    let only_if = Preconditions {
        uid: None,
        resource_version: Some(old),
    };
    assert_eq!(
        writer.delete(site, &map, only_if).await.unwrap_err().category(),
        "conflict"
    );
    assert_eq!(metrics.writes("apply_config_map", "conflict"), 2);
    assert_eq!(metrics.writes("apply_config_map", "written"), 2);
}

#[tokio::test]
async fn a_bound_write_that_changes_nothing_is_counted_apart_and_so_is_a_spared_one() {
    let api = FakeApi::default();
    let (writer, metrics) = writer(&api, OpenGate);
    let body = json!({ "spec": { "minReadySeconds": 5 } });
    let first = writer
        .apply(WriteSite::ApplyDaemonSet, &aws_node(), Apply::OURS, body.clone())
        .await
        .unwrap();
    let mut again = body;
    again["metadata"]["resourceVersion"] = json!(first.resource_version());
    writer
        .apply(WriteSite::ApplyDaemonSet, &aws_node(), Apply::OURS, again)
        .await
        .unwrap();
    writer.unchanged(WriteSite::ApplyDaemonSet);
    let count = |outcome| metrics.writes("apply_daemon_set", outcome);
    assert_eq!((count("written"), count("no_op"), count("unchanged")), (1, 1, 1));
}

#[tokio::test]
async fn answers_are_sorted_by_what_the_caller_can_do() {
    let table = [
        (400, "BadRequest", "invalid"),
        (401, "Unauthorized", "denied"),
        (403, "Forbidden", "denied"),
        (404, "NotFound", "not_found"),
        (409, "AlreadyExists", "already_exists"),
        (409, "Conflict", "conflict"),
        (410, "Gone", "not_found"),
        (413, "RequestEntityTooLarge", "invalid"),
        (422, "Invalid", "invalid"),
        (429, "TooManyRequests", "throttled"),
        (500, "InternalError", "other"),
        (503, "ServiceUnavailable", "unreachable"),
        (504, "Timeout", "timed_out"),
    ];
    for (code, reason, category) in table {
        let api = FakeApi::default();
        api.fail(move |_| Some(Fault::Status(status(code, reason, "because daemonsets.apps").1)));
        let (writer, metrics) = writer(&api, OpenGate);
        let result = writer.merge(WriteSite::StopRollout, &aws_node(), json!({})).await;
        assert_eq!(result.unwrap_err().category(), category, "{code} {reason}");
        assert_eq!(metrics.writes("stop_rollout", category), 1, "{code} {reason}");
    }
}

#[tokio::test]
async fn a_denial_says_what_is_missing_and_a_conflict_which_fields() {
    let api = FakeApi::default();
    let message =
        "daemonsets.apps \"aws-node\" is forbidden: User \"sa\" cannot patch resource \"daemonsets\"";
    api.fail(move |_| Some(Fault::Status(status(403, "Forbidden", message).1)));
    let (writer, _) = writer(&api, OpenGate);
    let error = writer
        .apply(WriteSite::ApplyDaemonSet, &aws_node(), Apply::OURS, json!({}))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("cannot patch resource"), "{error}");
    assert!(!error.effect_unknown());
    let (_, mut conflict) = status(409, "Conflict", "Apply failed with 1 conflict");
    conflict["details"] = json!({ "causes": [{
        "reason": "FieldManagerConflict", "message": "conflict with \"kubectl\"", "field": ".spec.minReadySeconds",
    }] });
    api.fail(move |_| Some(Fault::Status(conflict.clone())));
    let error = writer
        .apply(WriteSite::ApplyDaemonSet, &aws_node(), Apply::OURS, json!({}))
        .await
        .unwrap_err();
    let WriteError::Conflict { fields, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(
        fields,
        [(
            ".spec.minReadySeconds".to_owned(),
            "conflict with \"kubectl\"".to_owned()
        )]
    );
}

#[tokio::test]
async fn throttling_says_how_long_to_wait() {
    let api = FakeApi::default();
    let (_, mut busy) = status(429, "TooManyRequests", "slow down");
    busy["details"] = json!({ "retryAfterSeconds": 7 });
    api.fail(move |_| Some(Fault::Status(busy.clone())));
    let (writer, _) = writer(&api, OpenGate);
    let error = writer
        .merge(WriteSite::StopRollout, &aws_node(), json!({}))
        .await
        .unwrap_err();
    let WriteError::Throttled { retry_after, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(retry_after, Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn a_broken_connection_is_unreachable_with_its_cause() {
    let api = FakeApi::default();
    api.fail(|_| Some(Fault::Break));
    let (writer, _) = writer(&api, OpenGate);
    let error = writer
        .merge(WriteSite::StopRollout, &aws_node(), json!({}))
        .await
        .unwrap_err();
    assert_eq!(error.category(), "unreachable");
    assert!(error.effect_unknown());
    assert!(error.to_string().contains("connection reset by peer"), "{error}");
}

#[tokio::test]
async fn no_answer_within_the_term_is_a_time_out_and_the_effect_may_be_there() {
    let api = FakeApi::default();
    api.put(DAEMON_SET, json!({ "spec": {} }));
    api.fail(|_| Some(Fault::HangAfter));
    let (writer, _) = writer(
        &api,
        Turnstile {
            left: Some(Duration::from_millis(50)),
            ..Turnstile::default()
        },
    );
    let body = json!({ "spec": { "minReadySeconds": 5 } });
    let error = writer
        .merge(WriteSite::StopRollout, &aws_node(), body)
        .await
        .unwrap_err();
    assert_eq!(error, WriteError::TimedOut { target: aws_node() });
    assert!(error.effect_unknown());
    assert_eq!(api.object(DAEMON_SET).unwrap()["spec"]["minReadySeconds"], 5);
}

#[tokio::test]
async fn a_closed_gate_sends_nothing() {
    let api = FakeApi::default();
    let (writer, metrics) = writer(
        &api,
        Turnstile {
            closed_before: true,
            ..Turnstile::default()
        },
    );
    let error = writer
        .merge(WriteSite::StopRollout, &aws_node(), json!({}))
        .await
        .unwrap_err();
    assert_eq!(
        error,
        WriteError::NotLeader {
            site: WriteSite::StopRollout
        }
    );
    assert!(api.writes().is_empty());
    assert_eq!(metrics.writes("stop_rollout", "not_leader"), 1);
}

#[tokio::test]
async fn the_gate_is_asked_before_and_told_after_and_its_word_counts() {
    let api = FakeApi::default();
    let gate = Arc::new(Turnstile {
        closed_after: true,
        ..Turnstile::default()
    });
    let writer = Writer::new(api.client(), gate.clone(), Arc::new(Metrics::default()));
    let result = writer
        .create(WriteSite::Event, &Target::cluster::<Node>("n1"), json!({}))
        .await;
    assert_eq!(result.unwrap_err().category(), "not_leader");
    assert_eq!(*gate.calls.lock().unwrap(), ["before", "after"]);
    assert!(api.object("/api/v1/nodes/n1").is_some());
}

#[tokio::test]
async fn a_json_patch_that_is_none_is_our_mistake() {
    let api = FakeApi::default();
    let (writer, _) = writer(&api, OpenGate);
    let error = writer
        .json_patch(WriteSite::StopRollout, &aws_node(), json!({ "op": "?" }))
        .await
        .unwrap_err();
    assert_eq!(error.category(), "invalid");
    assert!(api.writes().is_empty());
}
