//! Pods and services, each looked at once.

use crate::wire;
use std::collections::BTreeMap;
use vpccni_core::safety::NodePodFacts;

/// The VPC resource controller sets this limit on pods that get a branch interface; ipamd compares the prefix.
pub const POD_ENI: &str = "vpc.amazonaws.com/pod-eni";
const NIC_CONFIG: &str = "k8s.amazonaws.com/nicConfig";
const MULTI_NIC: &str = "multi-nic-attachment";

/// Pods that hold an address, per node.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PodCounts {
    pub(super) by_node: BTreeMap<String, NodePodFacts>,
    /// Pods on branch interfaces that the kubelet probes over the network.
    pub(super) probed: u32,
}

impl PodCounts {
    /// Pods of the host network have no address of their own, finished ones have given it back.
    pub(super) fn add(&mut self, pod: wire::Pod) {
        let wire::Pod {
            metadata,
            spec,
            status,
        } = pod;
        let finished = matches!(status.phase.as_deref(), Some("Succeeded" | "Failed"));
        let Some(node) = spec.node_name.filter(|_| !spec.host_network && !finished) else {
            return;
        };
        let facts = self.by_node.entry(node).or_default();
        facts.pods += 1;
        let first = spec.containers.first();
        let branch = first.is_some_and(|c| c.resources.limits.keys().any(|key| key.starts_with(POD_ENI)));
        if branch {
            facts.with_security_groups += 1;
            self.probed += u32::from(spec.containers.iter().any(probed));
        }
        let annotations = metadata.annotations.unwrap_or_default();
        facts.multi_nic += u32::from(
            annotations
                .get(NIC_CONFIG)
                .is_some_and(|value| value == MULTI_NIC),
        );
    }
}

fn probed(container: &wire::Container) -> bool {
    [
        &container.liveness_probe,
        &container.readiness_probe,
        &container.startup_probe,
    ]
    .into_iter()
    .flatten()
    .any(|probe| probe.http_get.is_some() || probe.tcp_socket.is_some() || probe.grpc.is_some())
}

/// Counts services whose traffic stays on the node that receives it.
pub(super) fn count_local(count: &mut u32, service: wire::Service) {
    let wire::Service { metadata: _, spec } = service;
    *count += u32::from(spec.external_traffic_policy.as_deref() == Some("Local"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn add(counts: &mut PodCounts, spec: &Value, phase: &str, annotations: &Value) {
        let pod = json!({
            "metadata": {"name": "p", "namespace": "shop", "annotations": annotations},
            "spec": spec, "status": {"phase": phase}
        });
        counts.add(serde_json::from_value(pod).unwrap());
    }

    #[test]
    fn only_pods_with_an_address_of_their_own_count() {
        let mut counts = PodCounts::default();
        let plain = json!({"nodeName": "a", "containers": [{"name": "c"}]});
        add(&mut counts, &plain, "Running", &json!({}));
        add(&mut counts, &plain, "Pending", &json!({NIC_CONFIG: MULTI_NIC}));
        add(&mut counts, &plain, "Succeeded", &json!({}));
        add(&mut counts, &plain, "Failed", &json!({}));
        add(&mut counts, &json!({"containers": []}), "Pending", &json!({}));
        add(
            &mut counts,
            &json!({"nodeName": "a", "hostNetwork": true, "containers": []}),
            "Running",
            &json!({}),
        );
        let branch = json!({"nodeName": "b", "containers": [{
            "name": "c", "resources": {"limits": {"vpc.amazonaws.com/pod-eni": "1"}},
            "readinessProbe": {"tcpSocket": {"port": 80}}
        }]});
        add(&mut counts, &branch, "Running", &json!({}));
        let exec = json!({"nodeName": "b", "containers": [{
            "name": "c", "resources": {"limits": {"vpc.amazonaws.com/pod-eni": 1}},
            "livenessProbe": {"exec": {"command": ["true"]}}
        }]});
        add(&mut counts, &exec, "Running", &json!({}));
        let facts = |pods, with_security_groups, multi_nic| NodePodFacts {
            pods,
            with_security_groups,
            multi_nic,
        };
        let expected = [("a".to_owned(), facts(2, 0, 1)), ("b".to_owned(), facts(2, 2, 0))];
        assert_eq!(counts.by_node, expected.into());
        assert_eq!(counts.probed, 1);
    }

    #[test]
    fn local_services_are_counted() {
        let mut count = 0;
        for spec in [
            json!({"externalTrafficPolicy": "Local"}),
            json!({"externalTrafficPolicy": "Cluster"}),
            json!({}),
        ] {
            let service = json!({"metadata": {"name": "s"}, "spec": spec});
            count_local(&mut count, serde_json::from_value(service).unwrap());
        }
        assert_eq!(count, 1);
    }
}
