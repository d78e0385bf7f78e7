//! Stories of the plugin: the program as a person and as CI run it, and the snapshots it makes of a cluster in memory.

mod cluster;
mod golden;
mod program;
