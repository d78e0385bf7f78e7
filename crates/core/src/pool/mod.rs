//! The warm pool of a node: what the agent asks EC2 for and what it gives back, as a plan.
//!
//! Nothing here calls EC2. A plan is made from the data store and what is known of the node; whoever carries it out
//! tells the next plan what is still under way. There is never more than one operation on an interface at a time, and
//! different interfaces work at once: no growth waits behind a detach.

mod action;
mod failure;
mod grow;
mod mode;
mod plan;
mod reconcile;
mod shrink;
mod supply;
mod world;

pub use action::{PoolAction, Reason, Want};
pub use failure::{CAPACITY_COOLDOWN, Next, after_assign_failed, capacity_blocked_until, is_capacity_error};
pub use mode::{Holdings, ModeDecision, ModePin, decide_mode, wanted_mode};
pub use plan::plan;
pub use reconcile::{EniSeen, FRESH, Observed, Reconciliation, Step, reconcile};
pub use supply::{Demand, Supply};
pub use world::{CardFacts, Creating, MIN_ENI_LIFETIME, Pending, PoolWorld, SHRINK_INTERVAL};

#[cfg(test)]
mod reconcile_tests;
