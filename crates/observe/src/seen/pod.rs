//! A pod of the target DaemonSet: which revision it runs, and whether it comes up.

use crate::watching::{Kind, Scope, Watched};
use crate::wire;
use jiff::Timestamp;
use kube::core::DeserializeGuard;
use kube::runtime::watcher::Config;
use kube::{Api, Client, ResourceExt};
use vpccni_core::ids::NodeName;

const SELECTOR: &str = "k8s-app=aws-node";
const REVISION: &str = "controller-revision-hash";

/// Reasons to wait that do not pass by themselves: a container with one of these keeps a rollout from coming up.
const STUCK: [&str; 6] = [
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
];

/// A container that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The container.
    pub container: String,
    /// Why, in the kubelet's word, such as `CrashLoopBackOff`.
    pub reason: String,
    /// How often it was restarted.
    pub restarts: u32,
}

/// A pod of aws-node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsNodePod {
    /// Its name.
    pub name: String,
    /// Its node, once it has one.
    pub node: Option<NodeName>,
    /// The hash of the revision of the DaemonSet it was made from.
    pub revision: Option<String>,
    /// Whether its condition Ready is True.
    pub ready: bool,
    /// The first container that is stuck.
    pub stuck: Option<Waiting>,
    /// Its phase.
    pub phase: Option<String>,
    /// Restarts of all its containers.
    pub restarts: u32,
    /// When it was made.
    pub created: Option<Timestamp>,
}

impl AwsNodePod {
    /// Whether a container of it crashes again and again.
    pub fn crash_looping(&self) -> bool {
        self.stuck
            .as_ref()
            .is_some_and(|waiting| waiting.reason == "CrashLoopBackOff")
    }
}

impl Watched for AwsNodePod {
    type Wire = wire::Pod;
    const KIND: Kind = Kind::AwsNodePod;

    fn api(client: Client, scope: &Scope) -> Api<DeserializeGuard<wire::Pod>> {
        Api::namespaced(client, &scope.target.namespace)
    }

    fn narrow(config: Config, _scope: &Scope) -> Config {
        config.labels(SELECTOR)
    }

    fn parse(wire: wire::Pod, _scope: &Scope) -> Result<Self, String> {
        let name = wire.name_any();
        let wire::Pod {
            metadata,
            spec,
            status,
        } = wire;
        let containers = || {
            status
                .init_container_statuses
                .iter()
                .chain(&status.container_statuses)
        };
        let node = spec.node_name.as_deref().map(NodeName::parse).transpose();
        Ok(Self {
            name,
            node: node.map_err(|e| e.to_string())?,
            revision: metadata.labels.and_then(|mut labels| labels.remove(REVISION)),
            ready: status
                .conditions
                .iter()
                .any(|c| c.kind == "Ready" && c.status == "True"),
            stuck: containers().find_map(stuck),
            restarts: containers().map(|container| container.restart_count).sum(),
            created: metadata.creation_timestamp.map(|time| time.0),
            phase: status.phase,
        })
    }

    fn same_view(old: &Scope, new: &Scope) -> bool {
        old.target.namespace == new.target.namespace
    }
}

fn stuck(container: &wire::ContainerStatus) -> Option<Waiting> {
    let reason = container.state.waiting.as_ref()?.reason.as_ref()?;
    STUCK.contains(&reason.as_str()).then(|| Waiting {
        container: container.name.clone(),
        reason: reason.clone(),
        restarts: container.restart_count,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(status: &serde_json::Value) -> AwsNodePod {
        let wire = serde_json::from_value(json!({
            "metadata": {"name": "aws-node-x7k2p", "labels": {"k8s-app": "aws-node", REVISION: "5f6d"}},
            "spec": {"nodeName": "ip-10-0-1-5.ec2.internal", "hostNetwork": true, "containers": []},
            "status": status
        }))
        .unwrap();
        AwsNodePod::parse(wire, &Scope::default()).unwrap()
    }

    #[test]
    fn a_running_pod_is_ready_and_not_stuck() {
        let seen = pod(&json!({
            "phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "aws-node", "restartCount": 1, "state": {"running": {}}}]
        }));
        assert!(seen.ready && seen.stuck.is_none() && seen.restarts == 1);
        assert_eq!(seen.revision.as_deref(), Some("5f6d"));
    }

    #[test]
    fn a_crash_loop_names_its_container_and_starting_is_not_stuck() {
        let waiting = |reason: &str| {
            pod(&json!({
                "initContainerStatuses": [{"name": "aws-vpc-cni-init", "restartCount": 0, "state": {"terminated": {}}}],
                "containerStatuses": [{"name": "aws-node", "restartCount": 4, "state": {"waiting": {"reason": reason}}}]
            }))
        };
        let seen = waiting("CrashLoopBackOff");
        assert!(seen.crash_looping() && !seen.ready);
        assert_eq!(
            seen.stuck.map(|w| (w.container, w.restarts)),
            Some(("aws-node".to_owned(), 4))
        );
        assert!(!waiting("ImagePullBackOff").crash_looping());
        assert!(waiting("ContainerCreating").stuck.is_none());
    }
}
