//! Files are short, and open by saying what they are for.

use super::{Tree, Violation, Weight};
use crate::codegen::is_generated;

/// Above this a file needs a cause.
const WARN: usize = 400;
/// Above this there is none.
const FAIL: usize = 600;

/// Sizes.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    tree.rust()
        .filter(|(path, _)| !is_generated(path))
        .filter_map(|(path, text)| {
            let lines = text.lines().count();
            let weight = if lines > FAIL {
                Weight::Failure
            } else {
                Weight::Warning
            };
            let message = format!(
                "{lines} lines: more than {}",
                if lines > FAIL { FAIL } else { WARN }
            );
            (lines > WARN).then(|| Violation {
                weight,
                ..Violation::at(path, lines, message)
            })
        })
        .collect()
}

/// `//!` first.
pub(super) fn check_documentation(tree: &Tree) -> Vec<Violation> {
    tree.rust()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(path, _)| Violation::at(path, 1, "the file does not open with `//!` and what it does"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::tests::small;
    use super::*;

    #[test]
    fn long_files_are_warned_of_and_then_refused() {
        let long = |lines: usize| format!("//! Long.\n{}", "fn f() {}\n".repeat(lines - 1));
        let (_folder, tree) = small(&[("a.rs", &long(400)), ("b.rs", &long(401)), ("c.rs", &long(601))]);
        let found: Vec<_> = check(&tree)
            .into_iter()
            .map(|v| (v.path.display().to_string(), v.weight))
            .collect();
        assert_eq!(
            found,
            [
                ("b.rs".to_owned(), Weight::Warning),
                ("c.rs".to_owned(), Weight::Failure)
            ]
        );
    }

    #[test]
    fn a_file_that_does_not_say_what_it_does_is_refused() {
        let (_folder, tree) = small(&[("a.rs", "//! Good.\n"), ("b.rs", "// Bad.\nfn f() {}\n")]);
        let found = check_documentation(&tree);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path.to_str(), Some("b.rs"));
    }
}
