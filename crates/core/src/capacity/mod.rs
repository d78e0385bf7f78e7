//! What a subnet still holds: the map of its /28 blocks, and how many blocks nodes in prefix mode ask of it.

mod blocks;
mod need;

pub use blocks::{Block, BlockCounts, BlockMap, BlockState, Run};
pub use need::{Need, PlannedNode, need};
