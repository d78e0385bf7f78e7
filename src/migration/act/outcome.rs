//! What became of each action: values, for the report and the log.

use crate::context::Context;
use crate::write::{WriteError, WriteSite};
use vpccni_core::migration::{Action, PodRef};
use vpccni_core::ports::{CloudError, CloudErrorKind};

/// The category of what AWS denied: it halts a migration, other than what RBAC denies.
const AWS_DENIED: &str = "aws_denied";

/// A pod that a budget keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BlockedPod {
    pub(crate) pod: PodRef,
    /// The PodDisruptionBudget, where the API server names one; it is in the namespace of the pod.
    pub(crate) budget: Option<String>,
    /// What the API server said.
    pub(crate) message: String,
}

/// What became of the evictions of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Evictions {
    /// Accepted: the pods are leaving.
    pub(crate) accepted: u32,
    /// Not asked for: the pods are gone, leaving already, or must not be moved any more.
    pub(crate) moot: u32,
    /// Refused for a budget.
    pub(crate) blocked: Vec<BlockedPod>,
    /// Failed otherwise, with the reason.
    pub(crate) failed: Vec<(PodRef, String)>,
}

/// What became of one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is done.
    Done,
    /// It was so already, and nothing was written.
    Unchanged,
    /// It was begun, and goes on beside the rounds.
    UnderWay,
    /// Pods were asked to leave.
    Evicted(Evictions),
    /// What it rests on is no longer so: nothing was done, and the next round decides anew.
    Dropped(String),
    /// It failed and had no effect.
    Failed {
        /// A bounded label for metrics and conditions.
        category: &'static str,
        /// What is known.
        message: String,
    },
    /// No answer: it may be done or not, and the next round sees which.
    Unknown(String),
    /// Carried out by somebody else: the policy controller.
    Elsewhere,
}

/// One outcome for each action, in the order of the actions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outcomes {
    pub(crate) steps: Vec<(Action, Outcome)>,
}

impl Outcomes {
    /// What failed, or may have, in sentences.
    pub(crate) fn failures(&self) -> Vec<String> {
        let failed = self.steps.iter().filter_map(|(action, outcome)| match outcome {
            Outcome::Failed { message, .. } | Outcome::Unknown(message) => {
                Some(format!("{}: {message}", action.kind))
            }
            _ => None,
        });
        failed.collect()
    }

    /// Every pod that a budget keeps.
    pub(crate) fn blocked(&self) -> impl Iterator<Item = &BlockedPod> {
        self.steps.iter().flat_map(|(_, outcome)| match outcome {
            Outcome::Evicted(evictions) => evictions.blocked.as_slice(),
            _ => &[],
        })
    }

    /// What AWS denied, in its words.
    pub(crate) fn denied(&self) -> Option<&str> {
        self.steps.iter().find_map(|(_, outcome)| match outcome {
            Outcome::Failed {
                category: AWS_DENIED,
                message,
            } => Some(message.as_str()),
            _ => None,
        })
    }
}

/// Why an action was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum ActError {
    /// What it rests on could not be read.
    #[error("failed to read {what}: {message}")]
    Read {
        /// The object.
        what: String,
        /// What is known.
        message: String,
    },
    /// A write failed.
    #[error(transparent)]
    Write(Box<WriteError>),
    /// A question to AWS failed.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// What it rests on is no longer so.
    #[error("{0}")]
    Moved(String),
    /// It cannot be done: somebody has to change something.
    #[error("{0}")]
    Refused(String),
}

impl From<WriteError> for ActError {
    fn from(error: WriteError) -> Self {
        Self::Write(Box::new(error))
    }
}

impl ActError {
    pub(super) fn moved(why: impl Into<String>) -> Self {
        Self::Moved(why.into())
    }

    pub(super) fn refused(why: impl Into<String>) -> Self {
        Self::Refused(why.into())
    }
}

/// It was so already: nothing is written, and that is counted.
pub(super) fn unchanged(ctx: &Context, site: WriteSite) -> Outcome {
    ctx.writer.unchanged(site);
    Outcome::Unchanged
}

/// What an action came to.
pub(super) type Acted = Result<Outcome, ActError>;

impl Outcome {
    fn of_write(error: &WriteError, message: String) -> Self {
        match error {
            WriteError::Conflict { .. } | WriteError::AlreadyExists { .. } | WriteError::NotFound { .. } => {
                Self::Dropped(message)
            }
            error if error.effect_unknown() => Self::Unknown(message),
            WriteError::Denied { target, .. } if target.is_outside() => Self::Failed {
                category: AWS_DENIED,
                message,
            },
            error => Self::Failed {
                category: error.category(),
                message,
            },
        }
    }
}

impl From<Acted> for Outcome {
    fn from(acted: Acted) -> Self {
        let error = match acted {
            Ok(outcome) => return outcome,
            Err(error) => error,
        };
        let message = error.to_string();
        match &error {
            ActError::Moved(_) => Self::Dropped(message),
            ActError::Write(error) => Self::of_write(error, message),
            ActError::Cloud(error) if error.kind == CloudErrorKind::Denied => Self::Failed {
                category: AWS_DENIED,
                message,
            },
            ActError::Cloud(error) => Self::Failed {
                category: error.category(),
                message,
            },
            ActError::Read { .. } => Self::Failed {
                category: "not_read",
                message,
            },
            ActError::Refused(_) => Self::Failed {
                category: "refused",
                message,
            },
        }
    }
}
