//! Sizes, bounds and processes of Auto Scaling groups, those of managed node groups included. What is set aside is
//! kept as a tag of the group before it is changed, and put back from there.

use super::marks::{MAXIMUM, MINIMUM, SUSPENDED};
use super::outcome::{ActError, Acted, Outcome, unchanged};
use crate::context::Context;
use crate::write::{Target, WriteSite};
use std::collections::BTreeMap;
use vpccni_core::plural::counted;
use vpccni_core::ports::groups::{GroupSize, ManagedGroup, ScalingGroup};
use vpccni_core::safety::{NodeGroup, Provider};
use vpccni_observe::policy::{ask, parts};

/// What would end instances to make zones even, in the middle of a roll.
const REBALANCE: &str = "AZRebalance";

/// The mark where there is nothing to put back.
const NOBODY: &str = "none";

/// The name of the cluster, which EKS wants to know.
pub(super) fn cluster(ctx: &Context) -> Result<String, ActError> {
    let parts = parts(&ctx.stores);
    let asked = ask(
        ctx.settings.cluster_name.as_deref(),
        &ctx.stores,
        parts.live.as_ref(),
    );
    asked
        .cluster
        .ok_or_else(|| ActError::refused("the name of the cluster is not known: set spec.cluster.name"))
}

/// A managed node group; one that is gone drops the action.
pub(super) async fn managed(ctx: &Context, group: &NodeGroup) -> Result<(String, ManagedGroup), ActError> {
    let cluster = cluster(ctx)?;
    let found = ctx.node_groups.managed_group(&cluster, &group.name).await?;
    let found = found.ok_or_else(|| ActError::moved(format!("there is no {group}")))?;
    Ok((cluster, found))
}

/// The Auto Scaling group of a group of nodes, read now.
pub(super) async fn read(ctx: &Context, group: &NodeGroup) -> Result<ScalingGroup, ActError> {
    let name = match group.provider {
        Provider::AutoScalingGroup => group.name.clone(),
        Provider::ManagedNodeGroup => {
            let (_, managed) = managed(ctx, group).await?;
            let first = managed.scaling_groups.into_iter().next();
            first.ok_or_else(|| ActError::moved(format!("{group} has no Auto Scaling group")))?
        }
        Provider::Karpenter | Provider::SelfManaged => {
            return Err(ActError::refused(format!(
                "{group} has no size that we could set"
            )));
        }
    };
    let found = ctx.scaling.groups(std::slice::from_ref(&name)).await?;
    let found = found.into_iter().next();
    found.ok_or_else(|| ActError::moved(format!("there is no Auto Scaling group {name}")))
}

/// Raises the desired size.
pub(super) async fn grow(ctx: &Context, group: &NodeGroup, to: u32) -> Acted {
    let found = read(ctx, group).await?;
    let GroupSize { desired, max, .. } = found.size;
    if desired >= to {
        return Ok(unchanged(ctx, WriteSite::GrowGroup));
    }
    if to > max {
        return Err(ActError::refused(format!(
            "{group} may have no more than {}",
            counted(max, "node")
        )));
    }
    let call = ctx.scaling.set_desired(&found.name, to);
    ctx.writer
        .outside(WriteSite::GrowGroup, &target(group), call)
        .await?;
    Ok(Outcome::Done)
}

/// Suspends the rebalancing between zones, or resumes what we suspended.
pub(super) async fn suspend(ctx: &Context, group: &NodeGroup, on: bool) -> Acted {
    let found = read(ctx, group).await?;
    let ours = found.tags.get(SUSPENDED).map(String::as_str);
    let suspended = found.suspended.contains(REBALANCE);
    let processes = [REBALANCE.to_owned()];
    let site = WriteSite::SuspendGroup;
    match (on, ours) {
        (true, Some(_)) if suspended => Ok(unchanged(ctx, site)),
        (false, None) => Ok(unchanged(ctx, site)),
        (true, ours) => {
            if ours.is_none() {
                // What somebody else has suspended stays suspended in the end.
                let undo = if suspended { NOBODY } else { REBALANCE };
                keep(ctx, group, &found, (SUSPENDED, undo.to_owned())).await?;
            }
            if !suspended {
                let call = ctx.scaling.suspend(&found.name, &processes);
                ctx.writer.outside(site, &target(group), call).await?;
            }
            Ok(Outcome::Done)
        }
        (false, Some(undo)) => {
            if suspended && undo == REBALANCE {
                let call = ctx.scaling.resume(&found.name, &processes);
                ctx.writer.outside(site, &target(group), call).await?;
            }
            forget(ctx, group, &found, SUSPENDED).await?;
            Ok(Outcome::Done)
        }
    }
}

