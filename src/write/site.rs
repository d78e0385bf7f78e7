//! Every place where the operator changes something, as one list: the fault tests walk it, so a new one without a
//! case fails, and no write can be made without naming its place.

use std::time::Duration;

/// How long a write may take: the time a leader has left after a renewal. The API server itself gives up after 60 s.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// One macro writes the type, the list and the names, so that none of the three can lag behind.
macro_rules! write_sites {
    ($($(#[$doc:meta])+ $site:ident = $name:literal,)+) => {
        /// A place in the code that writes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum WriteSite {
            $($(#[$doc])+ $site,)+
        }

        impl WriteSite {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$site,)+];

            /// The stable name, used as a metric label.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$site => $name,)+
                }
            }
        }
    };
}

write_sites! {
    /// The keys the policy owns in the DaemonSet.
    ApplyDaemonSet = "apply_daemon_set",
    /// Keys of the DaemonSet the policy no longer names, given to the manager that only holds on to values.
    HandToReleased = "hand_to_released",
    /// Variables the policy wants gone from the DaemonSet.
    UnsetDaemonSet = "unset_daemon_set",
    /// The keys the policy owns in the ConfigMap `amazon-vpc-cni`.
    ApplyConfigMap = "apply_config_map",
    /// As [`Self::HandToReleased`], for the ConfigMap.
    HandConfigMapToReleased = "hand_config_map_to_released",
    /// As [`Self::UnsetDaemonSet`], for the ConfigMap.
    UnsetConfigMap = "unset_config_map",
    /// The document or the version of the EKS managed add-on.
    UpdateAddon = "update_addon",
    /// The update strategy set aside, because a new revision does not come up.
    StopRollout = "stop_rollout",
    /// The update strategy put back.
    ResumeRollout = "resume_rollout",
    /// An ENIConfig of the policy.
    ApplyEniConfig = "apply_eni_config",
    /// An ENIConfig given up without changing it.
    HandEniConfigToReleased = "hand_eni_config_to_released",
    /// The status of the CniPolicy.
    PolicyStatus = "policy_status",
    /// A CniNodeState for a node that has none.
    NodeStateCreate = "node_state_create",
    /// What was seen of a node.
    NodeStateStatus = "node_state_status",
    /// A CniNodeState whose node is gone.
    NodeStateDelete = "node_state_delete",
    /// The write-ahead record of a node that is being replaced.
    RecordStep = "record_step",
    /// A cordon, and that it is ours.
    CordonNode = "cordon_node",
    /// Our cordon, taken away.
    UncordonNode = "uncordon_node",
    /// A hold against Karpenter, and that it is ours.
    HoldNode = "hold_node",
    /// Our hold, taken away.
    ReleaseNode = "release_node",
    /// The marks of a replacement.
    GuardNode = "guard_node",
    /// The marks of a replacement, taken away.
    UnguardNode = "unguard_node",
    /// The eviction of a pod.
    EvictPod = "evict_pod",
    /// The protection of an instance from scale-in, on or off.
    ProtectInstance = "protect_instance",
    /// The end of an instance.
    TerminateInstance = "terminate_instance",
    /// The update strategy set aside, so that old nodes keep the old configuration.
    RaiseShield = "raise_shield",
    /// The update strategy put back when no old node is left.
    LowerShield = "lower_shield",
    /// A new version of a launch template.
    EditTemplate = "edit_template",
    /// The version a group launches from.
    UseTemplate = "use_template",
    /// A launch template of our own.
    CreateTemplate = "create_template",
    /// The desired size of a group.
    GrowGroup = "grow_group",
    /// The bounds of a group.
    BoundGroup = "bound_group",
    /// A process of a group, suspended or resumed.
    SuspendGroup = "suspend_group",
    /// What is to be put back in a group, noted or forgotten.
    TagGroup = "tag_group",
    /// The managed node group that takes over.
    CreateSuccessor = "create_successor",
    /// The end of a managed node group.
    DeleteGroup = "delete_group",
    /// A roll of a managed node group by EKS.
    UpdateGroup = "update_group",
    /// `maxPods` of an EC2NodeClass.
    DriftNodeClass = "drift_node_class",
    /// The annotation in the template of a NodePool.
    DriftNodePool = "drift_node_pool",
    /// A CniMigration for a change that was refused.
    MigrationCreate = "migration_create",
    /// A CniMigration that nobody has approved, when the policy asks for something else.
    MigrationDelete = "migration_delete",
    /// The status of a CniMigration.
    MigrationStatus = "migration_status",
    /// The ConfigMap the admission policies read.
    AdmissionParameters = "admission_parameters",
    /// The bindings of the admission policies: Warn or Deny.
    AdmissionBinding = "admission_binding",
    /// An Event.
    Event = "event",
    /// The Lease of the leader election.
    Lease = "lease",
}

impl WriteSite {
    /// How long a write may take. A renewal of the Lease needs room for a second try before the renew deadline of
    /// 10 s, and nobody waits long for an Event.
    pub const fn timeout(self) -> Duration {
        match self {
            Self::Lease | Self::Event => Duration::from_secs(4),
            _ => WRITE_TIMEOUT,
        }
    }

    /// Whether only the leader may write here. All but the Lease itself, which is how one becomes the leader.
    pub const fn needs_leadership(self) -> bool {
        !matches!(self, Self::Lease)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_distinct_and_fit_a_label() {
        let names: BTreeSet<_> = WriteSite::ALL.iter().map(|site| site.name()).collect();
        assert_eq!(names.len(), WriteSite::ALL.len());
        assert!(
            names
                .iter()
                .all(|name| name.bytes().all(|b| b == b'_' || b.is_ascii_lowercase()))
        );
    }

    #[test]
    fn only_the_lease_is_written_without_leadership() {
        let free: Vec<_> = WriteSite::ALL
            .iter()
            .filter(|site| !site.needs_leadership())
            .collect();
        assert_eq!(free, [&WriteSite::Lease]);
    }
}
