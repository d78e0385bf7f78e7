//! UpdateNodegroupConfig, UpdateNodegroupVersion.

use super::read::{Scaling, Taint, Template, UpdateConfig};
use crate::eks::input::Input;
use crate::eks::updates::begun;
use crate::error::ApiError;
use crate::world::{NodegroupChange, NodegroupVersion, Subject, World};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the names are those of the API")]
struct Config {
    #[serde(default)]
    labels: Labels,
    #[serde(default)]
    taints: Taints,
    scaling_config: Option<Scaling>,
    update_config: Option<UpdateConfig>,
    #[serde(rename = "clientRequestToken")]
    _token: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Labels {
    #[serde(default)]
    add_or_update_labels: BTreeMap<String, String>,
    #[serde(default)]
    remove_labels: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Taints {
    #[serde(default)]
    add_or_update_taints: Vec<Taint>,
    #[serde(default)]
    remove_taints: Vec<Taint>,
}

impl Config {
    /// What the update says was asked, by AWS's types of parameters.
    fn params(&self) -> Vec<(&'static str, String)> {
        let (labels, taints) = (&self.labels, &self.taints);
        let scaling = self.scaling_config.as_ref();
        let rules = self.update_config.as_ref();
        let number = |value: Option<u32>| value.map(|value| value.to_string());
        let all = [
            ("MinSize", number(scaling.and_then(|s| s.min_size))),
            ("MaxSize", number(scaling.and_then(|s| s.max_size))),
            ("DesiredSize", number(scaling.and_then(|s| s.desired_size))),
            ("MaxUnavailable", number(rules.and_then(|r| r.max_unavailable))),
            (
                "MaxUnavailablePercentage",
                number(rules.and_then(|r| r.max_unavailable_percentage)),
            ),
            ("UpdateStrategy", rules.and_then(|r| r.update_strategy.clone())),
            (
                "LabelsToAdd",
                listed(
                    &labels.add_or_update_labels,
                    labels.add_or_update_labels.is_empty(),
                ),
            ),
            (
                "LabelsToRemove",
                listed(&labels.remove_labels, labels.remove_labels.is_empty()),
            ),
            (
                "TaintsToAdd",
                listed(
                    &taints.add_or_update_taints,
                    taints.add_or_update_taints.is_empty(),
                ),
            ),
            (
                "TaintsToRemove",
                listed(&taints.remove_taints, taints.remove_taints.is_empty()),
            ),
        ];
        all.into_iter()
            .filter_map(|(kind, value)| Some((kind, value?)))
            .collect()
    }
}

/// A list as a parameter of an update has it; an empty one is none.
fn listed<T: serde::Serialize>(all: &T, empty: bool) -> Option<String> {
    (!empty).then(|| json!(all).to_string())
}

pub(super) fn config(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    let body: Config = input.json()?;
    let params = body.params();
    let (cluster, name) = (input.cluster(), input.name("nodegroupName"));
    let group = world.nodegroup(cluster, name)?;
    let checked = |taints: Vec<Taint>| taints.into_iter().map(Taint::checked).collect::<Result<_, _>>();
    let sizes = body.scaling_config.map(|scaling| scaling.over(group.sizes));
    let rules = body.update_config.map(|config| config.over(group.rules));
    let change = NodegroupChange {
        sizes,
        rules: rules.transpose()?,
        labels: body.labels.add_or_update_labels,
        gone_labels: body.labels.remove_labels,
        taints: checked(body.taints.add_or_update_taints)?,
        gone_taints: checked(body.taints.remove_taints)?,
    };
    let id = world.update_nodegroup(cluster, name, change, params)?;
    begun(world, cluster, &Subject::Nodegroup(name.to_owned()), &id)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the names are those of the API")]
struct Version {
    version: Option<String>,
    release_version: Option<String>,
    launch_template: Option<Template>,
    #[serde(default)]
    force: bool,
    #[serde(rename = "clientRequestToken")]
    _token: Option<String>,
}

pub(super) fn version(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    let body: Version = input.json()?;
    let asked = NodegroupVersion {
        version: body.version,
        release: body.release_version,
        template: body.launch_template.map(Template::checked).transpose()?,
        force: body.force,
    };
    let (cluster, name) = (input.cluster(), input.name("nodegroupName"));
    let id = world.update_nodegroup_version(cluster, name, &asked)?;
    begun(world, cluster, &Subject::Nodegroup(name.to_owned()), &id)
}
