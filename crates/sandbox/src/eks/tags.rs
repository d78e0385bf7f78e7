//! TagResource, UntagResource, ListTagsForResource.

use super::input::Input;
use super::operation::{Family, Operation};
use crate::error::ApiError;
use crate::world::{Tags, World};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) const OPERATIONS: Family = &[
    Operation {
        name: "TagResource",
        method: Method::POST,
        path: "/tags/{resourceArn}",
        query: &[],
        serve: tag,
    },
    Operation {
        name: "UntagResource",
        method: Method::DELETE,
        path: "/tags/{resourceArn}",
        query: &["tagKeys"],
        serve: untag,
    },
    Operation {
        name: "ListTagsForResource",
        method: Method::GET,
        path: "/tags/{resourceArn}",
        query: &[],
        serve: list,
    },
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    tags: Tags,
}

fn tag(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    let body: Body = input.json()?;
    world.tag_arn(input.name("resourceArn"), body.tags)?;
    Ok(json!({}))
}

fn untag(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    let keys = input.queries("tagKeys").into_iter().map(str::to_owned);
    world.untag_arn(input.name("resourceArn"), &keys.collect::<Vec<_>>())?;
    Ok(json!({}))
}

fn list(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    let tags = world.tags_of_arn(input.name("resourceArn"))?;
    Ok(json!({ "tags": tags }))
}
