//! CreateTags, DeleteTags, DescribeTags.

use super::done;
use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::filter::{Filterable, Filters};
use crate::wire::page::{Page, USUAL};
use crate::wire::params::Params;
use crate::wire::tags;
use crate::wire::xml::Xml;
use crate::world::Tags;
use std::borrow::Cow;

pub(super) const ACTIONS: Family = &[
    ("CreateTags", create),
    ("DeleteTags", delete),
    ("DescribeTags", describe),
];

struct Tag {
    resource: String,
    kind: &'static str,
    key: String,
    value: String,
}

impl Filterable for Tag {
    const NAMES: &'static [&'static str] = &["key", "resource-id", "resource-type", "value"];

    fn values(&self, name: &str) -> Vec<Cow<'_, str>> {
        vec![match name {
            "key" => self.key.as_str().into(),
            "resource-id" => self.resource.as_str().into(),
            "resource-type" => self.kind.into(),
            "value" => self.value.as_str().into(),
            _ => return Vec::new(),
        }]
    }

    fn tags(&self) -> Option<&Tags> {
        None
    }
}

fn resources(params: &mut Params) -> Result<Vec<String>, ApiError> {
    let ids = params.list("ResourceId");
    if ids.is_empty() {
        Err(ApiError::missing("ResourceId"))
    } else {
        Ok(ids)
    }
}

fn create(params: &mut Params) -> Result<Effect, ApiError> {
    let ids = resources(params)?;
    let new: Tags = tags::pairs(params)?
        .into_iter()
        .map(|(key, value)| (key, value.unwrap_or_default()))
        .collect();
    if new.is_empty() {
        return Err(ApiError::missing("Tag"));
    }
    Ok(Box::new(move |world| {
        world.create_tags(&ids, &new)?;
        Ok(done())
    }))
}

fn delete(params: &mut Params) -> Result<Effect, ApiError> {
    let ids = resources(params)?;
    let gone = tags::pairs(params)?;
    Ok(Box::new(move |world| {
        world.delete_tags(&ids, &gone)?;
        Ok(done())
    }))
}

fn describe(params: &mut Params) -> Result<Effect, ApiError> {
    let filters = Filters::parse::<Tag>(params)?;
    let page = Page::parse(params, &USUAL, false, &format!("tags?{}", filters.fingerprint()))?;
    Ok(Box::new(move |world| {
        let mut found: Vec<(String, Tag)> = Vec::new();
        for (resource, kind, tags) in world.tagged() {
            for (key, value) in tags {
                let tag = Tag {
                    resource: resource.to_owned(),
                    kind,
                    key: key.clone(),
                    value: value.clone(),
                };
                if filters.accept(&tag) {
                    found.push((format!("{resource}\u{0}{key}"), tag));
                }
            }
        }
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        let cut = page.cut(found.into_iter());
        let mut xml = Xml::default();
        xml.set("tagSet", cut.items, |xml, tag| {
            xml.text("resourceId", tag.resource)
                .text("resourceType", tag.kind)
                .text("key", tag.key)
                .text("value", tag.value);
        })
        .maybe("nextToken", cut.next);
        Ok(xml)
    }))
}
