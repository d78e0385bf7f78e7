//! The shield of the DaemonSet, and Karpenter's objects.

use super::super::marks;
use super::*;
use crate::testing::status;
use vpccni_observe::policy::UNDO_STRATEGY;

const DAEMON_SET: &str = "/apis/apps/v1/namespaces/kube-system/daemonsets/aws-node";
const CLASS: &str = "/apis/karpenter.k8s.aws/v1/ec2nodeclasses/default";
const POOL: &str = "/apis/karpenter.sh/v1/nodepools/general";

fn daemon_set(lab: &Lab, strategy: &Value, annotations: &Value) {
    let object = json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": {"name": "aws-node", "namespace": "kube-system", "annotations": annotations},
        "spec": {"selector": {}, "template": {}, "updateStrategy": strategy},
    });
    lab.api.put(DAEMON_SET, object);
}

fn strategy(lab: &Lab) -> Value {
    lab.api.object(DAEMON_SET).unwrap()["spec"]["updateStrategy"].clone()
}

fn mark(lab: &Lab, key: &str) -> Value {
    lab.api.object(DAEMON_SET).unwrap()["metadata"]["annotations"][key].clone()
}

fn rolling() -> Value {
    json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%", "maxSurge": 0}})
}

#[tokio::test]
async fn the_shield_stands_and_falls_and_the_strategy_is_as_it_was() {
    let lab = Lab::new();
    daemon_set(&lab, &rolling(), &json!({}));
    lab.done_once(ActionKind::Shield).await;
    assert_eq!(strategy(&lab), json!({"type": "OnDelete"}));
    lab.done_once(ActionKind::Unshield).await;
    assert_eq!(
        (strategy(&lab), mark(&lab, marks::SHIELD)),
        (rolling(), Value::Null)
    );
}

#[tokio::test]
async fn on_delete_of_somebody_else_is_shield_enough_and_stays() {
    let lab = Lab::new();
    daemon_set(&lab, &json!({"type": "OnDelete"}), &json!({}));
    assert_eq!(lab.act(ActionKind::Shield).await, Outcome::Unchanged);
    assert_eq!(lab.act(ActionKind::Unshield).await, Outcome::Unchanged);
    assert!(lab.api.writes().is_empty());
}

#[tokio::test]
async fn a_strategy_put_back_by_somebody_is_set_aside_again_or_left_in_the_end() {
    let lab = Lab::new();
    daemon_set(&lab, &rolling(), &json!({}));
    lab.done_once(ActionKind::Shield).await;
    let theirs = json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}});
    let shield = mark(&lab, marks::SHIELD);
    daemon_set(&lab, &theirs, &json!({marks::SHIELD: shield}));
    lab.done_once(ActionKind::Shield).await;
    lab.done_once(ActionKind::Unshield).await;
    assert_eq!(strategy(&lab), theirs);
    daemon_set(&lab, &theirs, &json!({marks::SHIELD: rolling().to_string()}));
    lab.done_once(ActionKind::Unshield).await;
    assert_eq!((strategy(&lab), mark(&lab, marks::SHIELD)), (theirs, Value::Null));
}

#[tokio::test]
async fn a_stopped_rollout_cannot_resume_under_the_shield() {
    let lab = Lab::new();
    daemon_set(
        &lab,
        &json!({"type": "OnDelete"}),
        &json!({UNDO_STRATEGY: rolling().to_string()}),
    );
    lab.done_once(ActionKind::Shield).await;
    assert_eq!(mark(&lab, UNDO_STRATEGY), Value::Null);
    lab.done_once(ActionKind::Unshield).await;
    assert_eq!(strategy(&lab), rolling());
}

#[tokio::test]
async fn a_conflict_at_the_shield_is_decided_anew() {
    let lab = Lab::new();
    daemon_set(&lab, &rolling(), &json!({}));
    lab.once(DAEMON_SET, Fault::Status(status(409, "Conflict", "modified").1));
    assert!(matches!(lab.act(ActionKind::Shield).await, Outcome::Dropped(_)));
    lab.once(DAEMON_SET, Fault::BreakAfter);
    assert!(matches!(lab.act(ActionKind::Shield).await, Outcome::Unknown(_)));
    assert_eq!(lab.act(ActionKind::Shield).await, Outcome::Unchanged);
}

