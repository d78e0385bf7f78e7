//! The write-ahead record of a node, in the spec of its CniNodeState. Nobody else writes it.

use super::live;
use super::outcome::{ActError, Acted, Outcome};
use crate::context::Context;
use crate::write::{Target, WriteSite};
use k8s_openapi::api::core::v1::Node;
use serde_json::{Value, json};
use vpccni_api::CniNodeState;
use vpccni_api::convert::migration::{record as wire, record_of};
use vpccni_core::ids::NodeName;
use vpccni_core::migration::{NodeStep, Record};

/// The record that an object holds.
fn of(state: &CniNodeState) -> Option<Record> {
    state.spec.migration.as_ref().map(record_of)
}

/// Writes it; Pending removes it. A record that is newer than the decision is left: another round, or another leader,
/// has been here.
pub(super) async fn write(ctx: &Context, node: &NodeName, record: &Record) -> Acted {
    let state = live::state(ctx, node).await?;
    let wanted = (record.step != NodeStep::Pending).then_some(record);
    let there = state.spec.migration.as_ref().map(|there| json!(there));
    let patch = wanted.map(|wanted| json!(wire(wanted)));
    if there == patch {
        ctx.writer.unchanged(WriteSite::RecordStep);
        return Ok(Outcome::Unchanged);
    }
    if of(&state).is_some_and(|there| there.since > record.since) {
        return Err(ActError::moved(format!("a newer step of {node} is recorded")));
    }
    if let (Some(record), Some(instance)) = (wanted, &record.instance) {
        let its = live::instance(&live::node(ctx, node).await?);
        if its.as_ref() != Some(instance) {
            return Err(ActError::moved(format!(
                "the node {node} is not the instance {instance} that is to be {}",
                record.step
            )));
        }
    }
    let body = json!({
        "metadata": {"resourceVersion": live::version(&state)},
        "spec": {"migration": patch.map(|patch| replacing(patch, there.as_ref()))},
    });
    let target = Target::cluster::<CniNodeState>(node.as_str());
    ctx.writer.merge(WriteSite::RecordStep, &target, body).await?;
    Ok(Outcome::Done)
}

/// A merge would leave the keys that only the old record has: they go as null.
fn replacing(mut patch: Value, old: Option<&Value>) -> Value {
    if let (Some(patch), Some(old)) = (patch.as_object_mut(), old.and_then(Value::as_object)) {
        for key in old.keys() {
            patch.entry(key.clone()).or_insert(Value::Null);
        }
    }
    patch
}

/// A node whose record, read now, allows the deed. The record names the instance: a node that came
/// back under the same name is another one.
pub(super) async fn permitted(ctx: &Context, name: &NodeName, steps: &[NodeStep]) -> Result<Node, ActError> {
    let state = live::state(ctx, name).await?;
    let record = of(&state).ok_or_else(|| ActError::moved(format!("no step of {name} is recorded")))?;
    if !steps.contains(&record.step) {
        return Err(ActError::moved(format!(
            "the step of {name} is {} now",
            record.step
        )));
    }
    let node = live::node(ctx, name).await?;
    let its = live::instance(&node);
    if record.instance.is_some() && record.instance != its {
        return Err(ActError::moved(format!(
            "the node {name} is another instance than the one that is recorded"
        )));
    }
    Ok(node)
}
