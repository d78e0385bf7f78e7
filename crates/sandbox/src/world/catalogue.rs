//! The add-ons that EKS offers, with their versions per Kubernetes version.

use serde::Deserialize;
use std::collections::BTreeMap;

const TABLE: &str = include_str!("../../../core/data/addon-compat.json");

/// The table does not read.
#[derive(Debug, thiserror::Error)]
#[error("failed to read the table of add-ons: {0}")]
pub struct CatalogueError(String);

/// The versions of an add-on for one Kubernetes version.
#[derive(Debug, Clone, Deserialize)]
pub struct Offer {
    /// The one that is installed when none is named.
    pub default: String,
    /// All of them.
    pub versions: Vec<String>,
}

/// One entry: add-ons are objects; what else the file says about itself is text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Addon(BTreeMap<String, Offer>),
    Remark(serde::de::IgnoredAny),
}

/// All add-ons.
#[derive(Debug)]
pub struct Catalogue(BTreeMap<String, BTreeMap<String, Offer>>);

impl Catalogue {
    /// Reads the table.
    pub fn load() -> Result<Self, CatalogueError> {
        let table: BTreeMap<String, Entry> =
            serde_json::from_str(TABLE).map_err(|error| CatalogueError(error.to_string()))?;
        let addons = table.into_iter().filter_map(|(name, entry)| match entry {
            Entry::Addon(offers) => Some((name, offers)),
            Entry::Remark(_) => None,
        });
        Ok(Self(addons.collect()))
    }

    /// What is offered of an add-on for a Kubernetes version.
    pub fn get(&self, addon: &str, kubernetes: &str) -> Option<&Offer> {
        self.0.get(addon)?.get(kubernetes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_reads() {
        let catalogue = Catalogue::load().unwrap();
        let offer = catalogue.get("vpc-cni", "1.35").unwrap();
        assert!(offer.versions.contains(&offer.default));
        assert!(catalogue.get("vpc-cni", "1.0").is_none());
    }
}
