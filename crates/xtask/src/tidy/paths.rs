//! No path of one machine is in a file that goes to all.

use super::{Tree, Violation};

/// Folders of machines, in two halves so that this file is no violation.
const FOLDERS: [(&str, &str); 4] = [("/wo", "rk/"), ("/ro", "ot/"), ("/ho", "me/"), ("/Use", "rs/")];

/// The check.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let folders = FOLDERS.map(|(start, end)| format!("{start}{end}"));
    tree.files
        .iter()
        .flat_map(|(path, text)| {
            (1..)
                .zip(text.lines())
                .map(move |(number, line)| (path, number, line))
        })
        .filter_map(|(path, number, line)| {
            let folder = folders.iter().find(|folder| begins_path(line, folder))?;
            Some(Violation::at(
                path,
                number,
                format!("`{folder}` is a path of one machine"),
            ))
        })
        .collect()
}

/// Whether the folder stands at the beginning of a path: `a/home/b` is some other folder.
fn begins_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(place, _)| {
        !line[..place]
            .chars()
            .next_back()
            .is_some_and(|before| before.is_alphanumeric() || "._-/}".contains(before))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tree::tests::small;
    use super::*;

    #[test]
    fn a_path_of_this_machine_is_found_in_any_file() {
        let machine = format!("see {}x{}me/me/notes\n", '"', "/ho");
        let (_folder, tree) = small(&[
            ("notes.md", &machine),
            ("url.md", "https://x.org/home/y and ./home/z\n"),
        ]);
        assert!(check(&tree).is_empty(), "{:?}", check(&tree));
        let machine = format!("first\nsee {}me/me/notes\n", "/ho");
        let (_folder, tree) = small(&[("notes.md", &machine)]);
        let found = check(&tree);
        assert_eq!((found.len(), found[0].line), (1, 2));
    }
}
