//! What writing to the DaemonSet and the ConfigMap needs beyond the settings themselves: names, versions, and the lists
//! that are written whole.

use super::document::Document;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use vpccni_core::policy::Owner;

/// The annotation that keeps the update strategy we set aside.
pub const UNDO_STRATEGY: &str = "vpccni.io/undo-update-strategy";
/// The annotation somebody with the verb `break-glass` sets to change an owned key by hand.
pub const BREAK_GLASS: &str = "vpccni.io/break-glass";
/// The DaemonSet as it stands, as far as a write depends on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Carrier {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Every write is bound to what was decided on.
    pub resource_version: String,
    /// The node agent's arguments: one atomic list under server-side apply.
    pub agent_args: Vec<String>,
    /// `spec.updateStrategy`.
    pub update_strategy: Value,
    /// Who owns `spec.updateStrategy`.
    pub strategy_owners: Vec<Owner>,
    /// Annotations of ours.
    pub marks: BTreeMap<String, String>,
    /// The strategy kept in the annotation.
    pub undo_strategy: Option<Value>,
    /// The ConfigMap, where it is there.
    pub config_map: Option<ConfigMapCarrier>,
    /// The managed add-on, where the policy names it: then nothing is written to the DaemonSet.
    pub addon: Option<AddonDocument>,
}

/// The managed add-on as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct AddonDocument {
    /// The cluster it belongs to.
    pub cluster: String,
    /// Its name.
    pub name: String,
    /// Its configuration document.
    pub document: Document,
}

/// The ConfigMap as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigMapCarrier {
    /// For a write that must not overtake another.
    pub resource_version: String,
    /// Its keys that are ours.
    pub owned: BTreeSet<String>,
}
