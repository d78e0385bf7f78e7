//! Every Rust file is part of a target. One that is not compiles nowhere and rots.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::{Tree, Violation, modules};

/// The check.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let reached: BTreeSet<PathBuf> = modules::roots(tree)
        .iter()
        .flat_map(|root| modules::of_target(tree, root))
        .map(|module| module.file)
        .collect();
    tree.rust()
        .filter(|(path, _)| !reached.contains(*path))
        .map(|(path, _)| Violation::at(path, 1, "no `mod` declaration leads to this file"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::tests::{manifest, small};
    use super::*;

    #[test]
    fn a_file_that_nobody_declares_is_found() {
        let (_folder, tree) = small(&[
            ("crates/a/Cargo.toml", &manifest("a", "")),
            (
                "crates/a/src/lib.rs",
                "mod b;\nmod d;\n#[path = \"odd/name.rs\"]\nmod e;\nmod inline { mod f; }\n",
            ),
            ("crates/a/src/b.rs", "mod c;\n"),
            ("crates/a/src/b/c.rs", ""),
            ("crates/a/src/d/mod.rs", "mod g;\n"),
            ("crates/a/src/d/g.rs", ""),
            ("crates/a/src/odd/name.rs", ""),
            ("crates/a/src/inline/f.rs", ""),
            ("crates/a/tests/story.rs", ""),
            ("crates/a/src/lost.rs", ""),
        ]);
        let found: Vec<_> = check(&tree)
            .into_iter()
            .map(|v| v.path.display().to_string())
            .collect();
        assert_eq!(found, ["crates/a/src/lost.rs"]);
    }
}
