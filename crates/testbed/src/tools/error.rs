//! What can go wrong while the programs are found or built. Each message says how to help oneself.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use super::{Program, Suite};

/// A program of the control plane could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// There is no place for the cache.
    #[error("no cache folder: set XDG_CACHE_HOME or HOME")]
    NoCacheFolder,
    /// The Go tool is missing.
    #[error(
        "{suite} is neither in KUBEBUILDER_ASSETS nor in PATH, and Go, which builds it, is missing: install Go 1.26 \
         or later from https://go.dev/dl and see that `go` is in PATH"
    )]
    GoMissing {
        /// What would have been built.
        suite: Suite,
    },
    /// `go build` failed.
    #[error("go build of {program} ended with {status}:\n{output}")]
    GoFailed {
        /// What was built.
        program: Program,
        /// How it ended.
        status: ExitStatus,
        /// Its last lines.
        output: String,
    },
    /// A file operation in the cache failed.
    #[error("{action} {path}: {source}", path = path.display())]
    File {
        /// What was done.
        action: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The program was not in the list given to `Toolbox::ready`.
    #[error("{program} was not asked for when the tools were made ready")]
    NotAskedFor {
        /// Which one.
        program: Program,
    },
}
