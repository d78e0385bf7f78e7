//! What a subnet still holds: the map of its /28 blocks.

/// The /28 map of a subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockMap {}
impl BlockMap { pub fn free_prefixes(&self) -> u32 { 0 } }
