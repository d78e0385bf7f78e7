//! What an instance type can carry: interfaces, addresses, prefixes, branches.

mod table;

use crate::ids::InstanceType;

/// The limits of one instance type; the numbers of interfaces are those of the default network card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstanceLimits {
    /// Interfaces on the default network card.
    pub max_enis: u32,
    /// IPv4 addresses per interface, the primary included.
    pub ipv4_per_eni: u32,
    /// Whether ipamd can use prefixes there: nitro or bare metal.
    pub prefix_delegation: bool,
    /// Whether its hypervisor is nitro, as DescribeInstanceTypes says it (bare metal has none).
    pub nitro: bool,
    /// Bare metal.
    pub bare_metal: bool,
    /// Whether it can have a trunk; none where nobody knows.
    pub trunk: Option<bool>,
    /// Branch interfaces it can carry.
    pub branches: Option<u32>,
    /// vCPUs; none where nobody knows.
    pub vcpus: Option<u32>,
}

impl InstanceLimits {
    /// Addresses or prefixes an interface can hold: its primary address is never given to a pod.
    pub fn slots_per_eni(&self) -> u32 {
        self.ipv4_per_eni.saturating_sub(1)
    }
}

/// The limits of a type; none for a type that is newer than the table.
pub fn find(instance_type: &InstanceType) -> Option<InstanceLimits> {
    let index = table::TABLE
        .binary_search_by_key(&instance_type.as_str(), |row| row.0)
        .ok()?;
    table::TABLE.get(index).map(limits)
}

/// The network cards of a type; one where nobody knows of more.
pub fn cards(instance_type: &InstanceType) -> u32 {
    let place = table::CARDS.binary_search_by_key(&instance_type.as_str(), |row| row.0);
    let row = place.ok().and_then(|index| table::CARDS.get(index));
    row.map_or(1, |row| row.1)
}

fn limits(row: &table::Row) -> InstanceLimits {
    let (_, max_enis, ipv4_per_eni, prefix_delegation, nitro, bare_metal, trunk, branches, vcpus) = *row;
    InstanceLimits {
        max_enis,
        ipv4_per_eni,
        prefix_delegation,
        nitro,
        bare_metal,
        trunk,
        branches,
        vcpus,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> Option<InstanceLimits> {
        find(&InstanceType::parse(name).unwrap())
    }

    #[test]
    fn the_table_can_be_searched() {
        assert_eq!(table::TABLE.len(), 1420);
        assert!(table::TABLE.is_sorted_by(|a, b| a.0 < b.0));
        assert!(table::TABLE.iter().all(|row| InstanceType::parse(row.0).is_ok()));
    }

    #[test]
    fn few_types_have_several_cards() {
        let of = |name: &str| cards(&InstanceType::parse(name).unwrap());
        assert_eq!([of("m5.large"), of("zz9.large"), of("p4d.24xlarge")], [1, 1, 4]);
        assert!(table::CARDS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(table::CARDS.iter().all(|row| row.1 > 1));
    }

    #[test]
    fn types_have_their_limits() {
        let large = of("m5.large").unwrap();
        assert_eq!(
            (large.max_enis, large.ipv4_per_eni, large.slots_per_eni()),
            (3, 10, 9)
        );
        assert_eq!(
            (large.trunk, large.branches, large.vcpus),
            (Some(true), Some(9), Some(2))
        );
        // Bare metal has no hypervisor and prefixes all the same.
        let metal = of("m5.metal").unwrap();
        assert_eq!(
            (metal.nitro, metal.bare_metal, metal.prefix_delegation),
            (false, true, true)
        );
        assert!(!of("m4.large").unwrap().prefix_delegation);
        assert_eq!(of("c5a.metal").unwrap().trunk, None);
        assert_eq!(of("zz9.large"), None);
    }

    #[test]
    fn prefixes_are_for_nitro_and_bare_metal() {
        let odd: Vec<_> = table::TABLE
            .iter()
            .map(limits)
            .filter(|limits| limits.prefix_delegation != (limits.nitro || limits.bare_metal))
            .collect();
        assert_eq!(odd, []);
    }
}
