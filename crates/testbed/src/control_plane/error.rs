//! What can go wrong with the control plane.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use crate::tools::{Program, ToolError};
use crate::wait::TimedOut;

/// The control plane did not come up, or a part of it was lost.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A program is missing.
    #[error("the programs of the control plane: {source}")]
    Tools {
        /// Why.
        source: ToolError,
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
    /// No free port.
    #[error("find a free port on 127.0.0.1: {source}")]
    Port {
        /// Why.
        source: io::Error,
    },
    /// The certificates could not be made.
    #[error("make the certificates: {source}")]
    Certificates {
        /// Why.
        source: rcgen::Error,
    },
    /// The program could not be started.
    #[error("start {program}: {source}")]
    Spawn {
        /// Which one.
        program: Program,
        /// Why.
        source: io::Error,
    },
    /// The program ended by itself.
    #[error("{program} ended with {status}; the end of its log:\n{log}")]
    Ended {
        /// Which one.
        program: Program,
        /// How.
        status: ExitStatus,
        /// The tail of its log.
        log: String,
    },
    /// The program runs, but is not ready.
    #[error("{program} is not ready: {source}; the end of its log:\n{log}")]
    NotReady {
        /// Which one.
        program: Program,
        /// What was waited for.
        source: TimedOut,
        /// The tail of its log.
        log: String,
    },
    /// A client could not be made.
    #[error("make a client of the API server: {message}")]
    Client {
        /// Why.
        message: String,
    },
    /// The API server refused a request.
    #[error("{call}: {source}")]
    Api {
        /// The call and its object.
        call: String,
        /// The answer.
        source: Box<kube::Error>,
    },
}

impl StartError {
    /// Whether another process took the port between our look and the start: then a second try helps.
    pub(super) fn is_lost_port(&self) -> bool {
        match self {
            Self::Ended { log, .. } | Self::NotReady { log, .. } => log.contains("address already in use"),
            _ => false,
        }
    }

    pub(super) fn file(action: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }
}
