//! What writing to the DaemonSet and the ConfigMap needs beyond the settings themselves: names, versions, and the lists
//! that are written whole.

use super::document::Document;
use serde_json::Value;
use std::collections::BTreeSet;

/// The annotation that keeps the update strategy we set aside.
pub(crate) const UNDO_STRATEGY: &str = "vpccni.io/undo-update-strategy";
/// The annotation somebody with the verb `break-glass` sets to change an owned key by hand.
pub(crate) const BREAK_GLASS: &str = "vpccni.io/break-glass";
/// The ConfigMap beside the DaemonSet.
pub(crate) const CONFIG_MAP: &str = "amazon-vpc-cni";

/// The DaemonSet as it stands, as far as a write depends on it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Carrier {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// Every write is bound to what was decided on.
    pub(crate) resource_version: String,
    /// The node agent's arguments: one atomic list under server-side apply.
    pub(crate) agent_args: Vec<String>,
    /// `spec.updateStrategy`.
    pub(crate) update_strategy: Value,
    /// The strategy kept in the annotation.
    pub(crate) undo_strategy: Option<Value>,
    /// The ConfigMap, where it is there.
    pub(crate) config_map: Option<ConfigMapCarrier>,
    /// The managed add-on, where the policy names it: then nothing is written to the DaemonSet.
    pub(crate) addon: Option<AddonDocument>,
}

/// The managed add-on as it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AddonDocument {
    pub(crate) cluster: String,
    pub(crate) name: String,
    pub(crate) document: Document,
}

/// The ConfigMap as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigMapCarrier {
    pub(crate) resource_version: String,
    /// Its keys that are ours.
    pub(crate) owned: BTreeSet<String>,
}
