//! `kubectl vpc-cni`: what the operator sees, decides and does, for a person at a terminal and for CI.
//!
//! It shows what `core` computes from what `observe` reads, and nothing else: no decision is made here. Only `release`
//! and `migrate` write anything, and only to objects of this project.

pub mod args;
mod commands;
mod connect;
mod failure;
mod look;
mod migration_text;
mod next;
mod output;
mod plan;
mod policy_file;
mod rules;

pub use commands::run;
pub use failure::Failure;
pub use output::Out;
