//! An approval: an envelope bound to the hash of the change. Plans inside it go ahead, all others wait.

use super::plan::{ChangeHash, MigrationPlan};
use crate::plural::counted;
use jiff::Timestamp;
use std::fmt;

/// Where an approval comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovedBy {
    /// `CniMigration.spec.approval`: a person.
    Person(String),
    /// `CniPolicy.spec.migration.approval`: from Git.
    Policy,
    /// Strategy Automatic.
    Automatic,
}

/// What was approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The change it is for, and no other.
    pub change_hash: ChangeHash,
    /// It covers so many nodes; none is without limit.
    pub max_nodes: Option<u32>,
    /// Nothing is begun at or after this time; none is without limit.
    pub not_after: Option<Timestamp>,
    /// Where it comes from.
    pub by: ApprovedBy,
}

/// Why an approval does not cover a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotCovered {
    /// It is for another change.
    OtherChange {
        /// What was approved.
        approved: ChangeHash,
        /// What is planned.
        planned: ChangeHash,
    },
    /// More nodes than approved.
    TooManyNodes {
        /// What was approved.
        approved: u32,
        /// What is planned.
        planned: u32,
    },
    /// Its time is over.
    Expired {
        /// When it ended.
        at: Timestamp,
    },
}

impl fmt::Display for NotCovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherChange { approved, planned } => {
                write!(
                    f,
                    "the approval is for the change {approved}, and this one is {planned}"
                )
            }
            Self::TooManyNodes { approved, planned } => {
                write!(
                    f,
                    "the approval covers {}, and {planned} are to be replaced",
                    counted(*approved, "node")
                )
            }
            Self::Expired { at } => write!(f, "the approval ended at {at}"),
        }
    }
}

impl Approval {
    /// Whether the plan lies inside. `nodes` counts those already replaced, too: an approval of sixty nodes is used up
    /// by sixty nodes, in how many plans ever.
    pub fn covers(&self, plan: &MigrationPlan, nodes: u32, now: Timestamp) -> Result<(), NotCovered> {
        if self.change_hash != plan.hash {
            return Err(NotCovered::OtherChange {
                approved: self.change_hash.clone(),
                planned: plan.hash.clone(),
            });
        }
        match (self.max_nodes, self.not_after) {
            (Some(approved), _) if nodes > approved => Err(NotCovered::TooManyNodes {
                approved,
                planned: nodes,
            }),
            (_, Some(at)) if now >= at => Err(NotCovered::Expired { at }),
            _ => Ok(()),
        }
    }
}
