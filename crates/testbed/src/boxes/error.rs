//! Why a node in a box could not be made or used.

use std::path::PathBuf;
use std::process::ExitStatus;

use crate::cloud::CloudError;
use crate::control_plane::StartError;
use crate::wait::TimedOut;

/// A step that failed.
#[derive(Debug, thiserror::Error)]
pub enum BoxError {
    /// The machine lacks what a node in a box needs; a test says so and is skipped.
    #[error("{0}")]
    Missing(String),
    /// The kernel refused.
    #[error("{step}: {source}")]
    Kernel {
        /// What was asked of it.
        step: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file or folder of the box.
    #[error("{action} {path}: {source}")]
    File {
        /// What was tried.
        action: &'static str,
        /// Of which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A program could not be started.
    #[error("start {program}: {source}")]
    Spawn {
        /// Which one.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// A program ended with an error.
    #[error("{program}: {status}: {stderr}")]
    Failed {
        /// The program with its arguments.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        stderr: String,
    },
    /// A program said something else than it should.
    #[error("{program} answered what cannot be read: {reason}")]
    Answer {
        /// Which one.
        program: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The plugin refused, in the words of its error.
    #[error("{command} of {plugin}: code {code}: {message}")]
    Plugin {
        /// The plugin.
        plugin: String,
        /// ADD, DEL and so on.
        command: &'static str,
        /// The code of the specification.
        code: u64,
        /// Its message and details.
        message: String,
    },
    /// The sandbox refused.
    #[error(transparent)]
    Cloud(CloudError),
    /// The sandbox did not start.
    #[error("start the AWS sandbox: {0}")]
    Sandbox(String),
    /// The control plane did.
    #[error(transparent)]
    ControlPlane(StartError),
    /// A call of the API server failed.
    #[error("{call}: {source}")]
    Api {
        /// Which one.
        call: String,
        /// Why.
        source: Box<kube::Error>,
    },
    /// Something did not come in time.
    #[error(transparent)]
    Late(TimedOut),
}

impl BoxError {
    /// Makes an error of the kernel from any of its kinds.
    pub(super) fn kernel<E: Into<std::io::Error>>(step: impl Into<String>) -> impl FnOnce(E) -> Self {
        let step = step.into();
        move |source| Self::Kernel {
            step,
            source: source.into(),
        }
    }

    /// Makes an error of a file.
    pub(super) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}
