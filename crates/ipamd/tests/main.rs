//! The daemon as a library: a sandbox as EC2 and metadata service, a kernel in memory, and the real socket.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a world that cannot be made fails the test"
)]

mod crash;
mod grows;
mod hosts;
mod kernel;
mod lab;
mod pods;
mod subnets;
mod trouble;
mod wire;
