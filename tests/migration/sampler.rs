//! How many nodes are out of service at every instant, as somebody who looks from outside counts them.

use k8s_openapi::api::core::v1::Node;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::task::JoinSet;

/// How often it looks.
const LOOK: Duration = Duration::from_millis(100);

/// What was seen so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// The most nodes that were out of service at a time, with their names.
    pub(super) worst: Vec<String>,
    /// How often it looked.
    pub(super) looks: u32,
}

/// The task that looks.
pub(super) struct Sampler {
    stop: tokio::sync::oneshot::Sender<()>,
    task: JoinSet<Seen>,
}

impl Sampler {
    /// Looks from now on. So many nodes should be there.
    pub(super) async fn start(client: Client) -> Self {
        let nodes = Api::<Node>::all(client);
        let should = nodes.list(&ListParams::default()).await.unwrap().items.len();
        let (stop, mut stopped) = tokio::sync::oneshot::channel();
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut seen = Seen::default();
            let mut look = tokio::time::interval(LOOK);
            loop {
                tokio::select! {
                    _ = &mut stopped => return seen,
                    _ = look.tick() => {}
                }
                let Ok(list) = nodes.list(&ListParams::default()).await else {
                    continue;
                };
                seen.looks += 1;
                let out = out(&list.items, should);
                if out.len() > seen.worst.len() {
                    seen.worst = out;
                }
            }
        });
        Self { stop, task }
    }

    /// At no time more than this; it must have looked now and then.
    pub(super) async fn at_most(mut self, budget: usize) -> Seen {
        self.stop.send(()).unwrap();
        let seen = self.task.join_next().await.unwrap().unwrap();
        assert!(seen.looks > 20, "{seen:?}");
        assert!(seen.worst.len() <= budget, "{seen:?}");
        // A roll that takes no node out of service has not been looked at.
        assert!(!seen.worst.is_empty(), "{seen:?}");
        seen
    }
}

/// Nodes that take no pods, are going, or are missing.
fn out(nodes: &[Node], should: usize) -> Vec<String> {
    let is_out = |node: &&Node| {
        let spec = node.spec.clone().unwrap_or_default();
        let disrupted = || {
            let mut taints = spec.taints.iter().flatten();
            taints.any(|taint| taint.key == "karpenter.sh/disrupted")
        };
        spec.unschedulable == Some(true) || node.metadata.deletion_timestamp.is_some() || disrupted()
    };
    let missing = should.saturating_sub(nodes.len());
    let names = nodes.iter().filter(is_out).map(ResourceExt::name_any);
    names
        .chain((0..missing).map(|number| format!("missing {number}")))
        .collect()
}

/// The max-pods of every node.
pub(super) async fn max_pods(client: Client) -> BTreeMap<String, String> {
    let nodes = Api::<Node>::all(client)
        .list(&ListParams::default())
        .await
        .unwrap();
    let pods = |node: &Node| Some(node.status.as_ref()?.allocatable.as_ref()?.get("pods")?.0.clone());
    let nodes = nodes.items.iter();
    nodes
        .map(|node| (node.name_any(), pods(node).unwrap_or_default()))
        .collect()
}
