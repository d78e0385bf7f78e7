//! Tags of groups; some of them go to the instances as well.

use super::invalid;
use crate::error::ApiError;
use crate::world::{World, tags};

/// A tag of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupTag {
    /// The group.
    pub group: String,
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
    /// Whether instances that are launched from now on get it, too.
    pub propagate: bool,
}

impl World {
    /// Sets tags, or none of them if one is wrong.
    pub fn tag_scaling_groups(&mut self, new: &[GroupTag]) -> Result<(), ApiError> {
        let mut groups = std::collections::BTreeMap::new();
        for tag in new {
            let merged = match groups.entry(tag.group.clone()) {
                std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::btree_map::Entry::Vacant(entry) => {
                    entry.insert(self.scaling_group(&tag.group)?.tags.clone())
                }
            };
            merged.insert(tag.key.clone(), tag.value.clone());
        }
        for merged in groups.values() {
            tags::check(merged).map_err(|error| invalid(error.message()))?;
        }
        for tag in new {
            let group = self.scaling_group_mut(&tag.group)?;
            group.tags.insert(tag.key.clone(), tag.value.clone());
            if tag.propagate {
                group.propagated.insert(tag.key.clone());
            } else {
                group.propagated.remove(&tag.key);
            }
        }
        Ok(())
    }

    /// Takes tags away; one that is not there is no error.
    pub fn untag_scaling_groups(&mut self, gone: &[(String, String)]) -> Result<(), ApiError> {
        for (name, _) in gone {
            self.scaling_group(name)?;
        }
        for (name, key) in gone {
            let group = self.scaling_group_mut(name)?;
            group.tags.remove(key);
            group.propagated.remove(key);
        }
        Ok(())
    }
}
