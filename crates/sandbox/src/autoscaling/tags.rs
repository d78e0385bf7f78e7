//! CreateOrUpdateTags, DeleteTags, DescribeTags.

use super::PAGE;
use crate::action::{Effect, Family};
use crate::error::{ApiError, Code};
use crate::wire::filter::{Filterable, Filters};
use crate::wire::page::Page;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::{GroupTag, ScalingGroup, Tags};
use std::borrow::Cow;

pub(super) const ACTIONS: Family = &[
    ("CreateOrUpdateTags", create),
    ("DeleteTags", delete),
    ("DescribeTags", describe),
];

/// The one kind of resource that has tags here.
const KIND: &str = "auto-scaling-group";

impl Filterable for GroupTag {
    const NAMES: &'static [&'static str] = &["auto-scaling-group", "key", "propagate-at-launch", "value"];

    fn values(&self, name: &str) -> Vec<Cow<'_, str>> {
        vec![match name {
            "auto-scaling-group" => self.group.as_str().into(),
            "key" => self.key.as_str().into(),
            "value" => self.value.as_str().into(),
            "propagate-at-launch" => if self.propagate { "true" } else { "false" }.into(),
            _ => return Vec::new(),
        }]
    }

    fn tags(&self) -> Option<&Tags> {
        None
    }
}

/// Reads `Tags.member.N`; where the group is made, its name may be left out.
pub(super) fn read(params: &mut Params, of: Option<&str>) -> Result<Vec<GroupTag>, ApiError> {
    params.structures("Tags.member", |item| {
        let kind = item.text("ResourceType").unwrap_or_else(|| KIND.to_owned());
        if kind != KIND {
            return Err(ApiError::new(
                Code::Validation,
                format!("'{kind}' is not a resource type that has tags: only {KIND} is"),
            ));
        }
        let named = item.text("ResourceId");
        let Some(group) = of.map(str::to_owned).or(named) else {
            return Err(ApiError::missing("ResourceId"));
        };
        Ok(GroupTag {
            group,
            key: item.required("Key")?,
            value: item.text("Value").unwrap_or_default(),
            propagate: item.parsed("PropagateAtLaunch")?.unwrap_or(false),
        })
    })
}

/// The tags of a group, in its description.
pub(super) fn write(xml: &mut Xml, group: &ScalingGroup) {
    xml.members("Tags", of_group(group), |xml, tag| write_tag(xml, &tag));
}

fn of_group(group: &ScalingGroup) -> impl Iterator<Item = GroupTag> {
    group.tags.iter().map(|(key, value)| GroupTag {
        group: group.name.clone(),
        key: key.clone(),
        value: value.clone(),
        propagate: group.propagated.contains(key),
    })
}

fn write_tag(xml: &mut Xml, tag: &GroupTag) {
    xml.text("ResourceId", &tag.group)
        .text("ResourceType", KIND)
        .text("Key", &tag.key)
        .text("Value", &tag.value)
        .text("PropagateAtLaunch", tag.propagate);
}

fn create(params: &mut Params) -> Result<Effect, ApiError> {
    let tags = read(params, None)?;
    Ok(Box::new(move |world| {
        world.tag_scaling_groups(&tags)?;
        Ok(Xml::default())
    }))
}

fn delete(params: &mut Params) -> Result<Effect, ApiError> {
    let gone: Vec<(String, String)> = read(params, None)?
        .into_iter()
        .map(|tag| (tag.group, tag.key))
        .collect();
    Ok(Box::new(move |world| {
        world.untag_scaling_groups(&gone)?;
        Ok(Xml::default())
    }))
}

fn describe(params: &mut Params) -> Result<Effect, ApiError> {
    let filters = Filters::parse_named::<GroupTag>(params, "Filters.member", "Values.member")?;
    let page = Page::named(
        params,
        PAGE,
        (50, 100),
        &format!("tags?{}", filters.fingerprint()),
    )?;
    Ok(Box::new(move |world| {
        let found = world
            .scaling
            .groups
            .values()
            .flat_map(of_group)
            .filter(|tag| filters.accept(tag));
        let cut = page.cut(found.map(|tag| (format!("{}\u{0}{}", tag.group, tag.key), tag)));
        let mut xml = Xml::default();
        xml.members("Tags", cut.items, |xml, tag| write_tag(xml, &tag))
            .maybe("NextToken", cut.next);
        Ok(xml)
    }))
}
