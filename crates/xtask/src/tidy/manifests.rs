//! Every crate is under the lints of the workspace, and cargo understands every key.

use super::{Tree, Violation};

/// `[lints] workspace = true`.
pub(super) fn check_lints(tree: &Tree) -> Vec<Violation> {
    tree.metadata
        .packages
        .iter()
        .filter_map(|package| {
            let path = tree.relative(package.manifest_path.as_std_path());
            let text = tree.files.get(&path).map(String::as_str).unwrap_or_default();
            (!has_lints(text))
                .then(|| Violation::at(&path, 1, "`[lints]` with `workspace = true` is missing"))
        })
        .collect()
}

fn has_lints(manifest: &str) -> bool {
    let section = manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "[lints]")
        .skip(1);
    section
        .take_while(|line| !line.starts_with('['))
        .any(|line| line.replace(' ', "") == "workspace=true")
}

/// No `unused manifest key`: a key in the wrong section does nothing, and says so only here.
pub(super) fn check_keys(tree: &Tree) -> Vec<Violation> {
    tree.cargo_warnings
        .lines()
        .filter(|line| line.contains("unused") && line.contains("key"))
        .map(|line| Violation::at("Cargo.toml".as_ref(), 1, line.trim()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::tests::{manifest, small};
    use super::*;

    #[test]
    fn a_crate_outside_the_lints_is_found() {
        let (_folder, tree) = small(&[
            ("crates/a/Cargo.toml", &manifest("a", "[dependencies]\n")),
            ("crates/a/src/lib.rs", ""),
        ]);
        let found = check_lints(&tree);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path.to_str(), Some("crates/a/Cargo.toml"));
        assert!(has_lints(
            "[package]\n[lints]\nworkspace = true\n[dependencies]\n"
        ));
        assert!(!has_lints("[lints]\n[dependencies]\nworkspace = true\n"));
    }

    #[test]
    fn a_key_that_cargo_does_not_know_is_found() {
        let (_folder, tree) = small(&[
            (
                "crates/a/Cargo.toml",
                &manifest("a", "[package.metadata]\n[nonsense]\nx = 1\n"),
            ),
            ("crates/a/src/lib.rs", ""),
        ]);
        let found = check_keys(&tree);
        assert_eq!(found.len(), 1, "{}", tree.cargo_warnings);
        assert!(found[0].message.contains("nonsense"));
    }
}
