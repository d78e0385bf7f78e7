//! The ENIConfigs of a cluster: which are written, which are valid, and which nodes use them.

mod plan;
mod validate;

pub use plan::{EniAction, EniPlan, EniRow, EniWorld, Present, Refused, Seen, Wanted, plan};
pub use validate::{in_use, problems_of, resolve_node, uncovered_zones};
