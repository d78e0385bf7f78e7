//! Real pods: an API server, and nodes with a real runtime and a real kubelet.

use std::net::IpAddr;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod, ServiceAccount};
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};
use vpccni_testbed::boxes::NodeBox;
use vpccni_testbed::boxes::runtime::{Containerd, Kubelet, KubeletOptions, PROGRAMS, tool_pod};
use vpccni_testbed::wait::until;
use vpccni_testbed::{ControlPlane, Options};

use crate::bed::is_skipped;

/// A pod needs a second or two alone; sixty at once on two cores need minutes.
pub(crate) const POD_PATIENCE: Duration = Duration::from_mins(3);

/// An API server for real kubelets.
pub(crate) struct Cluster {
    pub(crate) plane: ControlPlane,
}

/// A node with its runtime and its kubelet.
pub(crate) struct Worker {
    // Dropped in this order: the kubelet must not see its pods end.
    pub(crate) kubelet: Kubelet,
    pub(crate) containerd: Containerd,
    pub(crate) node: NodeBox,
    options: KubeletOptions,
}

impl Cluster {
    /// Starts it; none where this machine lacks what real pods need, and then the skip is printed.
    pub(crate) async fn start() -> Option<Self> {
        if is_skipped(&PROGRAMS) {
            return None;
        }
        let plane = ControlPlane::start(Options::api_only()).await.unwrap();
        // What the controllers would make: without it the API server takes no pod.
        let accounts = Api::<ServiceAccount>::namespaced(plane.client(), "default");
        let account = from(json!({"metadata": {"name": "default"}}));
        accounts.create(&PostParams::default(), &account).await.unwrap();
        Some(Self { plane })
    }

    /// Makes a node of an instance that is on.
    pub(crate) async fn join(&self, node: NodeBox, max_pods: u32) -> Worker {
        let options = KubeletOptions {
            max_pods,
            ..KubeletOptions::default()
        };
        self.join_with(node, options).await
    }

    async fn join_with(&self, mut node: NodeBox, options: KubeletOptions) -> Worker {
        let containerd = Containerd::start(&node).await.unwrap();
        let kubelet = Kubelet::start(&mut node, &self.plane, &options).await.unwrap();
        Worker {
            kubelet,
            containerd,
            node,
            options,
        }
    }

    /// Kills kubelet and containerd, and starts them again; the pods run on.
    pub(crate) async fn restart(&self, worker: Worker) -> Worker {
        let Worker {
            kubelet,
            containerd,
            node,
            options,
        } = worker;
        kubelet.kill();
        containerd.kill();
        self.join_with(node, options).await
    }

    /// Power off and on. The caller starts what else runs on the node.
    pub(crate) async fn reboot(&self, worker: Worker) -> Worker {
        let Worker {
            kubelet,
            containerd,
            node,
            options,
        } = worker;
        kubelet.kill();
        containerd.kill();
        let node = node.reboot().await.unwrap();
        self.join_with(node, options).await
    }

    /// Waits until the kubelet says that its node is ready.
    pub(crate) async fn ready(&self, worker: &Worker) {
        let nodes = Api::<Node>::all(self.plane.client());
        let look = || async {
            let node = nodes
                .get(worker.node.name())
                .await
                .map_err(|error| error.to_string())?;
            let conditions = node
                .status
                .and_then(|status| status.conditions)
                .unwrap_or_default();
            let ready = conditions
                .into_iter()
                .find(|condition| condition.type_ == "Ready");
            match ready {
                Some(condition) if condition.status == "True" => Ok(()),
                other => Err(format!("{other:?}")),
            }
        };
        if let Err(error) = until("the node to be ready", POD_PATIENCE, look).await {
            panic!(
                "{error}\nkubelet:\n{}\ncontainerd:\n{}",
                tail(&worker.kubelet.log()),
                tail(&worker.containerd.log())
            );
        }
    }

    /// Creates a pod on a node.
    pub(crate) async fn create(&self, worker: &Worker, name: &str) {
        let pods = Api::<Pod>::namespaced(self.plane.client(), "default");
        let pod = from(tool_pod(name, worker.node.name()));
        pods.create(&PostParams::default(), &pod).await.unwrap();
    }

    /// Waits until a pod runs, and gives its address.
    pub(crate) async fn running(&self, worker: &Worker, name: &str) -> IpAddr {
        let pods = Api::<Pod>::namespaced(self.plane.client(), "default");
        let look = || async {
            let pod = pods.get(name).await.map_err(|error| error.to_string())?;
            let status = pod.status.unwrap_or_default();
            let address = status.pod_ip.as_deref().and_then(|text| text.parse().ok());
            match (status.phase.as_deref(), address) {
                (Some("Running"), Some(address)) => Ok(address),
                _ => Err(format!("{status:?}")),
            }
        };
        match until("the pod to run", POD_PATIENCE, look).await {
            Ok(address) => address,
            Err(error) => panic!("{name}: {error}\nkubelet:\n{}", tail(&worker.kubelet.log())),
        }
    }

    /// How often the containers of a pod were started again.
    pub(crate) async fn restarts(&self, name: &str) -> i32 {
        let pods = Api::<Pod>::namespaced(self.plane.client(), "default");
        let status = pods.get(name).await.unwrap().status.unwrap_or_default();
        let containers = status.container_statuses.unwrap_or_default();
        containers.iter().map(|container| container.restart_count).sum()
    }

    /// Deletes a pod and waits until it is gone.
    pub(crate) async fn delete(&self, name: &str) {
        self.delete_all(&[name.to_owned()]).await;
    }

    /// Deletes pods at once and waits until they are gone.
    pub(crate) async fn delete_all(&self, names: &[String]) {
        let pods = Api::<Pod>::namespaced(self.plane.client(), "default");
        for name in names {
            pods.delete(name, &DeleteParams::default()).await.unwrap();
        }
        for name in names {
            let look = || async {
                match pods.get_opt(name).await {
                    Ok(None) => Ok(()),
                    other => Err(format!("{other:?}")),
                }
            };
            until("the pod to be gone", POD_PATIENCE, look).await.unwrap();
        }
    }
}

fn from<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// The end of a log, for a failure.
pub(crate) fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(25)..].join("\n")
}
