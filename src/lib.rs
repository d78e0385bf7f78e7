//! The operator: it turns a CniPolicy into the configuration of aws-node, and refuses what would break running nodes.
//!
//! This library is the whole program but for `main.rs`; tests run it in their own process.

mod admission;
pub mod args;
mod cloud;
pub mod context;
pub mod controller;
pub mod controllers;
mod eniconfig;
pub mod events;
pub mod lease;
pub mod metrics;
mod migration;
mod node;
mod policy;
pub mod run;
mod status;
pub mod write;

#[cfg(test)]
mod testing;
