//! The wire: Query parameters in, XML out, and what all EC2 describes share (filters and pages). No state.

pub(crate) mod filter;
pub(crate) mod ids;
pub(crate) mod page;
pub(crate) mod params;
pub(crate) mod tags;
pub(crate) mod unmodelled;
pub(crate) mod xml;
