//! Which subnets a new interface can be in, and whether an interface is in one that is no longer for this cluster.

use crate::config::Effective;
use crate::discovery::is_usable;
use crate::ids::{EniConfigName, SubnetId, VpcId, Zone};
use crate::ports::Subnet;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Where a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// Its VPC.
    pub vpc: VpcId,
    /// Its zone.
    pub zone: Zone,
    /// The subnet of its primary interface.
    pub primary: SubnetId,
    /// Whether that one is known to be excluded.
    pub primary_excluded: bool,
}

/// Why no interface can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSubnet {
    /// Custom networking is on, and there is no such ENIConfig, or its subnet does not exist.
    #[error("the ENIConfig {0} or its subnet does not exist")]
    NoEniConfig(String),
    /// The ENIConfig leads to another zone: the interface could be made and never attached.
    #[error("subnet {subnet} of ENIConfig {eni_config} is in {zone}, and the node is in {node_zone}")]
    WrongZone {
        /// The ENIConfig.
        eni_config: EniConfigName,
        /// Its subnet.
        subnet: SubnetId,
        /// Where that is.
        zone: Zone,
        /// Where the node is.
        node_zone: Zone,
    },
    /// All subnets of the zone are tagged for others or for nobody.
    #[error("no subnet of zone {0} is for interfaces of this cluster")]
    NoneUsable(Zone),
}

/// The subnets to try, the best first: that of the ENIConfig under custom networking; with subnet discovery the usable
/// ones of the zone, those with most free addresses first; else that of the primary interface.
///
/// `found` is what DescribeSubnets said, none where it failed. `resolved` is the ENIConfig the node's labels and
/// annotations lead to ([`crate::eniconfig::resolve`]), with its subnet.
pub fn subnets_for(
    effective: &Effective,
    custom_networking: bool,
    node: &Placement,
    found: Option<&[Subnet]>,
    resolved: (&str, Option<(&EniConfigName, &Subnet)>),
) -> Result<Vec<SubnetId>, NoSubnet> {
    if custom_networking {
        let (name, config) = resolved;
        let (eni_config, subnet) = config.ok_or_else(|| NoSubnet::NoEniConfig(name.to_owned()))?;
        return if subnet.zone == node.zone {
            Ok(vec![subnet.id.clone()])
        } else {
            Err(NoSubnet::WrongZone {
                eni_config: eni_config.clone(),
                subnet: subnet.id.clone(),
                zone: subnet.zone.clone(),
                node_zone: node.zone.clone(),
            })
        };
    }
    let none = || NoSubnet::NoneUsable(node.zone.clone());
    let cluster = effective.cluster_name();
    let known = found.and_then(|found| found.iter().find(|subnet| subnet.id == node.primary));
    let Some(found) = found.filter(|_| effective.subnet_discovery()) else {
        let excluded = known.map_or(node.primary_excluded, |subnet| is_excluded(&subnet.tags, cluster));
        return if excluded {
            Err(none())
        } else {
            Ok(vec![node.primary.clone()])
        };
    };
    let mut usable: Vec<&Subnet> = found
        .iter()
        .filter(|subnet| subnet.vpc == node.vpc && subnet.zone == node.zone)
        .filter(|subnet| is_usable(&subnet.tags, subnet.id == node.primary, cluster))
        .collect();
    usable.sort_by_key(|subnet| (Reverse(subnet.available), subnet.id != node.primary, &subnet.id));
    let usable: Vec<SubnetId> = usable.into_iter().map(|subnet| subnet.id.clone()).collect();
    if usable.is_empty() {
        Err(none())
    } else {
        Ok(usable)
    }
}

/// Whether an interface in a subnet with these tags serves no new pods: the subnet is tagged against the CNI, or for
/// other clusters. A subnet without the tag excludes nothing.
pub fn is_excluded(tags: &BTreeMap<String, String>, cluster: Option<&str>) -> bool {
    !is_usable(tags, true, cluster)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CniConfig, Key, Value};
    use crate::discovery::ROLE_TAG;
    use crate::version::CniVersion;

    fn subnet(name: &str, zone: &str, available: u32, role: Option<&str>) -> Subnet {
        Subnet {
            id: SubnetId::parse(name).unwrap(),
            vpc: VpcId::parse("vpc-1").unwrap(),
            zone: Zone::parse(zone).unwrap(),
            cidr: "10.0.0.0/24".parse().unwrap(),
            available,
            tags: role
                .map(|role| (ROLE_TAG.to_owned(), role.to_owned()))
                .into_iter()
                .collect(),
            owner: String::new(),
        }
    }

    fn node() -> Placement {
        Placement {
            vpc: VpcId::parse("vpc-1").unwrap(),
            zone: Zone::parse("us-west-2a").unwrap(),
            primary: SubnetId::parse("subnet-1").unwrap(),
            primary_excluded: false,
        }
    }

    fn choose(discovery: bool, found: Option<&[Subnet]>) -> Result<Vec<String>, NoSubnet> {
        let mut config = CniConfig::default();
        config.set(Key::EnableSubnetDiscovery, Value::Bool(discovery));
        let effective = Effective::of(&config, CniVersion::REFERENCE);
        let subnets = subnets_for(&effective, false, &node(), found, ("default", None))?;
        Ok(subnets.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_subnet_with_most_room_comes_first() {
        let found = [
            subnet("subnet-1", "us-west-2a", 5, None),
            subnet("subnet-2", "us-west-2a", 50, Some("1")),
            subnet("subnet-3", "us-west-2a", 500, None),
            subnet("subnet-4", "us-west-2b", 500, Some("1")),
            subnet("subnet-5", "us-west-2a", 5, Some("1")),
        ];
        let all = ["subnet-2", "subnet-1", "subnet-5"].map(ToOwned::to_owned);
        assert_eq!(choose(true, Some(&found)).unwrap(), all);
        assert_eq!(choose(false, Some(&found)).unwrap(), ["subnet-1"]);
        assert_eq!(choose(true, None).unwrap(), ["subnet-1"]);
        let excluded = [subnet("subnet-1", "us-west-2a", 5, Some("0"))];
        for discovery in [true, false] {
            let error = choose(discovery, Some(&excluded)).unwrap_err().to_string();
            assert_eq!(
                error,
                "no subnet of zone us-west-2a is for interfaces of this cluster"
            );
        }
    }

    #[test]
    fn an_eni_config_of_another_zone_is_named_before_anything_is_made() {
        let effective = Effective::of(&CniConfig::default(), CniVersion::REFERENCE);
        let name = EniConfigName::parse("us-west-2b").unwrap();
        let choose = |config| subnets_for(&effective, true, &node(), None, ("us-west-2b", config));
        let there = subnet("subnet-9", "us-west-2b", 5, None);
        assert_eq!(
            choose(Some((&name, &there))).unwrap_err().to_string(),
            "subnet subnet-9 of ENIConfig us-west-2b is in us-west-2b, and the node is in us-west-2a"
        );
        let here = subnet("subnet-9", "us-west-2a", 5, None);
        assert_eq!(choose(Some((&name, &here))), Ok(vec![here.id.clone()]));
        assert_eq!(choose(None), Err(NoSubnet::NoEniConfig("us-west-2b".to_owned())));
    }

    #[test]
    fn only_a_tag_excludes() {
        let tags = |role: &str| BTreeMap::from([(ROLE_TAG.to_owned(), role.to_owned())]);
        assert!(!is_excluded(&BTreeMap::new(), Some("a")));
        assert!(is_excluded(&tags("0"), None));
        assert!(!is_excluded(&tags("1"), Some("a")));
    }
}
