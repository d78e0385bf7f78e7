//! The plugin against a real socket: in this process with a kernel that remembers, as a process of its own, and in
//! real network namespaces.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it skips"
)]

mod call;
mod cnitool;
mod egress;
mod flows;
mod groups;
mod ipamd;
mod kernel;
mod namespaces;
mod policies;
mod process;
