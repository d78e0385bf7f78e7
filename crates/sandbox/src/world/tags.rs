//! Tags of any resource, found by its id.

use super::{Tags, World};
use crate::error::{ApiError, Code};
use vpccni_core::ids::EniId;

/// AWS's limits: tags of one resource, characters of a key and of a value.
const MAX_TAGS: usize = 50;
const MAX_KEY: usize = 128;
const MAX_VALUE: usize = 256;

pub(super) fn check(tags: &Tags) -> Result<(), ApiError> {
    if tags.len() > MAX_TAGS {
        return Err(ApiError::new(
            Code::TagLimitExceeded,
            format!("The maximum number of {MAX_TAGS} tags per resource has been reached."),
        ));
    }
    for (key, value) in tags {
        if is_reserved(key) {
            return Err(ApiError::value(format!(
                "Tag keys starting with 'aws:' are reserved for internal use: {key}"
            )));
        }
        if key.chars().count() > MAX_KEY || value.chars().count() > MAX_VALUE {
            return Err(ApiError::value(format!("Tag key or value is too long: {key}")));
        }
    }
    Ok(())
}

fn is_reserved(key: &str) -> bool {
    key.to_ascii_lowercase().starts_with("aws:")
}

impl World {
    /// Interfaces that have one of these values under a key; none where no index can tell.
    pub(crate) fn interfaces_tagged(&self, key: &str, values: &[String]) -> Vec<&super::Interface> {
        let ids = values
            .iter()
            .filter_map(|value| self.interfaces_by_tag.get(&index_key(key, value)))
            .flatten();
        ids.filter_map(|id| self.interfaces.get(id)).collect()
    }

    pub(super) fn index_tags(&mut self, id: &EniId, tags: &Tags) {
        for (key, value) in tags {
            let entry = self.interfaces_by_tag.entry(index_key(key, value)).or_default();
            entry.insert(id.clone());
        }
    }

    pub(super) fn forget_tags(&mut self, id: &EniId, tags: &Tags) {
        for (key, value) in tags {
            let key = index_key(key, value);
            if let Some(ids) = self.interfaces_by_tag.get_mut(&key) {
                ids.remove(id);
                if ids.is_empty() {
                    self.interfaces_by_tag.remove(&key);
                }
            }
        }
    }

    /// Changes the tags of a resource, and the index where it is an interface.
    fn retag(&mut self, id: &str, change: impl FnOnce(&mut Tags)) -> Result<(), ApiError> {
        if let Ok(eni) = EniId::parse(id) {
            self.note_interface(&eni);
        }
        let tags = self.tags_mut(id)?;
        let before = tags.clone();
        change(tags);
        let after = tags.clone();
        if let Ok(id) = EniId::parse(id) {
            self.forget_tags(&id, &before);
            self.index_tags(&id, &after);
        }
        Ok(())
    }

    /// Sets tags on several resources, or on none of them if one is wrong.
    pub fn create_tags(&mut self, ids: &[String], tags: &Tags) -> Result<(), ApiError> {
        for id in ids {
            let mut merged = self.tags_mut(id)?.clone();
            // AWS's own are neither counted nor asked for.
            merged.retain(|key, _| !is_reserved(key));
            merged.extend(tags.clone());
            check(&merged)?;
        }
        for id in ids {
            self.retag(id, |own| own.extend(tags.clone()))?;
        }
        Ok(())
    }

    /// Takes tags away: by key, by key and value, or all of them.
    pub fn delete_tags(&mut self, ids: &[String], tags: &[(String, Option<String>)]) -> Result<(), ApiError> {
        for id in ids {
            self.tags_mut(id)?;
        }
        for id in ids {
            self.retag(id, |own| {
                own.retain(|key, value| {
                    let named =
                        |(k, v): &(String, Option<String>)| k == key && v.as_ref().is_none_or(|v| v == value);
                    !tags.is_empty() && !tags.iter().any(named)
                });
            })?;
        }
        Ok(())
    }

