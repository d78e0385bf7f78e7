//! The operator: it turns a CniPolicy into the configuration of aws-node, and refuses what would break running nodes.
//!
//! This library is the whole program but for `main.rs`; tests run it in their own process.

pub mod context;
pub mod events;
pub mod metrics;
pub mod write;
