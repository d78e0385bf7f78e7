//! Evictions and the end of instances.

use super::super::marks;
use super::super::outcome::{BlockedPod, Evictions};
use super::*;
use crate::testing::status;
use vpccni_core::migration::PodRef;

fn pod(name: &str) -> PodRef {
    PodRef {
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        uid: format!("{name}-uid"),
    }
}

pub(super) fn evict(names: &[&str]) -> ActionKind {
    ActionKind::Evict {
        node: name(),
        pods: names.iter().map(|name| pod(name)).collect(),
    }
}

fn there(lab: &Lab, name: &str) -> bool {
    lab.api
        .object(&format!("/api/v1/namespaces/shop/pods/{name}"))
        .is_some()
}

fn accepted(count: u32) -> Evictions {
    Evictions {
        accepted: count,
        ..Evictions::default()
    }
}

/// What the API server answers where a budget allows nothing.
fn blocked(budget: &str) -> Value {
    let (_, mut status) = status(
        429,
        "TooManyRequests",
        "Cannot evict pod as it would violate the pod's disruption budget.",
    );
    let message = format!("The disruption budget {budget} needs 2 healthy pods and has 2 currently");
    status["details"] = json!({"causes": [{"reason": "DisruptionBudget", "message": message}]});
    status
}

#[tokio::test]
async fn pods_are_evicted_and_never_deleted() {
    let lab = Lab::new();
    lab.in_work(NodeStep::Draining, "i-1");
    lab.pod("a", json!({}));
    lab.pod("b", json!({}));
    assert_eq!(lab.act(evict(&["a", "b"])).await, Outcome::Evicted(accepted(2)));
    assert!(!there(&lab, "a") && !there(&lab, "b"));
    for seen in lab.api.writes() {
        assert_eq!(seen.method, http::Method::POST);
        assert!(seen.path.ends_with("/eviction"), "{seen:?}");
        assert!(seen.body["deleteOptions"]["preconditions"]["uid"].is_string());
        assert_eq!(seen.body["kind"], "Eviction");
    }
    let moot = Evictions {
        moot: 2,
        ..Evictions::default()
    };
    assert_eq!(lab.act(evict(&["a", "b"])).await, Outcome::Evicted(moot));
}

#[tokio::test]
async fn a_budget_that_blocks_is_named_and_the_others_go() {
    let lab = Lab::new();
    lab.in_work(NodeStep::Draining, "i-1");
    lab.pod("a", json!({}));
    lab.pod("b", json!({}));
    lab.once("/api/v1/namespaces/shop/pods/a", Fault::Status(blocked("web")));
    let outcomes = carried_out(&lab.ctx, vec![Action::new(evict(&["a", "b"]), "")]).await;
    let blocked: Vec<_> = outcomes.blocked().cloned().collect();
    assert_eq!(
        blocked,
        [BlockedPod {
            pod: pod("a"),
            budget: Some("web".to_owned()),
            message:
                "Cannot evict pod as it would violate the pod's disruption budget. The disruption budget web \
                      needs 2 healthy pods and has 2 currently"
                    .to_owned(),
        }]
    );
    assert!(there(&lab, "a") && !there(&lab, "b"));
    assert_eq!(lab.ctx.metrics.writes("evict_pod", "blocked"), 1);
}

#[tokio::test]
async fn a_pod_with_two_budgets_is_blocked_and_a_busy_server_ends_the_try() {
    let lab = Lab::new();
    lab.in_work(NodeStep::Draining, "i-1");
    lab.pod("a", json!({}));
    lab.pod("b", json!({}));
    let two =
        "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
    lab.once(
        "/api/v1/namespaces/shop/pods/a",
        Fault::Status(status(500, "InternalError", two).1),
    );
    let Outcome::Evicted(evictions) = lab.act(evict(&["a"])).await else {
        panic!("evictions");
    };
    assert_eq!(
        (evictions.blocked.len(), evictions.blocked[0].budget.clone()),
        (1, None)
    );
    let busy = status(
        429,
        "TooManyRequests",
        "the server has received too many requests",
    )
    .1;
    lab.once("/api/v1/namespaces/shop/pods/a", Fault::Status(busy));
    let Outcome::Evicted(evictions) = lab.act(evict(&["a", "b"])).await else {
        panic!("evictions");
    };
    assert_eq!(
        (evictions.accepted, evictions.failed.len(), there(&lab, "b")),
        (0, 1, true)
    );
}

#[tokio::test]
async fn only_the_very_pods_that_may_go_are_asked() {
    let lab = Lab::new();
    lab.in_work(NodeStep::Draining, "i-1");
    let owner =
        json!([{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "d", "uid": "d", "controller": true}]);
    lab.pod("daemon", json!({"ownerReferences": owner}));
    lab.pod("kept", json!({"annotations": {marks::SAFE_TO_EVICT: "false"}}));
    lab.pod("leaving", json!({"deletionTimestamp": "2026-11-21T20:00:00Z"}));
    lab.pod("namesake", json!({"uid": "another"}));
    let moot = Evictions {
        moot: 4,
        ..Evictions::default()
    };
    let outcome = lab.act(evict(&["daemon", "kept", "leaving", "namesake"])).await;
    assert_eq!(outcome, Outcome::Evicted(moot));
    assert!(lab.api.writes().is_empty());
}

