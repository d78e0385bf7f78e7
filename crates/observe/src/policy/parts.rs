//! The DaemonSet, the ConfigMap and the ENIConfigs as the stores hold them.

use super::carrier::Carrier;
use super::live::{Live, owners};
use crate::seen::EniConfigSeen;
use crate::stores::Stores;
use crate::target::{LiveConfigMap, LiveTarget};
use std::collections::BTreeMap;
use vpccni_core::eni_configs::Present;
use vpccni_core::ids::EniConfigName;
use vpccni_core::policy::{AddonState, Target};
use vpccni_core::safety::EniConfigSpec;

/// The DaemonSet and the ConfigMap as they stand.
#[derive(Debug)]
pub struct Parts {
    /// The DaemonSet.
    pub live: Option<LiveTarget>,
    /// The ConfigMap.
    pub config_map: Option<LiveConfigMap>,
    /// The ENIConfigs, readable or not.
    pub eni_configs: BTreeMap<EniConfigName, Present>,
}

/// The target and what is beside it.
pub fn parts(stores: &Stores) -> Parts {
    let live = stores
        .target
        .all()
        .first()
        .and_then(|object| LiveTarget::of(&object.0).ok());
    let config_map = stores
        .config_map
        .all()
        .first()
        .map(|object| LiveConfigMap::of(&object.0));
    let eni_configs = stores
        .eni_configs
        .all()
        .iter()
        .map(|seen| (seen.name.clone(), present(seen)))
        .collect();
    Parts {
        live,
        config_map,
        eni_configs,
    }
}

fn present(seen: &EniConfigSeen) -> Present {
    Present {
        spec: seen.spec(),
        owners: owners(seen.owners.clone()),
    }
}

impl Parts {
    /// The readable ENIConfigs.
    fn specs(&self) -> BTreeMap<EniConfigName, EniConfigSpec> {
        let readable = |(name, present): (&EniConfigName, &Present)| {
            Some((name.clone(), present.spec.as_ref().ok()?.clone()))
        };
        self.eni_configs.iter().filter_map(readable).collect()
    }

    /// The target as the planner sees it, with what writing to it needs.
    pub fn target(&self, stores: &Stores, addon: AddonState) -> Option<(Target, Carrier)> {
        let pods = stores.aws_node_pods.all();
        let live = Live {
            target: self.live.as_ref()?,
            config_map: self.config_map.as_ref(),
            pods: &pods,
            addon,
            eni_configs: self.specs(),
        };
        Some((live.target(), live.carrier()))
    }
}
