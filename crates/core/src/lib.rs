//! Values, rules and plans: the part of vpc-cni-operator that must be right.
//!
//! Nothing here does input or output, reads a clock, the environment or a file, or knows Kubernetes and AWS clients:
//! the `clippy.toml` beside this crate says so. Everything is a total function from values to values.

pub mod assign;
pub mod capacity;
pub mod config;
pub mod conflist;
pub mod datapath;
pub mod discovery;
pub mod eni_configs;
pub mod eni_tags;
pub mod eniconfig;
pub mod ids;
pub mod known;
pub mod limits;
mod mac;
pub mod max_pods;
pub mod migration;
pub mod net;
pub mod node_enis;
pub mod node_state;
pub mod plural;
pub mod policy;
pub mod pool;
pub mod ports;
pub mod safety;
pub mod toggle;
pub mod user_data;
pub mod version;
pub mod warm;
