//! The ConfigMap `amazon-vpc-cni`: configuration that the control plane reads, not aws-node.

use super::ownership::{Manager, Ownership};
use k8s_openapi::api::core::v1::ConfigMap;
use std::collections::BTreeMap;

/// Its name; the VPC resource controller and the network policy controller look for no other.
pub const CONFIG_MAP: &str = "amazon-vpc-cni";

/// The ConfigMap as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveConfigMap {
    /// For a write that must not overtake another.
    pub resource_version: Option<String>,
    /// Its uid.
    pub uid: Option<String>,
    /// What it says.
    pub data: BTreeMap<String, String>,
    ownership: Ownership,
}

impl LiveConfigMap {
    /// Reads the object.
    pub fn of(map: &ConfigMap) -> Self {
        Self {
            resource_version: map.metadata.resource_version.clone(),
            uid: map.metadata.uid.clone(),
            data: map.data.clone().unwrap_or_default(),
            ownership: Ownership::of(map.metadata.managed_fields.as_ref()),
        }
    }

    /// Who owns a key.
    pub fn owners(&self, key: &str) -> Vec<Manager> {
        self.ownership.of_path(&["f:data", &format!("f:{key}")])
    }
}
