//! What all connections share: the world, the faults, the limits, the books. Each has a lock of its own, held for one
//! step only; where two are needed, the world's is taken first.

use crate::calls::{Calls, Outcome};
use crate::clock::{Clock, ClockKind};
use crate::faults::Faults;
use crate::flight::Flight;
use crate::imds::Endpoints;
use crate::journal::{self, Journal, JournalError, Keep, Origin};
use crate::throttle::{Rate, Throttle};
use crate::world::{
    Caller, Catalogue, CatalogueError, Placement, Random, Tables, Timings, Types, TypesError, World,
};
use jiff::Timestamp;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// How a sandbox is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The region.
    pub region: String,
    /// What all chance follows from.
    pub seed: u64,
    /// Whose time it is.
    pub clock: ClockKind,
    /// How long things take.
    pub timings: Timings,
    /// Where single addresses are placed.
    pub placement: Placement,
    /// How fast clients may call.
    pub throttle: Rate,
    /// Whether what changes the world is written down, and where.
    pub journal: Keep,
    /// Check every invariant after every request, and answer `InternalError` where one does not hold: for tests, as
    /// it takes as long as the world is large.
    pub check_invariants: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            region: "us-west-2".to_owned(),
            seed: 1,
            clock: ClockKind::Real,
            timings: Timings::INSTANT,
            placement: Placement::Random,
            throttle: Rate::Off,
            journal: Keep::Nothing,
            check_invariants: false,
        }
    }
}

impl Options {
    fn origin(&self) -> Origin<'_> {
        Origin {
            seed: self.seed,
            region: &self.region,
        }
    }
}

