//! Changes of the store that come from EC2, and what follows from them.

use super::Agent;
use super::done::Done;
use crate::clock;
use crate::interface::Interface;
use jiff::Timestamp;
use std::collections::BTreeSet;
use vpccni_core::assign::{Entry, Force, IpNet, Refusal, Request, StoreError, transition};
use vpccni_core::ids::EniId;

impl Agent {
    /// A block comes into the store. One that is there already is fine.
    pub(super) fn add_block(&mut self, eni: &EniId, block: IpNet, now: Timestamp) {
        match self.store.add_cidr(eni, block, now) {
            Ok(()) => self.timers.changed = tokio::time::Instant::now(),
            Err(StoreError::Overlap {
                cidr, there, owner, ..
            }) if cidr == there && owner == *eni => {}
            Err(error) => tracing::warn!(%error, "a block was not taken in"),
        }
    }

    /// An interface comes into the store, with all that it carries.
    pub(super) fn add_interface(&mut self, interface: Interface, now: Timestamp) {
        let id = interface.id.clone();
        if self.interfaces.contains_key(&id) {
            return;
        }
        if let Err(error) = self.store.add_eni(interface.eni(now)) {
            tracing::warn!(%error, "an interface was not taken in");
            return;
        }
        tracing::info!(eni = %id, card = interface.card, device = interface.device, blocks = interface.blocks.len(),
            "an interface is there");
        for block in &interface.blocks {
            self.add_block(&id, *block, now);
        }
        self.interfaces.insert(id, interface);
        self.timers.changed = tokio::time::Instant::now();
        self.exclude();
    }

    /// Interfaces in subnets that are not for this cluster serve no new pods, and others do.
    pub(super) fn exclude(&mut self) {
        let Some((places, _)) = &self.places else { return };
        for interface in self.interfaces.values_mut() {
            let excluded = places.excluded.contains(&interface.subnet);
            if interface.role.excluded != excluded {
                interface.role.excluded = excluded;
                tracing::info!(eni = %interface.id, excluded, "the subnet of an interface was tagged otherwise");
                if let Err(error) = self.store.set_role(&interface.id, interface.role) {
                    tracing::warn!(%error, "the role of an interface was not changed");
                }
            }
        }
    }

    /// EC2 has said that a block is not there.
    pub(super) fn lose_block(&mut self, eni: &EniId, block: IpNet) {
        match self.store.remove_cidr(eni, block, Force::Yes) {
            Ok(freed) => {
                tracing::warn!(%eni, %block, held = freed.len(), "EC2 says that a block is gone");
                self.lost(0, freed);
            }
            Err(error) => tracing::warn!(%error, "a block was not dropped"),
        }
    }

    /// EC2 has said that an interface is not attached.
    pub(super) fn lose_interface(&mut self, eni: &EniId) {
        match self.store.remove_eni(eni, Force::Yes) {
            Ok(freed) => {
                tracing::warn!(%eni, held = freed.len(), "EC2 says that an interface is gone");
                self.lost(1, freed);
            }
            Err(error) => tracing::warn!(%error, "an interface was not dropped"),
        }
        if let Some(interface) = self.interfaces.remove(eni) {
            let tools = self.tools.clone();
            self.operate(async move { Done::Host(tools.host.gone(&interface).await) });
        }
    }

    /// What pods held of it waits: it is theirs again should EC2 have been wrong.
    fn lost(&mut self, enis: u64, freed: Vec<Entry>) {
        let metrics = self.tools.cloud.metrics();
        let count = u64::try_from(freed.len()).unwrap_or(u64::MAX);
        metrics.force_removed(if count > 0 { enis } else { 0 }, count);
        metrics.reconciled("eniReconcileDel");
        if count > 0 {
            self.store.restore(freed);
            let cards: BTreeSet<u32> = self.store.cards().chain([0]).collect();
            if let Err(error) = self.write_checkpoints(&cards) {
                tracing::error!(%error, "the checkpoint is behind");
            }
        }
    }

    /// Gives back what a key holds whose sandbox is gone.
    pub(super) fn release_key(&mut self, request: Request) {
        let done = transition(&mut self.store, request, clock::now());
        let cards: BTreeSet<u32> = done.checkpoint.iter().copied().collect();
        match (&done.reply, self.write_checkpoints(&cards)) {
            (Ok(given), Ok(())) => {
                let addresses: Vec<String> = given.iter().map(|given| given.address.to_string()).collect();
                tracing::warn!(?addresses, "gave addresses back whose sandbox is gone");
                self.tools.cloud.metrics().reconciled("sweep");
            }
            (Err(Refusal::UnknownPod | Refusal::NoAddress), Ok(())) => {}
            (_, Err(error)) => {
                self.store.undo(done.undo);
                tracing::error!(%error, "an address whose sandbox is gone stays held");
            }
        }
    }
}
