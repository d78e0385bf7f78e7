//! Ends the instance of a node that is empty. What it rests on is read live: the record, the node, its pods, and where
//! the instance is in its group.

use super::outcome::{ActError, Acted, Outcome};
use super::seats::Seats;
use super::{live, pods, record};
use crate::context::Context;
use crate::write::{Target, WriteSite};
use vpccni_core::ids::{InstanceId, NodeName};
use vpccni_core::migration::NodeStep;
use vpccni_core::plural::{agreeing, counted};
use vpccni_core::ports::groups::MemberState;
use vpccni_core::safety::{NodeGroup, Provider};

/// Pods that are named where they keep a node.
const NAMED: usize = 3;

/// Terminates this very instance through its Auto Scaling group.
pub(super) async fn terminate(
    ctx: &Context,
    seats: &Seats,
    (node, instance): (&NodeName, &InstanceId),
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
            "{} {} left on {node}: {named}",
            counted(left.len(), "pod"),
            agreeing(&left.len(), "is", "are")
        )));
    }
    if is_leaving(seats, instance)? {
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
fn is_leaving(seats: &Seats, instance: &InstanceId) -> Result<bool, ActError> {
    let Some((_, member)) = seats.seat(instance)? else {
        return Err(ActError::moved(format!(
            "the instance {instance} is in no Auto Scaling group"
        )));
    };
    Ok(member.state == MemberState::Leaving)
}
