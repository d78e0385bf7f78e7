//! The server: a sandbox as a whole, started and ended; what it serves is in `request`, how in `listen`.

mod answer;
mod request;
mod ticker;
mod under_way;

use crate::calls::{CallCount, CallerCount};
use crate::clock::ClockKind;
use crate::control;
use crate::faults::Rule;
use crate::state::{Options, StartError, State};
use crate::world::{Event, World};
use crate::{listen, metadata_service};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use vpccni_core::ids::{EniId, InstanceId};

/// A running sandbox. Dropping it ends it at once; `shutdown` lets the requests in flight end.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    state: Arc<State>,
    tasks: JoinSet<()>,
}

impl Sandbox {
    /// Starts a sandbox: with an empty world, or with that of its state file.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let wanted = options.listen;
        let listen = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::AddrInUse => StartError::PortTaken { address: wanted },
            _ => StartError::Listen {
                address: wanted,
                source,
            },
        };
        // The port first: a second sandbox on the same state file must not get as far as writing to it.
        let listener = TcpListener::bind(wanted).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let state = Arc::new(State::new(options)?);
        let mut tasks = JoinSet::new();
        let served = Arc::clone(&state);
        tasks.spawn(listen::accept(listener, state.stop().clone(), move |request| {
            request::handle(Arc::clone(&served), request)
        }));
        if state.options().clock == ClockKind::Real {
            tasks.spawn(ticker::tick(Arc::clone(&state), state.stop().clone()));
        }
        Ok(Self {
            address,
            state,
            tasks,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The value for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The state, for direct reading.
    pub fn world(&self) -> WorldHandle {
        WorldHandle(Arc::clone(&self.state))
    }

    /// What was called so far.
    pub fn calls(&self) -> Vec<CallCount> {
        self.state.calls().counts()
    }

    /// What was called so far, by whom.
    pub fn calls_by_caller(&self) -> Vec<CallerCount> {
        self.state.calls().by_caller()
    }

    /// How many calls that change an interface were under way at a time, at most, for each interface.
    pub fn most_at_once(&self) -> BTreeMap<EniId, u32> {
        self.state.flight().most()
    }

    /// Adds a fault; the error says what is wrong with the rule. Gives the number that takes it away again.
    pub fn add_fault(&self, rule: Rule) -> Result<u64, String> {
        let now = self.state.clock().now();
        let added = self.state.faults().add(rule, now);
        self.state.remember_for_faults();
        added
    }

    /// To how many calls a fault has come so far.
    pub fn fired(&self, fault: u64) -> u64 {
        self.state.faults().fired(fault)
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        self.state.faults().clear();
    }

    /// The endpoint of an instance's metadata service, for `AWS_EC2_METADATA_SERVICE_ENDPOINT`; it is started by the
    /// first who asks.
    pub async fn imds(&self, instance: &InstanceId) -> Result<String, std::io::Error> {
        let address = metadata_service::start(&self.state, instance, 1).await?;
        Ok(format!("http://{address}"))
    }

    /// Moves a manual clock, and lets happen what is due by then.
    pub fn advance(&self, by: std::time::Duration) -> Result<(), String> {
        control::advance(&self.state, by).map(|_| ())
    }

    /// Ends it, after the requests in flight.
    pub async fn shutdown(mut self) {
        self.state.stop().cancel();
        while self.tasks.join_next().await.is_some() {}
        self.state.close();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // Streams and long polls hold the state; they are to end too.
        self.state.stop().cancel();
    }
}

/// The world of a running sandbox.
#[derive(Debug, Clone)]
pub struct WorldHandle(Arc<State>);

impl WorldHandle {
    /// Reads the world; no request is served meanwhile.
    pub fn read<R>(&self, read: impl FnOnce(&World) -> R) -> R {
        self.0.turn(|world| read(world))
    }

    /// Changes the world by its own rules, as requests do, but without a client: to set a scene. It is not in the
    /// journal, so a sandbox with a state file is not to be changed this way.
    pub fn write<R>(&self, write: impl FnOnce(&mut World) -> R) -> R {
        self.0.turn(write)
    }

    /// What does not hold, in words.
    pub fn violations(&self) -> Vec<String> {
        self.read(World::violations)
    }

    /// What happened after the event of this number, and how many events between were forgotten already.
    pub fn events_after(&self, number: u64) -> (Vec<Event>, u64) {
        self.read(|world| {
            (
                world.events_after(number).cloned().collect(),
                world.missed_after(number),
            )
        })
    }

    /// Waits until something happened after the event of this number.
    pub async fn wait_for_event_after(&self, number: u64) {
        self.0.event_after(number).await;
    }
}
