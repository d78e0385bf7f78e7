//! Pods with security groups of their own: their interface is a branch of the trunk, made by the resource controller,
//! which writes it to the pod. Neither the store nor the checkpoint knows it.

use super::Service;
use crate::kubernetes::BranchEni;
use vpccni_core::net::{Ipv4Net, Mac};
use vpccni_rpc::proto::{AddNetworkReply, DelNetworkReply, IpAllocationMetadata};

/// The router of every subnet in IPv6.
const V6_GATEWAY: &str = "fe80:ec2::1";

/// Branches are not attached to a device of the instance.
const NO_DEVICE: i32 = -1;

impl Service {
    /// The reply for a pod that asks for a branch, one that fails included; none for any other pod.
    pub(super) async fn branch_for(&self, namespace: &str, name: &str) -> Option<AddNetworkReply> {
        if !self.node.settings.effective.pod_eni() {
            return None;
        }
        let refused = |function: &'static str, why: &str| {
            tracing::warn!(%namespace, pod = %name, why, "a pod gets no branch interface");
            self.metrics.pod_eni_error(function);
            Some(AddNetworkReply::default())
        };
        // A pod that nobody knows yet could be one that must not get the groups of the node.
        let Some(kubernetes) = &self.kubernetes else {
            return refused("GetPod", "there is no API server");
        };
        let Some(pod) = kubernetes.pod(namespace, name).await else {
            return refused("GetPod", "the API server does not show the pod on this node");
        };
        if !pod.wants_branch {
            return None;
        }
        let Some(trunk) = self.facts.borrow().trunk else {
            return refused("trunkENINotReady", "there is no trunk yet");
        };
        let Some(branches) = kubernetes.branches(namespace, name).await else {
            return refused("podENIAnnotationNotFound", "its branch is not written to it yet");
        };
        let Some(reply) = branches.first().and_then(|branch| self.of_branch(branch)) else {
            return refused("unmarshallPodENI", "its branch is not whole");
        };
        match self.trunk_index(trunk).await {
            Some(index) => Some(AddNetworkReply {
                parent_if_index: index,
                ..reply
            }),
            None => refused("GetTrunkIfIndex", "the link of the trunk is not there"),
        }
    }

    async fn trunk_index(&self, trunk: Mac) -> Option<i32> {
        let links = self.host.links().await.ok()?;
        let link = links.into_iter().find(|link| link.mac == Some(trunk))?;
        i32::try_from(link.index).ok()
    }

    fn of_branch(&self, branch: &BranchEni) -> Option<AddNetworkReply> {
        let mac: Mac = branch.if_address.parse().ok()?;
        let six = self.node.settings.effective.ipv6();
        let gateway = if six {
            V6_GATEWAY.to_owned()
        } else {
            let subnet: Ipv4Net = branch.subnet_cidr.parse().ok()?;
            std::net::Ipv4Addr::from_bits(subnet.network().to_bits().checked_add(1)?).to_string()
        };
        let address = if six {
            &branch.ipv6_addr
        } else {
            &branch.private_ip
        };
        let _valid: std::net::IpAddr = address.parse().ok()?;
        if branch.vlan_id == 0 {
            return None;
        }
        Some(AddNetworkReply {
            allocations: vec![allocation(branch)],
            pod_vlan_id: branch.vlan_id,
            pod_eni_mac: mac.to_string(),
            pod_eni_subnet_gw: gateway,
            ..self.common()
        })
    }

    /// The reply for a branch pod that goes; none where there is no such pod of this uid any more.
    pub(super) fn branch_of(&self, namespace: &str, name: &str, uid: &str) -> Option<DelNetworkReply> {
        if !self.node.settings.effective.pod_eni() {
            return None;
        }
        let pod = self.kubernetes.as_ref()?.pod_now(namespace, name)?;
        if !uid.is_empty() && pod.uid != uid {
            return None;
        }
        let branch = pod.branches.first()?;
        Some(DelNetworkReply {
            success: true,
            allocations: vec![allocation(branch)],
            pod_vlan_id: branch.vlan_id,
            network_policy_mode: self.node.settings.network_policy_mode().to_owned(),
        })
    }
}

fn allocation(branch: &BranchEni) -> IpAllocationMetadata {
    IpAllocationMetadata {
        ipv4_addr: branch.private_ip.clone(),
        ipv6_addr: branch.ipv6_addr.clone(),
        device_number: NO_DEVICE,
        route_table_id: 0,
    }
}
