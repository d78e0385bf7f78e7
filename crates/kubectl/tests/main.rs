//! Stories of the plugin: the program as a person and as CI run it, and the snapshots it makes of clusters.

mod cluster;
mod golden;
mod live;
mod program;
