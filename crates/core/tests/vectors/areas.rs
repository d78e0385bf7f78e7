//! What becomes of each area of `vpc-cni-vectors.json`.

use crate::{Checked, data_path, node, plugin, pool, reconcile, requests, settings, sizing, store};
use serde_json::Value;

/// Whether an area is tested here.
pub(crate) enum Fate {
    /// By this check, which makes `expected` from `input`.
    Tested(fn(&Value) -> Checked),
    /// By this check, which makes all that a vector of the area may expect; each expects some of it.
    Among(fn(&Value) -> Checked),
    /// By this check, which sees what is expected to name what has no order of its own.
    Alike(fn(&Value, &Value) -> Checked),
    /// Not in this crate yet, for this reason.
    Later(&'static str),
}

const RPC: &str = "the socket itself: held in crates/rpc/tests/handshake.rs against a real server";

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
    ("mode-toggle", Fate::Among(requests::mode_toggle)),
    ("target-state", Fate::Tested(sizing::target_state)),
    ("pool-too-low", Fate::Tested(pool::too_low)),
    ("pool-increase", Fate::Among(pool::increase)),
    ("eni-removal", Fate::Among(pool::removal)),
    ("docs-prefix", Fate::Among(pool::settled)),
    ("docs-secondary", Fate::Among(pool::settled)),
    ("derived", Fate::Among(pool::settled)),
    ("live", Fate::Among(pool::settled)),
    ("known-defect", Fate::Among(pool::settled)),
    ("assign", Fate::Alike(store::assign)),
    ("cooldown", Fate::Among(store::cooldown)),
    ("exclusion", Fate::Tested(store::exclusion)),
    ("checkpoint", Fate::Tested(requests::checkpoint)),
    ("reconcile", Fate::Tested(reconcile::reconciling)),
    ("naming", Fate::Tested(data_path::naming)),
    ("route-table", Fate::Tested(data_path::route_table)),
    ("iptables", Fate::Tested(data_path::iptables)),
    ("sgp", Fate::Tested(node::branches)),
    ("cni-conf", Fate::Among(plugin::settings)),
    ("rpc-add", Fate::Among(requests::add_network)),
    ("rpc-version", Fate::Later(RPC)),
    ("rpc-npa", Fate::Tested(node::addresses)),
    ("cninode", Fate::Tested(node::cni_node)),
    ("unmanaged", Fate::Tested(node::unmanaged)),
    ("leaked-eni", Fate::Tested(node::leaked)),
    ("wait-attach", Fate::Tested(node::wait)),
    ("backoff", Fate::Tested(node::backoff)),
];

/// Vectors of tested areas that belong elsewhere all the same.
pub(crate) const LATER: &[(&str, &str)] = &[];

/// Vectors of a known defect of upstream, with the right answer; `docs/reference/differences.md` has the reasons.
pub(crate) const DIFFERENT: &[(&str, &str)] = &[
    // One address is kept free: the third pod gets it.
    (
        "known-defect-001",
        r#"{"total_ips": 3, "available": 1, "pool_too_low": false}"#,
    ),
];
