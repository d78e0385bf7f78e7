//! The World, read from the API server and EC2: watched, paged, budgeted, cached, with what could not be read.
//!
//! Nothing here writes anything anywhere, and nothing decides: facts are parsed at this door and handed on.

pub mod deep;
#[cfg(test)]
mod fake_api;
pub mod groups;
pub mod inventory;
pub mod migration;
pub mod policy;
pub mod seen;
pub mod snapshot;
pub mod stores;
pub mod target;
mod watching;
mod wire;
pub mod world;
pub mod zones;

pub use deep::{Deep, DeepFacts};
pub use inventory::{Ask, Budget, Inventory, InventoryCache};
pub use stores::{Kind, Lookup, Malformed, Presence, Scope, Store, Stores, TargetRef, Trigger};
pub use target::{LiveConfigMap, LiveTarget};
pub use world::{Sources, facts, mode, world};
pub use zones::{Makers, zones};
