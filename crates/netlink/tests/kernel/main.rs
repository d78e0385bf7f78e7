//! The data path against a real kernel. Needs root.
//!
//! Each test has network namespaces of its own, made without a name and gone with the test; the machine's own is never
//! changed. Programs such as `ip` and `nft` are independent witnesses: where one is missing, or the machine gives no
//! namespaces, the test prints `SKIPPED: <why>` and is counted as such, by name.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "the helpers of a test fail by panicking and say what is skipped"
)]

mod bench;
mod burst;
mod conntrack;
mod egress;
mod host;
mod legacy;
mod pod;
mod scene;
mod tables;
