//! Create-, Describe-, List-, Update- and DeletePodIdentityAssociation.

use super::input::Input;
use super::operation::{Family, Operation};
use super::render::{present, seconds};
use crate::error::ApiError;
use crate::world::{IdentityChange, NewIdentity, PodIdentity, Tags, World};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) const OPERATIONS: Family = &[
    Operation {
        name: "CreatePodIdentityAssociation",
        method: Method::POST,
        path: "/clusters/{clusterName}/pod-identity-associations",
        query: &[],
        serve: create,
    },
    Operation {
        name: "ListPodIdentityAssociations",
        method: Method::GET,
        path: "/clusters/{clusterName}/pod-identity-associations",
        query: &["namespace", "serviceAccount", "maxResults", "nextToken"],
        serve: list,
    },
    Operation {
        name: "DescribePodIdentityAssociation",
        method: Method::GET,
        path: "/clusters/{clusterName}/pod-identity-associations/{associationId}",
        query: &[],
        serve: describe,
    },
    Operation {
        name: "UpdatePodIdentityAssociation",
        method: Method::POST,
        path: "/clusters/{clusterName}/pod-identity-associations/{associationId}",
        query: &[],
        serve: update,
    },
    Operation {
        name: "DeletePodIdentityAssociation",
        method: Method::DELETE,
        path: "/clusters/{clusterName}/pod-identity-associations/{associationId}",
        query: &[],
        serve: delete,
    },
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Create {
    namespace: String,
    service_account: String,
    role_arn: String,
    target_role_arn: Option<String>,
    #[serde(default)]
    disable_session_tags: bool,
    #[serde(default)]
    tags: Tags,
    #[serde(rename = "clientRequestToken")]
    _token: Option<String>,
}

fn create(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    let body: Create = input.json()?;
    let new = NewIdentity {
        namespace: body.namespace,
        service_account: body.service_account,
        role: body.role_arn,
        target_role: body.target_role_arn,
        disable_session_tags: body.disable_session_tags,
        tags: body.tags,
        owner: None,
    };
    let made = world.create_identity(input.cluster(), new)?;
    Ok(answer(made, input.cluster()))
}

fn describe(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    let identity = world.identity(input.cluster(), input.name("associationId"))?;
    Ok(answer(identity, input.cluster()))
}

fn list(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    let cluster = input.cluster();
    let (namespace, account) = (input.query("namespace"), input.query("serviceAccount"));
    let known = world.cluster(cluster)?.identities.values();
    let asked = known.filter(|identity| {
        namespace.is_none_or(|namespace| identity.namespace == namespace)
            && account.is_none_or(|account| identity.service_account == account)
    });
    let summary = |identity: &PodIdentity| {
        present(json!({
            "clusterName": cluster,
            "namespace": identity.namespace,
            "serviceAccount": identity.service_account,
            "associationArn": identity.arn,
            "associationId": identity.id,
            "ownerArn": identity.owner,
        }))
    };
    input.list(
        "associations",
        asked.map(|identity| (identity.id.clone(), summary(identity))),
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Update {
    role_arn: Option<String>,
    target_role_arn: Option<String>,
    disable_session_tags: Option<bool>,
    #[serde(rename = "clientRequestToken")]
    _token: Option<String>,
}

fn update(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    let body: Update = input.json()?;
    let change = IdentityChange {
        role: body.role_arn,
        target_role: body.target_role_arn,
        disable_session_tags: body.disable_session_tags,
    };
    let changed = world.update_identity(input.cluster(), input.name("associationId"), change)?;
    Ok(answer(changed, input.cluster()))
}

fn delete(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    let gone = world.delete_identity(input.cluster(), input.name("associationId"))?;
    Ok(answer(&gone, input.cluster()))
}

fn answer(identity: &PodIdentity, cluster: &str) -> Value {
    let association = present(json!({
        "clusterName": cluster,
        "namespace": identity.namespace,
        "serviceAccount": identity.service_account,
        "roleArn": identity.role,
        "targetRoleArn": identity.target_role,
        "disableSessionTags": identity.disable_session_tags,
        "externalId": identity.external_id,
        "associationArn": identity.arn,
        "associationId": identity.id,
        "ownerArn": identity.owner,
        "tags": identity.tags,
        "createdAt": seconds(identity.created),
        "modifiedAt": seconds(identity.modified),
    }));
    json!({ "association": association })
}
