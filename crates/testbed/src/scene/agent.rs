//! What a restarted aws-node pod does to the interfaces of its node, as far as a test of the operator can see it: under
//! prefix mode it gives an unused address back and takes a prefix, so that a node that was there before becomes Mixed.

use crate::cloud::Cloud;
use crate::nodes::{Conduct, SimNode, env_is};
use k8s_openapi::api::core::v1::Pod;
use std::collections::BTreeMap;

pub(super) struct StandIn {
    cloud: Cloud,
    instances: BTreeMap<String, String>,
}

impl StandIn {
    pub(super) fn new(cloud: Cloud, nodes: &[SimNode]) -> Self {
        let instances = nodes
            .iter()
            .map(|node| (node.name.clone(), node.instance_id.clone()))
            .collect();
        Self { cloud, instances }
    }

    /// Nothing about the pod itself changes.
    pub(super) fn pod_starts(&self, pod: &Pod) -> Option<Conduct> {
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_ref());
        let instance = node.and_then(|node| self.instances.get(node));
        if let Some(instance) = instance
            && name.starts_with("aws-node-")
            && env_is(pod, "aws-node", "ENABLE_PREFIX_DELEGATION", "true")
            && let Err(error) = self.cloud.flip_to_prefixes(instance)
        {
            tracing::debug!(%error, %instance, "the stand-in for ipamd changed nothing");
        }
        None
    }
}
