//! Evictions beside the rounds: the API server takes its time for each, and nodes that are not emptied wait for nothing.
//!
//! One task a node at most. Whatever else is to be done to a node waits until its evictions have stopped.

use super::outcome::Outcome;
use super::{AT_A_TIME, drain};
use crate::context::Context;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use vpccni_core::ids::NodeName;
use vpccni_core::migration::PodRef;

/// Pods that stay are asked again after this time at the earliest: what keeps them is seldom gone sooner.
const AGAIN: SignedDuration = SignedDuration::from_secs(2);

/// The evictions of all nodes. Dropped, all of them end.
#[derive(Debug)]
pub(crate) struct EvictionTasks {
    nodes: BTreeMap<NodeName, Emptied>,
    room: Arc<Semaphore>,
}

impl Default for EvictionTasks {
    fn default() -> Self {
        Self {
            nodes: BTreeMap::new(),
            room: Arc::new(Semaphore::new(AT_A_TIME)),
        }
    }
}

/// One node.
#[derive(Debug)]
struct Emptied {
    /// One task, or none after it was joined.
    task: JoinSet<Outcome>,
    begun: Timestamp,
    /// What the last task came to.
    last: Outcome,
    stop: CancellationToken,
}

impl EvictionTasks {
    /// Stops those of all nodes but these, and waits until they have.
    pub(super) async fn keep_only(&mut self, nodes: &[&NodeName]) {
        let stale: Vec<NodeName> = self
            .nodes
            .keys()
            .filter(|node| !nodes.contains(node))
            .cloned()
            .collect();
        for node in stale {
            let Some(mut emptied) = self.nodes.remove(&node) else {
                continue;
            };
            emptied.stop.cancel();
            emptied.ended().await;
        }
    }

    /// Begins those of a node, unless they are under way or were tried a moment ago. Answers what the last try came to.
    pub(super) fn ask(&mut self, ctx: &Context, node: &NodeName, pods: &[PodRef]) -> Outcome {
        let now = ctx.now();
        if let Some(emptied) = self.nodes.get_mut(node) {
            if let Some(end) = emptied.task.try_join_next() {
                emptied.note(end);
            }
            if !emptied.task.is_empty() || now.duration_since(emptied.begun).abs() < AGAIN {
                return emptied.last.clone();
            }
        }
        let last = self.nodes.remove(node).map(|emptied| emptied.last);
        let stop = CancellationToken::new();
        let work = work(
            Arc::clone(&self.room),
            ctx.clone(),
            node.clone(),
            pods.to_vec(),
            stop.clone(),
        );
        let mut task = JoinSet::new();
        task.spawn(work);
        let emptied = Emptied {
            task,
            begun: now,
            last: last.unwrap_or(Outcome::UnderWay),
            stop,
        };
        let last = emptied.last.clone();
        self.nodes.insert(node.clone(), emptied);
        last
    }
}

#[cfg(test)]
impl EvictionTasks {
    /// What those of a node come to.
    pub(super) async fn ended(&mut self, node: &NodeName) -> Outcome {
        let emptied = self.nodes.get_mut(node).expect("they were begun");
        emptied.ended().await;
        emptied.last.clone()
    }
}

impl Emptied {
    /// Waits for the end of its task.
    async fn ended(&mut self) {
        if let Some(end) = self.task.join_next().await {
            self.note(end);
        }
    }

    fn note(&mut self, end: Result<Outcome, JoinError>) {
        self.last = end.unwrap_or_else(|error| Outcome::Unknown(format!("the evictions ended: {error}")));
    }
}

async fn work(
    room: Arc<Semaphore>,
    ctx: Context,
    node: NodeName,
    pods: Vec<PodRef>,
    stop: CancellationToken,
) -> Outcome {
    let Some(_place) = place(room, &stop).await else {
        return Outcome::UnderWay;
    };
    let outcome = Outcome::from(drain::evict(&ctx, &node, &pods, &stop).await);
    tracing::info!(%node, pods = pods.len(), ?outcome, "evictions");
    outcome
}

async fn place(room: Arc<Semaphore>, stop: &CancellationToken) -> Option<OwnedSemaphorePermit> {
    tokio::select! {
        place = room.acquire_owned() => place.ok(),
        () = stop.cancelled() => None,
    }
}
