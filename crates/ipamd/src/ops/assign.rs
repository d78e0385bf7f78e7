//! Addresses and prefixes of an interface: asked for, and given back. Where the answer does not tell what EC2 did, the
//! interface is read again.

use super::Tools;
use crate::interface::described_blocks;
use crate::observe;
use std::net::IpAddr;
use vpccni_core::assign::IpNet;
use vpccni_core::ids::EniId;
use vpccni_core::net::Ipv4Prefix;
use vpccni_core::pool::Want;
use vpccni_core::ports::node::{Capacity, Count, capacity};
use vpccni_core::ports::{CloudError, CloudErrorKind};

/// What an interface got.
#[derive(Debug, Default)]
pub struct Assigned {
    /// What came on top.
    pub added: Vec<IpNet>,
    /// All that it carries, where it was read again.
    pub carries: Option<Vec<IpNet>>,
    /// What went wrong, if anything: some may have been added all the same.
    pub error: Option<CloudError>,
}

/// Asks for so many.
pub async fn assign(tools: &Tools, eni: &EniId, want: Want, count: u32) -> Assigned {
    let mut result = once(tools, eni, want, count).await;
    // A subnet in fragments, or nearly full, may have one where it has not several.
    if let Some(error) = &result.error
        && capacity(error) == Some(Capacity::Subnet)
        && count > 1
    {
        let one = once(tools, eni, want, 1).await;
        if one.error.is_none() {
            result.added = one.added;
        }
    }
    let unclear = result
        .error
        .as_ref()
        .is_some_and(|error| is_unclear(error) || capacity(error) == Some(Capacity::Interface));
    if unclear {
        result.carries = carried(tools, eni).await;
    }
    result
}

async fn once(tools: &Tools, eni: &EniId, want: Want, count: u32) -> Assigned {
    let cloud = &tools.cloud;
    let answer = match want {
        Want::Ipv6Prefixes => cloud
            .call("ec2:AssignIpv6Addresses", cloud.ec2.assign_ipv6_prefix(eni))
            .await
            .map(|prefixes| prefixes.into_iter().map(IpNet::V6).collect()),
        Want::Addresses | Want::Prefixes => {
            let count = if want == Want::Addresses {
                Count::Addresses(count)
            } else {
                Count::Prefixes(count)
            };
            let answer = cloud
                .call("ec2:AssignPrivateIpAddresses", cloud.ec2.assign(eni, count))
                .await;
            answer.map(|assigned| {
                let addresses = assigned.addresses.into_iter();
                let addresses = addresses.map(|address| IpNet::from(IpAddr::V4(address)));
                let prefixes = assigned.prefixes.into_iter();
                let prefixes = prefixes.map(|prefix| IpNet::V4(prefix.net()));
                addresses.chain(prefixes).collect()
            })
        }
    };
    match answer {
        Ok(added) => Assigned {
            added,
            ..Assigned::default()
        },
        Err(error) => Assigned {
            error: Some(error),
            ..Assigned::default()
        },
    }
}

/// Whether the call may have had its effect although it failed.
fn is_unclear(error: &CloudError) -> bool {
    matches!(
        error.kind,
        CloudErrorKind::TimedOut | CloudErrorKind::Unreachable | CloudErrorKind::Internal
    )
}

async fn carried(tools: &Tools, eni: &EniId) -> Option<Vec<IpNet>> {
    let read = observe::one(&tools.cloud, &tools.node, eni).await;
    read.ok()
        .flatten()
        .map(|eni| described_blocks(tools.node.mode, &eni))
}

/// Gives blocks back; answers with those of them that the interface still has, as far as that is certain.
pub async fn release(tools: &Tools, eni: &EniId, blocks: &[IpNet]) -> Vec<IpNet> {
    let mut addresses = Vec::new();
    let mut prefixes = Vec::new();
    for block in blocks {
        match block {
            IpNet::V4(net) if net.prefix_len() == 32 => addresses.push(net.addr()),
            IpNet::V4(net) => prefixes.extend(Ipv4Prefix::from_net(*net)),
            // The /80 of an IPv6 node stays as long as its interface.
            IpNet::V6(_) => {}
        }
    }
    let cloud = &tools.cloud;
    let action = "ec2:UnassignPrivateIpAddresses";
    let mut kept = Vec::new();
    if !addresses.is_empty()
        && let Err(error) = cloud
            .call(action, cloud.ec2.unassign_addresses(eni, &addresses))
            .await
    {
        let blocks = addresses.iter().map(|address| IpNet::from(IpAddr::V4(*address)));
        kept.extend(still_there(tools, eni, blocks.collect(), &error).await);
    }
    if !prefixes.is_empty()
        && let Err(error) = cloud
            .call(action, cloud.ec2.unassign_prefixes(eni, &prefixes))
            .await
    {
        let blocks = prefixes.iter().map(|prefix| IpNet::V4(prefix.net()));
        kept.extend(still_there(tools, eni, blocks.collect(), &error).await);
    }
    kept
}

/// A refused call did nothing. After one whose end is unclear only EC2 knows; and where it does not say, the blocks
/// stay out of the store until a comparison finds them: to give out an address that is gone is worse than to lack one.
async fn still_there(tools: &Tools, eni: &EniId, blocks: Vec<IpNet>, error: &CloudError) -> Vec<IpNet> {
    tools.cloud.metrics().utils_error("DeallocIPAddresses", error);
    let refused = matches!(error.kind, CloudErrorKind::Denied | CloudErrorKind::Throttled);
    if refused {
        return blocks;
    }
    let carried = carried(tools, eni).await.unwrap_or_default();
    blocks
        .into_iter()
        .filter(|block| carried.contains(block))
        .collect()
}
