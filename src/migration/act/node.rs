//! What is set on nodes and taken back: cordons, holds against Karpenter, the protection of replacements. Each is
//! marked as ours in the same write, and what somebody else has set is left as it is.

use super::live;
use super::marks::{CORDONED, DO_NOT_DISRUPT, HELD, KEPT, PROTECTED, REPLACES, SCALE_DOWN_DISABLED, YES};
use super::outcome::{Acted, Outcome, unchanged};
use super::record;
use super::seats::Seats;
use crate::context::Context;
use crate::write::{Target, WriteSite};
use k8s_openapi::api::core::v1::Node;
use kube::ResourceExt;
use serde_json::{Map, Value, json};
use vpccni_core::ids::NodeName;
use vpccni_core::migration::NodeStep;

/// The steps at which a node may be out of service.
const OUT_OF_SERVICE: [NodeStep; 5] = [
    NodeStep::Cordoned,
    NodeStep::Draining,
    NodeStep::Drained,
    NodeStep::Terminating,
    NodeStep::Quarantined,
];

/// Lets nothing new be scheduled there.
pub(super) async fn cordon(ctx: &Context, name: &NodeName) -> Acted {
    let node = record::permitted(ctx, name, &OUT_OF_SERVICE).await?;
    if live::is_cordoned(&node) {
        return Ok(unchanged(ctx, WriteSite::CordonNode));
    }
    let spec = json!({"unschedulable": true});
    patch(
        ctx,
        WriteSite::CordonNode,
        &node,
        [(CORDONED, json!(YES))].into(),
        Some(spec),
    )
    .await
}

/// Takes our cordon away.
pub(super) async fn uncordon(ctx: &Context, name: &NodeName) -> Acted {
    let node = live::node(ctx, name).await?;
    if !has(&node, CORDONED) {
        return Ok(unchanged(ctx, WriteSite::UncordonNode));
    }
    let spec = live::is_cordoned(&node).then(|| json!({"unschedulable": null}));
    patch(
        ctx,
        WriteSite::UncordonNode,
        &node,
        [(CORDONED, Value::Null)].into(),
        spec,
    )
    .await
}

/// Keeps Karpenter from taking the node.
pub(super) async fn hold(ctx: &Context, name: &NodeName) -> Acted {
    let node = live::node(ctx, name).await?;
    if has(&node, DO_NOT_DISRUPT) {
        return Ok(unchanged(ctx, WriteSite::HoldNode));
    }
    let set = [(DO_NOT_DISRUPT, json!(YES)), (HELD, json!(YES))].into();
    patch(ctx, WriteSite::HoldNode, &node, set, None).await
}

/// Lets Karpenter take it again. A value that somebody else has put there since stays.
pub(super) async fn release(ctx: &Context, name: &NodeName) -> Acted {
    let node = live::node(ctx, name).await?;
    if !has(&node, HELD) {
        return Ok(unchanged(ctx, WriteSite::ReleaseNode));
    }
    let mut unset = vec![(HELD, Value::Null)];
    if node
        .annotations()
        .get(DO_NOT_DISRUPT)
        .is_some_and(|value| value == YES)
    {
        unset.push((DO_NOT_DISRUPT, Value::Null));
    }
    patch(ctx, WriteSite::ReleaseNode, &node, unset, None).await
}

/// Protects a replacement from the autoscaler, and notes whose replacement it is and that its group may not scale it in.
/// First these marks; the protection of the instance follows for all replacements of the round.
pub(super) async fn guard(ctx: &Context, seats: &Seats, name: &NodeName, replaces: &NodeName) -> Acted {
    let node = live::node(ctx, name).await?;
    let seat = match live::instance(&node) {
        Some(instance) => seats.seat(&instance)?,
        None => None,
    };
    let unprotected = seat.filter(|(_, member)| !member.protected);
    let mut set = vec![];
    let wants = [
        (REPLACES, Some(replaces.as_str())),
        (PROTECTED, unprotected.map(|(group, _)| group.as_str())),
    ];
    for (key, value) in wants {
        if let Some(value) =
            value.filter(|value| node.annotations().get(key).is_none_or(|there| there != value))
        {
            set.push((key, json!(value)));
        }
    }
    if !has(&node, SCALE_DOWN_DISABLED) {
        set.extend([(SCALE_DOWN_DISABLED, json!(YES)), (KEPT, json!(YES))]);
    }
    if set.is_empty() {
        return Ok(Outcome::Unchanged);
    }
    patch(ctx, WriteSite::GuardNode, &node, set, None).await
}

/// Takes the marks of a replacement away; the protection of its instance has gone before.
pub(super) async fn unguard(ctx: &Context, name: &NodeName) -> Acted {
    let node = live::node(ctx, name).await?;
    let annotations = node.annotations();
    let mut unset: Vec<(&str, Value)> = [REPLACES, PROTECTED, KEPT]
        .into_iter()
        .filter(|key| annotations.contains_key(*key))
        .map(|key| (key, Value::Null))
        .collect();
    if annotations.contains_key(KEPT) {
        unset.push((SCALE_DOWN_DISABLED, Value::Null));
    }
    if unset.is_empty() {
        return Ok(unchanged(ctx, WriteSite::UnguardNode));
    }
    patch(ctx, WriteSite::UnguardNode, &node, unset, None).await
}

fn has(node: &Node, key: &str) -> bool {
    node.annotations().contains_key(key)
}

fn target(node: &Node) -> Target {
    Target::cluster::<Node>(&node.name_any())
}

/// One write for the deed and its mark, bound to the node as it was read.
async fn patch(
    ctx: &Context,
    site: WriteSite,
    node: &Node,
    annotations: Vec<(&str, Value)>,
    spec: Option<Value>,
) -> Acted {
    let annotations: Map<String, Value> = annotations
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
    let mut body = json!({
        "metadata": {"resourceVersion": live::version(node), "annotations": annotations},
    });
    if let Some(spec) = spec {
        body["spec"] = spec;
    }
    ctx.writer.merge(site, &target(node), body).await?;
    Ok(Outcome::Done)
}
