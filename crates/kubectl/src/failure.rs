//! What can go wrong, and what to do about it.

use std::path::PathBuf;
use vpccni_observe::snapshot::{SnapshotError, TakeError};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The kubeconfig cannot be used.
    #[error("the kubeconfig cannot be used: {0}")]
    Kubeconfig(#[source] kube::config::KubeconfigError),
    /// There is no configuration at all.
    #[error("failed to find a cluster: {0}")]
    NoCluster(#[source] kube::config::InferConfigError),
    /// The client cannot be made.
    #[error("failed to make a client: {0}")]
    Client(#[source] kube::Error),
    /// The cluster could not be looked at.
    #[error("{0}")]
    Take(#[source] TakeError),
    /// An object could not be read or written.
    #[error("failed to {call} {object}: {source}")]
    Object {
        /// What was tried.
        call: &'static str,
        /// On what.
        object: String,
        /// What was answered.
        source: kube::Error,
    },
    /// A file could not be read.
    #[error("failed to read {}: {source}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("failed to write {}: {source}", .path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The answer could not be written.
    #[error("failed to write the answer: {0}")]
    Output(#[source] std::io::Error),
    /// A file is no snapshot.
    #[error("{} cannot be used: {source}", .path.display())]
    Snapshot {
        /// Which.
        path: PathBuf,
        /// Why.
        source: SnapshotError,
    },
    /// A file has no policy that can be followed.
    #[error("{} cannot be used: {why}", .path.display())]
    PolicyFile {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The API server would not take the policy.
    #[error("the API server refuses the policy: {0}")]
    Refused(String),
    /// The policy cannot be followed.
    #[error("the CniPolicy cannot be followed: {0}")]
    Intent(#[source] vpccni_observe::policy::IntentError),
    /// There is nothing to plan for.
    #[error("there is no DaemonSet {0} with a container aws-node")]
    NoTarget(String),
    /// What was asked for is not there.
    #[error("{what}")]
    NotFound {
        /// What is not there.
        what: String,
        /// What to do.
        hint: String,
    },
    /// The person said no, or nobody could be asked.
    #[error("nothing was changed: {0}")]
    NotConfirmed(String),
    /// What was waited for did not come.
    #[error("{what}")]
    TimedOut {
        /// What did not come.
        what: String,
        /// What to do.
        hint: String,
    },
}

impl Failure {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Kubeconfig(_) | Self::NoCluster(_) => {
                "name a file with --kubeconfig or KUBECONFIG, and a context of it with --context; \
                 `kubectl config get-contexts` lists them"
                    .to_owned()
            }
            Self::Client(_) => "check the user and the certificates in your kubeconfig".to_owned(),
            Self::Take(TakeError::List(_, error)) | Self::Object { source: error, .. } => of_api(error)?,
            Self::Take(TakeError::Policy(_) | TakeError::Intent(_)) | Self::Intent(_) => {
                "correct the policy: docs/reference/api.md lists its fields".to_owned()
            }
            Self::Refused(_) => {
                "correct the field it names: docs/reference/api.md lists fields and rules".to_owned()
            }
            Self::PolicyFile { .. } => "docs/reference/api.md lists the fields of a CniPolicy".to_owned(),
            Self::NoTarget(_) => {
                "name the DaemonSet in spec.target.daemonSet, or check the context with --context".to_owned()
            }
            Self::NotFound { hint, .. } | Self::TimedOut { hint, .. } => hint.clone(),
            Self::NotConfirmed(_) => "--yes asks nothing".to_owned(),
            Self::Take(TakeError::Request(..))
            | Self::Read { .. }
            | Self::Write { .. }
            | Self::Output(_)
            | Self::Snapshot { .. } => return None,
        })
    }

    /// A failed call on an object.
    pub(crate) fn object(call: &'static str, object: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let object = object.into();
        move |source| Self::Object { call, object, source }
    }
}

fn of_api(error: &kube::Error) -> Option<String> {
    Some(match error {
        kube::Error::Api(status) if status.code == 401 => {
            "your credentials are not accepted; log in again, or choose another context with --context"
                .to_owned()
        }
        kube::Error::Api(status) if status.code == 403 => {
            "somebody with the right has to grant it; docs/reference/kubectl.md has a ClusterRole for it"
                .to_owned()
        }
        kube::Error::Api(status) if status.code == 404 => {
            "is the operator installed? docs/guides/install.md tells how".to_owned()
        }
        kube::Error::Api(_) => return None,
        _ => {
            "is the cluster reachable? `kubectl version` asks the same API server; --request-timeout changes \
              how long is waited"
                .to_owned()
        }
    })
}
