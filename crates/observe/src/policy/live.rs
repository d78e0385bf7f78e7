//! From what the stores hold to what the planner decides on: the target with its owners, and the carrier of writes.

use super::carrier::{BREAK_GLASS, Carrier, ConfigMapCarrier, UNDO_STRATEGY};
use crate::seen::AwsNodePod;
use crate::target::{Container, EnvValue, LiveConfigMap, LiveTarget, Manager, UpdateStrategy};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use vpccni_core::config::{Place, RawConfig, read};
use vpccni_core::ids::EniConfigName;
use vpccni_core::policy::{
    AddonState, ManagerClass, Owner, Rollout, Seen, SettingName, Target, Written, classify_manager,
};
use vpccni_core::safety::EniConfigSpec;

/// Everything that makes the target.
#[derive(Debug)]
pub struct Live<'a> {
    /// The DaemonSet.
    pub target: &'a LiveTarget,
    /// The ConfigMap, where it is there.
    pub config_map: Option<&'a LiveConfigMap>,
    /// Its pods.
    pub pods: &'a [std::sync::Arc<AwsNodePod>],
    /// What EKS manages of it.
    pub addon: AddonState,
    /// The readable ENIConfigs.
    pub eni_configs: BTreeMap<EniConfigName, EniConfigSpec>,
}

impl Live<'_> {
    /// The target as the planner sees it.
    pub fn target(&self) -> Target {
        let live = self.target;
        let args = live.node_agent_args.as_ref();
        let agent = live.images.get(&Container::NodeAgent);
        Target {
            name: format!("{}/{}", live.namespace, live.name),
            settings: self.settings(),
            is_held: live.is_applied_by(vpccni_core::policy::FIELD_MANAGER),
            agent_args_owner: args.map(|args| Seen {
                value: Written::Text(args.join(" ")),
                owners: owners(live.args_owners(Container::NodeAgent)),
            }),
            version: live.version(),
            node_agent: agent.and_then(|image| image.version.as_option().copied()),
            has_agent: agent.is_some(),
            has_config_map: self.config_map.is_some(),
            rollout: self.rollout(),
            stopped_strategy: live.annotations.get(UNDO_STRATEGY).cloned(),
            break_glass: live
                .annotations
                .get(BREAK_GLASS)
                .cloned()
                .filter(|value| !value.is_empty()),
            addon: self.addon.clone(),
            eni_configs: self.eni_configs.clone(),
        }
    }

    /// Every variable, flag and key, with its owners.
    fn settings(&self) -> BTreeMap<SettingName, Seen> {
        let live = self.target;
        let mut settings = BTreeMap::new();
        let mut insert = |place, name: &str, value, owners| {
            let name = name.to_owned();
            settings.insert(SettingName { place, name }, Seen { value, owners });
        };
        for (container, place) in PLACES {
            for (name, value) in live.env.get(&container).into_iter().flatten() {
                let owners = owners(live.env_owners(container, name));
                insert(place, name, written(value), owners);
            }
        }
        let args_owners = owners(live.args_owners(Container::NodeAgent));
        for (name, value) in flags(live.node_agent_args.as_deref().unwrap_or_default()) {
            insert(Place::NodeAgent, &name, Written::Text(value), args_owners.clone());
        }
        if let Some(map) = self.config_map {
            for (key, value) in &map.data {
                let value = Written::Text(value.clone());
                insert(Place::ConfigMap, key, value, owners(map.owners(key)));
            }
        }
        settings
    }

    /// What writing to it needs.
    pub fn carrier(&self) -> Carrier {
        let live = self.target;
        Carrier {
            namespace: live.namespace.clone(),
            name: live.name.clone(),
            resource_version: live.resource_version.clone(),
            agent_args: live.node_agent_args.clone().unwrap_or_default(),
            update_strategy: strategy(&live.update_strategy),
            strategy_owners: owners(live.strategy_owners()),
            marks: live.annotations.clone(),
            undo_strategy: live
                .annotations
                .get(UNDO_STRATEGY)
                .and_then(|text| serde_json::from_str(text).ok()),
            addon: None,
            config_map: self.config_map.map(|map| ConfigMapCarrier {
                resource_version: map.resource_version.clone().unwrap_or_default(),
                owned: map
                    .data
                    .keys()
                    .filter(|key| {
                        let ours = ManagerClass::Ours;
                        owners(map.owners(key)).iter().any(|owner| owner.class == ours)
                    })
                    .cloned()
                    .collect(),
            }),
        }
    }

    fn rollout(&self) -> Rollout {
        let live = self.target;
        let looping = self
            .pods
            .iter()
            .filter(|pod| pod.crash_looping() && self.is_newest(pod));
        Rollout {
            desired: live.counts.desired,
            updated: live.counts.updated,
            unavailable: live.counts.unavailable,
            observed: live.observed_generation >= live.generation,
            crash_looping: looping.take(3).map(|pod| describe(pod)).collect(),
            on_delete: live.update_strategy == UpdateStrategy::OnDelete,
        }
    }

    /// Whether a pod is of the newest revision: that of the most recent pods, if they are as many as the DaemonSet says
    /// run its newest template. While it has made none, the most recent are those of the rollout before.
    fn is_newest(&self, pod: &AwsNodePod) -> bool {
        let live = self.target;
        let recent = self
            .pods
            .iter()
            .max_by_key(|pod| pod.created)
            .and_then(|pod| pod.revision.as_ref());
        let pods = self.pods.iter().filter(|pod| pod.revision.as_ref() == recent);
        let is_current = usize::try_from(live.counts.updated) == Ok(pods.count());
        live.observed_generation >= live.generation && is_current && recent == pod.revision.as_ref()
    }
}

