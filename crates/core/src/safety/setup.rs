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

    /// Whether both make interfaces in the same places. The zone is what a policy declares, and no object says it.
    pub fn same_eni_configs(&self, other: &Self) -> bool {
        fn places(setup: &CniSetup) -> impl Iterator<Item = (&EniConfigName, &SubnetId, &[SecurityGroupId])> {
            let specs = setup.eni_configs.iter();
            specs.map(|(name, spec)| (name, &spec.subnet, spec.security_groups.as_slice()))
        }
        places(self).eq(places(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declared_zone_is_no_other_place() {
        let of = |zone: Option<&str>, subnet: &str| {
            let spec = EniConfigSpec {
                subnet: SubnetId::parse(subnet).unwrap(),
                security_groups: Vec::new(),
                zone: zone.map(|zone| crate::ids::Zone::parse(zone).unwrap()),
            };
            CniSetup {
                eni_configs: [(EniConfigName::parse("a").unwrap(), spec)].into(),
                ..CniSetup::empty(CniVersion::REFERENCE)
            }
        };
        let live = of(None, "subnet-1");
        assert!(live.same_eni_configs(&of(Some("us-west-2a"), "subnet-1")));
        assert!(!live.same_eni_configs(&of(None, "subnet-2")));
        assert!(!live.same_eni_configs(&CniSetup::empty(CniVersion::REFERENCE)));
    }
}
