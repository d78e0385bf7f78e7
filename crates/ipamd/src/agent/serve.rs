//! Pods are served: all that wait at once, with one checkpoint for all of them. Nobody gets an answer before the
//! checkpoint that carries it is on the disk; where it cannot be written, all is as if nobody had asked.

use super::{Agent, Ask};
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::clock;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use tokio::sync::oneshot;
use tokio::time::Instant;
use vpccni_core::assign::{Given, Key, Lease, PodRef, Refusal, Request, Undo, transition};

/// Served together at most.
const BATCH: usize = 64;

/// Why a pod was not served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PodError {
    /// There is no address, or nothing was held.
    #[error(transparent)]
    Refused(Refusal),
    /// The checkpoint could not be written.
    #[error("{0}")]
    Checkpoint(String),
}

/// What a pod gets or gives back.
pub type PodAnswer = Result<Vec<Given>, PodError>;

struct Served {
    reply: oneshot::Sender<PodAnswer>,
    answer: Result<Vec<Given>, Refusal>,
    undo: Undo,
}

impl Agent {
    pub(super) fn serve(&mut self, first: Ask) {
        let now = clock::now();
        let mut served = Vec::new();
        let mut cards = BTreeSet::new();
        let mut next = Some(first);
        while let Some(ask) = next {
            match ask {
                Ask::Look { reply } => {
                    // Who asked may have gone.
                    reply.send(self.snapshot(now)).ok();
                }
                Ask::Ended(address) => self.has_ended([address]),
                Ask::Keys { network, reply } => {
                    let held = self.leases().filter(|lease| lease.key.network == network);
                    let keys: BTreeSet<Key> = held.map(|lease| lease.key.clone()).collect();
                    reply.send(keys.into_iter().collect()).ok();
                }
                Ask::Pods { reply } => {
                    reply.send(self.pods()).ok();
                }
                Ask::Pod { request, reply } => {
                    served.push(self.transit(request, reply, now, &mut cards));
                }
            }
            next = if served.len() < BATCH {
                self.asks.try_recv().ok()
            } else {
                None
            };
        }
        if served.is_empty() {
            return;
        }
        let written = self.write_checkpoints(&cards);
        self.answer(served, &cards, written);
        // What was given may have made the pool low, what came back may have left something over.
        self.look_soon();
    }

    fn leases(&self) -> impl Iterator<Item = Lease<'_>> {
        let cards: BTreeSet<u32> = self.store.cards().chain([0]).collect();
        cards.into_iter().flat_map(|card| self.store.leases(card))
    }

    fn pods(&self) -> BTreeMap<PodRef, IpAddr> {
        let mut pods = BTreeMap::new();
        for lease in self.leases() {
            if let Some(pod) = lease.pod {
                pods.entry(pod.clone()).or_insert(lease.address);
            }
        }
        pods
    }

    fn transit(
        &mut self,
        request: Request,
        reply: oneshot::Sender<PodAnswer>,
        now: Timestamp,
        cards: &mut BTreeSet<u32>,
    ) -> Served {
        let gives_back = !matches!(request, Request::Add { .. });
        let done = transition(&mut self.store, request, now);
        if let (true, Ok(given)) = (gives_back, &done.reply) {
            self.has_ended(given.iter().map(|given| given.address));
        }
        cards.extend(&done.checkpoint);
        if done.reply == Err(Refusal::NoAddress) {
            self.tools.cloud.metrics().no_address();
        }
        Served {
            reply,
            answer: done.reply,
            undo: done.undo,
        }
    }

    /// What the kernel remembers of connections goes some ticks later, when the last packets of the pod have passed.
    fn has_ended(&mut self, addresses: impl IntoIterator<Item = IpAddr>) {
        if self.ended.is_empty() {
            self.timers.forget = Instant::now() + self.tools.pace.tick;
        }
        self.ended.extend(addresses);
    }

    fn answer(&mut self, served: Vec<Served>, cards: &BTreeSet<u32>, written: Result<(), CheckpointError>) {
        let Err(error) = written else {
            for one in served {
                one.reply.send(one.answer.map_err(PodError::Refused)).ok();
            }
            return;
        };
        tracing::error!(%error, "pods are not served, because the checkpoint cannot be written");
        self.tools.cloud.metrics().error("checkpoint");
        let text = error.to_string();
        self.last_error = Some(text.clone());
        let mut replies = Vec::with_capacity(served.len());
        for one in served.into_iter().rev() {
            self.store.undo(one.undo);
            replies.push((one.reply, one.answer));
        }
        // A file of another card may already say what is no longer so.
        self.write_checkpoints(cards).ok();
        for (reply, answer) in replies {
            let answer = match answer {
                Ok(_) => Err(PodError::Checkpoint(text.clone())),
                Err(refusal) => Err(PodError::Refused(refusal)),
            };
            reply.send(answer).ok();
        }
    }

    /// Writes the checkpoints of these cards.
    pub(super) fn write_checkpoints(&mut self, cards: &BTreeSet<u32>) -> Result<(), CheckpointError> {
        for card in cards {
            let base = &self.base;
            let checkpoint = self
                .checkpoints
                .entry(*card)
                .or_insert_with(|| Checkpoint::of_card(base, *card));
            checkpoint.write(self.store.leases(*card))?;
        }
        Ok(())
    }
}
