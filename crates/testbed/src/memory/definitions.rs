//! The definitions of a cluster that our operator works in: its own, and those of the VPC CNI.

use crate::fixtures;
use kube::CustomResourceExt;
use serde::Deserialize;
use serde_json::Value;
use vpccni_api::{CniNodeState, CniPolicy};

/// All of them.
pub fn definitions() -> Vec<Value> {
    let ours = [CniPolicy::crd(), CniNodeState::crd()];
    let ours = ours.iter().filter_map(|crd| serde_json::to_value(crd).ok());
    let theirs = serde_norway::Deserializer::from_str(fixtures::CRDS)
        .filter_map(|document| Value::deserialize(document).ok())
        .filter(Value::is_object);
    ours.chain(theirs).collect()
}
