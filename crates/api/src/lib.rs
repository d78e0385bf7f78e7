//! The Kubernetes API types of vpc-cni-operator, their schemas, and their conversions to and from core.
//!
//! The Rust types say which fields there are; bounds, defaults and descriptions of every setting come from the one
//! table in `vpccni_core::config`, and the CEL rules from `schema::rules`. Nothing here talks to an API server.

#[macro_use]
mod macros;

pub mod convert;
pub mod eni_config;
pub mod migration;
pub mod node_state;
pub mod policy;
pub mod schema;
mod setting;
mod shape;

pub use eni_config::EniConfig;
pub use migration::CniMigration;
pub use node_state::CniNodeState;
pub use policy::CniPolicy;
pub use schema::crds;

/// The API group of the kinds this project owns.
pub const GROUP: &str = "vpccni.io";
/// The version of that group.
pub const VERSION: &str = "v1alpha1";
/// The only name a `CniPolicy` may have.
pub const POLICY_NAME: &str = "default";
/// The field manager with which ipamd writes its own `CniNodeState`.
pub const IPAMD_FIELD_MANAGER: &str = "ipamd";
