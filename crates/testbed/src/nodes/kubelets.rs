//! One task that plays kubelet for all simulated nodes: it watches the pods, keeps the leases and acts through `jobs`.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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

use super::addresses::Addresses;
use super::conduct::{Conduct, Rule, usual};
use super::jobs::{self, Delays};
use super::shape::{SimNode, ready_condition};

/// How often leases are renewed. Real kubelets do it every 10 s; the grace period of the controller manager is long.
const HEARTBEAT: Duration = Duration::from_secs(60);
/// Nodes created or renewed at the same time.
pub(super) const AT_ONCE: usize = 32;

/// A simulated node could not be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The API server refused.
    #[error("{call} {name}: {source}")]
    Api {
        /// The call.
        call: &'static str,
        /// Its object.
        name: String,
        /// The answer.
        source: Box<kube::Error>,
    },
    /// The shape is no Node.
    #[error("the node {name} cannot be written: {message}")]
    Shape {
        /// Its name.
        name: String,
        /// Why.
        message: String,
    },
}

/// What the task and the jobs share.
pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) delays: Delays,
    pub(super) nodes: Mutex<BTreeMap<String, Ipv4Addr>>,
    pub(super) addresses: Mutex<Addresses>,
    rules: Mutex<Vec<Rule>>,
    /// What is being done with a pod, by its uid.
    pub(super) stages: Mutex<BTreeMap<String, Stage>>,
}

/// How far a pod is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Starting,
    Ending,
}

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
        let shared = Arc::new(Shared {
            client,
            delays: Delays::default(),
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

    async fn add_one(&self, node: &SimNode) -> Result<(), NodeError> {
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
            .map_err(api_error("create node", &node.name))?;
        renew(&self.shared.client, &node.name).await
    }

    /// Takes a node away with its pods, as the end of its instance does.
    pub async fn remove(&self, name: &str) -> Result<(), NodeError> {
        let client = &self.shared.client;
        locked(&self.shared.nodes).remove(name);
        let delete = DeleteParams::background().grace_period(0);
        let nodes = Api::<Node>::all(client.clone());
        nodes
            .delete(name, &delete)
            .await
            .map_err(api_error("delete node", name))?;
        let bound = ListParams::default().fields(&format!("spec.nodeName={name}"));
        let pods = Api::<Pod>::all(client.clone()).list(&bound).await;
        for pod in pods.map_err(api_error("list pods of node", name))? {
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
            .map_err(api_error("patch status of node", name))
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

impl Shared {
    pub(super) fn conduct_of(&self, pod: &Pod) -> Conduct {
        locked(&self.rules)
            .iter()
            .rev()
            .find_map(|rule| rule(pod))
            .unwrap_or_else(|| usual(pod))
    }

    /// Where the node of a pod is, if it is one of ours.
    pub(super) fn host_of(&self, pod: &Pod) -> Option<(String, Ipv4Addr)> {
        let name = pod.spec.as_ref()?.node_name.as_ref()?;
        locked(&self.nodes)
            .get(name)
            .map(|address| (name.clone(), *address))
    }
}

/// The lock; a panic in a test must not hide behind a poisoned one.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        .map_err(api_error("renew lease", name))
}

fn api_error(call: &'static str, name: &str) -> impl FnOnce(kube::Error) -> NodeError {
    let name = name.to_owned();
    move |source| NodeError::Api {
        call,
        name,
        source: Box::new(source),
    }
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
