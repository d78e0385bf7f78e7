//! Why the process ends.

use std::time::Duration;

/// A task that ended as it should not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// It ended without an error before anybody asked for it.
    #[error("{task} ended before the shutdown")]
    EndedEarly {
        /// Its name.
        task: &'static str,
    },
    /// It failed.
    #[error("{task} failed: {message}")]
    Failed {
        /// Its name.
        task: &'static str,
        /// Why.
        message: String,
    },
    /// It panicked.
    #[error("a task panicked: {message}")]
    Panicked {
        /// What is known.
        message: String,
    },
    /// Tasks did not end in time after the shutdown had begun.
    #[error("{left} tasks did not end within {} s", .grace.as_secs())]
    Hung {
        /// How many.
        left: usize,
        /// How long they had.
        grace: Duration,
    },
}

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
