//! What is done outside the store: each a future that calls EC2 and the kernel and ends with a value for the agent.
//! None of them knows the store.

mod assign;
mod create;
mod free;
mod place;
mod setup;

pub use assign::{Assigned, assign, release};
pub use create::{Creation, NotCreated, create};
pub use free::free;
pub use place::{Places, places};
pub use setup::{set_up, tag};

use crate::cloud::Cloud;
use crate::host::Host;
use crate::kubernetes::Kubernetes;
use crate::node::{Node, Pace};
use std::sync::Arc;

/// What every operation needs.
#[derive(Debug, Clone)]
pub struct Tools {
    /// AWS.
    pub cloud: Cloud,
    /// The host.
    pub host: Host,
    /// The API server, where there is one.
    pub kubernetes: Option<Kubernetes>,
    /// The node.
    pub node: Arc<Node>,
    /// How often and how long.
    pub pace: Arc<Pace>,
}
