//! What pods hold: the checkpoint, less the pods that are gone; or, where the checkpoint was unreadable, what the
//! kernel's rules tell.

use super::StartError;
use crate::agent::{REBUILT, has_link};
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::clock;
use crate::host;
use crate::ops::Tools;
use std::collections::BTreeSet;
use std::net::IpAddr;
use vpccni_core::assign::{Entry, IpNet, Key, Store};
use vpccni_core::datapath::{Desired, priority};

/// The store with what pods hold.
pub async fn restored(
    tools: &Tools,
    mut store: Store,
    entries: Vec<Entry>,
    torn: bool,
) -> Result<Store, StartError> {
    let links = tools.host.links().await.map_err(StartError::Host)?;
    let names: BTreeSet<&str> = links.iter().map(|link| link.name.as_str()).collect();
    let (gone, mut there): (Vec<Entry>, Vec<Entry>) = entries
        .into_iter()
        .partition(|entry| has_link(&entry.lease(), &names) == Some(false));
    forget(tools, &gone).await?;
    if torn {
        there.extend(rebuilt(tools, &there).await?);
    }
    let result = store.restore(there);
    for entry in &result.conflicts {
        tracing::error!(address = %entry.address, container = %entry.key.container,
            "an entry of the checkpoint is at odds with an older one, which holds");
        tools.cloud.metrics().error("restore");
    }
    for entry in &result.waiting {
        tracing::warn!(address = %entry.address, "a pod holds an address that no interface has; it waits for it");
    }
    tracing::info!(
        held = result.held,
        waiting = result.waiting.len(),
        gone = gone.len(),
        "allocations were restored"
    );
    Ok(store)
}

/// Removes the rules of pods that are gone: their addresses will be given to others.
async fn forget(tools: &Tools, gone: &[Entry]) -> Result<(), StartError> {
    if gone.is_empty() {
        return Ok(());
    }
    let addresses: BTreeSet<IpAddr> = gone.iter().map(|entry| entry.address).collect();
    let is_of = |net: &Option<IpNet>| {
        net.is_some_and(|net| net.prefix_len() == net.max_prefix_len() && addresses.contains(&net.addr()))
    };
    let (rules, routes) = tools.host.rules_and_routes().await.map_err(StartError::Host)?;
    let absent_rules = rules.into_iter().filter(|rule| match rule.priority {
        priority::TO_POD => is_of(&rule.to),
        priority::FROM_POD => is_of(&rule.from),
        _ => false,
    });
    let absent_routes = routes.into_iter().filter(|route| is_of(&Some(route.to)));
    let desired = Desired {
        absent_rules: absent_rules.collect(),
        absent_routes: absent_routes.collect(),
        ..Desired::default()
    };
    tools.host.apply(desired).await.map_err(StartError::Host)?;
    if let Err(error) = tools.host.forget(addresses).await {
        tracing::warn!(%error, "connections of pods that are gone are remembered");
    }
    Ok(())
}

/// Entries for pods whose rules the kernel has and which no checkpoint names. Who they are nobody knows; their
/// addresses are kept from others until their link is gone.
async fn rebuilt(tools: &Tools, known: &[Entry]) -> Result<Vec<Entry>, StartError> {
    let (rules, routes) = tools.host.rules_and_routes().await.map_err(StartError::Host)?;
    let known: BTreeSet<IpAddr> = known.iter().map(|entry| entry.address).collect();
    let pods = host::pods_of_rules(&rules, &routes);
    let now = clock::now();
    Ok(pods
        .into_iter()
        .filter(|(address, _)| !known.contains(address))
        .map(|(address, link)| Entry {
            key: Key {
                container: link,
                interface: "unknown".to_owned(),
                network: REBUILT.to_owned(),
            },
            address,
            since: now,
            pod: None,
            interfaces: 1,
        })
        .collect())
}

/// Writes what was restored, in a folder that may be new, so that a second start does not look for the same pods again.
pub fn keep(base: &std::path::Path, store: &Store) -> Result<(), StartError> {
    if let Some(folder) = base.parent() {
        std::fs::create_dir_all(folder).map_err(|source| {
            let path = base.to_owned();
            StartError::Checkpoint(CheckpointError::Write { path, source })
        })?;
    }
    for card in store.cards().chain([0]).collect::<BTreeSet<u32>>() {
        let mut checkpoint = Checkpoint::of_card(base, card);
        checkpoint
            .write(store.leases(card))
            .map_err(StartError::Checkpoint)?;
    }
    Ok(())
}
