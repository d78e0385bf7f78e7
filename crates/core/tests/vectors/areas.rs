//! What becomes of each area of `vpc-cni-vectors.json`.

use crate::{Checked, data_path, settings, sizing};
use serde_json::Value;

/// Whether an area is tested here.
pub(crate) enum Fate {
    /// By this check, which makes `expected` from `input`.
    Tested(fn(&Value) -> Checked),
    /// Not in this crate yet, for this reason.
    Later(&'static str),
}

const POOL: &str = "the pool of the node's agent: growing, shrinking and what it ends up with";
const STORE: &str = "the data store of the node's agent: assignment, cooldown, checkpoint";
const RPC: &str = "the socket of the node's agent and its plugin";
const CLOUD: &str = "the interfaces of the node's agent: ownership, clean-up, waiting";

/// Every area.
pub(crate) const AREAS: &[(&str, Fate)] = &[
    ("config-validation", Fate::Tested(settings::validation)),
    ("env", Fate::Tested(settings::env)),
    ("mtu", Fate::Tested(settings::mtu)),
    ("cidr-parse", Fate::Tested(settings::cidrs)),
    ("eni-tags", Fate::Tested(settings::eni_tags)),
    ("eniconfig", Fate::Tested(settings::eni_config)),
    ("subnet-discovery", Fate::Tested(settings::subnet)),
    ("limits", Fate::Tested(sizing::limits)),
    ("math", Fate::Tested(sizing::math)),
    ("mode-toggle", Fate::Tested(sizing::mode_toggle)),
    ("target-state", Fate::Tested(sizing::target_state)),
    ("pool-too-low", Fate::Later(POOL)),
    ("pool-increase", Fate::Later(POOL)),
    ("eni-removal", Fate::Later(POOL)),
    ("docs-prefix", Fate::Later(POOL)),
    ("docs-secondary", Fate::Later(POOL)),
    ("derived", Fate::Later(POOL)),
    ("live", Fate::Later(POOL)),
    ("known-defect", Fate::Later(POOL)),
    ("assign", Fate::Later(STORE)),
    ("cooldown", Fate::Later(STORE)),
    ("exclusion", Fate::Later(STORE)),
    ("checkpoint", Fate::Later(STORE)),
    ("reconcile", Fate::Later(STORE)),
    ("naming", Fate::Tested(data_path::naming)),
    ("route-table", Fate::Tested(data_path::route_table)),
    ("iptables", Fate::Tested(data_path::iptables)),
    ("sgp", Fate::Tested(data_path::sgp)),
    ("cni-conf", Fate::Later(RPC)),
    ("rpc-add", Fate::Later(RPC)),
    ("rpc-version", Fate::Later(RPC)),
    ("rpc-npa", Fate::Later(RPC)),
    ("cninode", Fate::Later(CLOUD)),
    ("unmanaged", Fate::Later(CLOUD)),
    ("leaked-eni", Fate::Later(CLOUD)),
    ("wait-attach", Fate::Later(CLOUD)),
    ("backoff", Fate::Later(CLOUD)),
];

/// Vectors of tested areas that belong elsewhere all the same.
pub(crate) const LATER: &[(&str, &str)] = &[
    // A sequence of adds, assignments and deletes with the errors of a data store.
    ("mode-toggle-001", STORE),
];
