//! What the CNINode of a node says to the VPC resource controller.

use crate::config::Effective;
use std::fmt;

/// A feature the controller knows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum FeatureName {
    /// The node wants a trunk.
    SecurityGroupsForPods,
    /// Branches are to be in the subnet of this ENIConfig.
    CustomNetworking,
    /// Anything another component wrote.
    Other(String),
}

impl fmt::Display for FeatureName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SecurityGroupsForPods => "SecurityGroupsForPods",
            Self::CustomNetworking => "CustomNetworking",
            Self::Other(name) => name,
        })
    }
}

impl From<&str> for FeatureName {
    fn from(name: &str) -> Self {
        match name {
            "SecurityGroupsForPods" => Self::SecurityGroupsForPods,
            "CustomNetworking" => Self::CustomNetworking,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// An entry of `spec.features`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// Its name.
    pub name: FeatureName,
    /// Its value; empty for most.
    pub value: String,
}

/// What the node asks for. A trunk needs a place: `has_place` says that one is there or still free. `eni_config` is the
/// name the node resolves to.
pub fn wanted_features(effective: &Effective, has_place: bool, eni_config: Option<&str>) -> Vec<Feature> {
    let mut wanted = Vec::new();
    if !effective.pod_eni() {
        return wanted;
    }
    if has_place {
        wanted.push(Feature {
            name: FeatureName::SecurityGroupsForPods,
            value: String::new(),
        });
    }
    if let Some(name) = eni_config.filter(|_| effective.custom_networking()) {
        wanted.push(Feature {
            name: FeatureName::CustomNetworking,
            value: name.to_owned(),
        });
    }
    wanted
}

/// The features that are to be there; none where nothing changes. What others wrote stays, and nothing is ever taken
/// away: a trunk in use needs its feature.
pub fn merge_features(there: &[Feature], wanted: &[Feature]) -> Option<Vec<Feature>> {
    let mut merged = there.to_vec();
    for feature in wanted {
        match merged.iter_mut().find(|other| other.name == feature.name) {
            Some(other) => other.value.clone_from(&feature.value),
            None => merged.push(feature.clone()),
        }
    }
    (merged != there).then_some(merged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CniConfig, Key, Value};
    use crate::version::CniVersion;

    fn feature(name: &str, value: &str) -> Feature {
        Feature {
            name: name.into(),
            value: value.to_owned(),
        }
    }

    #[test]
    fn what_others_wrote_stays() {
        let there = [feature("Theirs", "x"), feature("CustomNetworking", "a")];
        let wanted = [
            feature("CustomNetworking", "b"),
            feature("SecurityGroupsForPods", ""),
        ];
        let merged = merge_features(&there, &wanted).unwrap();
        assert_eq!(
            merged,
            [
                feature("Theirs", "x"),
                feature("CustomNetworking", "b"),
                feature("SecurityGroupsForPods", "")
            ]
        );
        assert_eq!(merge_features(&merged, &wanted), None);
        assert_eq!(merged[0].name.to_string(), "Theirs");
    }

    #[test]
    fn an_eni_config_is_only_told_with_security_groups_for_pods() {
        let effective = |on: &[Key]| {
            let mut config = CniConfig::default();
            for key in on {
                config.set(*key, Value::Bool(true));
            }
            Effective::of(&config, CniVersion::REFERENCE)
        };
        let both = effective(&[Key::EnablePodEni, Key::CustomNetworkCfg]);
        assert_eq!(
            wanted_features(&both, true, Some("a")),
            [
                feature("SecurityGroupsForPods", ""),
                feature("CustomNetworking", "a")
            ]
        );
        assert_eq!(
            wanted_features(&both, false, Some("a")),
            [feature("CustomNetworking", "a")]
        );
        let custom = effective(&[Key::CustomNetworkCfg]);
        assert_eq!(wanted_features(&custom, true, Some("a")), []);
    }
}
