//! The migration machine against a model of a cluster: single rules, and every interleaving a seed can think of.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of a test fail by panicking"
)]

mod cases;
mod checks;
mod cluster;
mod effects;
mod events;
mod explore;
mod halts;
mod observe;
mod owners;
mod pods;
mod providers;
mod sizes;
