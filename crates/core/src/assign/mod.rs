//! Which pod holds which address of the node: the data store of the node agent as a value, and its transitions.
//!
//! Nothing here asks EC2, writes a file or looks at a clock. A transition changes the store in place and gives back
//! what undoes it, so that a checkpoint that could not be written leaves no trace. The order is fixed: network cards by
//! number, interfaces by device number, blocks and addresses from the lowest on. Pods thus gather on the first
//! interfaces, and the last ones can be given back.

mod cidr;
mod eni;
mod key;
mod restore;
mod rules;
mod stats;
mod store;
mod transition;

pub use eni::{Block, Eni, EniView, Role};
pub use ipnet::IpNet;
pub use key::{Entry, Key, Lease, PodRef, checkpoint_file};
pub use restore::{Restored, split_by_links};
pub use rules::{Mode, Rules};
pub use stats::Stats;
pub use store::{Force, Store, StoreError};
pub use transition::{Given, Refusal, Request, Transition, Undo, transition};

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
