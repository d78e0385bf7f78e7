//! Objects of the API server as far as the agent looks at them.

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::ResourceExt;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The annotation of a pod with branch interfaces, written by the resource controller.
pub(super) const POD_ENI: &str = "vpc.amazonaws.com/pod-eni";

/// The taint of a node that takes no new pods.
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// Pods by namespace and name.
pub(super) type Pods = BTreeMap<(String, String), PodView>;

/// The node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeView {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Whether it takes no new pods.
    pub cordoned: bool,
    /// Pods the kubelet was started for.
    pub capacity_pods: Option<u32>,
}

impl From<&Node> for NodeView {
    fn from(node: &Node) -> Self {
        let taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
        let mut taints = taints.filter(|taint| taint.key == UNSCHEDULABLE);
        let capacity = node.status.as_ref().and_then(|status| status.capacity.as_ref());
        Self {
            labels: node.labels().clone(),
            annotations: node.annotations().clone(),
            cordoned: taints.any(|taint| taint.effect == "NoSchedule"),
            capacity_pods: capacity
                .and_then(|capacity| capacity.get("pods"))
                .and_then(|pods| pods.0.parse().ok()),
        }
    }
}

/// A branch interface of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BranchEni {
    /// Its id.
    #[serde(default)]
    pub eni_id: String,
    /// Its MAC address.
    #[serde(default)]
    pub if_address: String,
    /// Its IPv4 address.
    #[serde(default, rename = "privateIp")]
    pub private_ip: String,
    /// Its IPv6 address.
    #[serde(default, rename = "ipv6Addr")]
    pub ipv6_addr: String,
    /// Its VLAN on the trunk.
    #[serde(default, rename = "vlanID")]
    pub vlan_id: i32,
    /// The IPv4 network of its subnet.
    #[serde(default)]
    pub subnet_cidr: String,
    /// The IPv6 network of its subnet.
    #[serde(default, rename = "subnetV6Cidr")]
    pub subnet_v6_cidr: String,
}

/// A pod on this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodView {
    /// Its uid.
    pub uid: String,
    /// Whether its first container asks for a branch interface.
    pub wants_branch: bool,
    /// Its branch interfaces, once they are written.
    pub branches: Vec<BranchEni>,
}

impl From<&Pod> for PodView {
    fn from(pod: &Pod) -> Self {
        let first = pod.spec.as_ref().and_then(|spec| spec.containers.first());
        let limits = first
            .and_then(|container| container.resources.as_ref())
            .and_then(|resources| resources.limits.as_ref());
        let branches = pod.annotations().get(POD_ENI).map(|text| {
            let read: Result<Vec<BranchEni>, _> = serde_json::from_str(text);
            read.unwrap_or_else(|error| {
                tracing::warn!(pod = %pod.name_any(), %error, "the branch interfaces of a pod cannot be read");
                Vec::new()
            })
        });
        Self {
            uid: pod.uid().unwrap_or_default(),
            wants_branch: limits.is_some_and(|limits| limits.keys().any(|key| key.starts_with(POD_ENI))),
            branches: branches.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_cordoned_node_is_known_by_its_taint() {
        let node = |taints: serde_json::Value| {
            let node: Node = serde_json::from_value(json!({
                "metadata": {"name": "n"},
                "spec": {"taints": taints},
                "status": {"capacity": {"pods": "29"}},
            }))
            .unwrap();
            NodeView::from(&node)
        };
        let open = node(json!([]));
        assert_eq!((open.cordoned, open.capacity_pods), (false, Some(29)));
        assert!(node(json!([{"key": UNSCHEDULABLE, "effect": "NoSchedule"}])).cordoned);
        assert!(!node(json!([{"key": "other", "effect": "NoSchedule"}])).cordoned);
    }

    #[test]
    fn a_pod_with_its_own_groups_is_known_by_its_first_container() {
        let annotation = json!([{"eniId": "eni-1", "ifAddress": "02:00:00:00:00:09", "privateIp": "10.0.0.9", "vlanID": 7,
            "subnetCidr": "10.0.0.0/24", "associationID": "x"}]);
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "p", "uid": "u", "annotations": {POD_ENI: annotation.to_string()}},
            "spec": {"containers": [{"name": "c", "resources": {"limits": {"vpc.amazonaws.com/pod-eni": "1"}}}]},
        }))
        .unwrap();
        let view = PodView::from(&pod);
        assert!(view.wants_branch);
        assert_eq!(
            (view.branches[0].vlan_id, view.branches[0].private_ip.as_str()),
            (7, "10.0.0.9")
        );
        let odd: Pod = serde_json::from_value(json!({"metadata": {"annotations": {POD_ENI: "{"}}})).unwrap();
        assert_eq!(PodView::from(&odd).branches, []);
    }
}
