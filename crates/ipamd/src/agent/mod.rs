//! The one task that owns the data store. Pods are served from memory and a checkpoint; everything that asks EC2, the
//! kernel or the API server runs beside it as an operation that is joined here and ends with a value.

mod change;
mod compare;
mod done;
mod look;
mod serve;
mod work;

pub use compare::{REBUILT, has_link, seen};
pub use look::Look;
pub use serve::{PodAnswer, PodError};

use crate::checkpoint::Checkpoint;
use crate::interface::Interface;
use crate::node::Pace;
use crate::ops::{Places, Tools};
use done::Done;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use vpccni_core::assign::{IpNet, Key, PodRef, Request, Store};
use vpccni_core::ids::{EniId, SecurityGroupId, SubnetId};
use vpccni_core::net::Mac;
use vpccni_core::pool::{CardFacts, Creating, Pending};
use vpccni_core::ports::node::VpcCidrs;

/// Requests that wait for the task; more than a kubelet ever has under way.
const ROOM: usize = 256;

/// What is under way when the process is to end has so long: it fits into the ten seconds of a DaemonSet's pod.
const LAST_WORK: Duration = Duration::from_secs(5);

/// How often it is looked whether all who ask are gone.
const LAST_TURN: Duration = Duration::from_millis(20);

/// A question to the task.
#[derive(Debug)]
pub enum Ask {
    /// For a pod.
    Pod {
        /// What.
        request: Request,
        /// Where the answer goes.
        reply: oneshot::Sender<PodAnswer>,
    },
    /// Who holds something in a network.
    Keys {
        /// The network.
        network: String,
        /// Where the answer goes.
        reply: oneshot::Sender<Vec<Key>>,
    },
    /// The address of each pod; of one with several, the first.
    Pods {
        /// Where the answer goes.
        reply: oneshot::Sender<BTreeMap<PodRef, IpAddr>>,
    },
    /// A pod that is not in the store ended: its address.
    Ended(IpAddr),
    /// What the store holds, for people.
    Look {
        /// Where the answer goes.
        reply: oneshot::Sender<Look>,
    },
}

/// What others than the task need to know of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The networks of the VPC.
    pub networks: VpcCidrs,
    /// Whether a pod would get an address now.
    pub ready: bool,
    /// The trunk, where there is one.
    pub trunk: Option<Mac>,
}

/// How the task ended.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// An operation panicked.
    #[error("an operation panicked: {0}")]
    Operation(String),
}

/// What the task begins with.
#[derive(Debug)]
pub struct Beginning {
    /// What operations need.
    pub tools: Tools,
    /// The store, with the interfaces and allocations of the start.
    pub store: Store,
    /// Where checkpoints are.
    pub checkpoint: PathBuf,
    /// The interfaces in the store.
    pub interfaces: Vec<Interface>,
    /// Interfaces that are left alone.
    pub unmanaged: BTreeSet<EniId>,
    /// The managed cards.
    pub cards: BTreeMap<u32, CardFacts>,
    /// The groups of the primary interface.
    pub groups: Vec<SecurityGroupId>,
    /// The networks of the VPC.
    pub networks: VpcCidrs,
}

/// The task.
#[derive(Debug)]
pub struct Agent {
    tools: Tools,
    store: Store,
    base: PathBuf,
    checkpoints: BTreeMap<u32, Checkpoint>,
    asks: mpsc::Receiver<Ask>,
    facts: watch::Sender<Facts>,
    interfaces: BTreeMap<EniId, Interface>,
    unmanaged: BTreeSet<EniId>,
    cards: BTreeMap<u32, CardFacts>,
    groups: Vec<SecurityGroupId>,
    pending: BTreeMap<EniId, Pending>,
    creating: Vec<Creating>,
    full: BTreeMap<SubnetId, Timestamp>,
    released: BTreeMap<IpNet, Timestamp>,
    /// Keys whose link was not there at the last sweep.
    missed: BTreeSet<Key>,
    /// Addresses of pods that ended, whose connections are to be forgotten.
    ended: BTreeSet<IpAddr>,
    places: Option<(Places, Instant)>,
    last_shrink: Option<Timestamp>,
    timers: Timers,
    failures: u32,
    last_error: Option<String>,
    reported: Option<crate::kubernetes::Report>,
    ops: JoinSet<Done>,
    stop: CancellationToken,
    terminating: bool,
}

