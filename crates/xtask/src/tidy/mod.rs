//! `cargo xtask tidy`: the rules of the house, held by the machine.
//!
//! Each check is a function from the tree to violations, and has a test that shows it fire on a small bad tree.

mod cycles;
mod edges;
mod functions;
mod generated;
mod manifests;
mod modules;
mod names;
mod orphans;
mod paths;
mod references;
mod sizes;
mod tree;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(crate) use tree::Tree;

use crate::terminal::{complain, say};

/// How much a violation matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    Warning,
    Failure,
}

/// A rule that a file breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) path: PathBuf,
    pub(crate) line: usize,
    pub(crate) weight: Weight,
    pub(crate) message: String,
}

impl Violation {
    fn at(path: &Path, line: usize, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            weight: Weight::Failure,
            message: message.into(),
        }
    }
}

/// A check: its name, what it asks for, and how it is done.
pub(crate) struct Check {
    pub(crate) name: &'static str,
    run: fn(&Tree) -> Vec<Violation>,
}

/// All checks. A new one is a line here and a file beside.
pub(crate) const CHECKS: &[Check] = &[
    Check {
        name: "file-size",
        run: sizes::check,
    },
    Check {
        name: "function-size",
        run: functions::check,
    },
    Check {
        name: "file-documentation",
        run: sizes::check_documentation,
    },
    Check {
        name: "module-names",
        run: names::check,
    },
    Check {
        name: "orphan-files",
        run: orphans::check,
    },
    Check {
        name: "module-cycles",
        run: cycles::check,
    },
    Check {
        name: "crate-edges",
        run: edges::check,
    },
    Check {
        name: "workspace-lints",
        run: manifests::check_lints,
    },
    Check {
        name: "manifest-keys",
        run: manifests::check_keys,
    },
    Check {
        name: "machine-paths",
        run: paths::check,
    },
    Check {
        name: "generated-files",
        run: generated::check,
    },
];

/// What one check found.
pub(crate) struct Outcome {
    pub(crate) name: &'static str,
    pub(crate) violations: Vec<Violation>,
}

impl Outcome {
    pub(crate) fn failed(&self) -> bool {
        self.violations
            .iter()
            .any(|violation| violation.weight == Weight::Failure)
    }

    pub(crate) fn print(&self) {
        for Violation {
            path,
            line,
            weight,
            message,
        } in &self.violations
        {
            let word = if *weight == Weight::Failure {
                "error"
            } else {
                "warning"
            };
            complain(&format!(
                "{word}[{}]: {}:{line}: {message}",
                self.name,
                path.display()
            ));
        }
    }
}

/// Runs all checks on the repository.
pub(crate) fn all(root: &Path) -> Result<Vec<Outcome>, String> {
    let tree = Tree::read(root)?;
    Ok(CHECKS
        .iter()
        .map(|check| Outcome {
            name: check.name,
            violations: (check.run)(&tree),
        })
        .collect())
}

/// The command.
pub(crate) fn run(root: &Path) -> Result<ExitCode, String> {
    let outcomes = all(root)?;
    outcomes.iter().for_each(Outcome::print);
    let failed = outcomes.iter().filter(|outcome| outcome.failed()).count();
    say(&format!("tidy: {} checks, {failed} failed", outcomes.len()));
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        let broken: Vec<String> = all(&crate::root())
            .unwrap()
            .into_iter()
            .filter(Outcome::failed)
            .flat_map(|outcome| {
                let name = outcome.name;
                outcome
                    .violations
                    .into_iter()
                    .map(move |v| format!("{name}: {}:{}: {}", v.path.display(), v.line, v.message))
            })
            .collect();
        assert!(broken.is_empty(), "{}", broken.join("\n"));
    }
}
