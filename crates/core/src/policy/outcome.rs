//! What a report is made from besides the plan: what came of the steps, and what other parts of the operator found.

/// What came of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was done and the answer said so.
    Done,
    /// It was not done.
    Failed {
        /// A bounded word for the reason.
        category: &'static str,
        /// What was tried and what was answered.
        message: String,
    },
    /// No answer came: it may have been done.
    Unknown {
        /// What was tried.
        message: String,
    },
    /// It was not tried because an earlier step failed.
    Skipped,
}

/// What came of the steps, one for each, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// One for each step.
    pub steps: Vec<Outcome>,
}

impl Outcomes {
    /// The first failure, if any.
    pub fn failure(&self) -> Option<(&'static str, &str)> {
        self.steps.iter().find_map(|outcome| match outcome {
            Outcome::Failed { category, message } => Some((*category, message.as_str())),
            Outcome::Unknown { message } => Some(("timed_out", message.as_str())),
            Outcome::Done | Outcome::Skipped => None,
        })
    }

    /// Whether every step was done.
    pub fn all_done(&self) -> bool {
        self.steps.iter().all(|outcome| *outcome == Outcome::Done)
    }

    /// Whether the effect of a step is not known.
    pub fn any_unknown(&self) -> bool {
        self.steps
            .iter()
            .any(|outcome| matches!(outcome, Outcome::Unknown { .. }))
    }
}

/// What the cloud said of itself in the last inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloudView {
    /// Everything was read.
    Observed(String),
    /// Not everything: a reason as one word, and what could not be checked.
    Partly(&'static str, String),
}

/// What the ENIConfig controller found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EniConfigsView {
    /// Custom networking is off and no ENIConfigs are wanted.
    NotUsed,
    /// All are valid: how many.
    Valid(usize),
    /// These are not, each with its reason.
    Invalid(Vec<String>),
    /// It could not be checked.
    Unknown(String),
}
