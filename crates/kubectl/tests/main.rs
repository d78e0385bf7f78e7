//! Stories of the plugin: the program as a person and as CI run it, and the snapshots it makes of clusters.

#![expect(clippy::unwrap_used, reason = "in a test it is the assertion")]

mod cluster;
mod golden;
mod live;
mod program;
