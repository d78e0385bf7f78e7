//! The groups of nodes and what they are made from, for plans and for migrations that run.

mod karpenter;
mod marks;
mod owner;
mod read;
mod reserved;
mod scaling;
mod seen;

pub use marks::{
    CORDONED, DO_NOT_DISRUPT, GENERATION, HELD, MAXIMUM, MINIMUM, REPLACES, SHIELD, SUSPENDED, UPDATE,
};
pub use owner::owner;
pub use read::{GroupsSeen, groups};
pub use seen::Groups;
