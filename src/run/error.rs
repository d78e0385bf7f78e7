//! Why the process ends.

use std::time::Duration;
use vpccni_telemetry::supervisor::TaskError;

/// Why the process ends with an error.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Neither a service account nor a kubeconfig.
    #[error("failed to find out how to reach the API server: {0}")]
    Config(#[source] kube::config::InferConfigError),
    /// What was found cannot be used.
    #[error("failed to make a client of the API server: {0}")]
    Client(#[source] kube::Error),
    /// The admin server cannot listen.
    #[error(transparent)]
    Admin(vpccni_telemetry::admin::AdminError),
    /// Signals cannot be listened for.
    #[error(transparent)]
    Signals(vpccni_telemetry::signals::SignalError),
    /// A task ended as it should not.
    #[error(transparent)]
    Task(TaskError),
    /// Not everything was released; what was not is in the log and here.
    #[error("failed to release: {0}")]
    Release(String),
    /// The Lease was not come by in time.
    #[error("failed to seize the lease within {} s", .0.as_secs())]
    LeaseNotSeized(Duration),
}
