//! Members of a group, and the states they go through.

use super::hook::Wait;
use super::names::named;
use jiff::Timestamp;
use std::collections::BTreeMap;
use vpccni_core::ids::{InstanceId, InstanceType, SubnetId, Zone};

named! {
    /// Where a member stands between its launch and its end.
    Lifecycle {
        Pending = "Pending",
        PendingWait = "Pending:Wait",
        PendingProceed = "Pending:Proceed",
        InService = "InService",
        EnteringStandby = "EnteringStandby",
        Standby = "Standby",
        Detaching = "Detaching",
        Terminating = "Terminating",
        TerminatingWait = "Terminating:Wait",
        TerminatingProceed = "Terminating:Proceed",
    }
}

impl Lifecycle {
    /// Whether it counts for the desired capacity.
    pub fn is_active(self) -> bool {
        matches!(
            self,
            Self::Pending | Self::PendingWait | Self::PendingProceed | Self::InService
        )
    }

    /// Whether its end has begun.
    pub fn is_ending(self) -> bool {
        matches!(
            self,
            Self::Terminating | Self::TerminatingWait | Self::TerminatingProceed
        )
    }
}

/// The launch template that a member was launched from, as it was then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberTemplate {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The version.
    pub version: u64,
}

/// An instance of a group.
#[derive(Debug, Clone)]
pub struct Member {
    /// The instance.
    pub id: InstanceId,
    /// Its zone.
    pub zone: Zone,
    /// Its subnet.
    pub subnet: SubnetId,
    /// Its type.
    pub instance_type: InstanceType,
    /// What it was launched from; none for one that was attached.
    pub template: Option<MemberTemplate>,
    /// Whether it is a spot instance.
    pub spot: bool,
    /// Where it stands.
    pub lifecycle: Lifecycle,
    /// Why it is not healthy, as an activity says it; none when it is.
    pub unhealthy: Option<String>,
    /// Whether scale-in spares it.
    pub protected: bool,
    /// Since when it is a member.
    pub since: Timestamp,
    /// Since when it serves.
    pub in_service: Option<Timestamp>,
    /// Hooks that hold it, by name.
    pub waits: BTreeMap<String, Wait>,
    /// The refresh or rollback in which it was launched.
    pub(super) generation: u32,
    /// The activity it is in.
    pub(super) activity: Option<u64>,
}
