//! `cargo xtask codegen`: what is generated is committed, and checked for freshness.
//!
//! A generator is one line of `registry`: the files it owns, and the function that makes them. They run in order, and
//! each result is written before the next one starts, because charts are rendered with the CRDs made before.

mod limits;
mod registry;
mod rpc;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::terminal::say;
use registry::{GENERATORS, Generator};

/// What the command takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write nothing; fail when a file is not what it would be.
    #[arg(long)]
    check: bool,
}

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
    for generator in GENERATORS {
        for difference in differences(generator, root)? {
            stale += 1;
            let done = if args.check {
                "stale:"
            } else {
                mend(root, &difference)?
            };
            say(&format!("{done} {}", difference.path.display()));
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

fn mend(root: &Path, difference: &Difference) -> Result<&'static str, String> {
    let path = root.join(&difference.path);
    match &difference.wanted {
        Some(text) => write(&path, text).map(|()| "wrote"),
        None => fs::remove_file(&path)
            .map(|()| "removed")
            .map_err(|error| format!("remove {}: {error}", path.display())),
    }
}

/// The files that are not fresh.
pub(crate) fn stale(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut stale = Vec::new();
    for generator in GENERATORS {
        stale.extend(
            differences(generator, root)?
                .into_iter()
                .map(|difference| difference.path),
        );
    }
    Ok(stale)
}

/// A file that is not as its generator makes it.
#[derive(Debug, PartialEq, Eq)]
struct Difference {
    path: PathBuf,
    /// None where the file should not be.
    wanted: Option<String>,
}

fn differences(generator: &Generator, root: &Path) -> Result<Vec<Difference>, String> {
    let files = (generator.make)(root).map_err(|error| format!("generate {}: {error}", generator.owns))?;
    let left_over = present(generator, root)?
        .into_iter()
        .filter(|path| !files.contains_key(path));
    let mut found: Vec<Difference> = left_over.map(|path| Difference { path, wanted: None }).collect();
    for (path, text) in files {
        if fs::read_to_string(root.join(&path)).ok().as_deref() != Some(&text) {
            found.push(Difference {
                path,
                wanted: Some(text),
            });
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
    let mut paths = Vec::new();
    for entry in entries {
        let name = entry
            .map_err(|error| format!("read {}: {error}", folder.display()))?
            .file_name();
        paths.push(Path::new(generator.owns).join(name));
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    Ok(paths)
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(|error| format!("create {}: {error}", folder.display()))?;
    fs::write(path, text).map_err(|error| format!("write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDER: Generator = Generator {
        owns: "out/",
        make: |_| Ok([("out/a.yaml".into(), "a\n".to_owned())].into()),
    };
    const FILE: Generator = Generator {
        owns: "docs/b.md",
        make: |_| Ok([("docs/b.md".into(), "b\n".to_owned())].into()),
    };

    fn all(root: &Path) -> Vec<Difference> {
        [FOLDER, FILE]
            .iter()
            .flat_map(|generator| differences(generator, root).unwrap())
            .collect()
    }

    fn names(root: &Path) -> Vec<String> {
        all(root)
            .into_iter()
            .map(|found| found.path.display().to_string())
            .collect()
    }

    fn mend_all(root: &Path) {
        for difference in all(root) {
            mend(root, &difference).unwrap();
        }
    }

    #[test]
    fn missing_changed_and_superfluous_files_are_found_and_mended() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        assert_eq!(names(root), ["out/a.yaml", "docs/b.md"]);
        mend_all(root);
        assert!(names(root).is_empty());
        write(&root.join("out/old.yaml"), "left over\n").unwrap();
        write(&root.join("out/README.md"), "by hand\n").unwrap();
        write(&root.join("docs/b.md"), "edited by hand\n").unwrap();
        assert_eq!(names(root), ["out/old.yaml", "docs/b.md"]);
        mend_all(root);
        assert!(names(root).is_empty() && root.join("out/README.md").exists());
        assert!(owns(&FOLDER, Path::new("out/x")) && !owns(&FILE, Path::new("docs/c.md")));
    }
}
