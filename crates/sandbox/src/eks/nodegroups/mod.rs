//! CreateNodegroup, DescribeNodegroup, ListNodegroups, DeleteNodegroup.

mod read;
mod render;
mod updates;

use super::clusters::ids;
use super::input::Input;
use super::operation::{Family, Operation};
use crate::error::ApiError;
use crate::world::{NewNodegroup, Sizes, Tags, UpdateRules, World};
use http::Method;
use read::{Scaling, Taint, Template, UpdateConfig, spot, types};
use render::answer;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) const OPERATIONS: Family = &[
    Operation {
        name: "CreateNodegroup",
        method: Method::POST,
        path: "/clusters/{clusterName}/node-groups",
        query: &[],
        serve: create,
    },
    Operation {
        name: "ListNodegroups",
        method: Method::GET,
        path: "/clusters/{clusterName}/node-groups",
        query: &["maxResults", "nextToken"],
        serve: list,
    },
    Operation {
        name: "DescribeNodegroup",
        method: Method::GET,
        path: "/clusters/{clusterName}/node-groups/{nodegroupName}",
        query: &[],
        serve: describe,
    },
    Operation {
        name: "DeleteNodegroup",
        method: Method::DELETE,
        path: "/clusters/{clusterName}/node-groups/{nodegroupName}",
        query: &[],
        serve: delete,
    },
    Operation {
        name: "UpdateNodegroupConfig",
        method: Method::POST,
        path: "/clusters/{clusterName}/node-groups/{nodegroupName}/update-config",
        query: &[],
        serve: updates::config,
    },
    Operation {
        name: "UpdateNodegroupVersion",
        method: Method::POST,
        path: "/clusters/{clusterName}/node-groups/{nodegroupName}/update-version",
        query: &[],
        serve: updates::version,
    },
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Create {
    nodegroup_name: String,
    scaling_config: Option<Scaling>,
    disk_size: Option<u32>,
    subnets: Vec<String>,
    #[serde(default)]
    instance_types: Vec<String>,
    ami_type: Option<String>,
    node_role: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    taints: Vec<Taint>,
    #[serde(default)]
    tags: Tags,
    launch_template: Option<Template>,
    update_config: Option<UpdateConfig>,
    capacity_type: Option<String>,
    version: Option<String>,
    release_version: Option<String>,
    #[serde(rename = "clientRequestToken")]
    _token: Option<String>,
}

fn create(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    let body: Create = input.json()?;
    let sizes = body.scaling_config.unwrap_or_default();
    let new = NewNodegroup {
        cluster: input.cluster().to_owned(),
        sizes: sizes.over(Sizes::default()),
        rules: match &body.update_config {
            Some(config) => config.over(UpdateRules::default())?,
            None => UpdateRules::default(),
        },
        subnets: ids(&body.subnets)?,
        role: body.node_role,
        version: body.version,
        release: body.release_version,
        ami_type: body.ami_type,
        spot: spot(body.capacity_type.as_deref())?,
        instance_types: types(&body.instance_types)?,
        disk_size: body.disk_size,
        labels: body.labels,
        taints: body
            .taints
            .into_iter()
            .map(Taint::checked)
            .collect::<Result<_, _>>()?,
        template: body.launch_template.map(Template::checked).transpose()?,
        tags: body.tags,
        name: body.nodegroup_name,
    };
    let made = world.create_nodegroup(new)?;
    Ok(answer(made))
}

fn describe(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    let group = world.nodegroup(input.cluster(), input.name("nodegroupName"))?;
    Ok(answer(group))
}

fn list(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    let names = world.cluster(input.cluster())?.nodegroups.keys();
    input.list("nodegroups", names.map(|name| (name.clone(), name.as_str())))
}

fn delete(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    let gone = world.delete_nodegroup(input.cluster(), input.name("nodegroupName"))?;
    Ok(answer(gone))
}
