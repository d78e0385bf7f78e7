//! The test bed itself, on real programs: one binary, one module a subject.

#![expect(clippy::unwrap_used, reason = "in a test it is the assertion")]
#![expect(clippy::print_stdout, reason = "notes for the report of `cargo xtask test`")]

mod alerts;
mod charts;
mod cloud;
mod control_plane;
mod karpenter;
mod memory;
mod nodes;
mod python;
