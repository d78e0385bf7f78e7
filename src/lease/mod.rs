//! Leader election on a `coordination.k8s.io` Lease, with fencing: of several replicas one writes, and one that has lost
//! the Lease, or cannot renew it, knows so by its own monotonic clock before another may take over.
//!
//! Written by hand: the crate that exists judges expiry by the wall clock of the record, so that a clock that jumps
//! makes two leaders, and it does not tell until when the Lease is held, which the fence needs.

mod decision;
mod election;
mod fence;
mod hand_over;
mod leadership;
mod record;

pub use election::{Election, ElectionOptions};
pub use fence::Fence;
pub use hand_over::HandOver;
pub use leadership::{Leadership, Term};

use std::time::Duration;

/// The periods of the election. What others wait must be longer than what the holder dares to write without renewing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timings {
    /// How long others wait after the last renewal they saw.
    pub duration: Duration,
    /// How long after the start of its last renewal the holder still leads.
    pub renew_deadline: Duration,
    /// How long between two tries, before jitter.
    pub retry: Duration,
}

impl Default for Timings {
    /// The periods of Kubernetes' own controllers.
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry: Duration::from_secs(2),
        }
    }
}

/// How the Lease is come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Claim {
    /// Once nobody holds it any more.
    #[default]
    WhenFree,
    /// At once, from whoever holds it; leads when that one must have noticed.
    Seize,
}
