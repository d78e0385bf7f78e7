//! Looking for programs on this machine. Builds nothing.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Program, Suite, ToolError};

/// Where programs are looked for, in the order of the fields.
#[derive(Debug, Clone)]
pub struct Search {
    assets: Option<PathBuf>,
    cache: PathBuf,
    path: Vec<PathBuf>,
}

impl Search {
    /// What `KUBEBUILDER_ASSETS`, `XDG_CACHE_HOME`, `HOME` and `PATH` say.
    pub fn from_env() -> Result<Self, ToolError> {
        let var = |name: &str| std::env::var_os(name).filter(|value: &OsString| !value.is_empty());
        let cache = var("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| var("HOME").map(|home| PathBuf::from(home).join(".cache")))
            .ok_or(ToolError::NoCacheFolder)?;
        Ok(Self {
            assets: var("KUBEBUILDER_ASSETS").map(PathBuf::from),
            cache: cache.join("vpc-cni-operator").join("tools"),
            path: var("PATH")
                .map(|path| std::env::split_paths(&path).collect())
                .unwrap_or_default(),
        })
    }

    /// A search in given folders.
    pub fn new(assets: Option<PathBuf>, cache: PathBuf, path: Vec<PathBuf>) -> Self {
        Self { assets, cache, path }
    }

    /// The folder of what we built.
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// The programs, which are of one suite, from the first place that has all of them in a version that fits.
    pub(super) fn find(&self, wanted: &[Program]) -> Option<BTreeMap<Program, PathBuf>> {
        let assets = self.assets.iter().cloned().map(|folder| vec![folder]);
        let cache = wanted
            .first()
            .map(|program| vec![folder_of(&self.cache, program.suite())]);
        let places = assets.chain(cache).chain(std::iter::once(self.path.clone()));
        places.into_iter().find_map(|folders| all_of(wanted, &folders))
    }
}

/// The folder of a suite in the cache.
pub(super) fn folder_of(cache: &Path, suite: Suite) -> PathBuf {
    cache.join(built_name(suite))
}

fn built_name(suite: Suite) -> String {
    format!("{}-{}", suite.name(), suite.version())
}

fn all_of(wanted: &[Program], folders: &[PathBuf]) -> Option<BTreeMap<Program, PathBuf>> {
    wanted
        .iter()
        .map(|program| {
            let path = folders
                .iter()
                .map(|folder| folder.join(program.name()))
                .find(|path| path.is_file())?;
            fits(*program, &path).then_some((*program, path))
        })
        .collect()
}

fn fits(program: Program, path: &Path) -> bool {
    let Some(arguments) = program.version_args() else {
        // Its folder in the cache is named after its version.
        return path
            .parent()
            .is_some_and(|folder| folder.ends_with(built_name(program.suite())));
    };
    Command::new(path)
        .args(arguments)
        .output()
        .ok()
        .and_then(|output| version_in(&String::from_utf8_lossy(&output.stdout)))
        .is_some_and(|(major, minor)| {
            let (lowest_major, lowest_minor) = program.suite().lowest();
            major == lowest_major && minor >= lowest_minor
        })
}

/// The first `1.2` or `v1.2` of a text.
fn version_in(text: &str) -> Option<(u32, u32)> {
    text.split_whitespace().find_map(|word| {
        let mut parts = word.trim_start_matches('v').split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn put(folder: &Path, program: Program, says: &str) {
        fs::create_dir_all(folder).unwrap();
        let path = folder.join(program.name());
        fs::write(&path, format!("#!/bin/sh\necho '{says}'\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn reads_what_the_programs_print() {
        for (text, version) in [
            ("Kubernetes v1.35.4", Some((1, 35))),
            ("etcd Version: 3.6.16\nGit SHA: x", Some((3, 6))),
            ("v3.22.0+gabc", Some((3, 22))),
            (
                "Client Version: v1.33.1\nKustomize Version: v5.7.1",
                Some((1, 33)),
            ),
            ("command not found", None),
        ] {
            assert_eq!(version_in(text), version, "{text}");
        }
    }

    #[test]
    fn the_order_is_assets_cache_path() {
        let root = tempfile::tempdir().unwrap();
        let [assets, cache, path] = ["assets", "cache", "path"].map(|name| root.path().join(name));
        let search = Search::new(Some(assets.clone()), cache.clone(), vec![path.clone()]);
        assert_eq!(search.find(&[Program::Helm]), None);
        let cached = folder_of(&cache, Suite::Helm);
        for folder in [&path, &cached, &assets] {
            put(folder, Program::Helm, "v3.22.0");
            assert_eq!(
                search.find(&[Program::Helm]).unwrap()[&Program::Helm],
                folder.join("helm")
            );
        }
    }

    #[test]
    fn an_old_program_is_passed_over() {
        let root = tempfile::tempdir().unwrap();
        let search = Search::new(None, root.path().join("cache"), vec![root.path().to_owned()]);
        put(root.path(), Program::KubeApiserver, "Kubernetes v1.32.9");
        assert_eq!(search.find(&[Program::KubeApiserver]), None);
        put(root.path(), Program::KubeApiserver, "Kubernetes v1.33.0");
        assert!(search.find(&[Program::KubeApiserver]).is_some());
    }

    #[test]
    fn a_suite_comes_from_one_place() {
        let root = tempfile::tempdir().unwrap();
        let [assets, path] = ["assets", "path"].map(|name| root.path().join(name));
        let both = [Program::KubeApiserver, Program::KubeScheduler];
        put(&assets, both[0], "Kubernetes v1.34.0");
        for program in both {
            put(&path, program, "Kubernetes v1.36.0");
        }
        let found = Search::new(Some(assets), root.path().join("cache"), vec![path.clone()])
            .find(&both)
            .unwrap();
        assert!(
            found.values().all(|program| program.starts_with(&path)),
            "{found:?}"
        );
    }
}
