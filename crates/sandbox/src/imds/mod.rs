//! What the metadata services of instances know and show, and which of them run.

mod stale;
mod tokens;
pub(crate) mod tree;

use crate::world::Seen;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::task::JoinSet;
use vpccni_core::ids::InstanceId;

pub(crate) use stale::Stale;
use stale::StaleUntil;
pub(crate) use tokens::TTL;
use tokens::Tokens;

/// The metadata services that run, their tokens, and which of them are stale.
#[derive(Debug, Default)]
pub(crate) struct Endpoints {
    /// By instance and by how many hops away its clients are.
    pub(crate) running: tokio::sync::Mutex<BTreeMap<(InstanceId, u32), SocketAddr>>,
    pub(crate) tasks: Mutex<JoinSet<()>>,
    tokens: Mutex<Tokens>,
    stale: Mutex<BTreeMap<InstanceId, StaleUntil>>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Endpoints {
    /// The tokens of all of them.
    pub(crate) fn tokens(&self) -> MutexGuard<'_, Tokens> {
        lock(&self.tokens)
    }

    /// Lets the service of an instance know less than it should.
    pub(crate) fn make_stale(
        &self,
        id: &InstanceId,
        stale: Stale,
        frozen: Vec<Seen>,
        now: Timestamp,
    ) -> Result<(), String> {
        let stale = StaleUntil::new(stale, frozen, now)?;
        lock(&self.stale).insert(id.clone(), stale);
        Ok(())
    }

    /// It knows again what it should.
    pub(crate) fn make_fresh(&self, id: &InstanceId) {
        lock(&self.stale).remove(id);
    }

    /// The interfaces that it shows, of those that it should know.
    pub(crate) fn shown(&self, id: &InstanceId, known: Vec<Seen>, now: Timestamp) -> Vec<Seen> {
        let mut stale = lock(&self.stale);
        let Some(rule) = stale.get(id) else {
            return known;
        };
        if rule.is_over(now) {
            stale.remove(id);
            return known;
        }
        rule.shows(known)
    }
}