    /// Every resource with its type and tags.
    pub(crate) fn tagged(&self) -> impl Iterator<Item = (&str, &'static str, &Tags)> {
        let vpcs = self.vpcs.values().map(|r| (r.id.as_str(), "vpc", &r.tags));
        let groups = self
            .groups
            .values()
            .map(|r| (r.id.as_str(), "security-group", &r.tags));
        let subnets = self.subnets.values().map(|r| (r.id.as_str(), "subnet", &r.tags));
        let reservations = self
            .subnets
            .values()
            .flat_map(|s| &s.reservations)
            .map(|r| (r.id.as_str(), "subnet-cidr-reservation", &r.tags));
        let interfaces = self
            .interfaces
            .values()
            .map(|r| (r.id.as_str(), "network-interface", &r.tags));
        let instances = self
            .instances
            .values()
            .map(|r| (r.id.as_str(), "instance", &r.tags));
        let volumes = self
            .instances
            .values()
            .flat_map(|instance| &instance.volumes)
            .map(|r| (r.id.as_str(), "volume", &r.tags));
        let templates = self
            .templates
            .values()
            .map(|r| (r.id.as_str(), "launch-template", &r.tags));
        let fleets = self.fleets.values().map(|r| (r.id.as_str(), "fleet", &r.tags));
        vpcs.chain(groups)
            .chain(subnets)
            .chain(reservations)
            .chain(interfaces)
            .chain(instances)
            .chain(volumes)
            .chain(templates)
            .chain(fleets)
    }

    fn tags_mut(&mut self, id: &str) -> Result<&mut Tags, ApiError> {
        let missing =
            |code: Code, kind: &str| ApiError::new(code, format!("The {kind} ID '{id}' does not exist"));
        match id.split_once('-').map(|(kind, _)| kind) {
            Some("vpc") => by_name(&mut self.vpcs, id)
                .map(|r| &mut r.tags)
                .ok_or_else(|| missing(Code::InvalidVpcNotFound, "vpc")),
            Some("sg") => by_name(&mut self.groups, id)
                .map(|r| &mut r.tags)
                .ok_or_else(|| missing(Code::InvalidGroupNotFound, "security group")),
            Some("subnet") => by_name(&mut self.subnets, id)
                .map(|r| &mut r.tags)
                .ok_or_else(|| missing(Code::InvalidSubnetNotFound, "subnet")),
            Some("eni") => by_name(&mut self.interfaces, id)
                .map(|r| &mut r.tags)
                .ok_or_else(|| missing(Code::InvalidInterfaceNotFound, "networkInterface")),
            Some("i") => by_name(&mut self.instances, id)
                .map(|r| &mut r.tags)
                .ok_or_else(|| missing(Code::InvalidInstanceNotFound, "instance")),
            Some("scr") => self
                .subnets
                .values_mut()
                .flat_map(|s| &mut s.reservations)
                .find(|r| r.id == id)
                .map(|r| &mut r.tags)
                .ok_or_else(|| missing(Code::InvalidReservationNotFound, "subnet CIDR reservation")),
            Some("vol") => self
                .instances
                .values_mut()
                .flat_map(|instance| &mut instance.volumes)
                .find(|volume| volume.id == id)
                .map(|volume| &mut volume.tags)
                .ok_or_else(|| missing(Code::InvalidVolumeNotFound, "volume")),
            Some("fleet") => self
                .fleets
                .get_mut(id)
                .map(|fleet| &mut fleet.tags)
                .ok_or_else(|| missing(Code::InvalidIdNotFound, "fleet")),
            Some("lt") => self
                .templates
                .get_mut(id)
                .map(|template| &mut template.tags)
                .ok_or_else(|| missing(Code::InvalidTemplateIdNotFound, "launch template")),
            _ => Err(ApiError::new(
                Code::InvalidIdNotFound,
                format!("The ID '{id}' is not valid"),
            )),
        }
    }
}

fn index_key(key: &str, value: &str) -> String {
    format!("{key}\u{0}{value}")
}

fn by_name<'a, K: Ord + std::str::FromStr, V>(
    map: &'a mut std::collections::BTreeMap<K, V>,
    id: &str,
) -> Option<&'a mut V> {
    map.get_mut(&id.parse().ok()?)
}