/// Sets the maximum to what the group has, or puts it back.
pub(super) async fn freeze(ctx: &Context, group: &NodeGroup, on: bool) -> Acted {
    let found = read(ctx, group).await?;
    let GroupSize { desired, max, .. } = found.size;
    let kept = kept(&found, MAXIMUM)?;
    match (on, kept) {
        // Frozen already, wherever the desired size has gone since.
        (true, Some(kept)) if max < kept => Ok(unchanged(ctx, WriteSite::BoundGroup)),
        (false, None) => Ok(unchanged(ctx, WriteSite::BoundGroup)),
        (true, kept) => {
            if kept.is_none() {
                keep(ctx, group, &found, (MAXIMUM, max.to_string())).await?;
            }
            let frozen = GroupSize {
                max: desired,
                ..found.size
            };
            set_bounds(ctx, group, &found, frozen).await?;
            Ok(Outcome::Done)
        }
        (false, Some(kept)) => {
            // A higher one is somebody's wish.
            if max < kept {
                set_bounds(
                    ctx,
                    group,
                    &found,
                    GroupSize {
                        max: kept,
                        ..found.size
                    },
                )
                .await?;
            }
            forget(ctx, group, &found, MAXIMUM).await?;
            Ok(Outcome::Done)
        }
    }
}

/// Sets the minimum to zero, or puts it back.
pub(super) async fn lower_minimum(ctx: &Context, group: &NodeGroup, on: bool) -> Acted {
    let found = read(ctx, group).await?;
    let min = found.size.min;
    match (on, kept(&found, MINIMUM)?) {
        (true, Some(_)) if min == 0 => Ok(unchanged(ctx, WriteSite::BoundGroup)),
        (false, None) => Ok(unchanged(ctx, WriteSite::BoundGroup)),
        (true, kept) => {
            if kept.is_none() {
                keep(ctx, group, &found, (MINIMUM, min.to_string())).await?;
            }
            if min > 0 {
                set_bounds(ctx, group, &found, GroupSize { min: 0, ..found.size }).await?;
            }
            Ok(Outcome::Done)
        }
        (false, Some(kept)) => {
            // Another one is somebody's wish.
            if min == 0 && kept > 0 {
                set_bounds(
                    ctx,
                    group,
                    &found,
                    GroupSize {
                        min: kept,
                        ..found.size
                    },
                )
                .await?;
            }
            forget(ctx, group, &found, MINIMUM).await?;
            Ok(Outcome::Done)
        }
    }
}

/// The bounds of a managed node group are EKS's to set: it takes others for a fault of the group.
pub(super) async fn set_bounds(
    ctx: &Context,
    group: &NodeGroup,
    found: &ScalingGroup,
    size: GroupSize,
) -> Result<(), ActError> {
    let (site, target) = (WriteSite::BoundGroup, target(group));
    if group.provider == Provider::ManagedNodeGroup {
        let cluster = cluster(ctx)?;
        // EKS takes no maximum of zero, and no desired size outside of the bounds.
        let size = GroupSize {
            max: size.max.max(1),
            desired: size.desired.max(size.min),
            ..size
        };
        let call = ctx.node_groups.resize(&cluster, &group.name, size);
        ctx.writer.outside(site, &target, call).await?;
    } else {
        let min = (size.min != found.size.min).then_some(size.min);
        let max = (size.max != found.size.max).then_some(size.max);
        let call = ctx.scaling.set_bounds(&found.name, min, max);
        ctx.writer.outside(site, &target, call).await?;
    }
    Ok(())
}

fn kept(found: &ScalingGroup, key: &str) -> Result<Option<u32>, ActError> {
    let number = found.tags.get(key).map(|value| value.parse());
    number.transpose().map_err(|_| {
        ActError::refused(format!(
            "the tag {key} of the Auto Scaling group {} is no number: set the bounds of the group, and remove it",
            found.name
        ))
    })
}

/// Notes what is to be put back, before it is changed.
pub(super) async fn keep(
    ctx: &Context,
    group: &NodeGroup,
    found: &ScalingGroup,
    (key, value): (&str, String),
) -> Result<(), ActError> {
    let tags = BTreeMap::from([(key.to_owned(), value)]);
    let call = ctx.scaling.tag(&found.name, &tags);
    Ok(ctx
        .writer
        .outside(WriteSite::TagGroup, &target(group), call)
        .await?)
}

/// Forgets what was put back.
pub(super) async fn forget(
    ctx: &Context,
    group: &NodeGroup,
    found: &ScalingGroup,
    key: &str,
) -> Result<(), ActError> {
    let keys = [key.to_owned()];
    let call = ctx.scaling.untag(&found.name, &keys);
    Ok(ctx
        .writer
        .outside(WriteSite::TagGroup, &target(group), call)
        .await?)
}

/// A group of nodes as the object of a write, for errors and the log.
pub(super) fn target(group: &NodeGroup) -> Target {
    let kind = match group.provider {
        Provider::ManagedNodeGroup => "Nodegroup",
        Provider::AutoScalingGroup | Provider::SelfManaged => "AutoScalingGroup",
        Provider::Karpenter => "NodePool",
    };
    Target::outside(kind, &group.name)
}
