//! What connections, watches and controllers of the server share: the world behind its lock, what is held back, and who
//! is told that something happened.

use super::request::Request;
use super::world::World;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// The longest a request or an answer is under way. Chance within it lets requests overtake each other.
const LONGEST_WAY_MICROS: u64 = 4000;

pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    /// Counts what watches have to look at.
    pub(super) changed: watch::Sender<u64>,
}

pub(super) struct State {
    pub(super) world: World,
    /// Kinds whose lists and watches stand still: at which version, until when.
    pub(super) held: BTreeMap<usize, (u64, Instant)>,
    pub(super) away_until: Option<Instant>,
    /// How often all connections were cut.
    pub(super) cuts: u64,
    pub(super) journal: Vec<String>,
    pub(super) random: fastrand::Rng,
    pub(super) start: Instant,
}

impl State {
    pub(super) fn is_away(&self) -> bool {
        self.away_until.is_some_and(|end| Instant::now() < end)
    }

    /// Up to which version lists and watches of a kind see, and until when no further.
    pub(super) fn horizon(&self, kind: usize) -> (u64, Option<Instant>) {
        match self.held.get(&kind) {
            Some((version, until)) if Instant::now() < *until => (*version, Some(*until)),
            _ => (self.world.store.version(), None),
        }
    }

    fn note(&mut self, request: &Request, code: u16) {
        let kind = &self.world.kinds[request.kind];
        let object = [
            request.namespace.as_str(),
            request.name.as_deref().unwrap_or_default(),
        ];
        let line = format!(
            "{:>9.3} s  {} {} {} {} by {}: {code}, version {}",
            self.start.elapsed().as_secs_f64(),
            request.method,
            kind.plural,
            object.join("/"),
            request.subresource,
            request.manager(),
            self.world.store.version(),
        );
        self.journal.push(line);
    }

    /// A write by what plays a part of the control plane: no connection, no delay.
    pub(super) fn write(&mut self, request: &Request) -> super::world::Answer {
        let answer = self.world.write(request);
        let code = answer.as_ref().map_or_else(|refusal| refusal.code, |done| done.0);
        self.note(request, code);
        answer
    }
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // A panic in a test must not hide behind a poisoned lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(super) fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    pub(super) async fn under_way(&self) {
        let micros = self.state().random.u64(0..=LONGEST_WAY_MICROS);
        sleep(Duration::from_micros(micros)).await;
    }
}
