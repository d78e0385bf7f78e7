//! What a test bed says about clusters through the control API, because there is no Kubernetes here: where the API
//! server is, what happened to the objects of add-ons, what becomes of nodes, and which images there are.

use crate::error::ApiError;
use crate::world::{Issue, Nodes, World};
use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Endpoint {
    endpoint: String,
    certificate_authority: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Conflicts {
    fields: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Health {
    issues: Vec<Wrong>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wrong {
    code: String,
    message: String,
    #[serde(default)]
    resource_ids: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NodesSaid {
    join: bool,
    evict: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MaxPods {
    max_pods: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Release {
    date: String,
    bottlerocket_version: Option<String>,
}

/// Serves `PUT clusters/…` and `PUT ami-releases/VERSION`; nothing where there is no such path.
pub(crate) fn serve(
    world: &mut World,
    method: &Method,
    path: &str,
    body: &[u8],
) -> Option<Result<(), String>> {
    let elements: Vec<&str> = path.split('/').collect();
    if *method != Method::PUT {
        return None;
    }
    match elements.as_slice() {
        ["clusters", cluster, "endpoint"] => Some(read(body).and_then(|said: Endpoint| {
            told(world.set_cluster_endpoint(cluster, said.endpoint, said.certificate_authority))
        })),
        ["clusters", cluster, "addons", addon, "conflicts"] => Some(
            read(body)
                .and_then(|said: Conflicts| told(world.set_addon_conflicts(cluster, addon, said.fields))),
        ),
        ["clusters", cluster, "addons", addon, "health"] => Some(read(body).and_then(|said: Health| {
            let issues = said.issues.into_iter().map(issue).collect();
            told(world.set_addon_issues(cluster, addon, issues))
        })),
        ["clusters", cluster, "max-pods"] => {
            Some(read(body).and_then(|said: MaxPods| told(world.set_max_pods(cluster, said.max_pods))))
        }
        ["clusters", cluster, "nodegroups", group, "nodes"] => {
            Some(read(body).and_then(|NodesSaid { join, evict }| {
                told(world.set_nodes(cluster, group, Nodes { join, evict }))
            }))
        }
        ["ami-releases", kubernetes] => Some(read(body).and_then(|said: Release| {
            let bottlerocket = said.bottlerocket_version.as_deref();
            told(world.publish_release(kubernetes, &said.date, bottlerocket))
        })),
        _ => None,
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

fn told(done: Result<(), ApiError>) -> Result<(), String> {
    done.map_err(|error| error.to_string())
}

fn issue(wrong: Wrong) -> Issue {
    Issue {
        code: wrong.code,
        message: wrong.message,
        resources: wrong.resource_ids,
    }
}
