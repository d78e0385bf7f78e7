//! What makes Karpenter replace nodes: `maxPods` of an EC2NodeClass, or an annotation in the template of a NodePool.

use super::marks::GENERATION;
use super::outcome::{ActError, Acted, Outcome};
use super::{live, record};
use crate::context::Context;
use crate::write::{Apply, Preconditions, Target, WriteSite};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::{Value, json};
use vpccni_core::ids::NodeName;
use vpccni_core::migration::NodeStep;
use vpccni_core::safety::NodeGroup;

fn resource(group: &str, kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind))
}

/// Sets `spec.kubelet.maxPods`. All nodes of all pools of the class drift by it.
pub(super) async fn set_max_pods(ctx: &Context, class: &str, max_pods: u32) -> Acted {
    let resource = resource("karpenter.k8s.aws", "EC2NodeClass");
    let found = read(ctx, &resource, class).await?;
    match found.data.pointer("/spec/kubelet/maxPods") {
        Some(Value::String(expression)) => {
            return Err(ActError::refused(format!(
                "maxPods of EC2NodeClass {class} is the expression {expression:?}: change it there"
            )));
        }
        Some(there) if *there == json!(max_pods) => {
            ctx.writer.unchanged(WriteSite::DriftNodeClass);
            return Ok(Outcome::Unchanged);
        }
        _ => {}
    }
    let body = json!({
        "metadata": {"resourceVersion": live::version_of(&found.metadata)},
        "spec": {"kubelet": {"maxPods": max_pods}},
    });
    let target = Target::new(resource, None, class);
    ctx.writer.merge(WriteSite::DriftNodeClass, &target, body).await?;
    Ok(Outcome::Done)
}

/// Sets one annotation of the template. It is applied, so that Git tools that apply leave it alone; a conflict tells
/// who else writes it.
pub(super) async fn annotate(ctx: &Context, pool: &NodeGroup, value: &str) -> Acted {
    let resource = resource("karpenter.sh", "NodePool");
    let found = read(ctx, &resource, &pool.name).await?;
    let annotations = found.data.pointer("/spec/template/metadata/annotations");
    let there = annotations.and_then(|annotations| annotations.get(GENERATION));
    if there.and_then(Value::as_str) == Some(value) {
        ctx.writer.unchanged(WriteSite::DriftNodePool);
        return Ok(Outcome::Unchanged);
    }
    let body = json!({
        // Without a version, an apply to a pool that was just deleted would make a new one.
        "metadata": {"resourceVersion": live::version_of(&found.metadata), "uid": found.metadata.uid},
        "spec": {"template": {"metadata": {"annotations": {GENERATION: value}}}},
    });
    let target = Target::new(resource, None, &pool.name);
    ctx.writer
        .apply(WriteSite::DriftNodePool, &target, Apply::OURS, body)
        .await?;
    Ok(Outcome::Done)
}

/// Deletes the NodeClaim of a node: Karpenter empties the node by the budgets of pods, and ends its instance. That is
/// not taken back, so the record must allow it now.
pub(super) async fn delete_claim(ctx: &Context, node: &NodeName) -> Acted {
    record::permitted(ctx, node, &[NodeStep::Selected]).await?;
    let resource = resource("karpenter.sh", "NodeClaim");
    let list = live::list(ctx, &resource).await?;
    let is_its = |claim: &&DynamicObject| {
        let name = claim.data.pointer("/status/nodeName").and_then(Value::as_str);
        name == Some(node.as_str())
    };
    let Some(claim) = list.iter().find(is_its) else {
        return Err(ActError::moved(format!("{node} has no NodeClaim")));
    };
    if claim.metadata.deletion_timestamp.is_some() {
        ctx.writer.unchanged(WriteSite::DeleteClaim);
        return Ok(Outcome::Unchanged);
    }
    let name = claim.metadata.name.clone().unwrap_or_default();
    let target = Target::new(resource, None, &name);
    let only = Preconditions {
        uid: claim.metadata.uid.clone(),
        resource_version: None,
    };
    ctx.writer.delete(WriteSite::DeleteClaim, &target, only).await?;
    Ok(Outcome::Done)
}

async fn read(ctx: &Context, resource: &ApiResource, name: &str) -> Result<DynamicObject, ActError> {
    let found = live::dynamic(ctx, resource, name).await?;
    found.ok_or_else(|| ActError::moved(format!("there is no {} {name}", resource.kind)))
}
