//! One task that plays kubelet for all simulated nodes: it watches the pods, keeps the leases and acts through `jobs`.

use std::net::Ipv4Addr;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::runtime::WatchStreamExt;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use serde_json::json;
use tokio::task::JoinSet;

use super::AT_ONCE;
use super::conduct::Conduct;
use super::error::NodeError;
use super::jobs;
use super::shape::{SimNode, ready_condition};
use super::shared::{Delays, Shared, locked};

/// How often leases are renewed. Real kubelets do it every 10 s; the grace period of the controller manager is long.
const HEARTBEAT: Duration = Duration::from_mins(1);

/// The simulated nodes of one cluster. Dropping it stops the task and leaves the objects.
pub struct Kubelets {
    shared: Arc<Shared>,
    _task: JoinSet<()>,
}

impl std::fmt::Debug for Kubelets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kubelets")
            .field("nodes", &*locked(&self.shared.nodes))
            .finish_non_exhaustive()
    }
}

impl Kubelets {
    /// Starts without nodes.
    pub fn start(client: Client) -> Self {
        Self::start_with(client, Delays::default().end)
    }

    /// The same with pods that take so long to end.
    pub fn start_with(client: Client, end: Duration) -> Self {
        let shared = Arc::new(Shared {
            client,
            delays: Delays {
                end,
                ..Delays::default()
            },
            nodes: Mutex::default(),
            addresses: Mutex::default(),
            rules: Mutex::default(),
            stages: Mutex::default(),
        });
        let mut task = JoinSet::new();
        task.spawn(run(Arc::clone(&shared)));
        Self { shared, _task: task }
    }

    /// Registers nodes, each with its lease.
    pub async fn add(&self, nodes: &[SimNode]) -> Result<(), NodeError> {
        let made = futures::stream::iter(nodes)
            .map(|node| self.add_one(node))
            .buffer_unordered(AT_ONCE);
        made.collect::<Vec<_>>().await.into_iter().collect()
    }

    /// Registers one node with its lease.
    pub async fn add_one(&self, node: &SimNode) -> Result<(), NodeError> {
        // Known before it exists, so that no pod bound to it is missed.
        locked(&self.shared.nodes).insert(node.name.clone(), node.address);
        locked(&self.shared.addresses).set(&node.name, &node.pod_addresses);
        let object = node.object().map_err(|error| NodeError::Shape {
            name: node.name.clone(),
            message: error.to_string(),
        })?;
        let api = Api::<Node>::all(self.shared.client.clone());
        api.create(&PostParams::default(), &object)
            .await
            .map_err(NodeError::api("create node", &node.name))?;
        renew(&self.shared.client, &node.name).await
    }

    /// Takes a node away with its pods, as the end of its instance does. Can be tried again.
    pub async fn remove(&self, name: &str) -> Result<(), NodeError> {
        let client = &self.shared.client;
        locked(&self.shared.nodes).remove(name);
        let delete = DeleteParams::background().grace_period(0);
        let nodes = Api::<Node>::all(client.clone());
        match nodes.delete(name, &delete).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => return Err(NodeError::api("delete node", name)(error)),
        }
        let bound = ListParams::default().fields(&format!("spec.nodeName={name}"));
        let pods = Api::<Pod>::all(client.clone()).list(&bound).await;
        for pod in pods.map_err(NodeError::api("list pods of node", name))? {
            jobs::delete_now(client, &pod).await;
        }
        locked(&self.shared.addresses).forget(name);
        Ok(())
    }

    /// Makes a node ready or not.
    pub async fn set_ready(&self, name: &str, ready: bool) -> Result<(), NodeError> {
        let patch = Patch::Strategic(json!({"status": {"conditions": [ready_condition(ready)]}}));
        let nodes = Api::<Node>::all(self.shared.client.clone());
        nodes
            .patch_status(name, &PatchParams::default(), &patch)
            .await
            .map(drop)
            .map_err(NodeError::api("patch status of node", name))
    }

    /// What the CNI of a node has for pods from now on; pods keep theirs.
    pub fn set_pod_addresses(&self, name: &str, addresses: &[Ipv4Addr]) {
        locked(&self.shared.addresses).set(name, addresses);
    }

    /// Adds a rule on how pods behave that start from now on. The newest rule that is about a pod wins.
    pub fn conduct(&self, rule: impl Fn(&Pod) -> Option<Conduct> + Send + Sync + 'static) {
        locked(&self.shared.rules).push(Box::new(rule));
    }
}

async fn run(shared: Arc<Shared>) {
    let mut running = JoinSet::new();
    let config = watcher::Config::default().fields("spec.nodeName!=");
    let mut events = pin!(watcher(Api::<Pod>::all(shared.client.clone()), config).backoff(EverySecond));
    let mut beat = tokio::time::interval(HEARTBEAT);
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(Ok(Event::Apply(pod) | Event::InitApply(pod))) => {
                    jobs::consider(&shared, &mut running, pod);
                }
                Some(Ok(Event::Delete(pod))) => jobs::gone(&shared, &pod),
                Some(Ok(Event::Init | Event::InitDone)) => {}
                Some(Err(error)) => tracing::debug!(%error, "the simulated kubelets lost their watch"),
                None => return,
            },
            _ = beat.tick() => {
                running.spawn(renew_all(Arc::clone(&shared)));
            }
            Some(done) = running.join_next() => {
                if let Err(error) = done {
                    tracing::warn!(%error, "a job of the simulated kubelets ended badly");
                }
            }
        }
    }
}

async fn renew_all(shared: Arc<Shared>) {
    let names: Vec<String> = locked(&shared.nodes).keys().cloned().collect();
    futures::stream::iter(names)
        .for_each_concurrent(AT_ONCE, |name| {
            let client = &shared.client;
            async move {
                if let Err(error) = renew(client, &name).await {
                    tracing::debug!(%error, "a lease was not renewed");
                }
            }
        })
        .await;
}

async fn renew(client: &Client, name: &str) -> Result<(), NodeError> {
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name},
        "spec": {
            "holderIdentity": name,
            "leaseDurationSeconds": 40,
            "renewTime": jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string(),
        },
    });
    Api::<Lease>::namespaced(client.clone(), "kube-node-lease")
        .patch(name, &PatchParams::apply("kubelet").force(), &Patch::Apply(lease))
        .await
        .map(drop)
        .map_err(NodeError::api("renew lease", name))
}

/// One try a second: after an outage of the API server the nodes are back at once.
#[derive(Debug)]
struct EverySecond;

impl Iterator for EverySecond {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(Duration::from_secs(1))
    }
}

impl Backoff for EverySecond {
    fn reset(&mut self) {}
}
