//! Variables without a field: those to set and those to remove.

use crate::policy::{CniPolicySpec, EnvVar, EnvVarSource, ExtraEnv, FieldRef, KeyRef, ResourceFieldRef};
use crate::setting::ConvertError;
use k8s_openapi::api::core::v1 as core_v1;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use vpccni_core::config::{Key, Place};

/// A variable that has no field, in its container.
#[derive(Debug, Clone, PartialEq)]
pub struct ExtraVariable {
    /// The container.
    pub place: Place,
    /// The variable as Kubernetes wants it.
    pub variable: core_v1::EnvVar,
}

/// What is to be removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unset {
    /// Settings of the table.
    pub keys: Vec<Key>,
    /// Variables of a container that the table does not know.
    pub other: Vec<(Place, String)>,
}

/// The extra variables of a policy, in the order it gives.
pub fn extra_env(spec: &CniPolicySpec) -> Vec<ExtraVariable> {
    let Some(ExtraEnv {
        aws_node,
        init,
        node_agent,
    }) = &spec.extra_env
    else {
        return Vec::new();
    };
    let places = [
        (Place::AwsNode, aws_node),
        (Place::Init, init),
        (Place::NodeAgent, node_agent),
    ];
    places
        .into_iter()
        .flat_map(|(place, list)| list.iter().flatten().map(move |variable| (place, variable)))
        .map(|(place, variable)| ExtraVariable {
            place,
            variable: variable.into(),
        })
        .collect()
}

/// What the policy removes, or the entries that name nothing.
pub fn unset(spec: &CniPolicySpec) -> Result<Unset, Vec<ConvertError>> {
    let mut unset = Unset::default();
    let mut errors = Vec::new();
    for (index, entry) in spec.unset.iter().flatten().enumerate() {
        let (place, name) = split(entry);
        match Key::find(place, name) {
            Some(key) if key.to_string() == *entry => unset.keys.push(key),
            None if matches!(place, Place::ConfigMap) || entry.starts_with("--") || name.contains(' ') => {
                errors.push(ConvertError::new(
                    format!("unset[{index}]"),
                    entry,
                    "a variable, flag or key that is known: NAME, init NAME, nodeagent NAME, --flag or amazon-vpc-cni/key",
                ));
            }
            _ => unset.other.push((place, name.to_owned())),
        }
    }
    if errors.is_empty() { Ok(unset) } else { Err(errors) }
}

/// The place and name of an entry, in the spelling of `Key`'s `Display`.
fn split(entry: &str) -> (Place, &str) {
    let places = [
        ("init ", Place::Init),
        ("nodeagent ", Place::NodeAgent),
        ("--", Place::NodeAgent),
        ("amazon-vpc-cni/", Place::ConfigMap),
    ];
    places
        .into_iter()
        .find_map(|(prefix, place)| Some((place, entry.strip_prefix(prefix)?)))
        .unwrap_or((Place::AwsNode, entry))
}

impl From<&EnvVar> for core_v1::EnvVar {
    fn from(
        EnvVar {
            name,
            value,
            value_from,
        }: &EnvVar,
    ) -> Self {
        Self {
            name: name.clone(),
            value: value.clone(),
            value_from: value_from.as_ref().map(Into::into),
        }
    }
}

impl From<&EnvVarSource> for core_v1::EnvVarSource {
    fn from(source: &EnvVarSource) -> Self {
        let EnvVarSource {
            field_ref,
            resource_field_ref,
            config_map_key_ref,
            secret_key_ref,
        } = source;
        Self {
            field_ref: field_ref.as_ref().map(
                |FieldRef {
                     api_version,
                     field_path,
                 }| {
                    core_v1::ObjectFieldSelector {
                        api_version: api_version.clone(),
                        field_path: field_path.clone(),
                    }
                },
            ),
            resource_field_ref: resource_field_ref.as_ref().map(
                |ResourceFieldRef {
                     container_name,
                     resource,
                     divisor,
                 }| core_v1::ResourceFieldSelector {
                    container_name: container_name.clone(),
                    resource: resource.clone(),
                    divisor: divisor.clone().map(Quantity),
                },
            ),
            config_map_key_ref: config_map_key_ref.as_ref().map(|KeyRef { name, key, optional }| {
                core_v1::ConfigMapKeySelector {
                    name: name.clone(),
                    key: key.clone(),
                    optional: *optional,
                }
            }),
            secret_key_ref: secret_key_ref.as_ref().map(|KeyRef { name, key, optional }| {
                core_v1::SecretKeySelector {
                    name: name.clone(),
                    key: key.clone(),
                    optional: *optional,
                }
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::ManagementState;

    fn removing(entries: &[&str]) -> CniPolicySpec {
        let mut spec = CniPolicySpec::new(ManagementState::Manage);
        spec.unset = Some(entries.iter().map(|entry| (*entry).to_owned()).collect());
        spec
    }

    #[test]
    fn every_key_can_be_named_as_it_is_displayed() {
        for key in Key::all() {
            let unset = unset(&removing(&[&key.to_string()])).unwrap();
            assert_eq!(unset.keys, [key], "{key}");
            assert!(unset.other.is_empty(), "{key}");
        }
    }

    #[test]
    fn other_variables_keep_their_container() {
        let unset = unset(&removing(&["MY_OWN", "init MY_OWN", "nodeagent log-level"])).unwrap();
        assert!(unset.keys.is_empty());
        assert_eq!(
            unset.other,
            [
                (Place::AwsNode, "MY_OWN".to_owned()),
                (Place::Init, "MY_OWN".to_owned()),
                (Place::NodeAgent, "log-level".to_owned()),
            ]
        );
    }

    #[test]
    fn an_unknown_flag_is_an_error_that_names_its_place_in_the_list() {
        let errors = unset(&removing(&[
            "WARM_ENI_TARGET",
            "--no-such-flag",
            "amazon-vpc-cni/no",
        ]))
        .unwrap_err();
        let paths: Vec<&str> = errors.iter().map(|error| error.path.as_str()).collect();
        assert_eq!(paths, ["unset[1]", "unset[2]"]);
    }

    #[test]
    fn extra_variables_come_with_their_container_and_source() {
        let mut spec = removing(&[]);
        let variable = EnvVar {
            name: "NODE_IP".to_owned(),
            value: None,
            value_from: Some(EnvVarSource {
                field_ref: Some(FieldRef {
                    api_version: None,
                    field_path: "status.hostIP".to_owned(),
                }),
                ..EnvVarSource::default()
            }),
        };
        spec.extra_env = Some(ExtraEnv {
            aws_node: None,
            init: Some(vec![variable]),
            node_agent: None,
        });
        let extra = extra_env(&spec);
        assert_eq!(extra.len(), 1);
        assert_eq!(extra[0].place, Place::Init);
        let source = extra[0].variable.value_from.as_ref().unwrap();
        assert_eq!(source.field_ref.as_ref().unwrap().field_path, "status.hostIP");
        assert!(source.secret_key_ref.is_none());
    }
}
