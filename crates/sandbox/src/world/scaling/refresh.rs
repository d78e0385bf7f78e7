//! What an instance refresh is.

use super::names::named;
use super::source::LaunchSource;
use jiff::Timestamp;
use std::collections::BTreeSet;
use vpccni_core::ids::InstanceId;

named! {
    /// How far a refresh is.
    RefreshStatus {
        Pending = "Pending",
        InProgress = "InProgress",
        Successful = "Successful",
        Failed = "Failed",
        Cancelling = "Cancelling",
        Cancelled = "Cancelled",
        RollbackInProgress = "RollbackInProgress",
        RollbackFailed = "RollbackFailed",
        RollbackSuccessful = "RollbackSuccessful",
    }
}

impl RefreshStatus {
    /// Whether it goes on.
    pub fn is_active(self) -> bool {
        matches!(
            self,
            Self::Pending | Self::InProgress | Self::Cancelling | Self::RollbackInProgress
        )
    }
}

named! {
    /// What a refresh does with members that stand by or are protected.
    Unavailable {
        Ignore = "Ignore",
        Refresh = "Refresh",
        Terminate = "Terminate",
        Wait = "Wait",
    }
}

/// How a refresh goes about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preferences {
    /// Per cent of the desired capacity that serve at all times.
    pub min_healthy: u32,
    /// Per cent of the desired capacity that there are at most.
    pub max_healthy: u32,
    /// Seconds until a new member counts, where they are given.
    pub warmup: Option<u32>,
    /// Per cent at which it pauses.
    pub checkpoints: Vec<u32>,
    /// Seconds of each pause.
    pub checkpoint_delay: u32,
    /// Whether members that are as they shall be are left.
    pub skip_matching: bool,
    /// Whether a failed refresh is rolled back.
    pub auto_rollback: bool,
    /// `Ignore`, `Refresh` or `Wait`.
    pub protected: Unavailable,
    /// `Ignore`, `Terminate` or `Wait`.
    pub standby: Unavailable,
    /// Seconds between the last replacement and success.
    pub bake: u32,
}

impl Default for Preferences {
    /// AWS's defaults: API reference, `RefreshPreferences`.
    fn default() -> Self {
        Self {
            min_healthy: 90,
            max_healthy: 100,
            warmup: None,
            checkpoints: Vec::new(),
            checkpoint_delay: 3600,
            skip_matching: false,
            auto_rollback: false,
            protected: Unavailable::Wait,
            standby: Unavailable::Wait,
            bake: 0,
        }
    }
}

/// What a rollback knows of the refresh that it takes back.
#[derive(Debug, Clone)]
pub struct Rollback {
    /// Why.
    pub reason: String,
    /// Since when.
    pub start: Timestamp,
    /// Per cent done when it began.
    pub percentage: u32,
    /// Members to replace when it began.
    pub to_update: u32,
}

/// An instance refresh.
#[derive(Debug, Clone)]
pub struct Refresh {
    /// Its id.
    pub id: String,
    /// How far it is.
    pub status: RefreshStatus,
    /// Why it is no further.
    pub reason: Option<String>,
    /// Since when.
    pub start: Timestamp,
    /// Until when.
    pub end: Option<Timestamp>,
    /// How it goes about it.
    pub preferences: Preferences,
    /// What the group shall launch from, if it is something else.
    pub desired: Option<LaunchSource>,
    /// Per cent done.
    pub percentage: u32,
    /// Members to replace.
    pub to_update: u32,
    /// What is taken back.
    pub rollback: Option<Rollback>,
    pub(super) todo: BTreeSet<InstanceId>,
    pub(super) total: u32,
    /// Since when nothing went on.
    pub(super) stuck_since: Timestamp,
    /// Checkpoints that are behind it.
    pub(super) passed: usize,
    /// Since when it pauses at a checkpoint, or bakes.
    pub(super) paused_since: Option<Timestamp>,
}

/// What StartInstanceRefresh asks for.
#[derive(Debug, Clone, Default)]
pub struct NewRefresh {
    /// How to go about it.
    pub preferences: Preferences,
    /// What to launch from, if it is something else.
    pub desired: Option<LaunchSource>,
}