#[tokio::test]
async fn nothing_is_evicted_without_its_ground() {
    let lab = Lab::new();
    lab.pod("a", json!({}));
    lab.in_work(NodeStep::Cordoned, "i-1");
    assert!(matches!(lab.act(evict(&["a"])).await, Outcome::Dropped(why) if why.contains("is Cordoned now")));
    lab.in_work(NodeStep::Draining, "i-1");
    lab.node("i-1", json!({}));
    assert!(
        matches!(lab.act(evict(&["a"])).await, Outcome::Dropped(why) if why.contains("takes pods again"))
    );
    lab.node("i-2", json!({"spec": {"unschedulable": true}}));
    assert!(
        matches!(lab.act(evict(&["a"])).await, Outcome::Dropped(why) if why.contains("another instance"))
    );
    lab.in_work(NodeStep::Draining, "i-1");
    lab.api
        .fail(|seen| (seen.path == "/api/v1/pods").then_some(Fault::Break));
    assert!(matches!(
        lab.act(evict(&["a"])).await,
        Outcome::Failed {
            category: "not_read",
            ..
        }
    ));
    lab.api.heal();
    assert!(there(&lab, "a") && lab.api.writes().is_empty());
}

#[tokio::test]
async fn an_eviction_without_an_answer_is_asked_again_and_meets_nobody() {
    let lab = Lab::new();
    lab.in_work(NodeStep::Draining, "i-1");
    lab.pod("a", json!({}));
    lab.once("/api/v1/namespaces/shop/pods/a", Fault::BreakAfter);
    let Outcome::Evicted(evictions) = lab.act(evict(&["a"])).await else {
        panic!("evictions");
    };
    assert_eq!((evictions.failed.len(), there(&lab, "a")), (1, false));
    assert!(matches!(
        lab.act(evict(&["a"])).await,
        Outcome::Evicted(Evictions { moot: 1, .. })
    ));
}

fn terminate(instance: &str, decrement: bool) -> ActionKind {
    ActionKind::Terminate {
        node: name(),
        instance: InstanceId::parse(instance).unwrap(),
        group: asg(),
        decrement,
    }
}

#[tokio::test]
async fn an_empty_node_is_ended_once_and_the_group_is_one_smaller() {
    let lab = Lab::with_aws().await;
    let instance = lab.member();
    lab.in_work(NodeStep::Terminating, &instance);
    lab.world(|world| world.timings.instance_start = std::time::Duration::from_hours(1));
    assert_eq!(lab.act(terminate(&instance, true)).await, Outcome::Done);
    assert_eq!(lab.group().desired, 1);
    // It is gone from the group, or on its way: no second decrement.
    assert!(matches!(
        lab.act(terminate(&instance, true)).await,
        Outcome::Unchanged | Outcome::Dropped(_)
    ));
    assert_eq!(lab.group().desired, 1);
    assert!(!lab.group().active().any(|member| member.id.as_str() == instance));
}

#[tokio::test]
async fn without_decrement_the_group_launches_another() {
    let lab = Lab::with_aws().await;
    let instance = lab.member();
    lab.in_work(NodeStep::Terminating, &instance);
    assert_eq!(lab.act(terminate(&instance, false)).await, Outcome::Done);
    assert_eq!(lab.group().desired, 2);
}

#[tokio::test]
async fn no_instance_is_ended_under_a_pod_or_without_its_record() {
    let lab = Lab::with_aws().await;
    let instance = lab.member();
    let dropped = |outcome: Outcome, part: &str| match outcome {
        Outcome::Dropped(why) => assert!(why.contains(part), "{why}"),
        other => panic!("{other:?}"),
    };
    lab.in_work(NodeStep::Drained, &instance);
    dropped(lab.act(terminate(&instance, true)).await, "is Drained now");
    lab.in_work(NodeStep::Terminating, &instance);
    dropped(
        lab.act(terminate("i-0123", true)).await,
        "is not the instance i-0123",
    );
    lab.pod("a", json!({}));
    dropped(
        lab.act(terminate(&instance, true)).await,
        "1 pod is left on n1: shop/a",
    );
    lab.pod("a", json!({"deletionTimestamp": "2026-11-21T20:00:00Z"}));
    dropped(lab.act(terminate(&instance, true)).await, "1 pod is left");
    lab.pod("a", json!({"annotations": {"kubernetes.io/config.mirror": "x"}}));
    lab.node(&instance, json!({}));
    dropped(lab.act(terminate(&instance, true)).await, "takes pods again");
    assert_eq!(lab.group().active().count(), 2);
    lab.in_work(NodeStep::Terminating, &instance);
    let mut karpenter = terminate(&instance, true);
    if let ActionKind::Terminate { group, .. } = &mut karpenter {
        group.provider = Provider::Karpenter;
    }
    assert!(matches!(
        lab.act(karpenter).await,
        Outcome::Failed {
            category: "refused",
            ..
        }
    ));
    assert_eq!(lab.act(terminate(&instance, true)).await, Outcome::Done);
}
