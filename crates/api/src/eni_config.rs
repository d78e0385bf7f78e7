//! The upstream kind ENIConfig, for reading and writing. Its definition is upstream's, never in our `crds/`.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where the interfaces of pods go, under custom networking.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "crd.k8s.amazonaws.com",
    version = "v1alpha1",
    kind = "ENIConfig",
    root = "EniConfig",
    plural = "eniconfigs",
    singular = "eniconfig",
    derive = "PartialEq",
    schema = "disabled"
)]
#[serde(rename_all = "camelCase")]
pub struct EniConfigSpec {
    /// The subnet; upstream allows it to be absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet: Option<String>,
    /// The security groups; those of the primary interface where empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_groups: Option<Vec<String>>,
    /// Fields of later versions: kept when the object is written back.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, serde_json::Value>,
}
