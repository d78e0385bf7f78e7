//! Asks pods to leave their node, by the eviction API and nothing else: budgets hold, and what they refuse is told.

use super::outcome::{ActError, Acted, BlockedPod, Evictions, Outcome};
use super::{live, pods, record};
use crate::context::Context;
use crate::write::{Target, WriteError, WriteSite};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use std::collections::BTreeMap;
use tokio_util::sync::CancellationToken;
use vpccni_core::ids::NodeName;
use vpccni_core::migration::{NodeStep, PodKind, PodRef};

/// Evicts these pods. The record must allow it, the node must take no new pods, and each pod must be the one that was
/// seen, may be moved and is not leaving yet: all of it read now. After `stop` no further pod is asked.
pub(super) async fn evict(
    ctx: &Context,
    node: &NodeName,
    wanted: &[PodRef],
    stop: &CancellationToken,
) -> Acted {
    let object = record::permitted(ctx, node, &[NodeStep::Draining]).await?;
    if !live::is_cordoned(&object) {
        return Err(ActError::moved(format!("the node {node} takes pods again")));
    }
    let there = live::pods(ctx, node).await?;
    let there: BTreeMap<String, &Pod> = there.iter().filter_map(|pod| Some((pod.uid()?, pod))).collect();
    let mut evictions = Evictions::default();
    for pod in wanted {
        if stop.is_cancelled() {
            break;
        }
        let movable = there
            .get(&pod.uid)
            .is_some_and(|pod| pods::kind(pod) == PodKind::Evictable && pods::keeps(pod).is_none());
        if !movable {
            evictions.moot += 1;
            continue;
        }
        let target = Target::namespaced::<Pod>(&pod.namespace, &pod.name);
        match ctx.writer.evict(WriteSite::EvictPod, &target, &pod.uid).await {
            Ok(_) => evictions.accepted += 1,
            // Gone, or another pod of that name.
            Err(WriteError::NotFound { .. } | WriteError::Conflict { .. }) => evictions.moot += 1,
            Err(WriteError::Blocked { budget, message, .. }) => evictions.blocked.push(BlockedPod {
                pod: pod.clone(),
                budget,
                message,
            }),
            // The next pod would fare no better.
            Err(error @ (WriteError::NotLeader { .. } | WriteError::Throttled { .. })) => {
                evictions.failed.push((pod.clone(), error.to_string()));
                break;
            }
            Err(error) => evictions.failed.push((pod.clone(), error.to_string())),
        }
    }
    Ok(Outcome::Evicted(evictions))
}
