//! EC2, EKS, Auto Scaling and the metadata service of an instance behind the ports of core: the real SDK clients, with
//! time-outs, retries and paging, and one place that sorts errors by what the caller can do.
//!
//! Nothing here decides anything or keeps anything, but for the token of the metadata service. Past this crate there are
//! no wire types.

mod auto_scaling;
mod batches;
mod classify;
mod client;
mod convert;
mod ec2;
mod eks;
mod groups_convert;
mod imds;
mod launch_templates;
mod metered;
mod node_convert;
mod node_ec2;
mod node_groups;

pub use client::{Aws, Limits, Overrides};
pub use imds::{DEFAULT_ENDPOINT, ImdsClient};
pub use metered::Metered;
