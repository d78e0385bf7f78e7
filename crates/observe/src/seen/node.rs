//! A Node: what it is and runs on, how many pods it takes, and what can name its ENIConfig.

use crate::groups;
use crate::migration::{CORDONED, DO_NOT_DISRUPT, HELD, REPLACES};
use crate::watching::{Kind, Scope, Watched};
use crate::wire;
use jiff::Timestamp;
use kube::core::DeserializeGuard;
use kube::{Api, Client, ResourceExt};
use std::collections::BTreeMap;
use vpccni_core::ids::{InstanceId, InstanceType, NodeName, Zone};
use vpccni_core::safety::{Compute, NodeGroup, Os};

/// What a migration leaves on a node.
const MARKS: [&str; 4] = [CORDONED, HELD, REPLACES, DO_NOT_DISRUPT];

/// The taint of a node that Karpenter is replacing.
const DISRUPTED: &str = "karpenter.sh/disrupted";

/// A Node, as far as decisions use it. It has no resource version: a heartbeat is no change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSeen {
    /// Its name.
    pub name: NodeName,
    /// Its uid, for owner references and Events.
    pub uid: String,
    /// When it joined.
    pub created: Option<Timestamp>,
    /// Its zone.
    pub zone: Option<Zone>,
    /// Its region.
    pub region: Option<String>,
    /// Its type.
    pub instance_type: Option<InstanceType>,
    /// Its instance, from the provider id.
    pub instance: Option<InstanceId>,
    /// Its operating system.
    pub os: Os,
    /// Its architecture, such as `arm64`.
    pub arch: Option<String>,
    /// What it runs on.
    pub compute: Compute,
    /// Its group.
    pub group: NodeGroup,
    /// Labels that can name an ENIConfig, and only those.
    pub labels: BTreeMap<String, String>,
    /// Annotations that can name an ENIConfig, and only those.
    pub annotations: BTreeMap<String, String>,
    /// `status.allocatable.pods`.
    pub allocatable_pods: Option<u32>,
    /// `status.capacity.pods`, which is what ipamd reads.
    pub capacity_pods: Option<u32>,
    /// Whether its condition Ready is True.
    pub ready: bool,
    /// Whether it is cordoned.
    pub unschedulable: bool,
    /// How many taints it has.
    pub taints: u32,
    /// Annotations that a migration puts there, and only those.
    pub marks: BTreeMap<String, String>,
    /// Whether it is going: its object is being deleted, or Karpenter has taken it.
    pub leaving: bool,
}

impl NodeSeen {
    /// Whether aws-node runs there: Linux on EC2.
    pub fn takes_part(&self) -> bool {
        self.os == Os::Linux && self.compute == Compute::Ec2
    }
}

impl Watched for NodeSeen {
    type Wire = wire::Node;
    const KIND: Kind = Kind::Node;

    fn api(client: Client, _scope: &Scope) -> Api<DeserializeGuard<wire::Node>> {
        Api::all(client)
    }

    fn parse(wire: wire::Node, scope: &Scope) -> Result<Self, String> {
        let name = NodeName::parse(&wire.name_any()).map_err(|e| e.to_string())?;
        let uid = wire.uid().unwrap_or_default();
        let wire::Node {
            metadata,
            spec,
            status,
        } = wire;
        let labels = metadata.labels.unwrap_or_default();
        let annotations = metadata.annotations.unwrap_or_default();
        let mut marks = annotations.clone();
        marks.retain(|key, _| MARKS.contains(&key.as_str()));
        let taken = spec.taints.iter().any(|taint| taint.key == DISRUPTED);
        let provider_id = spec.provider_id.as_deref();
        let text = |keys: [&str; 2]| keys.iter().find_map(|key| labels.get(*key)).cloned();
        Ok(Self {
            name,
            uid,
            created: metadata.creation_timestamp.map(|time| time.0),
            zone: text([
                "topology.kubernetes.io/zone",
                "failure-domain.beta.kubernetes.io/zone",
            ])
            .and_then(|zone| Zone::parse(&zone).ok()),
            region: text([
                "topology.kubernetes.io/region",
                "failure-domain.beta.kubernetes.io/region",
            ]),
            instance_type: text([
                "node.kubernetes.io/instance-type",
                "beta.kubernetes.io/instance-type",
            ])
            .and_then(|name| InstanceType::parse(&name).ok()),
            instance: provider_id.and_then(instance),
            os: groups::os(&labels),
            arch: text(["kubernetes.io/arch", "beta.kubernetes.io/arch"]),
            compute: groups::compute(&labels, provider_id),
            group: groups::group(&labels, &BTreeMap::new()),
            annotations: kept(annotations, scope),
            marks,
            leaving: metadata.deletion_timestamp.is_some() || taken,
            allocatable_pods: status.allocatable.pods.as_deref().and_then(count),
            capacity_pods: status.capacity.pods.as_deref().and_then(count),
            ready: status
                .conditions
                .iter()
                .any(|c| c.kind == "Ready" && c.status == "True"),
            unschedulable: spec.unschedulable,
            taints: u32::try_from(spec.taints.len()).unwrap_or(u32::MAX),
            labels: kept(labels, scope),
        })
    }

