//! The ENIConfigs that a policy declares: one per zone as a rule, with subnet and groups by id or by tags.

use crate::shape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An ENIConfig that the operator writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EniConfigEntry {
    /// Its name: what the node's label or annotation says.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The zone it is for.
    #[schemars(length(min = 1, max = 63))]
    pub zone: String,
    /// Where interfaces made by it go.
    pub subnet: ResourceSelector,
    /// Their security groups, at most 16; those of the node's primary interface where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub security_groups: Option<Vec<ResourceSelector>>,
}

optional! {
    /// A subnet or security group: exactly one of id and tags.
    ResourceSelector {
        /// Its id.
        #[schemars(length(max = 32))]
        id: String,
        /// Tags it has, all of them.
        #[schemars(schema_with = "shape::tags")]
        tags: BTreeMap<String, String>,
    }
}
