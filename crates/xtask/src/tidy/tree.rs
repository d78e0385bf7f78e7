//! The input of every check: the files of a repository, and what cargo says of its workspace.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{Metadata, MetadataCommand};

/// The files git knows or would take, by their path in the repository; only those that are text.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) root: PathBuf,
    pub(crate) files: BTreeMap<PathBuf, String>,
    pub(crate) metadata: Metadata,
    /// What cargo wrote to standard error while it read the manifests.
    pub(crate) cargo_warnings: String,
}

impl Tree {
    /// Reads a repository.
    pub(crate) fn read(root: &Path) -> Result<Self, String> {
        let listed = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .map_err(|error| format!("run git, which lists the files: {error}"))?;
        if !listed.status.success() {
            return Err(format!(
                "git ls-files: {}",
                String::from_utf8_lossy(&listed.stderr)
            ));
        }
        let names = String::from_utf8_lossy(&listed.stdout).into_owned();
        let files = names
            .split('\0')
            .filter(|name| !name.is_empty())
            // What is deleted but not yet committed, and what is no text, is nobody's business here.
            .filter_map(|name| Some((PathBuf::from(name), fs::read_to_string(root.join(name)).ok()?)))
            .collect();
        Ok(Self {
            root: root.to_owned(),
            files,
            metadata: metadata(root)?,
            cargo_warnings: cargo_warnings(root)?,
        })
    }

    /// The Rust files.
    pub(crate) fn rust(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.files
            .iter()
            .filter(|(path, _)| path.extension().is_some_and(|extension| extension == "rs"))
            .map(|(path, text)| (path.as_path(), text.as_str()))
    }

    /// A path of cargo's as one of the repository.
    pub(crate) fn relative(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).unwrap_or(path).to_owned()
    }
}

fn metadata(root: &Path) -> Result<Metadata, String> {
    let mut command = MetadataCommand::new();
    // Nothing here needs the dependencies of others, so nothing is fetched.
    command.manifest_path(root.join("Cargo.toml")).no_deps();
    command.exec().map_err(|error| format!("cargo metadata: {error}"))
}

/// `cargo metadata` keeps the warnings about manifests to itself; `fetch` prints them, also where it then fails
/// because a crate of some other platform is not there.
fn cargo_warnings(root: &Path) -> Result<String, String> {
    let output = Command::new("cargo")
        .args(["fetch", "--offline"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("run cargo fetch: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A repository of the given files, each `(path, text)`, with a workspace over `crates/*`.
    pub(crate) fn small(files: &[(&str, &str)]) -> (tempfile::TempDir, Tree) {
        let folder = tempfile::tempdir().unwrap();
        // The system's folder for temporary files may be reached through a link; cargo names the real one.
        let root = folder.path().canonicalize().unwrap();
        let members = if files.iter().any(|(path, _)| path.starts_with("crates/")) {
            "\"crates/*\""
        } else {
            ""
        };
        let workspace = format!("[workspace]\nresolver = \"3\"\nmembers = [{members}]\n");
        for (path, text) in std::iter::once(&("Cargo.toml", workspace.as_str())).chain(files) {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        assert!(
            Command::new("git")
                .args(["init", "-q"])
                .current_dir(&root)
                .status()
                .unwrap()
                .success()
        );
        let tree = Tree::read(&root).unwrap();
        (folder, tree)
    }

    /// The manifest of a crate.
    pub(crate) fn manifest(name: &str, rest: &str) -> String {
        format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{rest}")
    }

    #[test]
    fn ignored_files_are_not_read() {
        let (_folder, tree) = small(&[
            (".gitignore", "/target\n"),
            ("target/x.rs", ""),
            ("crates/a/Cargo.toml", &manifest("a", "")),
            ("crates/a/src/lib.rs", "//! A.\n"),
        ]);
        let rust: Vec<_> = tree.rust().map(|(path, _)| path.to_owned()).collect();
        assert_eq!(rust, [PathBuf::from("crates/a/src/lib.rs")]);
        assert_eq!(tree.relative(&tree.root.join("x")), PathBuf::from("x"));
    }
}
