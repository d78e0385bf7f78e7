//! A module is named after what it knows, not after the wish to put things somewhere.

use super::{Tree, Violation};

const EMPTY: [&str; 6] = ["utils", "util", "helpers", "helper", "common", "misc"];

/// The check.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    tree.rust()
        .filter_map(|(path, _)| {
            let folder = path.parent().and_then(|folder| folder.file_name());
            let word = [path.file_stem(), folder]
                .into_iter()
                .flatten()
                .find_map(|name| EMPTY.into_iter().find(|empty| name == *empty))?;
            Some(Violation::at(
                path,
                1,
                format!("`{word}` names nothing: say what the module knows"),
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::tests::small;
    use super::*;

    #[test]
    fn names_that_say_nothing_are_refused() {
        let (_folder, tree) = small(&[
            ("src/utils.rs", ""),
            ("src/helpers/mod.rs", ""),
            ("src/subnet.rs", ""),
        ]);
        let found: Vec<_> = check(&tree)
            .into_iter()
            .map(|v| v.path.display().to_string())
            .collect();
        assert_eq!(found, ["src/helpers/mod.rs", "src/utils.rs"]);
    }
}
