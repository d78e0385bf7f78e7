//! DescribeAddonVersions, DescribeAddonConfiguration.

use super::input::{Input, invalid};
use super::operation::{Family, Operation};
use crate::error::{ApiError, Code};
use crate::world::{Catalogue, World};
use http::Method;
use serde_json::{Value, json};

pub(super) const OPERATIONS: Family = &[
    Operation {
        name: "DescribeAddonVersions",
        method: Method::GET,
        path: "/addons/supported-versions",
        query: &[
            "addonName",
            "kubernetesVersion",
            "types",
            "publishers",
            "owners",
            "maxResults",
            "nextToken",
        ],
        serve: versions,
    },
    Operation {
        name: "DescribeAddonConfiguration",
        method: Method::GET,
        path: "/addons/configuration-schemas",
        query: &["addonName", "addonVersion"],
        serve: configuration,
    },
];

/// What all three add-ons of the catalogue are.
const TYPE: &str = "networking";
const PUBLISHER: &str = "eks";
const OWNER: &str = "aws";

fn versions(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    let kubernetes = input.query("kubernetesVersion");
    let named = input.query("addonName");
    let fits = |filter: &str, is: &str| {
        let asked = input.queries(filter);
        asked.is_empty() || asked.contains(&is)
    };
    let none = !(fits("types", TYPE) && fits("publishers", PUBLISHER) && fits("owners", OWNER));
    let catalogue = &world.catalogue;
    let asked = catalogue
        .addons()
        .filter(|name| !none && named.is_none_or(|named| named == *name));
    let described = asked.filter_map(|name| Some((name.to_owned(), describe(catalogue, name, kubernetes)?)));
    input.list("addons", described)
}

/// An add-on with its versions for a Kubernetes version or for all; nothing where there are none.
fn describe(catalogue: &Catalogue, name: &str, kubernetes: Option<&str>) -> Option<Value> {
    let mut versions = Vec::new();
    for (version, offered) in catalogue.versions(name) {
        let compatible: Vec<_> = offered
            .into_iter()
            .filter(|(cluster, _)| kubernetes.is_none_or(|asked| asked == *cluster))
            .map(|(cluster, default)| {
                json!({ "clusterVersion": cluster, "platformVersions": ["*"], "defaultVersion": default })
            })
            .collect();
        if !compatible.is_empty() {
            versions.push(json!({
                "addonVersion": version,
                "architecture": ["amd64", "arm64"],
                "computeTypes": compute_types(name),
                "compatibilities": compatible,
                "requiresConfiguration": false,
                "requiresIamPermissions": !catalogue.identities(name).is_empty(),
            }));
        }
    }
    (!versions.is_empty()).then(|| {
        json!({
            "addonName": name,
            "type": TYPE,
            "publisher": PUBLISHER,
            "owner": OWNER,
            "defaultNamespace": "kube-system",
            "addonVersions": versions,
        })
    })
}

/// Only coredns runs on Fargate; the two others are DaemonSets.
fn compute_types(addon: &str) -> &'static [&'static str] {
    match addon {
        "coredns" => &["ec2", "fargate"],
        _ => &["ec2"],
    }
}

fn configuration(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    let asked = |name: &str| {
        input
            .query(name)
            .ok_or_else(|| invalid(format!("{name} is required")))
    };
    let (addon, version) = (asked("addonName")?, asked("addonVersion")?);
    let catalogue = &world.catalogue;
    let schema = Some(())
        .filter(|()| catalogue.has(addon, version))
        .and_then(|()| catalogue.schemas.of(addon, version))
        .ok_or_else(|| {
            ApiError::new(
                Code::EksResourceNotFound,
                format!("No configuration schema found for addon {addon} of version {version}"),
            )
        })?;
    let identities: Vec<_> = catalogue
        .identities(addon)
        .iter()
        .map(|(account, policy)| json!({ "serviceAccount": account, "recommendedManagedPolicies": [policy] }))
        .collect();
    Ok(json!({
        "addonName": addon,
        "addonVersion": version,
        "configurationSchema": schema.to_string(),
        "podIdentityConfiguration": identities,
    }))
}
