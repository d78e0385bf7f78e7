//! The compact values the stores hold, each folded from one object as it comes off the wire.

mod eni_config;
mod node;
mod node_pool;
mod node_state;
mod pod;
mod whole;

pub use eni_config::EniConfigSeen;
pub use node::{NodeSeen, instance};
pub use node_pool::{NodePoolSeen, PoolZones};
pub use node_state::NodeStateSeen;
pub use pod::{AwsNodePod, Waiting};
pub use whole::Whole;
