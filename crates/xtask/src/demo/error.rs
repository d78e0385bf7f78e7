//! Why the demo ended early.

use std::path::PathBuf;

use vpccni_testbed::ToolError;
use vpccni_testbed::boxes::BoxError;
use vpccni_testbed::scene::SceneError;

/// What went wrong. Each says what was being done.
#[derive(Debug, thiserror::Error)]
pub(super) enum DemoError {
    /// A program of the control plane is missing and could not be built.
    #[error("prepare the control plane: {0}")]
    Tools(#[source] ToolError),
    /// The operator did not build.
    #[error("build the operator: {0}")]
    Build(String),
    /// The cluster did not come up.
    #[error("set the scene: {0}")]
    Scene(#[source] SceneError),
    /// The operator could not be started, or did not end in order.
    #[error("{action} {path}: {source}", path = path.display())]
    Operator {
        /// What was done.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A command could not be run at all.
    #[error("run `{command}`: {source}")]
    Shell {
        /// The first line of it.
        command: String,
        /// Why.
        source: std::io::Error,
    },
    /// The nodes in boxes could not be made or used.
    #[error("nodes in boxes: {0}")]
    Boxes(String),
    /// A step did not show what it claims.
    #[error("this should be so and is not: {claim}\n  seen: {seen}")]
    NotShown {
        /// What should be so.
        claim: String,
        /// What was seen last.
        seen: String,
    },
}

impl DemoError {
    /// A claim that does not hold.
    pub(super) fn not_shown(claim: &str, seen: &impl ToString) -> Self {
        Self::NotShown {
            claim: claim.to_owned(),
            seen: seen.to_string(),
        }
    }
}

impl From<BoxError> for DemoError {
    fn from(error: BoxError) -> Self {
        Self::Boxes(error.to_string())
    }
}
