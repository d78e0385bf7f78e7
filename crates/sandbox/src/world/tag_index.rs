//! Interfaces by tag: clean-ups and controllers look for theirs by a tag all day, and a scan of everything for each
//! of them was two thirds of the work under load.

use super::{Tags, World};
use std::collections::{BTreeMap, BTreeSet};
use vpccni_core::ids::EniId;

/// Interfaces by the key and then the value of their tags.
#[derive(Debug, Default)]
pub(super) struct TagIndex(BTreeMap<String, BTreeMap<String, BTreeSet<EniId>>>);

impl TagIndex {
    pub(super) fn add(&mut self, id: &EniId, tags: &Tags) {
        for (key, value) in tags {
            let values = self.0.entry(key.clone()).or_default();
            values.entry(value.clone()).or_default().insert(id.clone());
        }
    }

    pub(super) fn remove(&mut self, id: &EniId, tags: &Tags) {
        for (key, value) in tags {
            let Some(values) = self.0.get_mut(key) else {
                continue;
            };
            if let Some(ids) = values.get_mut(value) {
                ids.remove(id);
                if ids.is_empty() {
                    values.remove(value);
                }
            }
            if values.is_empty() {
                self.0.remove(key);
            }
        }
    }

    pub(super) fn has(&self, id: &EniId, tags: &Tags) -> bool {
        tags.iter().all(|(key, value)| {
            let ids = self.0.get(key).and_then(|values| values.get(value));
            ids.is_some_and(|ids| ids.contains(id))
        })
    }

    /// Tags of interfaces that there are, all told.
    pub(super) fn size(&self) -> usize {
        self.0
            .values()
            .flat_map(BTreeMap::values)
            .map(BTreeSet::len)
            .sum()
    }
}

impl World {
    /// The interfaces that have a tag with this key and one of these values.
    pub(crate) fn interfaces_tagged<'w>(
        &'w self,
        key: &str,
        values: &[String],
    ) -> impl Iterator<Item = &'w EniId> {
        let known = self.tag_index.0.get(key);
        let values = values.iter().filter_map(move |value| known?.get(value));
        values.flatten().collect::<Vec<_>>().into_iter()
    }

    /// The tags of something are about to change: an interface leaves the index, and its state is remembered.
    pub(super) fn leave_tags(&mut self, id: &str) {
        if let Ok(id) = EniId::parse(id) {
            self.note_interface(&id);
            if let Some(interface) = self.interfaces.get(&id) {
                self.tag_index.remove(&id, &interface.tags);
            }
        }
    }

    /// The tags of something have changed.
    pub(super) fn enter_tags(&mut self, id: &str) {
        if let Ok(id) = EniId::parse(id)
            && let Some(interface) = self.interfaces.get(&id)
        {
            self.tag_index.add(&id, &interface.tags);
        }
    }
}
