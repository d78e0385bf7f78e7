//! What a subnet still holds: the map of its /28 blocks, how many blocks nodes in prefix mode ask of it, and whether it
//! carries a whole migration.

mod blocks;
mod forecast;
mod need;
mod simulate;

pub use blocks::{Block, BlockCounts, BlockMap, BlockState, Run};
pub use forecast::Forecast;
pub use need::{Need, PlannedNode, need};
pub use simulate::{Capacity, Holding, Leg, LowPoint, MovedNode, Reserve, simulate};
