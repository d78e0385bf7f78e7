//! The checkpoint `vpc-cni-ipam/1`: which pod holds which address, in the file of the stock agent, in both directions.

mod file;
mod wire;

pub use file::{Checkpoint, CheckpointError, Found};
