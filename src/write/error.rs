//! Failed writes, sorted once by what the caller can do.

use crate::write::{Target, WriteSite};
use kube::core::Status;
use std::time::Duration;
use vpccni_core::policy::Outcome;
use vpccni_core::ports::{CloudError, CloudErrorKind};

/// A write that failed, or whose effect is unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// Somebody else wrote first, or owns the field: read again and decide again.
    #[error("failed to write {target}: conflict: {message}")]
    Conflict {
        /// What was written.
        target: Target,
        /// What the API server said; for server-side apply it names managers and fields.
        message: String,
        /// The fields in conflict and what was said of each, where the API server tells them.
        fields: Vec<(String, String)>,
    },
    /// Created by somebody else since it was looked for.
    #[error("failed to create {target}: it exists already")]
    AlreadyExists {
        /// What was to be created.
        target: Target,
    },
    /// The object, its namespace or its kind does not exist.
    #[error("failed to write {target}: not found: {message}")]
    NotFound {
        /// What was written.
        target: Target,
        /// What the API server said.
        message: String,
    },
    /// RBAC or an admission policy forbids it: the message names verb and resource, or the policy.
    #[error("failed to write {target}: denied: {message}")]
    Denied {
        /// What was written.
        target: Target,
        /// What the API server said.
        message: String,
    },
    /// The object is not valid: a mistake of ours, or of the configuration.
    #[error("failed to write {target}: invalid: {message}")]
    Invalid {
        /// What was written.
        target: Target,
        /// What the API server said.
        message: String,
    },
    /// A PodDisruptionBudget does not allow an eviction now.
    #[error("failed to evict {target}: {message}")]
    Blocked {
        /// The pod.
        target: Target,
        /// The budget, where the API server names it.
        budget: Option<String>,
        /// What the API server said.
        message: String,
    },
    /// Too many requests: write less.
    #[error("failed to write {target}: throttled{}", after(*.retry_after))]
    Throttled {
        /// What was written.
        target: Target,
        /// How long the API server asks to wait, where it says so.
        retry_after: Option<Duration>,
    },
    /// No answer in time: the effect is unknown, so read before writing again.
    #[error("failed to write {target}: no answer in time, the effect is unknown")]
    TimedOut {
        /// What was written.
        target: Target,
    },
    /// The API server was not reached, or the connection broke: the effect is unknown.
    #[error("failed to write {target}: the API server was not reached: {message}")]
    Unreachable {
        /// What was written.
        target: Target,
        /// What the transport said.
        message: String,
    },
    /// This process does not lead now, so it may not write.
    #[error("refused to write at {}: this process is not the leader", .site.name())]
    NotLeader {
        /// Where the write was tried.
        site: WriteSite,
    },
    /// The API server failed, or answered what we cannot read: try again.
    #[error("failed to write {target}: {message}")]
    Other {
        /// What was written.
        target: Target,
        /// What is known.
        message: String,
    },
}

/// How AWS says that another change is under way: of EKS, and two of Auto Scaling.
const BUSY: [&str; 3] = [
    "ResourceInUseException",
    "ScalingActivityInProgress",
    "ResourceContention",
];

