//! The test bed itself, on real programs: one binary, one module a subject.

mod charts;
mod cloud;
mod control_plane;
mod nodes;
