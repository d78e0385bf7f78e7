//! The add-ons that EKS offers: their versions per Kubernetes version, their schemas, their roles.

use super::configuration::{SchemaError, Schemas, order};
use serde::Deserialize;
use std::collections::BTreeMap;

const TABLE: &str = include_str!("../../../core/data/addon-compat.json");

/// The service accounts of add-ons that take a role, and the managed policy that AWS recommends for it.
const IDENTITIES: [(&str, &[(&str, &str)]); 1] = [(
    "vpc-cni",
    &[("aws-node", "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy")],
)];

/// The table does not read.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The versions.
    #[error("failed to read the table of add-ons: {0}")]
    Versions(serde_json::Error),
    /// A schema.
    #[error(transparent)]
    Schema(SchemaError),
}

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
pub struct Catalogue {
    offers: BTreeMap<String, BTreeMap<String, Offer>>,
    /// The schemas of their configuration.
    pub schemas: Schemas,
}

impl Catalogue {
    /// Reads the tables.
    pub fn load() -> Result<Self, CatalogueError> {
        let table: BTreeMap<String, Entry> = serde_json::from_str(TABLE).map_err(CatalogueError::Versions)?;
        let addons = table.into_iter().filter_map(|(name, entry)| match entry {
            Entry::Addon(offers) => Some((name, offers)),
            Entry::Remark(_) => None,
        });
        Ok(Self {
            offers: addons.collect(),
            schemas: Schemas::load().map_err(CatalogueError::Schema)?,
        })
    }

    /// What is offered of an add-on for a Kubernetes version.
    pub fn get(&self, addon: &str, kubernetes: &str) -> Option<&Offer> {
        self.offers.get(addon)?.get(kubernetes)
    }

    /// The names of all add-ons.
    pub fn addons(&self) -> impl Iterator<Item = &str> {
        self.offers.keys().map(String::as_str)
    }

    /// Whether EKS has a Kubernetes version.
    pub fn has_kubernetes(&self, version: &str) -> bool {
        self.offers.values().any(|offers| offers.contains_key(version))
    }

    /// The versions of an add-on, the newest first, each with the Kubernetes versions that it is for, the newest
    /// first, and whether it is the default there.
    pub fn versions(&self, addon: &str) -> Vec<(&str, Vec<(&str, bool)>)> {
        let mut found: BTreeMap<_, Vec<(&str, bool)>> = BTreeMap::new();
        for (kubernetes, offer) in self.offers.get(addon).into_iter().flatten() {
            for version in &offer.versions {
                let key = (order(version), version.as_str());
                let default = *version == offer.default;
                found.entry(key).or_default().push((kubernetes, default));
            }
        }
        let newest_first = found.into_iter().rev();
        newest_first
            .map(|((_, version), mut kubernetes)| {
                kubernetes.reverse();
                (version, kubernetes)
            })
            .collect()
    }

    /// Whether an add-on has a version, for whatever Kubernetes.
    pub fn has(&self, addon: &str, version: &str) -> bool {
        let offers = self.offers.get(addon).into_iter().flatten();
        offers
            .flat_map(|(_, offer)| &offer.versions)
            .any(|known| known == version)
    }

    /// The service accounts of an add-on that take a role, with the recommended policy.
    pub fn identities(&self, addon: &str) -> &'static [(&'static str, &'static str)] {
        let known = IDENTITIES.iter().find(|(name, _)| *name == addon);
        known.map_or(&[], |(_, accounts)| accounts)
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
        assert!(catalogue.has_kubernetes("1.36") && !catalogue.has_kubernetes("1.37"));
    }

    #[test]
    fn versions_are_in_their_order_and_know_where_they_are_the_default() {
        let catalogue = Catalogue::load().unwrap();
        let versions = catalogue.versions("vpc-cni");
        assert_eq!(versions[0].0, "v1.23.0-eksbuild.1");
        let (_, kubernetes) = versions
            .iter()
            .find(|(version, _)| *version == "v1.22.4-eksbuild.3")
            .unwrap();
        assert_eq!(
            kubernetes[..2],
            [("1.36", true), ("1.35", true)],
            "the default of both"
        );
        assert!(kubernetes.contains(&("1.30", false)));
    }
}
