//! `cargo xtask codegen`: what is generated is committed, and checked for freshness.
//!
//! A generator is one line of `GENERATORS`: the files it owns, and the function that makes them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::terminal::say;

/// What the command takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write nothing; fail when a file is not what it would be.
    #[arg(long)]
    check: bool,
}

/// The files of a generator, by their path in the repository.
type Files = BTreeMap<PathBuf, String>;

/// What makes some files.
struct Generator {
    /// A file, or a folder (with a slash at its end) in which nothing else may be.
    owns: &'static str,
    make: fn(&Path) -> Result<Files, String>,
}

const GENERATORS: &[Generator] = &[];

/// Whether a file is generated, and so free of the rules on size.
pub(crate) fn is_generated(path: &Path) -> bool {
    GENERATORS.iter().any(|generator| owns(generator, path))
}

fn owns(generator: &Generator, path: &Path) -> bool {
    if generator.owns.ends_with('/') {
        path.starts_with(generator.owns)
    } else {
        path == Path::new(generator.owns)
    }
}

/// The command.
pub(crate) fn run(root: &Path, args: &Args) -> Result<ExitCode, String> {
    let mut stale = 0;
    for difference in differences(GENERATORS, root)? {
        stale += 1;
        let path = difference.path.display();
        match (args.check, &difference.wanted) {
            (true, _) => say(&format!("stale: {path}")),
            (false, Some(text)) => {
                write(&root.join(&difference.path), text)?;
                say(&format!("wrote {path}"));
            }
            (false, None) => {
                let path = root.join(&difference.path);
                fs::remove_file(&path).map_err(|error| format!("remove {}: {error}", path.display()))?;
                say(&format!("removed {}", path.display()));
            }
        }
    }
    if stale == 0 {
        say("all generated files are fresh");
    }
    Ok(if args.check && stale > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The files that are not fresh.
pub(crate) fn stale(root: &Path) -> Result<Vec<PathBuf>, String> {
    Ok(differences(GENERATORS, root)?
        .into_iter()
        .map(|difference| difference.path)
        .collect())
}

/// A file that is not as its generator makes it.
#[derive(Debug, PartialEq, Eq)]
struct Difference {
    path: PathBuf,
    /// None where the file should not be.
    wanted: Option<String>,
}

fn differences(generators: &[Generator], root: &Path) -> Result<Vec<Difference>, String> {
    let mut found = Vec::new();
    for generator in generators {
        let files =
            (generator.make)(root).map_err(|error| format!("generate {}: {error}", generator.owns))?;
        for path in present(generator, root)?
            .into_iter()
            .filter(|path| !files.contains_key(path))
        {
            found.push(Difference { path, wanted: None });
        }
        for (path, text) in files {
            if fs::read_to_string(root.join(&path)).ok().as_deref() != Some(&text) {
                found.push(Difference {
                    path,
                    wanted: Some(text),
                });
            }
        }
    }
    Ok(found)
}

/// What is in the folder of a generator now.
fn present(generator: &Generator, root: &Path) -> Result<Vec<PathBuf>, String> {
    let folder = root.join(generator.owns);
    if !generator.owns.ends_with('/') || !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(&folder).map_err(|error| format!("read {}: {error}", folder.display()))?;
    entries
        .map(|entry| {
            let name = entry
                .map_err(|error| format!("read {}: {error}", folder.display()))?
                .file_name();
            Ok(Path::new(generator.owns).join(name))
        })
        .collect()
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(|error| format!("create {}: {error}", folder.display()))?;
    fs::write(path, text).map_err(|error| format!("write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[Generator] = &[
        Generator {
            owns: "out/",
            make: |_| Ok([("out/a.txt".into(), "a\n".to_owned())].into()),
        },
        Generator {
            owns: "docs/b.md",
            make: |_| Ok([("docs/b.md".into(), "b\n".to_owned())].into()),
        },
    ];

    fn names(root: &Path) -> Vec<String> {
        differences(TWO, root)
            .unwrap()
            .into_iter()
            .map(|found| found.path.display().to_string())
            .collect()
    }

    #[test]
    fn missing_changed_and_superfluous_files_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        assert_eq!(names(root), ["out/a.txt", "docs/b.md"]);
        for difference in differences(TWO, root).unwrap() {
            write(&root.join(&difference.path), &difference.wanted.unwrap()).unwrap();
        }
        assert!(names(root).is_empty());
        write(&root.join("out/old.txt"), "left over\n").unwrap();
        write(&root.join("docs/b.md"), "edited by hand\n").unwrap();
        assert_eq!(names(root), ["out/old.txt", "docs/b.md"]);
        assert!(owns(&TWO[0], Path::new("out/x")) && !owns(&TWO[1], Path::new("docs/c.md")));
    }
}
