//! The Python environment of the sandbox's comparisons: boto3, botocore and moto at fixed versions, in the cache.
//!
//! Made once for each list of packages and each Python; safe against two makers at once. An environment cannot be moved
//! to its place by a rename, because it knows where it is: a file that is written last says that it is whole.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nix::fcntl::{Flock, FlockArg};

use crate::tools::{Search, ToolError};

/// The list of packages, as it is in the sandbox's folder.
const REQUIREMENTS: &str = include_str!("../../sandbox/python/requirements.txt");

/// Written when the environment is whole.
const WHOLE: &str = "whole";

/// How much of pip's output an error carries.
const OUTPUT_LINES: usize = 15;

/// An environment that is there.
#[derive(Debug, Clone)]
pub struct Python {
    interpreter: PathBuf,
}

/// The environment could not be had.
#[derive(Debug, thiserror::Error)]
pub enum PythonError {
    /// There is no Python: what needs it is skipped.
    #[error("python3 is missing: install Python 3.10 or later and see that `python3` is in PATH")]
    Missing,
    /// Python came without the module that makes environments, as Debian's does: what needs it is skipped.
    #[error(
        "python3 cannot make environments: install its module venv (Debian: apt-get install python3-venv)"
    )]
    NoVenv,
    /// There is no place for the cache.
    #[error(transparent)]
    Cache(ToolError),
    /// A step of making it failed.
    #[error("{step} ended with {status}:\n{output}")]
    Failed {
        /// What was run.
        step: &'static str,
        /// How it ended.
        status: std::process::ExitStatus,
        /// Its last lines.
        output: String,
    },
    /// A file operation failed.
    #[error("{action} {path}: {source}", path = path.display())]
    File {
        /// What was done.
        action: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl PythonError {
    /// Whether this machine simply has no Python for it: then a test is skipped, not failed.
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::Missing | Self::NoVenv)
    }
}

impl Python {
    /// Finds the environment or makes it, which takes half a minute; `progress` gets one line for each step.
    pub fn ready(progress: &mut dyn FnMut(&str)) -> Result<Self, PythonError> {
        let search = Search::from_env().map_err(PythonError::Cache)?;
        Self::ready_in(search.cache(), "python3", progress)
    }

    /// The same with a cache and a Python of one's own.
    pub fn ready_in(cache: &Path, python: &str, progress: &mut dyn FnMut(&str)) -> Result<Self, PythonError> {
        let version = version_of(python)?;
        let name = format!("python-{:016x}", key(&version, REQUIREMENTS));
        let folder = cache.join(&name);
        fs::create_dir_all(cache).map_err(file_error("create", cache))?;
        let _held = lock(&cache.join(format!("{name}.lock")), progress)?;
        if !folder.join(WHOLE).is_file() {
            progress(&format!("making the Python environment {}", folder.display()));
            make(python, &folder)?;
        }
        Ok(Self {
            interpreter: folder.join("bin").join("python"),
        })
    }

    /// Its interpreter.
    pub fn interpreter(&self) -> &Path {
        &self.interpreter
    }
}

fn version_of(python: &str) -> Result<String, PythonError> {
    match Command::new(python).arg("--version").output() {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        }
        Ok(_) => Err(PythonError::Missing),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(PythonError::Missing),
        Err(error) => Err(file_error("run", Path::new(python))(error)),
    }
}

/// What the environment depends on. The hash need not be the same in another build: then it is made once more.
fn key(version: &str, requirements: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (version, requirements).hash(&mut hasher);
    hasher.finish()
}

fn lock(path: &Path, progress: &mut dyn FnMut(&str)) -> Result<Flock<File>, PythonError> {
    let file = File::create(path).map_err(file_error("create", path))?;
    let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(held) => return Ok(held),
        Err((file, _)) => file,
    };
    progress("another process makes the Python environment: waiting for it");
    Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| file_error("lock", path)(errno.into()))
}

fn make(python: &str, folder: &Path) -> Result<(), PythonError> {
    if folder.exists() {
        // What a maker that was killed left behind.
        fs::remove_dir_all(folder).map_err(file_error("remove", folder))?;
    }
    let made = Command::new(python)
        .args(["-m", "venv"])
        .arg(folder)
        .output()
        .map_err(file_error("run", Path::new(python)))?;
    if !made.status.success() {
        let text = lines_of(&made);
        let absent = text.contains("ensurepip") || text.contains("No module named venv");
        return Err(if absent {
            PythonError::NoVenv
        } else {
            failed("python3 -m venv", &made)
        });
    }
    let list = folder.join("requirements.txt");
    fs::write(&list, REQUIREMENTS).map_err(file_error("write", &list))?;
    let interpreter = folder.join("bin").join("python");
    let installed = Command::new(&interpreter)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "-r",
        ])
        .arg(&list)
        .output()
        .map_err(file_error("run", &interpreter))?;
    if !installed.status.success() {
        return Err(failed("pip install", &installed));
    }
    let whole = folder.join(WHOLE);
    fs::write(&whole, "").map_err(file_error("write", &whole))
}

fn failed(step: &'static str, output: &Output) -> PythonError {
    PythonError::Failed {
        step,
        status: output.status,
        output: lines_of(output),
    }
}

fn lines_of(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(OUTPUT_LINES)..].join("\n")
}

fn file_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PythonError {
    let path = path.to_owned();
    move |source| PythonError::File { action, path, source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_machine_without_python_is_told_how_to_get_it() {
        let cache = tempfile::tempdir().unwrap();
        let error = Python::ready_in(cache.path(), "no-such-python", &mut |_| {}).unwrap_err();
        assert!(error.is_absence(), "{error}");
        assert!(error.to_string().contains("install Python"), "{error}");
    }

    #[test]
    fn a_python_without_venv_is_an_absence_too() {
        let cache = tempfile::tempdir().unwrap();
        let python = cache.path().join("python3");
        fs::write(
            &python,
            "#!/bin/sh\n[ \"$1\" = --version ] && { echo Python 3.11.2; exit 0; }\necho ensurepip is not available\nexit 1\n",
        )
        .unwrap();
        fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
        let error = Python::ready_in(cache.path(), &python.to_string_lossy(), &mut |_| {}).unwrap_err();
        assert!(matches!(error, PythonError::NoVenv), "{error}");
    }

    #[test]
    fn every_package_has_one_version() {
        for line in REQUIREMENTS.lines().filter(|line| !line.starts_with('#')) {
            let (name, version) = line.split_once("==").unwrap();
            assert!(!name.is_empty() && version.contains('.'), "{line}");
        }
        assert_ne!(
            key("Python 3.11.2", REQUIREMENTS),
            key("Python 3.12.1", REQUIREMENTS)
        );
    }
}
