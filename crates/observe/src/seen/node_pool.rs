//! A NodePool of Karpenter, as far as it says in which zones it can make nodes.

use crate::watching::{Kind, MayMiss, Scope, Watched};
use crate::wire;
use kube::core::DeserializeGuard;
use kube::{Api, Client, ResourceExt};
use std::collections::BTreeSet;
use vpccni_core::ids::Zone;

const ZONE: &str = "topology.kubernetes.io/zone";

/// Zones a NodePool may use; its NodeClass can narrow them further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolZones {
    /// Every zone but these.
    AnyBut(BTreeSet<Zone>),
    /// These and no other.
    Only(BTreeSet<Zone>),
}

/// A NodePool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodePoolSeen {
    /// Its name.
    pub name: String,
    /// Where it can make nodes.
    pub zones: PoolZones,
}

impl Watched for NodePoolSeen {
    type Wire = wire::NodePool;
    const KIND: Kind = Kind::NodePool;
    const MAY_MISS: MayMiss = MayMiss::TypeOrPermission;

    fn api(client: Client, _scope: &Scope) -> Api<DeserializeGuard<wire::NodePool>> {
        Api::all(client)
    }

    fn parse(wire: wire::NodePool, _scope: &Scope) -> Result<Self, String> {
        let name = wire.name_any();
        let requirements = wire.spec.template.spec.requirements.unwrap_or_default();
        Ok(Self {
            name,
            zones: zones(&requirements)?,
        })
    }
}

/// Requirements on one key are all to be met, so they intersect.
fn zones(requirements: &[wire::Requirement]) -> Result<PoolZones, String> {
    let mut allowed = PoolZones::AnyBut(BTreeSet::new());
    for requirement in requirements.iter().filter(|r| r.key == ZONE) {
        let named = requirement
            .values
            .iter()
            .flatten()
            .map(|zone| Zone::parse(zone).map_err(|e| e.to_string()))
            .collect::<Result<BTreeSet<_>, _>>()?;
        allowed = match (allowed, requirement.operator.as_str()) {
            (PoolZones::AnyBut(not), "In") => PoolZones::Only(&named - &not),
            (PoolZones::Only(only), "In") => PoolZones::Only(&only & &named),
            (PoolZones::AnyBut(not), "NotIn") => PoolZones::AnyBut(&not | &named),
            (PoolZones::Only(only), "NotIn") => PoolZones::Only(&only - &named),
            (_, "DoesNotExist") => PoolZones::Only(BTreeSet::new()),
            (allowed, _) => allowed,
        };
    }
    Ok(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(zones: &[&str]) -> BTreeSet<Zone> {
        zones.iter().map(|zone| Zone::parse(zone).unwrap()).collect()
    }

    fn requirement(key: &str, operator: &str, values: &[&str]) -> wire::Requirement {
        wire::Requirement {
            key: key.to_owned(),
            operator: operator.to_owned(),
            values: Some(values.iter().map(|v| (*v).to_owned()).collect()),
        }
    }

    #[test]
    fn zone_requirements_intersect() {
        let r = |operator, values: &[&str]| requirement(ZONE, operator, values);
        let cases = [
            (vec![], PoolZones::AnyBut(set(&[]))),
            (
                vec![requirement("kubernetes.io/arch", "In", &["arm64"])],
                PoolZones::AnyBut(set(&[])),
            ),
            (vec![r("In", &["a", "b"])], PoolZones::Only(set(&["a", "b"]))),
            (
                vec![r("In", &["a", "b"]), r("NotIn", &["b"])],
                PoolZones::Only(set(&["a"])),
            ),
            (
                vec![r("NotIn", &["b"]), r("In", &["a", "b"])],
                PoolZones::Only(set(&["a"])),
            ),
            (vec![r("NotIn", &["c"])], PoolZones::AnyBut(set(&["c"]))),
            (vec![r("In", &["a"]), r("In", &["b"])], PoolZones::Only(set(&[]))),
            (vec![r("Exists", &[])], PoolZones::AnyBut(set(&[]))),
        ];
        for (requirements, expected) in cases {
            assert_eq!(zones(&requirements), Ok(expected), "{requirements:?}");
        }
        assert!(zones(&[r("In", &["Not A Zone"])]).is_err());
    }
}
