//! Events against a small API server.

use super::*;
use crate::testing::{FakeApi, Fault, context};
use crate::write::OpenGate;
use std::sync::Arc;

fn clock() -> Timestamp {
    "2026-11-21T10:00:00.123456789Z".parse().unwrap()
}

fn recorder(api: &FakeApi) -> Arc<Recorder> {
    context(api, Arc::new(OpenGate), clock).events
}

fn policy() -> ObjectReference {
    ObjectReference {
        api_version: Some("vpccni.io/v1alpha1".to_owned()),
        kind: Some("CniPolicy".to_owned()),
        name: Some("default".to_owned()),
        uid: Some("u1".to_owned()),
        ..ObjectReference::default()
    }
}

#[tokio::test]
async fn an_event_has_what_the_api_demands_and_what_people_look_for() {
    let api = FakeApi::default();
    recorder(&api)
        .tell(&policy(), Reason::UnsafeChangeRefused, "prefix mode: 12 nodes")
        .await;
    let sent = api.writes().remove(0);
    assert_eq!(
        (sent.method.as_str(), sent.path.as_str()),
        ("POST", "/apis/events.k8s.io/v1/namespaces/default/events")
    );
    let event: Event = serde_json::from_value(sent.body).unwrap();
    assert_eq!(event.type_.as_deref(), Some("Warning"));
    assert_eq!(event.reason.as_deref(), Some("UnsafeChangeRefused"));
    assert_eq!(event.action.as_deref(), Some("Review"));
    assert_eq!(event.note.as_deref(), Some("prefix mode: 12 nodes"));
    assert_eq!(event.reporting_controller.as_deref(), Some("vpc-cni-operator"));
    assert_eq!(event.reporting_instance.as_deref(), Some("pod-a"));
    assert_eq!(event.regarding, Some(policy()));
    assert!(event.event_time.is_some());
    assert!(event.metadata.name.unwrap().starts_with("default."));
}

#[tokio::test]
async fn an_object_in_a_namespace_has_its_events_there() {
    let api = FakeApi::default();
    let about = ObjectReference {
        namespace: Some("kube-system".to_owned()),
        ..policy()
    };
    recorder(&api)
        .tell(&about, Reason::RolloutCompleted, "57/57")
        .await;
    assert_eq!(
        api.writes()[0].path,
        "/apis/events.k8s.io/v1/namespaces/kube-system/events"
    );
}

#[tokio::test]
async fn repetitions_become_a_series_of_the_first_event() {
    let api = FakeApi::default();
    let recorder = recorder(&api);
    for _ in 0..5 {
        recorder
            .tell(&policy(), Reason::DriftHeld, "WARM_ENI_TARGET")
            .await;
    }
    let writes = api.writes();
    let methods: Vec<_> = writes.iter().map(|seen| seen.method.as_str()).collect();
    assert_eq!(methods, ["POST", "PATCH", "PATCH"]);
    let name = writes[0].body["metadata"]["name"].as_str().unwrap();
    assert!(writes[2].path.ends_with(name), "{}", writes[2].path);
    assert_eq!(writes[2].body["series"]["count"], 4);
}

#[tokio::test]
async fn a_failure_is_swallowed_counted_and_tried_again_the_next_time() {
    let api = FakeApi::default();
    let recorder = recorder(&api);
    api.fail(|seen| (seen.method != http::Method::GET).then_some(Fault::Break));
    recorder.tell(&policy(), Reason::DriftHeld, "held").await;
    api.heal();
    recorder.tell(&policy(), Reason::DriftHeld, "held").await;
    let methods: Vec<_> = api.writes().iter().map(|seen| seen.method.to_string()).collect();
    assert_eq!(methods, ["POST", "POST"]);
    let text = recorder.metrics.registry().encode().unwrap();
    assert!(
        text.contains("vpccni_operator_events_total{reason=\"DriftHeld\",outcome=\"failed\"} 1"),
        "{text}"
    );
    assert!(
        text.contains("vpccni_operator_events_total{reason=\"DriftHeld\",outcome=\"written\"} 1"),
        "{text}"
    );
}

#[tokio::test]
async fn long_notes_are_cut_between_characters() {
    let api = FakeApi::default();
    recorder(&api)
        .tell(&policy(), Reason::ModeDrift, &"ü".repeat(600))
        .await;
    let note = api.writes()[0].body["note"].as_str().unwrap().to_owned();
    assert_eq!(note.len(), 1024);
    assert!(note.chars().all(|c| c == 'ü'));
}

#[test]
fn names_fit_and_times_have_the_form_of_the_api() {
    assert!(event_name(&"n".repeat(253), clock()).len() <= 253);
    assert_ne!(event_name("default", clock()), event_name("other", clock()));
    assert_eq!(micro(clock()), "2026-11-21T10:00:00.123456Z");
    let zero: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
    assert_eq!(micro(zero), "2026-11-21T10:00:00.000000Z");
}
