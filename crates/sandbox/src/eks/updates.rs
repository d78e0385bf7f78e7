//! ListUpdates, DescribeUpdate, and the form of an update.

use super::input::{Input, invalid};
use super::operation::{Family, Operation};
use super::render::seconds;
use crate::error::ApiError;
use crate::world::{Issue, Subject, Update, World};
use http::Method;
use serde_json::{Value, json};

pub(super) const OPERATIONS: Family = &[
    Operation {
        name: "ListUpdates",
        method: Method::GET,
        path: "/clusters/{clusterName}/updates",
        query: &["nodegroupName", "addonName", "maxResults", "nextToken"],
        serve: list,
    },
    Operation {
        name: "DescribeUpdate",
        method: Method::GET,
        path: "/clusters/{clusterName}/updates/{updateId}",
        query: &["nodegroupName", "addonName"],
        serve: describe,
    },
];

/// What the updates that are asked for change; it must exist.
fn subject(input: &Input, world: &World) -> Result<Subject, ApiError> {
    world.cluster(input.cluster())?;
    match (input.query("addonName"), input.query("nodegroupName")) {
        (None, None) => Ok(Subject::Cluster),
        (Some(addon), None) => Ok(Subject::Addon(world.addon(input.cluster(), addon)?.name.clone())),
        (None, Some(group)) => {
            let group = world.nodegroup(input.cluster(), group)?;
            Ok(Subject::Nodegroup(group.name.clone()))
        }
        (Some(_), Some(_)) => Err(invalid("addonName and nodegroupName exclude each other")),
    }
}

fn list(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    let subject = subject(input, world)?;
    let updates = &world.cluster(input.cluster())?.updates;
    // By their number: the order of the ids is not that of time.
    let of_subject = (0_u32..)
        .zip(updates)
        .filter(|(_, update)| update.subject == subject);
    input.list(
        "updateIds",
        of_subject.map(|(number, update)| (format!("{number:010}"), update.id.as_str())),
    )
}

fn describe(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    let subject = subject(input, world)?;
    let update = world.update(input.cluster(), &subject, input.name("updateId"))?;
    Ok(json!({ "update": render(update) }))
}

/// The answer to what began an update.
pub(super) fn begun(world: &World, cluster: &str, subject: &Subject, id: &str) -> Result<Value, ApiError> {
    Ok(json!({ "update": render(world.update(cluster, subject, id)?) }))
}

fn render(update: &Update) -> Value {
    let params = update.params.iter();
    let params: Vec<_> = params
        .map(|(kind, value)| json!({ "type": kind, "value": value }))
        .collect();
    let error = |issue: &Issue| json!({ "errorCode": issue.code, "errorMessage": issue.message, "resourceIds": issue.resources });
    json!({
        "id": update.id,
        "status": update.status.as_str(),
        "type": update.kind,
        "params": params,
        "createdAt": seconds(update.created),
        "errors": update.errors.iter().map(error).collect::<Vec<_>>(),
    })
}
