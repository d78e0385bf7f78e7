//! A Kubernetes API server in memory, with a DaemonSet controller and the ports of AWS: a cluster whose time can be
//! virtual, so that a test can live through minutes of faults in milliseconds.
//!
//! A small stateful world behind `kube::Client`, never a list of expected calls. What it does not know it refuses: no
//! authorisation, no admission, no validation, no defaults of definitions. That it answers as the real server does is
//! a test, not a promise: see `tests/memory.rs`.

mod api;
mod clock;
mod cloud;
mod cluster;
mod controllers;
mod daemon_sets;
mod defaults;
mod definitions;
mod evictions;
mod groups;
mod karpenter;
mod kinds;
mod node_groups;
mod owners;
mod patches;
mod request;
mod selectors;
mod shared;
mod status;
mod store;
mod watching;
mod workloads;
mod world;

pub use api::{ChangeSeen, MemoryApi};
pub use clock::{start_clock, virtual_now};
pub use cloud::WorldPorts;
pub use cluster::{MemoryCluster, Setting};
pub use definitions::definitions;
pub use karpenter::LittleKarpenter;
