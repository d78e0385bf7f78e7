//! Building programs from their Go modules into the cache.
//!
//! Safe against two builders at once: one holds the lock of the suite, the other waits and then finds the programs
//! there. A program appears in the cache by a rename, so what is there is whole.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use nix::fcntl::{Flock, FlockArg};

use super::search::folder_of;
use super::{Program, Suite, ToolError};

/// How much of the compiler's output an error carries.
const OUTPUT_LINES: usize = 30;

/// Builds what the cache lacks, and returns the paths of all that is wanted.
pub(super) fn build(
    cache: &Path,
    suite: Suite,
    wanted: &[Program],
    progress: &mut dyn FnMut(&str),
) -> Result<BTreeMap<Program, PathBuf>, ToolError> {
    let folder = folder_of(cache, suite);
    fs::create_dir_all(&folder).map_err(file_error("create", &folder))?;
    let _held = lock(
        &cache.join(format!("{}-{}.lock", suite.name(), suite.version())),
        suite,
        progress,
    )?;
    wanted
        .iter()
        .map(|program| {
            let path = folder.join(program.name());
            if !path.is_file() {
                build_one(*program, &folder, &path, progress)?;
            }
            Ok((*program, path))
        })
        .collect()
}

fn lock(path: &Path, suite: Suite, progress: &mut dyn FnMut(&str)) -> Result<Flock<File>, ToolError> {
    let file = File::create(path).map_err(file_error("create", path))?;
    let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(held) => return Ok(held),
        Err((file, _)) => file,
    };
    progress(&format!("another process builds {suite}: waiting for it"));
    Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| ToolError::File {
        action: "lock",
        path: path.to_owned(),
        source: errno.into(),
    })
}

fn build_one(
    program: Program,
    folder: &Path,
    path: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<(), ToolError> {
    let suite = program.suite();
    progress(&format!(
        "building {program} {} from source; once, it takes minutes",
        suite.version()
    ));
    let begun = Instant::now();
    let temp = tempfile::Builder::new()
        .prefix(".build-")
        .tempdir_in(folder)
        .map_err(file_error("create a folder in", folder))?;
    let made = temp.path().join(program.name());
    let output = Command::new("go")
        .args(["build", "-trimpath", "-ldflags", suite.linker_flags(), "-o"])
        .arg(&made)
        .arg(program.package())
        .current_dir(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tools")
                .join(suite.name()),
        )
        // Static, so that a C compiler is not needed; no workspace of the user's may change the versions.
        .envs([
            ("CGO_ENABLED", "0"),
            ("GOWORK", "off"),
            ("GOFLAGS", "-mod=readonly"),
        ])
        .output()
        .map_err(|error| go_error(suite, error))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = text.lines().collect();
        let output_tail = lines[lines.len().saturating_sub(OUTPUT_LINES)..].join("\n");
        return Err(ToolError::GoFailed {
            program,
            status: output.status,
            output: output_tail,
        });
    }
    fs::rename(&made, path).map_err(file_error("rename into place", path))?;
    progress(&format!("built {program} in {} s", begun.elapsed().as_secs()));
    Ok(())
}

fn go_error(suite: Suite, source: io::Error) -> ToolError {
    if source.kind() == io::ErrorKind::NotFound {
        return ToolError::GoMissing { suite };
    }
    ToolError::File {
        action: "run",
        path: PathBuf::from("go"),
        source,
    }
}

fn file_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ToolError {
    let path = path.to_owned();
    move |source| ToolError::File { action, path, source }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_second_builder_waits_and_finds_the_program() {
        let cache = tempfile::tempdir().unwrap();
        let folder = folder_of(cache.path(), Suite::Helm);
        fs::create_dir_all(&folder).unwrap();
        let lock_path = cache.path().join(format!("helm-{}.lock", Suite::Helm.version()));
        let first = lock(&lock_path, Suite::Helm, &mut |_| {}).unwrap();
        let second = thread::spawn({
            let cache = cache.path().to_owned();
            move || {
                let mut lines = Vec::new();
                let built = build(&cache, Suite::Helm, &[Program::Helm], &mut |line| {
                    lines.push(line.to_owned());
                });
                (built.unwrap(), lines)
            }
        });
        thread::sleep(Duration::from_millis(50));
        assert!(!second.is_finished(), "the second builder did not wait");
        fs::write(folder.join("helm"), "built by the first").unwrap();
        drop(first);
        let (built, lines) = second.join().unwrap();
        assert_eq!(built[&Program::Helm], folder.join("helm"));
        assert!(lines.iter().all(|line| line.contains("waiting")), "{lines:?}");
    }

    #[test]
    fn a_missing_go_says_how_to_get_it() {
        let error = go_error(Suite::Kubernetes, io::ErrorKind::NotFound.into());
        assert!(error.to_string().contains("https://go.dev/dl"), "{error}");
    }
}
