//! The reasons of the operator's Events: stable, because people alert on them.

/// Whether an Event needs somebody's attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventType {
    /// Something went as it should.
    Normal,
    /// Somebody should look.
    Warning,
}

impl EventType {
    /// As the API writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])+ $reason:ident: $type:ident $action:literal,)+) => {
        /// Why an Event is told. The name is the `reason` of the Event.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[$doc])+ $reason,)+
        }

        impl Reason {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$reason,)+];

            /// The `reason` of the Event.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$reason => stringify!($reason),)+
                }
            }

            /// The `type` of the Event.
            pub const fn event_type(self) -> EventType {
                match self {
                    $(Self::$reason => EventType::$type,)+
                }
            }

            /// The `action` of the Event: what the operator did, or would not do.
            pub const fn action(self) -> &'static str {
                match self {
                    $(Self::$reason => $action,)+
                }
            }
        }
    };
}

reasons! {
    /// A change was refused; nothing was applied.
    UnsafeChangeRefused: Warning "Review",
    /// A change was applied although something speaks against it, but does not forbid it.
    ChangeHasWarnings: Warning "Review",
    /// The configuration was written.
    ConfigurationApplied: Normal "Apply",
    /// Keys of another field manager became ours.
    KeysTakenOver: Normal "TakeOver",
    /// Keys are owned by a manager they may not be taken from.
    KeysOwnedByOther: Warning "TakeOver",
    /// Keys were let go with the value they have.
    KeysReleased: Normal "Release",
    /// Variables were taken away.
    KeysUnset: Normal "Unset",
    /// Somebody changed an owned key; it was put back.
    DriftCorrected: Warning "Correct",
    /// Somebody changed an owned key; putting it back would be unsafe, so it stays.
    DriftHeld: Warning "Correct",
    /// Somebody changed the mode in which nodes get addresses.
    ModeDrift: Warning "Observe",
    /// Somebody writes over our value again and again.
    RevertedByOther: Warning "Correct",
    /// Every aws-node pod runs the applied configuration.
    RolloutCompleted: Normal "RollOut",
    /// The new revision does not come up; the rollout is stopped.
    RolloutStalled: Warning "RollOut",
    /// A stopped rollout goes on.
    RolloutResumed: Normal "RollOut",
    /// An ENIConfig was written.
    EniConfigWritten: Normal "Apply",
    /// An ENIConfig does not fit EC2 or the nodes.
    EniConfigInvalid: Warning "Validate",
    /// A zone has nodes, or can get nodes, and no ENIConfig.
    EniConfigMissing: Warning "Validate",
    /// The DaemonSet, or the add-on, does not exist.
    TargetNotFound: Warning "Observe",
    /// A finding was accepted by the policy, so that a change went through.
    AcceptanceUsed: Warning "Review",
    /// Somebody used the break-glass annotation.
    BreakGlassUsed: Warning "Admit",
    /// Enforcement of a key goes on after break-glass.
    EnforcementResumed: Normal "Admit",
    /// The cloud cannot be asked: no permission, or no answer.
    CloudNotObserved: Warning "Observe",
    /// The operator may not do what the policy asks for.
    PermissionMissing: Warning "Apply",
    /// A watched object cannot be read and is left out.
    ObjectUnreadable: Warning "Observe",
    /// A change that only new nodes can carry out was planned; it waits for approval.
    MigrationPlanned: Normal "Plan",
    /// A migration is in another phase.
    MigrationPhaseChanged: Normal "Migrate",
    /// A migration stopped by itself.
    MigrationHalted: Warning "Migrate",
    /// A budget keeps a pod from being evicted.
    EvictionBlocked: Warning "Evict",
    /// The policy is gone; everything stays as it is and belongs to nobody.
    PolicyReleased: Normal "Release",
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn reasons_are_distinct_and_within_the_limits_of_the_api() {
        let names: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(names.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert!(!reason.name().is_empty() && reason.name().len() <= 128);
            assert!(!reason.action().is_empty() && reason.action().len() <= 128);
        }
    }

    #[test]
    fn a_refusal_warns_and_an_application_does_not() {
        assert_eq!(Reason::UnsafeChangeRefused.event_type(), EventType::Warning);
        assert_eq!(Reason::ConfigurationApplied.event_type().name(), "Normal");
    }
}
