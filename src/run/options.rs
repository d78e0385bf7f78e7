//! What a run is made of: the product takes all of it from the flags, a test brings what it wants to replace.

use crate::context::{Context, Settings};
use crate::controller::Controller;
use crate::lease::Timings;
use crate::run::Cloud;
use crate::write::Gate;
use jiff::Timestamp;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// Puts a gate around the product's own: how tests inject faults at every write.
pub type WrapGate = Box<dyn FnOnce(Arc<dyn Gate>) -> Arc<dyn Gate> + Send>;

/// Makes the controllers of a run.
pub type MakeControllers = fn(&Context) -> Vec<Arc<dyn Controller>>;

/// The Lease to stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseOptions {
    /// Its name, in the namespace of the operator.
    pub name: String,
    /// The periods.
    pub timings: Timings,
}

/// What a run is made of.
pub struct RunOptions {
    /// What controllers see of the flags.
    pub settings: Settings,
    /// Where the admin server listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Is told where the admin server listens.
    pub listening: Option<oneshot::Sender<SocketAddr>>,
    /// The Lease, or none for a replica that is alone.
    pub lease: Option<LeaseOptions>,
    /// The client; without one the service account or the kubeconfig says how to reach the API server.
    pub client: Option<kube::Client>,
    /// EC2 and EKS; without them the standard environment says how to reach them.
    pub cloud: Option<Cloud>,
    /// What stands around the fence.
    pub gate: Option<WrapGate>,
    /// The controllers.
    pub controllers: MakeControllers,
    /// The clock of everything that is written down.
    pub clock: fn() -> Timestamp,
    /// Whether SIGTERM and SIGINT end the run.
    pub signals: bool,
    /// Ends the run.
    pub stop: CancellationToken,
}

impl RunOptions {
    /// A run of one replica: nothing wrapped, nothing replaced.
    pub fn new(settings: Settings, listen: SocketAddr) -> Self {
        Self {
            settings,
            listen,
            listening: None,
            lease: None,
            client: None,
            cloud: None,
            gate: None,
            controllers: crate::run::controllers,
            clock: Timestamp::now,
            signals: true,
            stop: CancellationToken::new(),
        }
    }
}

impl std::fmt::Debug for RunOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunOptions")
            .field("settings", &self.settings)
            .field("listen", &self.listen)
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}
