//! A group of nodes.

use crate::convert::provider;
use crate::node_state::{Group, GroupProvider};
use vpccni_core::safety::{NodeGroup, Provider};

/// A group as the API shows it.
pub fn node_group(group: &NodeGroup) -> Group {
    Group {
        provider: Some(provider(group.provider)),
        name: Some(group.name.clone()),
    }
}

/// The group that was shown.
pub fn node_group_of(group: &Group) -> NodeGroup {
    NodeGroup {
        provider: match group.provider {
            Some(GroupProvider::ManagedNodeGroup) => Provider::ManagedNodeGroup,
            Some(GroupProvider::AutoScalingGroup) => Provider::AutoScalingGroup,
            Some(GroupProvider::Karpenter) => Provider::Karpenter,
            Some(GroupProvider::SelfManaged) | None => Provider::SelfManaged,
        },
        name: group.name.clone().unwrap_or_default(),
    }
}