const PLACES: [(Container, Place); 3] = [
    (Container::AwsNode, Place::AwsNode),
    (Container::Init, Place::Init),
    (Container::NodeAgent, Place::NodeAgent),
];

fn describe(pod: &AwsNodePod) -> String {
    match &pod.stuck {
        Some(stuck) => format!(
            "pod {}: {} {} ({} restarts)",
            pod.name, stuck.container, stuck.reason, stuck.restarts
        ),
        None => format!("pod {}", pod.name),
    }
}

fn written(value: &EnvValue) -> Written {
    match value {
        EnvValue::Text(text) => Written::Text(text.clone()),
        EnvValue::From(source) => Written::Reference(source.clone()),
    }
}

/// Field managers as the planner knows them.
pub fn owners(managers: Vec<Manager>) -> Vec<Owner> {
    managers
        .into_iter()
        .map(|manager| Owner {
            class: classify_manager(&manager.name),
            manager: manager.name,
        })
        .collect()
}

/// The flags of the argument list that we know, as upstream reads them.
fn flags(args: &[String]) -> BTreeMap<String, String> {
    let raw = RawConfig {
        node_agent_args: args.to_vec(),
        ..RawConfig::default()
    };
    let config = read(&raw).config;
    config
        .iter()
        .map(|(key, value)| (key.field().name.to_owned(), value.to_string()))
        .collect()
}

fn strategy(strategy: &UpdateStrategy) -> Value {
    match strategy {
        UpdateStrategy::OnDelete => json!({"type": "OnDelete"}),
        UpdateStrategy::RollingUpdate {
            max_unavailable,
            max_surge,
        } => {
            let mut rolling = serde_json::Map::new();
            for (name, value) in [("maxUnavailable", max_unavailable), ("maxSurge", max_surge)] {
                if let Some(value) = value {
                    let number = value.parse::<i64>().ok();
                    rolling.insert(
                        name.to_owned(),
                        number.map_or_else(|| json!(value), |number| json!(number)),
                    );
                }
            }
            json!({"type": "RollingUpdate", "rollingUpdate": rolling})
        }
    }
}
