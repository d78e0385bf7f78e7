//! What all connections share: the world, the faults, the counts. Each has a lock of its own, held for one step only.

use crate::calls::{CallCount, Calls, Outcome};
use crate::clock::{Clock, ClockKind};
use crate::faults::Faults;
use crate::service::Service;
use crate::world::{Catalogue, CatalogueError, Random, Tables, Timings, Types, TypesError, World};
use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use jiff::Timestamp;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a connection is answered with.
pub(crate) type Answer = Response<Full<Bytes>>;

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
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            region: "us-west-2".to_owned(),
            seed: 1,
            clock: ClockKind::Real,
            timings: Timings::INSTANT,
        }
    }
}

/// A sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
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
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct State {
    options: Options,
    clock: Clock,
    tables: Tables,
    world: Mutex<World>,
    faults: Mutex<Faults>,
    calls: Mutex<Calls>,
    /// Ids of requests have a chance of their own: describing must not move the addresses.
    request_ids: Mutex<Random>,
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
        Ok(Self {
            world: Mutex::new(new_world(&options, &tables, clock.now())),
            clock,
            faults: Mutex::new(Faults::new(options.seed)),
            calls: Mutex::new(Calls::default()),
            request_ids: Mutex::new(Random::new(options.seed ^ 0x1d5)),
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

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }

    pub(crate) fn counts(&self) -> Vec<CallCount> {
        lock(&self.calls).counts()
    }

    pub(crate) fn request_id(&self) -> String {
        lock(&self.request_ids).request_id()
    }

    /// Everything as it was at the start.
    pub(crate) fn reset(&self) {
        *self.world() = new_world(&self.options, &self.tables, self.clock.now());
        *self.faults() = Faults::new(self.options.seed);
        *lock(&self.calls) = Calls::default();
    }

    pub(crate) fn record(&self, call: &(Service, String), outcome: Outcome) {
        lock(&self.calls).record(call.0.as_str(), &call.1, outcome);
    }
}

fn new_world(options: &Options, tables: &Tables, now: Timestamp) -> World {
    let mut world = World::new(&options.region, options.seed, tables, now);
    world.timings = options.timings;
    world
}
