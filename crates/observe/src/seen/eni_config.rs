//! An ENIConfig as text, whatever its author wrote: checking it is the controller's job.

use crate::target::{ANNOTATION_PREFIX, Manager, managers_of};
use crate::watching::{Kind, MayMiss, Scope, Watched};
use crate::wire;
use kube::core::DeserializeGuard;
use kube::{Api, Client, ResourceExt};
use std::collections::BTreeMap;
use vpccni_core::ids::{EniConfigName, SecurityGroupId, SubnetId};
use vpccni_core::safety::EniConfigSpec;

/// An ENIConfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EniConfigSeen {
    /// Its name.
    pub name: EniConfigName,
    /// Its uid, for Events.
    pub uid: String,
    /// `spec.subnet` as it stands.
    pub subnet: String,
    /// `spec.securityGroups` as they stand.
    pub security_groups: Vec<String>,
    /// Field managers that own something in its spec.
    pub owners: Vec<Manager>,
    /// Annotations of ours.
    pub annotations: BTreeMap<String, String>,
    /// For a write that must not overtake another.
    pub resource_version: Option<String>,
}

impl EniConfigSeen {
    /// What it says, or why that cannot be read.
    pub fn spec(&self) -> Result<EniConfigSpec, String> {
        let subnet = SubnetId::parse(&self.subnet).map_err(|error| error.to_string())?;
        let groups = self.security_groups.iter().map(|id| SecurityGroupId::parse(id));
        let security_groups = groups
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| error.to_string())?;
        Ok(EniConfigSpec {
            subnet,
            security_groups,
            zone: None,
        })
    }

    /// As it stands at the API server at this moment, past every cache; none where it is not there.
    pub async fn live(client: Client, name: &EniConfigName) -> Result<Option<Self>, kube::Error> {
        let scope = Scope::default();
        let Some(object) = Self::api(client, &scope).get_opt(name.as_str()).await? else {
            return Ok(None);
        };
        let unreadable = |message: String| kube::Error::Service(message.into());
        let wire = object.0.map_err(|error| unreadable(error.to_string()))?;
        Self::parse(wire, &scope).map(Some).map_err(unreadable)
    }
}

impl Watched for EniConfigSeen {
    type Wire = wire::EniConfig;
    const KIND: Kind = Kind::EniConfig;
    const MAY_MISS: MayMiss = MayMiss::Type;

    fn api(client: Client, _scope: &Scope) -> Api<DeserializeGuard<wire::EniConfig>> {
        Api::all(client)
    }

    fn parse(wire: wire::EniConfig, _scope: &Scope) -> Result<Self, String> {
        let name = EniConfigName::parse(&wire.name_any()).map_err(|e| e.to_string())?;
        let uid = wire.uid().unwrap_or_default();
        let wire::EniConfig { metadata, spec } = wire;
        let mut annotations = metadata.annotations.unwrap_or_default();
        annotations.retain(|key, _| key.starts_with(ANNOTATION_PREFIX));
        Ok(Self {
            name,
            uid,
            subnet: spec.subnet.unwrap_or_default(),
            security_groups: spec.security_groups.unwrap_or_default(),
            owners: managers_of(
                metadata.managed_fields.as_deref().unwrap_or_default(),
                &["f:spec"],
            ),
            annotations,
            resource_version: metadata.resource_version,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_eni_config_keeps_what_was_written_and_by_whom() {
        let wire = serde_json::from_value(json!({
            "metadata": {
                "name": "us-west-2a", "uid": "u1", "resourceVersion": "7",
                "annotations": {"vpccni.io/break-glass": "2026-08-01", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
                "managedFields": [{
                    "manager": "kubectl-client-side-apply", "operation": "Update", "fieldsType": "FieldsV1",
                    "fieldsV1": {"f:metadata": {"f:annotations": {}}, "f:spec": {".": {}, "f:subnet": {}}}
                }, {
                    "manager": "labeller", "operation": "Update", "fieldsType": "FieldsV1",
                    "fieldsV1": {"f:metadata": {"f:labels": {}}}
                }]
            },
            "spec": {"subnet": "not-an-id", "securityGroups": null}
        }))
        .unwrap();
        let seen = EniConfigSeen::parse(wire, &Scope::default()).unwrap();
        assert_eq!(
            (seen.subnet.as_str(), seen.security_groups.len()),
            ("not-an-id", 0)
        );
        assert_eq!(
            seen.owners.iter().map(|m| m.name.as_str()).collect::<Vec<_>>(),
            ["kubectl-client-side-apply"]
        );
        assert_eq!(seen.annotations.len(), 1);
    }
}
