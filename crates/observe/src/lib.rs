//! The World, read from the API server and EC2: watched, paged, budgeted, cached, with what could not be read.
//!
//! Nothing here writes anything anywhere, and nothing decides: facts are parsed at this door and handed on.

pub mod groups;
pub mod seen;
pub mod stores;
pub mod target;
mod wire;