/// A sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody else listens there.
    #[error(
        "failed to listen on {address}: another program does already; choose another with --listen, or port 0 for a free one"
    )]
    PortTaken {
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("failed to listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The instance types do not read.
    #[error(transparent)]
    Types(TypesError),
    /// The add-ons do not read.
    #[error(transparent)]
    Catalogue(CatalogueError),
    /// The state file does not lead to a world.
    #[error(transparent)]
    Journal(JournalError),
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct State {
    options: Options,
    clock: Clock,
    tables: Tables,
    world: Mutex<World>,
    faults: Mutex<Faults>,
    throttle: Mutex<Throttle>,
    calls: Mutex<Calls>,
    flight: Mutex<Flight>,
    journal: Mutex<Journal>,
    endpoints: Endpoints,
    /// Ids of requests have a chance of their own: describing must not move the addresses.
    request_ids: Mutex<Random>,
    /// The number of the newest event.
    newest: watch::Sender<u64>,
    /// Until when the ticker sleeps, in milliseconds since 1970.
    asleep_until: AtomicI64,
    wake: Notify,
    stop: CancellationToken,
}

/// A panic under a lock is a bug that its own request reports; the others go on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    pub(crate) fn new(options: Options) -> Result<Self, StartError> {
        let tables = Tables {
            types: Arc::new(Types::load().map_err(StartError::Types)?),
            catalogue: Arc::new(Catalogue::load().map_err(StartError::Catalogue)?),
        };
        let clock = Clock::new(options.clock);
        let start = |began| new_world(&options, &tables, began);
        let opened = journal::open(&options.origin(), &options.journal, clock.now(), start)
            .map_err(StartError::Journal)?;
        clock.at_least(opened.world.now());
        let mut request_ids = Random::new(options.seed ^ 0x1d5);
        request_ids.skip(opened.replayed);
        Ok(Self {
            newest: watch::Sender::new(opened.world.last_event()),
            world: Mutex::new(opened.world),
            journal: Mutex::new(opened.journal),
            clock,
            faults: Mutex::new(Faults::new(options.seed)),
            throttle: Mutex::new(Throttle::new(options.throttle)),
            calls: Mutex::new(Calls::default()),
            flight: Mutex::new(Flight::default()),
            endpoints: Endpoints::default(),
            request_ids: Mutex::new(request_ids),
            asleep_until: AtomicI64::new(i64::MIN),
            wake: Notify::new(),
            stop: CancellationToken::new(),
            tables,
            options,
        })
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Cancelled when the sandbox ends.
    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }

    pub(crate) fn throttle(&self) -> MutexGuard<'_, Throttle> {
        lock(&self.throttle)
    }

    pub(crate) fn calls(&self) -> MutexGuard<'_, Calls> {
        lock(&self.calls)
    }

    pub(crate) fn flight(&self) -> MutexGuard<'_, Flight> {
        lock(&self.flight)
    }

    pub(crate) fn journal(&self) -> MutexGuard<'_, Journal> {
        lock(&self.journal)
    }

    pub(crate) fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    pub(crate) fn request_id(&self) -> String {
        lock(&self.request_ids).request_id()
    }

    /// One step of the world: what is due happens first, and what takes no time after it.
    pub(crate) fn turn<R>(&self, step: impl FnOnce(&mut World) -> R) -> R {
        let mut world = lock(&self.world);
        world.settle(self.clock.now());
        let result = step(&mut world);
        world.rest();
        self.tell(&world);
        result
    }

    /// Lets happen what is due, for the ticker, which then sleeps until the time it is given.
    pub(crate) fn settle_and_sleep(&self) -> Option<Timestamp> {
        let mut world = lock(&self.world);
        world.settle(self.clock.now());
        let due = world.next_due();
        let until = due.map_or(i64::MAX, Timestamp::as_millisecond);
        self.asleep_until.store(until, Ordering::Relaxed);
        self.tell(&world);
        due
    }

    /// Something is due before the ticker would wake.
    pub(crate) async fn sooner(&self) {
        self.wake.notified().await;
    }

    /// As much of the past is kept as the rules of the faults ask for.
    pub(crate) fn remember_for_faults(&self) {
        let memory = self.faults().memory();
        self.turn(|world| world.keep_past(memory));
    }

    /// Those who wait are told what is new.
    fn tell(&self, world: &World) {
        let last = world.last_event();
        self.newest
            .send_if_modified(|seen| std::mem::replace(seen, last) != last);
        if let Some(due) = world.next_due()
            && due.as_millisecond() < self.asleep_until.load(Ordering::Relaxed)
        {
            self.wake.notify_one();
        }
    }

    /// Waits for an event after this number, or for a world without it.
    pub(crate) async fn event_after(&self, number: u64) {
        let mut newest = self.newest.subscribe();
        // The sender lives as long as the state does, so this only ends when there is something.
        if let Err(error) = newest.wait_for(|last| *last != number).await {
            tracing::debug!(%error, "nobody tells of events any more");
        }
    }

    /// Everything as it was at the start. Endpoints of metadata stay: their instances are gone, and they say so.
    pub(crate) fn reset(&self) -> Result<(), JournalError> {
        let mut world = lock(&self.world);
        let fresh = new_world(&self.options, &self.tables, self.clock.now());
        self.journal().restart(&fresh)?;
        *world = fresh;
        self.tell(&world);
        drop(world);
        *self.faults() = Faults::new(self.options.seed);
        *self.throttle() = Throttle::new(self.options.throttle);
        *self.calls() = Calls::default();
        Ok(())
    }

    /// Makes the world that a journal tells of.
    pub(crate) fn load(&self, text: &[u8]) -> Result<u64, JournalError> {
        let mut world = lock(&self.world);
        let start = |began| new_world(&self.options, &self.tables, began);
        let loaded = journal::replay(&self.options.origin(), text, start)?;
        self.journal().replace(&loaded.lines)?;
        self.clock.at_least(loaded.world.now());
        *world = loaded.world;
        world.settle(self.clock.now());
        self.tell(&world);
        Ok(loaded.count)
    }

    /// The journal is safe on its disk.
    pub(crate) fn close(&self) {
        self.journal().close();
    }

    pub(crate) fn record(
        &self,
        service: &'static str,
        action: &str,
        caller: &Caller,
        outcome: Outcome,
        rule: Option<u64>,
    ) {
        let now = self.clock.now();
        self.calls().record(now, (service, action, caller), outcome, rule);
    }
}

fn new_world(options: &Options, tables: &Tables, now: Timestamp) -> World {
    let mut world = World::new(&options.region, options.seed, tables, now);
    world.set_timings(options.timings);
    world.placement = options.placement;
    world
}
