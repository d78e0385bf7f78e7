//! The ports against the sandbox: every method, pages, and every class of error.

#![expect(clippy::expect_used, reason = "a world that cannot be made fails the test")]

mod errors;
mod groups;
mod lab;
mod node;
mod node_groups;
mod reading;
mod templates;