impl WriteError {
    /// A bounded label for metrics and conditions.
    pub fn category(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "conflict",
            Self::AlreadyExists { .. } => "already_exists",
            Self::NotFound { .. } => "not_found",
            Self::Denied { .. } => "denied",
            Self::Invalid { .. } => "invalid",
            Self::Blocked { .. } => "blocked",
            Self::Throttled { .. } => "throttled",
            Self::TimedOut { .. } => "timed_out",
            Self::Unreachable { .. } => "unreachable",
            Self::NotLeader { .. } => "not_leader",
            Self::Other { .. } => "other",
        }
    }

    /// Whether the write may have happened all the same.
    pub fn effect_unknown(&self) -> bool {
        matches!(
            self,
            Self::TimedOut { .. } | Self::Unreachable { .. } | Self::Other { .. }
        )
    }

    /// Sorts what the client reports about a write to `target`.
    pub(crate) fn from_client(target: &Target, error: kube::Error) -> Self {
        let target = target.clone();
        match error {
            kube::Error::Api(status) => Self::from_status(target, *status),
            kube::Error::Service(source) => Self::Unreachable {
                target,
                message: chain(source.as_ref()),
            },
            kube::Error::HyperError(source) => Self::Unreachable {
                target,
                message: chain(&source),
            },
            kube::Error::ReadEvents(source) => Self::Unreachable {
                target,
                message: chain(&source),
            },
            kube::Error::Auth(source) => Self::Denied {
                target,
                message: format!("no credentials for the API server: {}", chain(&source)),
            },
            other => Self::Other {
                target,
                message: chain(&other),
            },
        }
    }

    /// Sorts what another API reports about a write to `target`.
    pub(crate) fn from_cloud(target: &Target, error: CloudError) -> Self {
        let target = target.clone();
        let CloudError {
            kind,
            action: _,
            code,
            message,
        } = error;
        let message = format!("{code}: {message}");
        match kind {
            // Another change is under way.
            _ if BUSY.contains(&code.as_str()) => Self::Conflict {
                target,
                message,
                fields: Vec::new(),
            },
            CloudErrorKind::Denied => Self::Denied { target, message },
            CloudErrorKind::Throttled => Self::Throttled {
                target,
                retry_after: None,
            },
            CloudErrorKind::TimedOut => Self::TimedOut { target },
            CloudErrorKind::Unreachable => Self::Unreachable { target, message },
            CloudErrorKind::NotFound => Self::NotFound { target, message },
            CloudErrorKind::Invalid => Self::Invalid { target, message },
            CloudErrorKind::Internal => Self::Other { target, message },
        }
    }

    fn from_status(target: Target, status: Status) -> Self {
        if let Some((budget, message)) = blocking_budget(&status) {
            return Self::Blocked {
                target,
                budget,
                message,
            };
        }
        let Status {
            code,
            message,
            reason,
            details,
            ..
        } = status;
        let retry_after = details
            .as_ref()
            .filter(|details| details.retry_after_seconds > 0)
            .map(|details| Duration::from_secs(u64::from(details.retry_after_seconds)));
        match code {
            401 | 403 => Self::Denied { target, message },
            404 | 410 => Self::NotFound { target, message },
            409 if reason == "AlreadyExists" => Self::AlreadyExists { target },
            409 => {
                let causes = details.map(|details| details.causes).unwrap_or_default();
                let fields = causes
                    .into_iter()
                    .map(|cause| (cause.field, cause.message))
                    .collect();
                Self::Conflict {
                    target,
                    message,
                    fields,
                }
            }
            400 | 405 | 406 | 413 | 415 | 422 => Self::Invalid { target, message },
            429 => Self::Throttled { target, retry_after },
            408 | 504 => Self::TimedOut { target },
            502 | 503 => Self::Unreachable { target, message },
            _ => Self::Other {
                target,
                message: format!("{code} {reason}: {message}"),
            },
        }
    }
}

/// The budget that refuses an eviction, and what is said of it. A pod with two budgets is refused with an error of the
/// server that names none.
fn blocking_budget(status: &Status) -> Option<(Option<String>, String)> {
    const CAUSE: &str = "DisruptionBudget";
    const NAMED: &str = "The disruption budget ";
    if status.code == 500 && status.message.contains("more than one PodDisruptionBudget") {
        return Some((None, status.message.clone()));
    }
    let causes = &status.details.as_ref().filter(|_| status.code == 429)?.causes;
    let cause = causes.iter().find(|cause| cause.reason == CAUSE)?;
    let name = cause
        .message
        .strip_prefix(NAMED)
        .and_then(|rest| rest.split_whitespace().next());
    Some((
        name.map(str::to_owned),
        format!("{} {}", status.message, cause.message),
    ))
}

fn after(retry_after: Option<Duration>) -> String {
    retry_after
        .map(|wait| format!(", asked to wait {} s", wait.as_secs()))
        .unwrap_or_default()
}

/// An error with its causes: transports say "client error" on top and "connection refused" three levels below.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}

/// What a write came to, as core sees it.
pub(crate) fn outcome_of(result: Result<(), WriteError>) -> Outcome {
    match result {
        Ok(()) => Outcome::Done,
        Err(error) if error.effect_unknown() => Outcome::Unknown {
            message: error.to_string(),
        },
        Err(error) => Outcome::Failed {
            category: error.category(),
            message: error.to_string(),
        },
    }
}
