//! What the plugin makes of its configuration.

use crate::{Checked, list};
use serde_json::{Value, json};
use vpccni_core::config::PodEniMode;
use vpccni_core::conflist::PluginSettings;

/// Defaults, and what is refused.
#[expect(clippy::unnecessary_wraps, reason = "every check has this type")]
pub(crate) fn settings(input: &Value) -> Checked {
    let results: Vec<Value> = list(input, "confs")
        .iter()
        .map(|conf| {
            let key = |name: &str| conf[name].as_str();
            PluginSettings::read(key("vethPrefix"), key("mtu"), key("podSGEnforcingMode")).map_or_else(
                |_| json!("error"),
                |settings| {
                    let mode = match settings.pod_eni_mode {
                        PodEniMode::Strict => "strict",
                        PodEniMode::Standard => "standard",
                    };
                    json!({
                        "mtu": settings.mtu.to_string(),
                        "vethPrefix": settings.veth_prefix,
                        "podSGEnforcingMode": mode,
                    })
                },
            )
        })
        .collect();
    Ok(json!({ "results": results }))
}
