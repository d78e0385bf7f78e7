//! Subnets, with the map of what is free in those that are in use.

use super::Reader;
use super::interfaces::Interfaces;
use std::collections::{BTreeMap, BTreeSet};
use vpccni_core::capacity::BlockMap;
use vpccni_core::ids::{SubnetId, VpcId};
use vpccni_core::known::Known;
use vpccni_core::ports::Subnet;
use vpccni_core::safety::SubnetFacts;

/// Tags that subnet discovery of ipamd reads.
const ROLE: &str = "kubernetes.io/role/cni";
const CLUSTER: &str = "cni.networking.k8s.aws/cluster/";

impl Reader<'_> {
    pub(super) async fn subnets(&mut self, vpc: &Known<VpcId>) -> Known<Vec<Subnet>> {
        let vpc = match vpc {
            Known::Yes(vpc) => vpc,
            Known::Unknown(why) => return Known::Unknown(why.clone()),
        };
        let answer = self.ec2.subnets(vpc).await;
        let mut found = match self.heard(answer) {
            Known::Yes(found) => found,
            Known::Unknown(why) => return Known::Unknown(why),
        };
        let seen: BTreeSet<_> = found.iter().map(|subnet| subnet.id.clone()).collect();
        let elsewhere: Vec<_> = self.ask.subnets.difference(&seen).cloned().collect();
        if !elsewhere.is_empty() {
            let answer = self.ec2.subnets_by_id(&elsewhere).await;
            match self.heard(answer) {
                Known::Yes(more) => found.extend(more),
                Known::Unknown(why) => return Known::Unknown(why),
            }
        }
        Known::Yes(found)
    }

    /// The map of a subnet needs all three: the interfaces of everybody, the reservations, and that it is in use.
    pub(super) async fn blocks(
        &mut self,
        found: Vec<Subnet>,
        interfaces: &Known<Interfaces>,
        budget: usize,
    ) -> BTreeMap<SubnetId, SubnetFacts> {
        let mut left = budget;
        let mut facts = BTreeMap::new();
        for subnet in found {
            let blocks = self.block_map(&subnet, interfaces, &mut left).await;
            facts.insert(subnet.id.clone(), subnet_facts(subnet, blocks));
        }
        facts
    }

    async fn block_map(
        &mut self,
        subnet: &Subnet,
        interfaces: &Known<Interfaces>,
        left: &mut usize,
    ) -> Known<BlockMap> {
        let interfaces = match interfaces {
            Known::Yes(interfaces) => interfaces,
            Known::Unknown(why) => return Known::Unknown(why.clone()),
        };
        if !interfaces.in_use.contains_key(&subnet.id) && !self.ask.subnets.contains(&subnet.id) {
            return Known::Unknown(format!(
                "{} is not in use, so its blocks were not read",
                subnet.id
            ));
        }
        let Some(rest) = left.checked_sub(1) else {
            return Known::Unknown(format!("the budget of calls ended before {}", subnet.id));
        };
        *left = rest;
        let answer = self.ec2.reservations(&subnet.id).await;
        match self.heard(answer) {
            Known::Yes(reservations) => {
                let taken = interfaces.taken.get(&subnet.id).cloned().unwrap_or_default();
                let prefixes = taken.prefixes.iter().map(|prefix| prefix.net());
                BlockMap::of(
                    subnet.cidr,
                    taken.addresses,
                    prefixes,
                    &reservations,
                    subnet.available,
                )
            }
            Known::Unknown(why) => Known::Unknown(why),
        }
    }
}

fn subnet_facts(subnet: Subnet, blocks: Known<BlockMap>) -> SubnetFacts {
    let Subnet {
        id,
        vpc,
        zone,
        cidr: _,
        available,
        mut tags,
        owner: _,
    } = subnet;
    tags.retain(|key, _| key == ROLE || key.starts_with(CLUSTER));
    SubnetFacts {
        id,
        vpc,
        zone,
        available,
        blocks,
        tags,
    }
}