    fn same_view(old: &Scope, new: &Scope) -> bool {
        old.node_keys == new.node_keys
    }
}

fn kept(mut map: BTreeMap<String, String>, scope: &Scope) -> BTreeMap<String, String> {
    map.retain(|key, _| scope.keeps(key));
    map
}

/// `aws:///us-west-2a/i-0a1` names an instance; the ids of other providers do not.
pub fn instance(provider_id: &str) -> Option<InstanceId> {
    let path = provider_id.strip_prefix("aws://")?;
    InstanceId::parse(path.rsplit('/').next()?).ok()
}

/// A quantity of pods; the API server writes 1000 as `1k`.
fn count(quantity: &str) -> Option<u32> {
    match quantity.strip_suffix('k') {
        Some(thousands) => thousands.parse::<u32>().ok()?.checked_mul(1000),
        None => quantity.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use vpccni_core::safety::Provider;

    fn node(json: serde_json::Value) -> Result<NodeSeen, String> {
        let guarded: DeserializeGuard<wire::Node> = serde_json::from_value(json).unwrap();
        let scope = Scope {
            node_keys: ["team".to_owned()].into(),
            ..Scope::default()
        };
        NodeSeen::parse(guarded.0.map_err(|e| e.error)?, &scope)
    }

    #[test]
    fn a_node_is_folded_to_what_is_asked_for() {
        let seen = node(json!({
            "metadata": {
                "name": "ip-10-0-1-5.ec2.internal", "uid": "u1", "creationTimestamp": "2026-08-01T00:00:00Z",
                "managedFields": [{"manager": "kubelet", "operation": "Update"}],
                "labels": {
                    "topology.kubernetes.io/zone": "us-west-2a", "topology.kubernetes.io/region": "us-west-2",
                    "node.kubernetes.io/instance-type": "m5.large", "kubernetes.io/os": "linux",
                    "kubernetes.io/arch": "amd64", "eks.amazonaws.com/nodegroup": "blue", "team": "shop", "x": "y"
                },
                "annotations": {"k8s.amazonaws.com/eniConfig": "special", "csi.volume/nodeid": "long"}
            },
            "spec": {"providerID": "aws:///us-west-2a/i-0a1", "taints": [{"key": "a", "effect": "NoSchedule"}]},
            "status": {
                "allocatable": {"pods": "29", "cpu": "2"}, "capacity": {"pods": "1k"},
                "conditions": [{"type": "Ready", "status": "True"}]
            }
        }))
        .unwrap();
        assert_eq!(seen.zone.as_ref().map(Zone::as_str), Some("us-west-2a"));
        assert_eq!(seen.instance.as_ref().map(InstanceId::as_str), Some("i-0a1"));
        assert_eq!(
            (seen.allocatable_pods, seen.capacity_pods),
            (Some(29), Some(1000))
        );
        assert_eq!(
            (seen.group.provider, seen.group.name.as_str()),
            (Provider::ManagedNodeGroup, "blue")
        );
        assert_eq!(
            seen.labels.keys().collect::<Vec<_>>(),
            ["team", "topology.kubernetes.io/zone"]
        );
        assert_eq!(
            seen.annotations.keys().collect::<Vec<_>>(),
            ["k8s.amazonaws.com/eniConfig"]
        );
        assert!(seen.ready && seen.takes_part() && seen.created.is_some() && seen.taints == 1);
    }

    #[test]
    fn a_bare_node_is_a_node_and_a_broken_one_says_why() {
        let bare = node(json!({"metadata": {"name": "new"}})).unwrap();
        assert_eq!((bare.zone, bare.instance, bare.ready), (None, None, false));
        let error = node(json!({"metadata": {"name": "bad"}, "status": {"allocatable": {"pods": {}}}}));
        assert!(error.unwrap_err().contains("string"));
    }

    #[test]
    fn only_aws_provider_ids_name_instances() {
        assert!(instance("aws:///us-west-2a/i-0a1").is_some());
        assert!(instance("aws:///us-west-2a/x/fargate-ip-10-0-1-5").is_none());
        assert!(instance("kind://docker/kind/i-0a1").is_none());
    }
}
