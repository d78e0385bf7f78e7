//! The instance types, read from the reference table by a reader of the sandbox's own: an oracle that shared the
//! planner's code would share its mistakes.

use serde::Deserialize;
use std::collections::BTreeMap;

const TABLE: &str = include_str!("../../../core/data/instance-limits.json");

/// The table does not read.
#[derive(Debug, thiserror::Error)]
#[error("failed to read the table of instance types: {0}")]
pub struct TypesError(String);

/// A network card of a type.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkCard {
    /// Its index.
    pub index: u32,
    /// Interfaces it carries.
    pub max_eni: u32,
}

/// What DescribeInstanceTypes says of a type, and whether it can trunk.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TypeInfo {
    /// IPv4 addresses per interface, the primary included.
    pub ipv4_per_eni: u32,
    /// IPv6 addresses per interface; none where nobody knows.
    pub ipv6_per_eni: Option<u32>,
    hypervisor: String,
    /// Bare metal.
    pub is_bare_metal: bool,
    /// Whether it may carry a trunk; none where nobody knows.
    pub trunk_compatible: Option<bool>,
    /// vCPUs; none where nobody knows.
    pub vcpus: Option<u32>,
    /// Architectures, as far as known.
    #[serde(default)]
    pub arch: Vec<String>,
    /// The card of the primary interface.
    pub default_network_card: u32,
    /// Its cards.
    pub network_cards: Vec<NetworkCard>,
    /// Interfaces over all cards.
    pub max_eni_all_cards: u32,
    /// Memory, told from the name: the table does not have it.
    #[serde(skip)]
    pub memory_mib: u64,
    /// Who made its processor, told from the name.
    #[serde(skip)]
    pub manufacturer: &'static str,
    /// Whether it is of the burstable families.
    #[serde(skip)]
    pub is_burstable: bool,
    /// Branch interfaces that a trunk on it carries; none where nobody knows.
    #[serde(rename = "branchEni")]
    pub branch_interfaces: Option<u32>,
}

impl TypeInfo {
    /// `nitro` or `xen`; bare metal and some old types have none.
    pub fn hypervisor(&self) -> Option<&str> {
        (self.hypervisor != "unknown").then_some(self.hypervisor.as_str())
    }

    /// Prefixes need Nitro or bare metal.
    pub fn takes_prefixes(&self) -> bool {
        self.hypervisor == "nitro" || self.is_bare_metal
    }

    /// Interfaces that a card carries; none where the type has no such card.
    pub fn card_limit(&self, card: u32) -> Option<u32> {
        self.network_cards
            .iter()
            .find(|c| c.index == card)
            .map(|c| c.max_eni)
    }
}

#[derive(Deserialize)]
struct Table {
    types: BTreeMap<String, TypeInfo>,
}

/// All types by name.
#[derive(Debug)]
pub struct Types(BTreeMap<String, TypeInfo>);

impl Types {
    /// Reads the table.
    pub fn load() -> Result<Self, TypesError> {
        let mut table: Table = serde_json::from_str(TABLE).map_err(|error| TypesError(error.to_string()))?;
        for (name, info) in &mut table.types {
            info.complete(name);
        }
        Ok(Self(table.types))
    }

    /// A type by name.
    pub fn get(&self, name: &str) -> Option<&TypeInfo> {
        self.0.get(name)
    }

    /// All of them in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &TypeInfo)> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_reads_and_knows_its_limits() {
        let types = Types::load().unwrap();
        let large = types.get("m5.large").unwrap();
        assert_eq!((large.card_limit(0), large.card_limit(1)), (Some(3), None));
        assert_eq!(large.ipv4_per_eni, 10);
        assert!(large.takes_prefixes());
        assert!(!types.get("t2.medium").unwrap().takes_prefixes());
        let metal = types.get("c5.metal").unwrap();
        assert!(metal.takes_prefixes() && metal.hypervisor().is_none());
        assert!(types.iter().count() > 1400);
    }
}