fn class(lab: &Lab, kubelet: &Value) {
    let object = json!({
        "apiVersion": "karpenter.k8s.aws/v1", "kind": "EC2NodeClass", "metadata": {"name": "default"},
        "spec": {"amiFamily": "AL2023", "kubelet": kubelet},
    });
    lab.api.put(CLASS, object);
}

fn drift(max_pods: u32) -> ActionKind {
    ActionKind::DriftNodeClass {
        node_class: "default".to_owned(),
        max_pods,
    }
}

#[tokio::test]
async fn max_pods_of_a_class_and_nothing_else() {
    let lab = Lab::new();
    assert!(matches!(lab.act(drift(110)).await, Outcome::Dropped(_)));
    class(&lab, &json!({"podsPerCore": 4}));
    lab.done_once(drift(110)).await;
    let spec = lab.api.object(CLASS).unwrap()["spec"].clone();
    assert_eq!(
        spec,
        json!({"amiFamily": "AL2023", "kubelet": {"podsPerCore": 4, "maxPods": 110}})
    );
    let write = lab.api.writes().pop().unwrap();
    assert!(write.body["metadata"]["resourceVersion"].is_string());
    class(&lab, &json!({"maxPods": "min(110, max_pods)"}));
    assert!(matches!(
        lab.act(drift(110)).await,
        Outcome::Failed {
            category: "refused",
            ..
        }
    ));
}

#[tokio::test]
async fn one_annotation_is_applied_to_a_pool_that_is_there() {
    let lab = Lab::new();
    let pool = NodeGroup {
        provider: Provider::Karpenter,
        name: "general".to_owned(),
    };
    let drift = ActionKind::DriftPool {
        group: pool,
        value: "7".to_owned(),
    };
    assert!(matches!(lab.act(drift.clone()).await, Outcome::Dropped(_)));
    assert!(lab.api.writes().is_empty());
    let object = json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "general", "uid": "p1"},
        "spec": {"template": {"metadata": {"annotations": {"team": "net"}}, "spec": {}}},
    });
    lab.api.put(POOL, object);
    lab.done_once(drift).await;
    let template = lab.api.object(POOL).unwrap()["spec"]["template"].clone();
    assert_eq!(
        template["metadata"]["annotations"],
        json!({"team": "net", marks::GENERATION: "7"})
    );
    let write = lab.api.writes().pop().unwrap();
    assert_eq!(write.content_type, "application/apply-patch+yaml");
    assert!(write.query.contains("fieldManager=vpc-cni-operator") && !write.query.contains("force=true"));
    assert_eq!(write.body["metadata"]["uid"], "p1");
    assert!(write.body["metadata"]["resourceVersion"].is_string());
}

#[tokio::test]
async fn a_node_claim_goes_only_while_the_record_allows_it() {
    const CLAIM: &str = "/apis/karpenter.sh/v1/nodeclaims/c1";
    let lab = Lab::new();
    let claim = json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodeClaim", "metadata": {"name": "c1", "uid": "c1-uid"},
        "status": {"nodeName": "n1"},
    });
    let all =
        json!({"apiVersion": "karpenter.sh/v1", "kind": "NodeClaimList", "metadata": {}, "items": [claim]});
    lab.api.put("/apis/karpenter.sh/v1/nodeclaims", all);
    lab.api.put(CLAIM, claim);
    lab.node("i-1", json!({}));
    lab.record(None);
    let delete = ActionKind::DeleteClaim { node: name() };
    assert!(matches!(lab.act(delete.clone()).await, Outcome::Dropped(_)));
    assert!(lab.api.writes().is_empty());
    lab.record(Some(&at(NodeStep::Selected, "i-1")));
    assert_eq!(lab.act(delete.clone()).await, Outcome::Done);
    assert_eq!(lab.api.writes().len(), 1);
    // Killed after the effect, it is asked for again by whoever comes next: a claim that goes is not deleted twice.
    let going = json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodeClaim",
        "metadata": {"name": "c1", "uid": "c1-uid", "deletionTimestamp": "2026-11-21T20:59:00Z"},
        "status": {"nodeName": "n1"},
    });
    let all =
        json!({"apiVersion": "karpenter.sh/v1", "kind": "NodeClaimList", "metadata": {}, "items": [going]});
    lab.api.put("/apis/karpenter.sh/v1/nodeclaims", all);
    lab.api.put(CLAIM, going);
    lab.act(delete).await;
    assert_eq!(lab.api.writes().len(), 1);
}
