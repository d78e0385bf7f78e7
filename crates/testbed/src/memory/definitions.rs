//! The definitions of a cluster that our operator works in: its own, and those of the VPC CNI.

use crate::fixtures;
use kube::CustomResourceExt;
use serde::Deserialize;
use serde_json::{Value, json};
use vpccni_api::{CniMigration, CniNodeState, CniPolicy};

/// All of them.
pub fn definitions() -> Vec<Value> {
    let ours = [CniPolicy::crd(), CniNodeState::crd(), CniMigration::crd()];
    let ours = ours.iter().filter_map(|crd| serde_json::to_value(crd).ok());
    let theirs = serde_norway::Deserializer::from_str(fixtures::CRDS)
        .filter_map(|document| Value::deserialize(document).ok())
        .filter(Value::is_object);
    ours.chain(theirs).collect()
}

/// Those of Karpenter, without their schemas: nothing is validated here.
pub(super) fn of_karpenter() -> Vec<Value> {
    let kinds = [
        ("karpenter.sh", "nodepools", "NodePool"),
        ("karpenter.sh", "nodeclaims", "NodeClaim"),
        ("karpenter.k8s.aws", "ec2nodeclasses", "EC2NodeClass"),
    ];
    let of = |(group, plural, kind)| {
        json!({"spec": {
            "group": group, "names": {"plural": plural, "kind": kind}, "scope": "Cluster",
            "versions": [{"name": "v1", "served": true, "subresources": {"status": {}}}],
        }})
    };
    kinds.map(of).into()
}
