//! EC2 and EKS behind the ports of core: the real SDK clients, with time-outs, retries and paging, and one place that
//! sorts errors by what the caller can do.
//!
//! Nothing here decides anything, keeps anything or changes anything in AWS. Past this crate there are no wire types.

mod classify;
mod client;
mod convert;
mod ec2;
mod eks;
mod metered;

pub use client::{Aws, Limits, Overrides};
pub use metered::Metered;
