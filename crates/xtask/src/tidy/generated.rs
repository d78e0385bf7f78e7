//! What is generated is as its generator makes it today.

use std::path::Path;

use super::{Tree, Violation};
use crate::codegen;

/// The check; that it fires is shown by the tests of `codegen`.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    match codegen::stale(&tree.root) {
        Ok(stale) => stale
            .iter()
            .map(|path| Violation::at(path, 1, "is stale; `cargo xtask codegen` mends it"))
            .collect(),
        Err(message) => vec![Violation::at(Path::new("crates/xtask"), 1, message)],
    }
}
