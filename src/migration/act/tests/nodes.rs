//! Records, cordons, holds and the protection of replacements.

use super::super::marks;
use super::*;
use crate::testing::status;

fn annotation(lab: &Lab, key: &str) -> Value {
    lab.api.object(NODE).unwrap()["metadata"]["annotations"][key].clone()
}

fn cordoned(lab: &Lab) -> bool {
    lab.api.object(NODE).unwrap()["spec"]["unschedulable"] == true
}

fn record(record: Record) -> ActionKind {
    ActionKind::Record { node: name(), record }
}

#[tokio::test]
async fn a_record_is_written_replaced_and_removed() {
    let lab = Lab::new();
    lab.node("i-1", json!({}));
    lab.record(None);
    let mut first = at(NodeStep::Selected, "i-1");
    first.grow_to = Some(3);
    lab.done_once(record(first.clone())).await;
    let mut second = at(NodeStep::Cordoned, "i-1");
    second.since = now();
    lab.done_once(record(second.clone())).await;
    // Nothing of the first one is left.
    assert_eq!(
        lab.api.object(STATE).unwrap()["spec"]["migration"],
        json!(wire(&second))
    );
    second.step = NodeStep::Pending;
    lab.done_once(record(second)).await;
    assert_eq!(lab.api.object(STATE).unwrap()["spec"]["migration"], Value::Null);
}

#[tokio::test]
async fn a_record_is_bound_to_what_was_read_and_to_the_instance() {
    let lab = Lab::new();
    lab.node("i-1", json!({}));
    lab.record(None);
    let other = record(at(NodeStep::Selected, "i-2"));
    assert!(matches!(lab.act(other).await, Outcome::Dropped(why) if why.contains("is not the instance i-2")));
    assert!(lab.api.writes().is_empty());
    let (code, conflict) = status(409, "Conflict", "the object has been modified");
    assert_eq!(code, 409);
    lab.once(STATE, Fault::Status(conflict));
    let selected = record(at(NodeStep::Selected, "i-1"));
    assert!(matches!(lab.act(selected.clone()).await, Outcome::Dropped(why) if why.contains("conflict")));
    lab.done_once(selected).await;
    let last = lab.api.writes().pop().unwrap();
    assert!(last.body["metadata"]["resourceVersion"].is_string(), "{last:?}");
}

#[tokio::test]
async fn a_newer_record_is_left_to_whoever_wrote_it() {
    let lab = Lab::new();
    lab.node("i-1", json!({}));
    let mut newer = at(NodeStep::Draining, "i-1");
    newer.since = now();
    lab.record(Some(&newer));
    let older = record(at(NodeStep::Cordoned, "i-1"));
    assert!(matches!(lab.act(older).await, Outcome::Dropped(why) if why.contains("newer step")));
    assert!(lab.api.writes().is_empty());
}

#[tokio::test]
async fn a_record_without_an_answer_may_be_there_and_is_not_written_twice() {
    let lab = Lab::new();
    lab.node("i-1", json!({}));
    lab.record(None);
    let selected = record(at(NodeStep::Selected, "i-1"));
    lab.once(STATE, Fault::BreakAfter);
    assert!(matches!(lab.act(selected.clone()).await, Outcome::Unknown(_)));
    assert_eq!(lab.act(selected.clone()).await, Outcome::Unchanged);
    lab.record(None);
    lab.once(STATE, Fault::Break);
    assert!(matches!(lab.act(selected.clone()).await, Outcome::Unknown(_)));
    lab.done_once(selected).await;
}

#[tokio::test]
async fn a_cordon_needs_its_record_and_is_marked_in_the_same_write() {
    let lab = Lab::new();
    let cordon = ActionKind::Cordon { node: name() };
    lab.node("i-1", json!({}));
    assert!(
        matches!(lab.act(cordon.clone()).await, Outcome::Dropped(why) if why.contains("no CniNodeState"))
    );
    lab.record(None);
    assert!(matches!(lab.act(cordon.clone()).await, Outcome::Dropped(why) if why.contains("no step")));
    lab.record(Some(&at(NodeStep::Selected, "i-1")));
    assert!(
        matches!(lab.act(cordon.clone()).await, Outcome::Dropped(why) if why.contains("is Selected now"))
    );
    lab.record(Some(&at(NodeStep::Cordoned, "i-2")));
    assert!(
        matches!(lab.act(cordon.clone()).await, Outcome::Dropped(why) if why.contains("another instance"))
    );
    assert!(!cordoned(&lab));
    lab.record(Some(&at(NodeStep::Cordoned, "i-1")));
    lab.done_once(cordon).await;
    assert!(cordoned(&lab));
    assert_eq!(annotation(&lab, marks::CORDONED), "true");
    assert_eq!(lab.api.writes().len(), 1);
    lab.done_once(ActionKind::Uncordon { node: name() }).await;
    assert!(!cordoned(&lab));
    assert_eq!(annotation(&lab, marks::CORDONED), Value::Null);
}

#[tokio::test]
async fn the_cordon_of_somebody_else_stays() {
    let lab = Lab::new();
    lab.in_work(NodeStep::Cordoned, "i-1");
    assert_eq!(
        lab.act(ActionKind::Cordon { node: name() }).await,
        Outcome::Unchanged
    );
    assert_eq!(
        lab.act(ActionKind::Uncordon { node: name() }).await,
        Outcome::Unchanged
    );
    assert!(cordoned(&lab) && lab.api.writes().is_empty());
    // Ours, uncordoned by somebody: only the mark goes.
    lab.node(
        "i-1",
        json!({"metadata": {"annotations": {marks::CORDONED: "true"}}}),
    );
    lab.done_once(ActionKind::Uncordon { node: name() }).await;
    assert_eq!(annotation(&lab, marks::CORDONED), Value::Null);
}

