//! Which interfaces the agent may touch.

use crate::eni_tags::INSTANCE_TAG;
use crate::ids::{InstanceId, SecurityGroupId};
use crate::limits::InstanceLimits;
use std::collections::BTreeMap;

/// The tag that keeps the agent away from an interface (`true`), or says that it is its own (anything else).
pub const NO_MANAGE_TAG: &str = "node.k8s.amazonaws.com/no_manage";

/// The tags of an interface.
pub type EniTags = BTreeMap<String, String>;

/// Whether the agent manages an interface of its instance. The primary one always is, and so is one without any tag;
/// `untagged` is MANAGE_UNTAGGED_ENI, which is about those that have tags, and none that names this instance.
pub fn is_managed(tags: &EniTags, is_primary: bool, instance: &InstanceId, untagged: bool) -> bool {
    if is_primary {
        return true;
    }
    match tags.get(NO_MANAGE_TAG) {
        Some(value) => value != "true",
        None => {
            tags.is_empty() || untagged || tags.get(INSTANCE_TAG).is_some_and(|tag| tag == instance.as_str())
        }
    }
}

/// Whether a type may be given a trunk: unknown ones may.
pub fn takes_trunk(limits: Option<&InstanceLimits>) -> bool {
    limits.is_none_or(|limits| limits.trunk != Some(false))
}

/// The security groups of a new interface: those of the ENIConfig, where there is one and it names any; else those of
/// the primary interface.
pub fn groups_for<'a>(
    eni_config: Option<&'a [SecurityGroupId]>,
    primary: &'a [SecurityGroupId],
) -> &'a [SecurityGroupId] {
    eni_config.filter(|groups| !groups.is_empty()).unwrap_or(primary)
}
