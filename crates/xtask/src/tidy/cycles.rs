//! No module depends on one that depends on it, at any level of the tree.
//!
//! Siblings are compared: `a` depends on `b` when anything below `a` names anything below `b`. What the parent itself
//! defines is free for its children; what it only re-exports counts as the module it comes from. Test modules may
//! name what they like.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use super::modules;
use super::references::{Names, references};
use super::{Tree, Violation};

/// Between two siblings: where the first names the second.
type Edges = BTreeMap<(String, String), (PathBuf, usize)>;

/// The check.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    modules::roots(tree)
        .iter()
        .flat_map(|root| of_target(tree, root))
        .collect()
}

fn of_target(tree: &Tree, root: &Path) -> Vec<Violation> {
    let modules = modules::of_target(tree, root);
    let names = Names::of(&modules);
    let mut levels: BTreeMap<Vec<String>, Edges> = BTreeMap::new();
    for module in modules
        .iter()
        .filter(|module| module.name.iter().all(|name| name != "tests"))
    {
        for (from, path, line) in references(module) {
            let Some(to) = names.resolve(&from, &path) else {
                continue;
            };
            let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
            if let (Some(user), Some(used)) = (from.get(shared), to.get(shared)) {
                let level = levels.entry(from[..shared].to_vec()).or_default();
                level
                    .entry((user.clone(), used.clone()))
                    .or_insert_with(|| (module.file.clone(), line));
            }
        }
    }
    levels.values().flat_map(cycles).collect()
}

/// One violation for each set of siblings that go round.
fn cycles(edges: &Edges) -> Vec<Violation> {
    let mut reported: BTreeSet<&str> = BTreeSet::new();
    let mut found = Vec::new();
    for (start, _) in edges.keys() {
        if reported.contains(start.as_str()) {
            continue;
        }
        let Some(round) = shortest_round(edges, start) else {
            continue;
        };
        let steps = round.iter().zip(round.iter().cycle().skip(1));
        let places: Vec<String> = steps
            .filter_map(|(user, used)| edges.get(&((*user).to_owned(), (*used).to_owned())))
            .map(|(file, line)| format!("{}:{line}", file.display()))
            .collect();
        let (file, line) = edges
            .iter()
            .find(|((user, _), _)| user == start)
            .map(|(_, place)| place)
            .cloned()
            .unwrap_or_default();
        let message = format!(
            "modules go round: {} -> {start} ({})",
            round.join(" -> "),
            places.join(", ")
        );
        found.push(Violation::at(&file, line, message));
        reported.extend(round);
    }
    found
}

fn shortest_round<'a>(edges: &'a Edges, start: &'a str) -> Option<Vec<&'a str>> {
    let mut ways: VecDeque<Vec<&str>> = VecDeque::from([vec![start]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        let last = way.last().copied()?;
        for (_, next) in edges.keys().filter(|(user, _)| user == last) {
            if next == start {
                return Some(way);
            }
            if seen.insert(next.as_str()) {
                ways.push_back(way.iter().copied().chain([next.as_str()]).collect());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::tree::tests::{manifest, small};
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let manifest = manifest("a", "");
        let all: Vec<(&str, &str)> = std::iter::once(("crates/a/Cargo.toml", manifest.as_str()))
            .chain(files.iter().copied())
            .collect();
        let (_folder, tree) = small(&all);
        check(&tree)
            .into_iter()
            .map(|violation| violation.message)
            .collect()
    }

    #[test]
    fn siblings_that_use_each_other_are_found() {
        let messages = found(&[
            ("crates/a/src/lib.rs", "mod b;\nmod c;\n"),
            ("crates/a/src/b.rs", "use super::c::C;\npub struct B(C);\n"),
            (
                "crates/a/src/c.rs",
                "pub struct C;\nfn f() { let _ = crate::b::make(); }\n",
            ),
        ]);
        assert_eq!(
            messages,
            ["modules go round: b -> c -> b (crates/a/src/b.rs:1, crates/a/src/c.rs:2)"]
        );
    }

    #[test]
    fn a_re_export_does_not_hide_where_a_thing_comes_from() {
        let messages = found(&[
            ("crates/a/src/lib.rs", "mod b;\nmod c;\npub use b::B;\n"),
            ("crates/a/src/b.rs", "use crate::c::C;\npub struct B(C);\n"),
            ("crates/a/src/c.rs", "use crate::B;\npub struct C;\n"),
        ]);
        assert_eq!(messages.len(), 1, "{messages:?}");
    }

    #[test]
    fn folders_count_as_a_whole() {
        let messages = found(&[
            ("crates/a/src/lib.rs", "mod b;\nmod c;\n"),
            ("crates/a/src/b/mod.rs", "mod one;\nmod two;\n"),
            ("crates/a/src/b/one.rs", "use crate::c::three::T;\n"),
            ("crates/a/src/b/two.rs", "pub struct U;\n"),
            ("crates/a/src/c/mod.rs", "pub mod three;\nmod four;\n"),
            ("crates/a/src/c/three.rs", "pub struct T;\n"),
            ("crates/a/src/c/four.rs", "use crate::b::two::U;\n"),
        ]);
        assert_eq!(messages.len(), 1, "{messages:?}");
    }

    #[test]
    fn parents_and_tests_are_free() {
        let messages = found(&[
            (
                "crates/a/src/lib.rs",
                "mod b;\nmod c;\npub struct Options;\nfn f() { b::make(); }\n",
            ),
            (
                "crates/a/src/b.rs",
                "use super::Options;\nuse super::c::C;\npub fn make() {}\n",
            ),
            (
                "crates/a/src/c.rs",
                "pub struct C;\n#[cfg(test)]\nmod tests { use crate::b::make; }\n",
            ),
        ]);
        assert!(messages.is_empty(), "{messages:?}");
    }
}