#[tokio::test]
async fn a_hold_is_ours_or_somebody_elses() {
    let lab = Lab::new();
    let (hold, release) = (
        ActionKind::Hold { node: name() },
        ActionKind::Release { node: name() },
    );
    lab.node("i-1", json!({}));
    lab.done_once(hold.clone()).await;
    assert_eq!(annotation(&lab, marks::DO_NOT_DISRUPT), "true");
    lab.done_once(release.clone()).await;
    assert_eq!(annotation(&lab, marks::DO_NOT_DISRUPT), Value::Null);
    lab.node(
        "i-1",
        json!({"metadata": {"annotations": {marks::DO_NOT_DISRUPT: "true"}}}),
    );
    assert_eq!(lab.act(hold).await, Outcome::Unchanged);
    assert_eq!(lab.act(release.clone()).await, Outcome::Unchanged);
    assert_eq!(annotation(&lab, marks::DO_NOT_DISRUPT), "true");
    // Ours once, and then somebody said for how long.
    let both = json!({marks::DO_NOT_DISRUPT: "30m", marks::HELD: "true"});
    lab.node("i-1", json!({"metadata": {"annotations": both}}));
    lab.done_once(release).await;
    assert_eq!(annotation(&lab, marks::DO_NOT_DISRUPT), "30m");
    assert_eq!(annotation(&lab, marks::HELD), Value::Null);
}

#[tokio::test]
async fn a_replacement_is_guarded_and_let_go() {
    let lab = Lab::with_aws().await;
    let guard = ActionKind::Guard {
        node: name(),
        replaces: NodeName::parse("old").unwrap(),
    };
    let protected = |lab: &Lab| {
        lab.group()
            .members
            .values()
            .filter(|member| member.protected)
            .count()
    };
    lab.node(&lab.member(), json!({}));
    lab.done_once(guard.clone()).await;
    assert_eq!(protected(&lab), 1);
    assert_eq!(annotation(&lab, marks::REPLACES), "old");
    assert_eq!(annotation(&lab, marks::SCALE_DOWN_DISABLED), "true");
    lab.done_once(ActionKind::Unguard { node: name() }).await;
    assert_eq!(protected(&lab), 0);
    for key in [
        marks::REPLACES,
        marks::SCALE_DOWN_DISABLED,
        marks::KEPT,
        marks::PROTECTED,
    ] {
        assert_eq!(annotation(&lab, key), Value::Null, "{key}");
    }
    // What somebody else protects stays protected.
    let member = lab.member();
    lab.world(|world| world.set_protection("g", &[member.parse().unwrap()], true))
        .unwrap();
    lab.node(
        &member,
        json!({"metadata": {"annotations": {marks::SCALE_DOWN_DISABLED: "true"}}}),
    );
    lab.done_once(guard).await;
    lab.done_once(ActionKind::Unguard { node: name() }).await;
    assert_eq!(protected(&lab), 1);
    assert_eq!(annotation(&lab, marks::SCALE_DOWN_DISABLED), "true");
}

#[tokio::test]
async fn the_replacements_of_a_round_are_protected_with_one_call_for_each_group() {
    let lab = Lab::with_aws().await;
    let members: Vec<String> = lab.group().active().map(|member| member.id.to_string()).collect();
    let node = |number: usize| NodeName::parse(&format!("new{number}")).unwrap();
    for (number, instance) in members.iter().enumerate() {
        let name = node(number);
        let object = json!({
            "apiVersion": "v1", "kind": "Node", "metadata": {"name": name.as_str(), "uid": name.as_str()},
            "spec": {"providerID": format!("aws:///us-west-2a/{instance}")},
        });
        lab.api.put(&format!("/api/v1/nodes/{name}"), object);
    }
    let calls = |action: &str| -> u64 {
        let all = lab.sandbox.as_ref().unwrap().calls();
        all.iter()
            .filter(|call| call.action == action)
            .map(|call| call.count)
            .sum()
    };
    let all = |kind: fn(NodeName) -> ActionKind| -> Vec<Action> {
        let kinds = (0..members.len()).map(|number| kind(node(number)));
        kinds.map(|kind| Action::new(kind, "a test wants it")).collect()
    };
    let done = |outcomes: Outcomes| {
        outcomes
            .steps
            .iter()
            .all(|(_, outcome)| *outcome == Outcome::Done)
    };
    let guard = |node| ActionKind::Guard {
        node,
        replaces: name(),
    };
    assert!(done(carried_out(&lab.ctx, all(guard)).await));
    assert!(lab.group().active().all(|member| member.protected));
    let counted = [
        "DescribeAutoScalingInstances",
        "DescribeAutoScalingGroups",
        "SetInstanceProtection",
    ];
    assert_eq!((members.len(), counted.map(calls)), (2, [1, 1, 1]));
    // One has left the group meanwhile: the others are let go all the same.
    let gone: InstanceId = members[0].parse().unwrap();
    lab.world(|world| world.terminate_in_group(&gone, true).map(drop))
        .unwrap();
    assert!(done(
        carried_out(&lab.ctx, all(|node| ActionKind::Unguard { node })).await
    ));
    assert!(lab.group().active().all(|member| !member.protected));
}