/// When what is due, and what is under way already.
#[derive(Debug)]
struct Timers {
    look: Instant,
    looked: Instant,
    changed: Instant,
    groups: Instant,
    networks: Instant,
    sweep: Instant,
    forget: Instant,
    /// Nothing is asked of EC2 for the pool before.
    quiet: Instant,
    /// No interface is made before.
    no_creation: Instant,
    comparing: bool,
    finding: bool,
    reporting: bool,
    /// Some interface did not get the groups it should have.
    groups_stale: bool,
}

impl Timers {
    fn new(pace: &Pace) -> Self {
        let now = Instant::now();
        Self {
            look: now,
            looked: now,
            changed: now,
            groups: now + pace.groups,
            networks: now + pace.networks,
            sweep: now + pace.sweep,
            forget: now,
            quiet: now,
            no_creation: now,
            comparing: false,
            finding: false,
            reporting: false,
            groups_stale: false,
        }
    }
}

impl Agent {
    /// The task, the way to ask it, and what it says of itself.
    pub fn new(
        beginning: Beginning,
        stop: CancellationToken,
    ) -> (Self, mpsc::Sender<Ask>, watch::Receiver<Facts>) {
        let Beginning {
            tools,
            store,
            checkpoint,
            interfaces,
            unmanaged,
            cards,
            groups,
            networks,
        } = beginning;
        let (sender, asks) = mpsc::channel(ROOM);
        let (facts, seen) = watch::channel(Facts {
            networks,
            ..Facts::default()
        });
        let agent = Self {
            timers: Timers::new(&tools.pace),
            tools,
            store,
            base: checkpoint,
            checkpoints: BTreeMap::new(),
            asks,
            facts,
            interfaces: by_id(interfaces),
            unmanaged,
            cards,
            groups,
            pending: BTreeMap::new(),
            creating: Vec::new(),
            full: BTreeMap::new(),
            released: BTreeMap::new(),
            missed: BTreeSet::new(),
            ended: BTreeSet::new(),
            places: None,
            last_shrink: None,
            failures: 0,
            last_error: None,
            reported: None,
            ops: JoinSet::new(),
            stop,
            terminating: false,
        };
        (agent, sender, seen)
    }

    /// Works until the end.
    pub async fn run(mut self) -> Result<(), AgentError> {
        self.publish();
        while !self.terminating {
            self.turn(self.timers.look).await?;
        }
        let last = Instant::now() + LAST_WORK;
        while !(self.ops.is_empty() && self.asks.is_closed()) && Instant::now() < last {
            self.turn(last.min(Instant::now() + LAST_TURN)).await?;
        }
        self.ops.shutdown().await;
        Ok(())
    }

    async fn turn(&mut self, until: Instant) -> Result<(), AgentError> {
        tokio::select! {
            Some(ask) = self.asks.recv() => self.serve(ask),
            Some(ended) = self.ops.join_next(), if !self.ops.is_empty() => {
                let done = ended.map_err(|error| AgentError::Operation(error.to_string()))?;
                self.take(done);
            }
            () = self.stop.cancelled(), if !self.terminating => self.terminating = true,
            () = tokio::time::sleep_until(until) => self.look(),
        }
        Ok(())
    }

    /// The pool is looked at soon: at once, but not more often than so.
    fn look_soon(&mut self) {
        let soon = self.timers.looked + self.tools.pace.least;
        self.timers.look = self.timers.look.min(soon);
    }

    fn operate(&mut self, operation: impl Future<Output = Done> + Send + 'static) {
        self.ops.spawn(operation);
    }
}

fn by_id(interfaces: Vec<Interface>) -> BTreeMap<EniId, Interface> {
    let keyed = interfaces
        .into_iter()
        .map(|interface| (interface.id.clone(), interface));
    keyed.collect()
}
