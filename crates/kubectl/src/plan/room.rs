//! What room the subnets have for prefixes.

use serde::Serialize;
use std::collections::BTreeSet;
use vpccni_core::capacity::BlockMap;
use vpccni_core::ids::SubnetId;
use vpccni_core::known::Known;
use vpccni_core::net::Ipv4Prefix;
use vpccni_core::safety::{SubnetFacts, World};

/// One subnet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Room {
    pub(crate) subnet: String,
    pub(crate) zone: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cidr: Option<String>,
    /// `AvailableIpAddressCount`: a cross-check, never the capacity.
    pub(crate) available_addresses: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) blocks: Option<Blocks>,
    /// Why there is no map.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unknown: Option<String>,
}

/// Its /28 blocks, counted; every block counts once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Blocks {
    /// That can become prefixes, those in reservations for prefixes included.
    pub(crate) free_prefixes: u32,
    /// Of those, in reservations for prefixes.
    pub(crate) free_in_reservations: u32,
    /// Free, and inside an explicit reservation.
    pub(crate) explicitly_reserved: u32,
    /// Prefixes of interfaces.
    pub(crate) prefixes: u32,
    /// With one to fifteen single addresses.
    pub(crate) fragmented: u32,
    /// With sixteen.
    pub(crate) full: u32,
    /// Blocks with addresses EC2 keeps for itself.
    pub(crate) edge: u32,
    /// 0 to 100, as AWS Support's report counts it.
    pub(crate) fragmentation: u32,
    /// The longest run of blocks that can become prefixes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) largest_run: Option<Run>,
}

/// Blocks side by side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Run {
    pub(crate) blocks: u32,
    pub(crate) first: String,
    pub(crate) last: String,
}

/// The subnets that are in use, by id; and why there is none, where they could not be read.
pub(crate) fn rooms(world: &World) -> Known<Vec<Room>> {
    match &world.subnets {
        Known::Unknown(why) => Known::Unknown(why.clone()),
        Known::Yes(subnets) => {
            let used = in_use(world);
            let shown =
                |subnet: &&SubnetFacts| used.contains(&subnet.id) || matches!(subnet.blocks, Known::Yes(_));
            Known::Yes(subnets.values().filter(shown).map(room).collect())
        }
    }
}

fn in_use(world: &World) -> BTreeSet<&SubnetId> {
    let enis = world.nodes.iter().filter_map(|node| node.enis.as_option());
    enis.flat_map(|enis| enis.pod_subnets.iter().chain(&enis.primary_subnet))
        .collect()
}

fn room(subnet: &SubnetFacts) -> Room {
    let map = subnet.blocks.as_option();
    Room {
        subnet: subnet.id.to_string(),
        zone: subnet.zone.to_string(),
        cidr: map.map(|map| map.cidr().to_string()),
        available_addresses: subnet.available,
        blocks: map.map(blocks),
        unknown: match &subnet.blocks {
            Known::Yes(_) => None,
            Known::Unknown(why) => Some(why.clone()),
        },
    }
}

fn blocks(map: &BlockMap) -> Blocks {
    let counts = map.counts();
    let run = map.runs().into_iter().next();
    Blocks {
        free_prefixes: map.free_prefixes(),
        free_in_reservations: counts.free_reserved,
        explicitly_reserved: counts.explicit,
        prefixes: counts.prefixes,
        fragmented: counts.fragmented,
        full: counts.full,
        edge: counts.edge,
        fragmentation: map.fragmentation(),
        largest_run: run.map(|run| Run {
            blocks: run.blocks,
            first: run.first.to_string(),
            last: last(run.first, run.blocks).to_string(),
        }),
    }
}

fn last(first: Ipv4Prefix, blocks: u32) -> Ipv4Prefix {
    let start = u32::from(first.first());
    let offset = blocks.saturating_sub(1).saturating_mul(Ipv4Prefix::SIZE);
    Ipv4Prefix::containing(start.saturating_add(offset).into())
}

/// The longest run in words: `12 from 10.0.1.0/28`.
pub(crate) fn run_text(run: Option<&Run>) -> String {
    run.map_or_else(
        || "none".to_owned(),
        |run| format!("{} from {}", run.blocks, run.first),
    )
}
