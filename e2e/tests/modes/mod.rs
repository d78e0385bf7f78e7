//! Every combination of custom networking and security groups for pods, in secondary and in prefix mode.

mod scene;
mod stories;
mod ways;
