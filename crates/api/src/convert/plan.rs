//! ENIConfigs and acceptances of a policy, and words that core and the API share.

use crate::node_state::{GroupProvider, ObservedMode};
use crate::policy::{self, ChangeClass, CniPolicySpec, EniConfigEntry, ResourceSelector, Safety};
use crate::setting::ConvertError;
use std::collections::BTreeMap;
use vpccni_core::config;
use vpccni_core::ids::{EniConfigName, InvalidId, SecurityGroupId, SubnetId, Zone};
use vpccni_core::safety::{NodeMode, Provider};

/// A subnet or security group, by id or by tags.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Selector<Id> {
    /// That one.
    Id(Id),
    /// The one that has all these tags.
    Tags(BTreeMap<String, String>),
}

/// An ENIConfig as the policy wants it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WantedEniConfig {
    /// Its name.
    pub name: EniConfigName,
    /// The zone it is for.
    pub zone: Zone,
    /// Where its interfaces go.
    pub subnet: Selector<SubnetId>,
    /// Their groups; empty means those of the node's primary interface.
    pub groups: Vec<Selector<SecurityGroupId>>,
}

/// A finding that is accepted knowingly.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acceptance {
    /// The rule.
    pub rule: String,
    /// The change.
    pub change_hash: String,
    /// Why.
    pub reason: String,
    /// When it ends, in seconds since 1970.
    pub until: i64,
}

/// The ENIConfigs of the policy, none where it leaves them to others, or everything that is wrong with them.
pub fn eni_configs(spec: &CniPolicySpec) -> Result<Option<Vec<WantedEniConfig>>, Vec<ConvertError>> {
    let Some(entries) = spec
        .custom_networking
        .as_ref()
        .and_then(|group| group.eni_configs.as_ref())
    else {
        return Ok(None);
    };
    let mut errors = Vec::new();
    let mut wanted = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let path = format!("customNetworking.eniConfigs[{index}]");
        wanted.extend(eni_config(entry, &path, &mut errors));
    }
    if errors.is_empty() {
        Ok(Some(wanted))
    } else {
        Err(errors)
    }
}

fn eni_config(entry: &EniConfigEntry, path: &str, errors: &mut Vec<ConvertError>) -> Option<WantedEniConfig> {
    let EniConfigEntry {
        name,
        zone,
        subnet,
        security_groups,
    } = entry;
    let name = keep(EniConfigName::parse(name), format!("{path}.name"), errors);
    let zone = keep(Zone::parse(zone), format!("{path}.zone"), errors);
    let subnet = selector(subnet, SubnetId::parse, &format!("{path}.subnet"), errors);
    let groups: Vec<_> = security_groups
        .iter()
        .flatten()
        .enumerate()
        .map(|(index, group)| {
            let path = format!("{path}.securityGroups[{index}]");
            selector(group, SecurityGroupId::parse, &path, errors)
        })
        .collect();
    Some(WantedEniConfig {
        name: name?,
        zone: zone?,
        subnet: subnet?,
        groups: groups.into_iter().collect::<Option<Vec<_>>>()?,
    })
}

fn selector<Id>(
    selector: &ResourceSelector,
    parse: fn(&str) -> Result<Id, InvalidId>,
    path: &str,
    errors: &mut Vec<ConvertError>,
) -> Option<Selector<Id>> {
    let ResourceSelector { id, tags } = selector;
    match (id, tags) {
        (Some(id), None) => keep(parse(id), format!("{path}.id"), errors).map(Selector::Id),
        (None, Some(tags)) if !tags.is_empty() => Some(Selector::Tags(tags.clone())),
        _ => {
            errors.push(ConvertError::new(path, "", "exactly one of id and tags"));
            None
        }
    }
}

fn keep<T>(parsed: Result<T, InvalidId>, path: String, errors: &mut Vec<ConvertError>) -> Option<T> {
    match parsed {
        Ok(value) => Some(value),
        Err(InvalidId {
            value,
            expected,
            example,
        }) => {
            errors.push(ConvertError::new(
                path,
                value,
                format!("{expected} such as {example}"),
            ));
            None
        }
    }
}

/// The acceptances of the policy, those that have ended included: core compares them with its `now`.
pub fn acceptances(spec: &CniPolicySpec) -> Vec<Acceptance> {
    let Some(Safety { accept }) = &spec.safety else {
        return Vec::new();
    };
    accept
        .iter()
        .flatten()
        .map(
            |policy::Acceptance {
                 rule,
                 change_hash,
                 reason,
                 until,
             }| Acceptance {
                rule: rule.clone(),
                change_hash: change_hash.clone(),
                reason: reason.clone(),
                until: until.0.as_second(),
            },
        )
        .collect()
}

