//! Tags on the wire: `TagSpecification.N` and `Tag.N` in, `tagSet` out.

use super::params::Params;
use super::xml::Xml;
use crate::error::ApiError;
use crate::world::Tags;
use std::collections::BTreeMap;

/// The tags of a request, by resource type.
#[derive(Debug, Clone, Default)]
pub(crate) struct Specifications(BTreeMap<String, Tags>);

impl Specifications {
    /// Reads `TagSpecification.N`; a type that the action does not make is refused.
    pub(crate) fn parse(params: &mut Params, allowed: &[&str]) -> Result<Self, ApiError> {
        let mut all = Self::default();
        let given = params.structures("TagSpecification", |item| {
            Ok((item.required("ResourceType")?, pairs(item)?))
        })?;
        for (resource, tags) in given {
            if !allowed.contains(&resource.as_str()) {
                return Err(ApiError::value(format!(
                    "'{resource}' is not a valid taggable resource type for this operation."
                )));
            }
            all.0.entry(resource).or_default().extend(
                tags.into_iter()
                    .map(|(key, value)| (key, value.unwrap_or_default())),
            );
        }
        Ok(all)
    }

    pub(crate) fn into_all(self) -> BTreeMap<String, Tags> {
        self.0
    }

    pub(crate) fn of(&self, resource: &str) -> Tags {
        self.0.get(resource).cloned().unwrap_or_default()
    }
}

/// Reads `Tag.N`; a value may be absent, which DeleteTags tells apart from an empty one.
pub(crate) fn pairs(params: &mut Params) -> Result<Vec<(String, Option<String>)>, ApiError> {
    params.structures("Tag", |item| Ok((item.required("Key")?, item.text("Value"))))
}

/// Writes tags by the type of resource, as templates and fleets show them.
pub(crate) fn write_specifications(xml: &mut Xml, all: &BTreeMap<String, Tags>) {
    if all.is_empty() {
        return;
    }
    xml.set("tagSpecificationSet", all, |xml, (resource, tags)| {
        xml.text("resourceType", resource);
        write(xml, tags);
    });
}

pub(crate) fn write(xml: &mut Xml, tags: &Tags) {
    xml.set("tagSet", tags, |xml, (key, value)| {
        xml.text("key", key).text("value", value);
    });
}
