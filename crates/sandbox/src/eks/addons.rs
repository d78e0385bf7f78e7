//! CreateAddon, DescribeAddon, ListAddons, DeleteAddon.

use super::{Route, seconds};
use crate::error::{ApiError, Code};
use crate::world::{Addon, NewAddon, Tags, World};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Create {
    addon_name: String,
    addon_version: Option<String>,
    service_account_role_arn: Option<String>,
    resolve_conflicts: Option<String>,
    client_request_token: Option<String>,
    configuration_values: Option<String>,
    #[serde(default)]
    tags: Tags,
}

pub(super) fn create(route: &Route, world: &mut World) -> Result<Value, ApiError> {
    route.only(&[])?;
    let body: Create = route.json()?;
    // No object of the cluster is known here, so none can conflict; the value is still checked.
    if let Some(way) = &body.resolve_conflicts
        && !matches!(way.as_str(), "NONE" | "OVERWRITE" | "PRESERVE")
    {
        return Err(ApiError::new(
            Code::EksInvalidParameter,
            format!("resolveConflicts {way} is not valid"),
        ));
    }
    let cluster = route.name(0);
    let addon = world.create_addon(NewAddon {
        cluster: cluster.to_owned(),
        name: body.addon_name,
        version: body.addon_version,
        configuration_values: body.configuration_values,
        service_account_role: body.service_account_role_arn,
        tags: body.tags,
        client_token: body.client_request_token,
    })?;
    Ok(json!({ "addon": render(addon, cluster, "CREATING") }))
}

pub(super) fn describe(route: &Route, world: &World) -> Result<Value, ApiError> {
    route.only(&[])?;
    let addon = world.addon(route.name(0), route.name(1))?;
    Ok(json!({ "addon": render(addon, route.name(0), "ACTIVE") }))
}

pub(super) fn list(route: &Route, world: &World) -> Result<Value, ApiError> {
    route.only(&[])?;
    let cluster = world.cluster(route.name(0))?;
    Ok(json!({ "addons": cluster.addons.keys().collect::<Vec<_>>() }))
}

pub(super) fn delete(route: &Route, world: &mut World) -> Result<Value, ApiError> {
    // `preserve` speaks of objects in the cluster, which are not known here: the add-on goes in both cases.
    route.only(&["preserve"])?;
    let addon = world.delete_addon(route.name(0), route.name(1))?;
    Ok(json!({ "addon": render(&addon, route.name(0), "DELETING") }))
}

fn render(addon: &Addon, cluster: &str, status: &str) -> Value {
    let mut value = json!({
        "addonName": addon.name,
        "clusterName": cluster,
        "status": status,
        "addonVersion": addon.version,
        "health": { "issues": [] },
        "addonArn": addon.arn,
        "createdAt": seconds(addon.created),
        "modifiedAt": seconds(addon.created),
        "tags": addon.tags,
    });
    // Absent is not the same as null to every SDK.
    if let Some(fields) = value.as_object_mut() {
        let optional = [
            ("configurationValues", &addon.configuration_values),
            ("serviceAccountRoleArn", &addon.service_account_role),
        ];
        for (name, text) in optional {
            if let Some(text) = text {
                fields.insert(name.to_owned(), Value::String(text.clone()));
            }
        }
    }
    value
}
