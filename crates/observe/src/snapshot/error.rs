//! What can go wrong with a snapshot.

use crate::stores::Kind;

/// Why no snapshot could be taken.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// A kind could not be listed.
    #[error("failed to list {0}: {1}")]
    List(Kind, #[source] kube::Error),
    /// A list could not be asked for.
    #[error("failed to ask for {0}: {1}")]
    Request(Kind, #[source] kube::core::request::Error),
    /// The policy in the cluster cannot be read.
    #[error("the CniPolicy of the cluster cannot be read: {0}")]
    Policy(String),
    /// The policy cannot be followed, so nothing can be looked up for it.
    #[error("the CniPolicy cannot be followed: {0}")]
    Intent(#[source] crate::policy::IntentError),
}

/// Why a file is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Not what was written.
    #[error("it is not a snapshot of `kubectl vpc-cni snapshot`: {0}")]
    Format(#[source] serde_json::Error),
    /// Another version.
    #[error(
        "its version is {found}, and this program reads version {known}; take a new one with `kubectl vpc-cni snapshot`"
    )]
    Version {
        /// What it says.
        found: u64,
        /// What is read.
        known: u64,
    },
    /// It cannot be written.
    #[error("failed to write it as JSON: {0}")]
    Write(#[source] serde_json::Error),
    /// The policy in it cannot be read.
    #[error("the CniPolicy in it cannot be read: {0}")]
    Policy(String),
}
