//! The settings of `aws-cni` in its part of the list, with the defaults of the stock plugin.

use crate::config::{PodEniMode, plugin_mtu};
use crate::datapath::host_veth_prefix;

/// The MTU of a pod where the list says nothing that makes sense.
pub const DEFAULT_MTU: u32 = 9001;

/// A link's name has 15 characters, and the hash of the pod takes 11 of them.
const LONGEST_PREFIX: usize = 4;

/// What the plugin is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginSettings {
    /// The prefix of the links on the node.
    pub veth_prefix: String,
    /// The MTU of the links.
    pub mtu: u32,
    /// How groups of pods are enforced.
    pub pod_eni_mode: PodEniMode,
}

/// Why the list cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A name would not fit.
    #[error("vethPrefix {0:?} is longer than {LONGEST_PREFIX} characters")]
    VethPrefixTooLong(String),
}

impl PluginSettings {
    /// What the keys `vethPrefix`, `mtu` and `podSGEnforcingMode` mean; an empty one counts as absent.
    pub fn read(
        veth_prefix: Option<&str>,
        mtu: Option<&str>,
        mode: Option<&str>,
    ) -> Result<Self, SettingsError> {
        let veth_prefix = veth_prefix.filter(|prefix| !prefix.is_empty()).unwrap_or("eni");
        if veth_prefix.len() > LONGEST_PREFIX {
            return Err(SettingsError::VethPrefixTooLong(veth_prefix.to_owned()));
        }
        Ok(Self {
            veth_prefix: veth_prefix.to_owned(),
            mtu: u32::try_from(plugin_mtu(mtu.unwrap_or_default())).unwrap_or(DEFAULT_MTU),
            pod_eni_mode: match mode {
                Some("standard") => PodEniMode::Standard,
                _ => PodEniMode::Strict,
            },
        })
    }

    /// The prefix of the node's side of the link of a pod, which may have a branch of its own.
    pub fn prefix_for(&self, branch: bool) -> &str {
        if branch {
            host_veth_prefix(&self.veth_prefix, self.pod_eni_mode)
        } else {
            &self.veth_prefix
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_mtu_out_of_range_is_not_believed() {
        let mtu = |text| PluginSettings::read(None, Some(text), None).unwrap().mtu;
        assert_eq!(
            ["576", "1500", "9001"].map(mtu),
            [576, 1500, 9001],
            "the ends belong to it"
        );
        assert_eq!(["575", "9002", "-1", "jumbo", ""].map(mtu), [DEFAULT_MTU; 5]);
    }
}
