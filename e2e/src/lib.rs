//! The node data plane on a real kernel: see `tests/`.
