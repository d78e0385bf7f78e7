//! Lifecycle hooks, and what they hold.

use super::names::named;
use jiff::Timestamp;
use vpccni_core::ids::InstanceId;

/// However many heartbeats: 48 hours or 100 times the timeout, whichever is shorter.
const GLOBAL_TIMEOUT: u32 = 172_800;

named! {
    /// When a hook holds a member.
    Transition {
        Launching = "autoscaling:EC2_INSTANCE_LAUNCHING",
        Terminating = "autoscaling:EC2_INSTANCE_TERMINATING",
    }
}

named! {
    /// What is said of a member that is held.
    Verdict {
        Continue = "CONTINUE",
        Abandon = "ABANDON",
    }
}

/// A lifecycle hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Its name.
    pub name: String,
    /// When it holds a member.
    pub transition: Transition,
    /// For so many seconds, unless a heartbeat comes.
    pub heartbeat: u32,
    /// What is taken as said when time is up.
    pub default_result: Verdict,
    /// What notices carry along.
    pub metadata: Option<String>,
}

impl Hook {
    /// Seconds that no heartbeat extends.
    pub fn global_timeout(&self) -> u32 {
        self.heartbeat.saturating_mul(100).min(GLOBAL_TIMEOUT)
    }
}

/// What PutLifecycleHook asks for; what is none stays as it is, or is AWS's default.
#[derive(Debug, Clone, Default)]
pub struct NewHook {
    /// The name.
    pub name: String,
    /// When; a new hook needs it.
    pub transition: Option<Transition>,
    /// Seconds.
    pub heartbeat: Option<u32>,
    /// What time-out means.
    pub default_result: Option<Verdict>,
    /// What notices carry along.
    pub metadata: Option<String>,
}

/// A hook that holds a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Names this wait to CompleteLifecycleAction.
    pub token: String,
    /// Until when, if no heartbeat comes.
    pub until: Timestamp,
    /// Until when at the latest.
    pub at_last: Timestamp,
    /// Seconds that a heartbeat gives.
    pub heartbeat: u32,
    /// What is taken as said when time is up.
    pub default_result: Verdict,
}

/// Who is held, as the two calls on it name it.
#[derive(Debug, Clone)]
pub struct Held {
    /// The group.
    pub group: String,
    /// The hook.
    pub hook: String,
    /// The token of the wait.
    pub token: Option<String>,
    /// Or the instance.
    pub instance: Option<InstanceId>,
}
