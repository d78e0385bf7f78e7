//! One side of a change: a configuration with all that is read together with it.

use crate::config::CniConfig;
use crate::ids::{EniConfigName, SecurityGroupId, SubnetId};
use crate::version::CniVersion;
use std::collections::BTreeMap;

/// What an ENIConfig says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EniConfigSpec {
    /// Where interfaces made by it go.
    pub subnet: SubnetId,
    /// Their groups; empty means those of the node's primary interface.
    pub security_groups: Vec<SecurityGroupId>,
    /// The zone it is declared for, where the policy says so.
    pub zone: Option<crate::ids::Zone>,
}

/// A whole set-up of the CNI: what runs (from), or what should run (to).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CniSetup {
    /// What is set.
    pub config: CniConfig,
    /// The version that reads it: defaults depend on it.
    pub version: CniVersion,
    /// The version of the network policy agent, where its container is there at all.
    pub node_agent: Option<CniVersion>,
    /// The ENIConfig objects.
    pub eni_configs: BTreeMap<EniConfigName, EniConfigSpec>,
    /// Whether the DaemonSet (or the add-on) is there: false on one side is an install or a removal.
    pub present: bool,
    /// Whether the write resets what others set by hand (`resolveConflicts: OVERWRITE`, or an empty document).
    pub overwrites_unmanaged: bool,
}

impl CniSetup {
    /// A set-up with nothing set.
    pub fn empty(version: CniVersion) -> Self {
        Self {
            config: CniConfig::default(),
            version,
            node_agent: None,
            eni_configs: BTreeMap::new(),
            present: true,
            overwrites_unmanaged: false,
        }
    }
}
