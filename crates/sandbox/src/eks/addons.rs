//! CreateAddon, DescribeAddon, ListAddons, UpdateAddon, DeleteAddon.

use super::input::{Input, invalid};
use super::operation::{Family, Operation};
use super::render::{health, present, seconds};
use super::updates::begun;
use crate::error::ApiError;
use crate::world::{Addon, AddonChange, Cluster, NewAddon, Resolve, Subject, Tags, World};
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(super) const OPERATIONS: Family = &[
    Operation {
        name: "CreateAddon",
        method: Method::POST,
        path: "/clusters/{clusterName}/addons",
        query: &[],
        serve: create,
    },
    Operation {
        name: "ListAddons",
        method: Method::GET,
        path: "/clusters/{clusterName}/addons",
        query: &["maxResults", "nextToken"],
        serve: list,
    },
    Operation {
        name: "DescribeAddon",
        method: Method::GET,
        path: "/clusters/{clusterName}/addons/{addonName}",
        query: &[],
        serve: describe,
    },
    Operation {
        name: "UpdateAddon",
        method: Method::POST,
        path: "/clusters/{clusterName}/addons/{addonName}/update",
        query: &[],
        serve: update,
    },
    Operation {
        name: "DeleteAddon",
        method: Method::DELETE,
        path: "/clusters/{clusterName}/addons/{addonName}",
        query: &["preserve"],
        serve: delete,
    },
];

/// The service account of an add-on and its role.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Identity {
    service_account: String,
    role_arn: String,
}

fn pairs(identities: &[Identity]) -> Vec<(String, String)> {
    let pair = |identity: &Identity| (identity.service_account.clone(), identity.role_arn.clone());
    identities.iter().map(pair).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Create {
    addon_name: String,
    addon_version: Option<String>,
    service_account_role_arn: Option<String>,
    resolve_conflicts: Option<String>,
    configuration_values: Option<String>,
    #[serde(default)]
    pod_identity_associations: Vec<Identity>,
    #[serde(default)]
    tags: Tags,
    #[serde(rename = "clientRequestToken")]
    _token: Option<String>,
}

fn create(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    let body: Create = input.json()?;
    let name = body.addon_name.clone();
    world.create_addon(NewAddon {
        cluster: input.cluster().to_owned(),
        name: body.addon_name,
        version: body.addon_version,
        configuration_values: body.configuration_values,
        service_account_role: body.service_account_role_arn,
        identities: pairs(&body.pod_identity_associations),
        resolve: resolve(body.resolve_conflicts.as_deref())?,
        tags: body.tags,
    })?;
    answer(world, input.cluster(), &name)
}

fn resolve(word: Option<&str>) -> Result<Resolve, ApiError> {
    match word {
        None => Ok(Resolve::default()),
        Some("NONE") => Ok(Resolve::None),
        Some("OVERWRITE") => Ok(Resolve::Overwrite),
        Some("PRESERVE") => Ok(Resolve::Preserve),
        Some(other) => Err(invalid(format!("resolveConflicts {other} is not valid"))),
    }
}

fn describe(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    answer(world, input.cluster(), input.name("addonName"))
}

fn list(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    let names = world.cluster(input.cluster())?.addons.keys();
    input.list("addons", names.map(|name| (name.clone(), name.as_str())))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Update {
    addon_version: Option<String>,
    service_account_role_arn: Option<String>,
    resolve_conflicts: Option<String>,
    configuration_values: Option<String>,
    pod_identity_associations: Option<Vec<Identity>>,
    #[serde(rename = "clientRequestToken")]
    _token: Option<String>,
}

impl Update {
    /// What the update says was asked, by AWS's types of parameters.
    fn params(&self) -> Vec<(&'static str, String)> {
        let identities = self.pod_identity_associations.as_ref();
        let all = [
            ("AddonVersion", self.addon_version.clone()),
            ("ServiceAccountRoleArn", self.service_account_role_arn.clone()),
            ("ResolveConflicts", self.resolve_conflicts.clone()),
            ("ConfigurationValues", self.configuration_values.clone()),
            (
                "PodIdentityAssociations",
                identities.map(|all| json!(all).to_string()),
            ),
        ];
        all.into_iter()
            .filter_map(|(kind, value)| Some((kind, value?)))
            .collect()
    }
}

fn update(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    let body: Update = input.json()?;
    let params = body.params();
    let change = AddonChange {
        version: body.addon_version,
        configuration_values: body.configuration_values,
        service_account_role: body.service_account_role_arn,
        identities: body.pod_identity_associations.as_deref().map(pairs),
        resolve: resolve(body.resolve_conflicts.as_deref())?,
    };
    let name = input.name("addonName");
    let id = world.update_addon(input.cluster(), name, change, params)?;
    begun(world, input.cluster(), &Subject::Addon(name.to_owned()), &id)
}

fn delete(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    let preserve = match input.query("preserve") {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => return Err(invalid(format!("preserve {other} is not valid"))),
    };
    let name = input.name("addonName");
    world.delete_addon(input.cluster(), name, preserve)?;
    answer(world, input.cluster(), name)
}

fn answer(world: &World, cluster: &str, name: &str) -> Result<Value, ApiError> {
    let addon = world.addon(cluster, name)?;
    Ok(json!({ "addon": render(addon, world.cluster(cluster)?) }))
}

fn render(addon: &Addon, cluster: &Cluster) -> Value {
    let identities: Vec<_> = addon
        .identities
        .iter()
        .filter_map(|id| cluster.identities.get(id))
        .map(|identity| identity.arn.as_str())
        .collect();
    present(json!({
        "addonName": addon.name,
        "clusterName": cluster.name,
        "status": addon.status.as_str(),
        "addonVersion": addon.version,
        "health": health(&addon.issues),
        "addonArn": addon.arn,
        "createdAt": seconds(addon.created),
        "modifiedAt": seconds(addon.modified),
        "serviceAccountRoleArn": addon.service_account_role,
        "configurationValues": addon.configuration_values,
        "podIdentityAssociations": identities,
        "tags": addon.tags,
    }))
}
