//! Ends the instance of a node that is empty. What it rests on is read live: the record, the node, its pods, and where
//! the instance is in its group.

use super::outcome::{ActError, Acted, Outcome};
use super::{live, pods, record};
use crate::context::Context;
use crate::write::{Target, WriteSite};
use vpccni_core::ids::{InstanceId, NodeName};
use vpccni_core::migration::NodeStep;
use vpccni_core::ports::groups::MemberState;
use vpccni_core::safety::{NodeGroup, Provider};

/// Pods that are named where they keep a node.
const NAMED: usize = 3;

/// Terminates this very instance through its Auto Scaling group.
pub(super) async fn terminate(
    ctx: &Context,
    node: &NodeName,
    instance: &InstanceId,
    group: &NodeGroup,
    decrement: bool,
) -> Acted {
    if matches!(group.provider, Provider::Karpenter | Provider::SelfManaged) {
        return Err(ActError::refused(format!(
            "the instances of {group} are ended by their owner, not by us"
        )));
    }
    let object = record::permitted(ctx, node, &[NodeStep::Terminating]).await?;
    if live::instance(&object).as_ref() != Some(instance) {
        return Err(ActError::moved(format!(
            "the node {node} is not the instance {instance}"
        )));
    }
    if !live::is_cordoned(&object) {
        return Err(ActError::moved(format!("the node {node} takes pods again")));
    }
    let all = live::pods(ctx, node).await?;
    let left: Vec<String> = all
        .iter()
        .filter(|pod| pods::must_leave(pod))
        .map(live::called)
        .collect();
    if !left.is_empty() {
        let named = left
            .iter()
            .take(NAMED)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        return Err(ActError::moved(format!(
            "{} pods are left on {node}: {named}",
            left.len()
        )));
    }
    if is_leaving(ctx, instance).await? {
        ctx.writer.unchanged(WriteSite::TerminateInstance);
        return Ok(Outcome::Unchanged);
    }
    let target = Target::outside("Instance", instance.as_str());
    let call = ctx.scaling.terminate(instance, decrement);
    ctx.writer
        .outside(WriteSite::TerminateInstance, &target, call)
        .await?;
    Ok(Outcome::Done)
}

/// Whether an instance is on its way out already. A second try would make the group smaller twice.
async fn is_leaving(ctx: &Context, instance: &InstanceId) -> Result<bool, ActError> {
    let groups = ctx.scaling.groups_of(std::slice::from_ref(instance)).await?;
    let Some(name) = groups.into_values().next() else {
        return Err(ActError::moved(format!(
            "the instance {instance} is in no Auto Scaling group"
        )));
    };
    let groups = ctx.scaling.groups(&[name]).await?;
    let members = groups.iter().flat_map(|group| &group.members);
    let its = members
        .filter(|member| member.id == *instance)
        .map(|member| member.state);
    Ok(its.into_iter().all(|state| state == MemberState::Leaving))
}