/// What a change needs, as status shows it.
pub fn change_class(class: config::ChangeClass) -> ChangeClass {
    match class {
        config::ChangeClass::None => ChangeClass::None,
        config::ChangeClass::ControlPlane => ChangeClass::ControlPlane,
        config::ChangeClass::Restart => ChangeClass::Restart,
        config::ChangeClass::RecyclePods => ChangeClass::RecyclePods,
        config::ChangeClass::NewEnis => ChangeClass::NewEnis,
        config::ChangeClass::ReplaceNodes => ChangeClass::ReplaceNodes,
        config::ChangeClass::ReplaceNodesMaxPods => ChangeClass::ReplaceNodesMaxPods,
        config::ChangeClass::ClusterLifetime => ChangeClass::ClusterLifetime,
    }
}

/// The mode of a node, as its state shows it.
pub fn node_mode(mode: NodeMode) -> ObservedMode {
    match mode {
        NodeMode::SecondaryIp => ObservedMode::SecondaryIp,
        NodeMode::Prefix => ObservedMode::Prefix,
        NodeMode::Mixed => ObservedMode::Mixed,
        NodeMode::Unknown => ObservedMode::Unknown,
    }
}

/// Who makes the nodes of a group, as a node's state shows it.
pub fn provider(provider: Provider) -> GroupProvider {
    match provider {
        Provider::ManagedNodeGroup => GroupProvider::ManagedNodeGroup,
        Provider::AutoScalingGroup => GroupProvider::AutoScalingGroup,
        Provider::Karpenter => GroupProvider::Karpenter,
        Provider::SelfManaged => GroupProvider::SelfManaged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{CustomNetworking, ManagementState};

    fn by_id(id: &str) -> ResourceSelector {
        ResourceSelector {
            id: Some(id.to_owned()),
            tags: None,
        }
    }

    fn with(entries: Vec<EniConfigEntry>) -> CniPolicySpec {
        let mut spec = CniPolicySpec::new(ManagementState::Manage);
        spec.custom_networking = Some(CustomNetworking {
            eni_configs: Some(entries),
            ..CustomNetworking::default()
        });
        spec
    }

    #[test]
    fn absent_and_empty_are_two_things() {
        assert_eq!(
            eni_configs(&CniPolicySpec::new(ManagementState::Manage)),
            Ok(None)
        );
        assert_eq!(eni_configs(&with(Vec::new())), Ok(Some(Vec::new())));
    }

    #[test]
    fn selectors_are_ids_or_tags() {
        let tags = BTreeMap::from([("tier".to_owned(), "pods".to_owned())]);
        let entry = EniConfigEntry {
            name: "us-west-2a".to_owned(),
            zone: "us-west-2a".to_owned(),
            subnet: ResourceSelector {
                id: None,
                tags: Some(tags.clone()),
            },
            security_groups: Some(vec![by_id("sg-01")]),
        };
        let wanted = eni_configs(&with(vec![entry])).unwrap().unwrap();
        assert_eq!(wanted[0].subnet, Selector::Tags(tags));
        assert_eq!(
            wanted[0].groups,
            [Selector::Id(SecurityGroupId::parse("sg-01").unwrap())]
        );
    }

    #[test]
    fn every_wrong_id_is_told_with_its_path() {
        let entry = EniConfigEntry {
            name: "Zone".to_owned(),
            zone: "us-west-2a".to_owned(),
            subnet: by_id("sg-01"),
            security_groups: Some(vec![by_id("sg-01"), ResourceSelector::default()]),
        };
        let errors = eni_configs(&with(vec![entry])).unwrap_err();
        let paths: Vec<&str> = errors.iter().map(|error| error.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "customNetworking.eniConfigs[0].name",
                "customNetworking.eniConfigs[0].subnet.id",
                "customNetworking.eniConfigs[0].securityGroups[1]",
            ]
        );
    }

    #[test]
    fn an_acceptance_ends_at_a_second() {
        let mut spec = CniPolicySpec::new(ManagementState::Manage);
        let yaml = "accept: [{rule: prefix-mode-in-place, changeHash: 'sha256:00', reason: drill, until: '2026-12-31T00:00:00Z'}]";
        spec.safety = Some(serde_norway::from_str(yaml).unwrap());
        let accepted = acceptances(&spec);
        assert_eq!(accepted.len(), 1);
        assert_eq!(accepted[0].until, 1_798_675_200);
    }
}
