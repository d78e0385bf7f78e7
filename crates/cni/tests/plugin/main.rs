//! The plugin against a real socket: in this process with a kernel that remembers, as a process of its own, and in
//! real network namespaces.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod call;
mod flows;
mod groups;
mod ipamd;
mod kernel;
mod policies;
mod process;
