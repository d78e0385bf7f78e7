//! From what users write to what core works with, and from what core finds to what users read.
//!
//! Every struct is destructured without `..`, so that a new field cannot be forgotten.

mod change;
mod env;
mod finding;
pub mod migration;
mod plan;
mod spec;

pub use change::{pending_changes, planned_change};
pub use env::{ExtraVariable, Unset, extra_env, unset};
pub use finding::{bounded, finding, findings};
pub use plan::{
    Acceptance, Selector, WantedEniConfig, acceptances, change_class, eni_configs, node_mode, provider,
};
pub use spec::{config, ip_family};

pub use crate::setting::ConvertError;
