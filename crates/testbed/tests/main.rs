//! The test bed itself, on real programs: one binary, one module a subject.

mod control_plane;
mod nodes;
