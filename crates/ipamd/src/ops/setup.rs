//! An interface of the instance becomes one of the agent: tags that are missing, and its network on the host.

use super::Tools;
use crate::host::HostError;
use crate::interface::Interface;
use std::collections::BTreeMap;
use vpccni_core::eni_tags;

/// Sets it up on the host; the primary interface is set up with the node.
pub async fn set_up(tools: &Tools, interface: &Interface) -> Result<(), HostError> {
    if interface.role.primary {
        return Ok(());
    }
    let settings = &tools.node.settings;
    tools.host.secondary(interface, settings, &tools.pace).await
}

/// Adds the tags it lacks. An interface works without them, so a failure is only counted.
pub async fn tag(tools: &Tools, interface: &Interface) {
    let (node, Some(has)) = (&tools.node, &interface.tags) else {
        return;
    };
    // A trunk belongs to the resource controller.
    if interface.role.trunk || !node.provisions() {
        return;
    }
    let wanted = eni_tags::of(&node.settings.effective, &node.identity.instance);
    let missing: BTreeMap<String, String> = wanted
        .into_iter()
        .filter(|(key, value)| has.get(key) != Some(value))
        .collect();
    if missing.is_empty() {
        return;
    }
    let cloud = &tools.cloud;
    let tagged = cloud
        .call("ec2:CreateTags", cloud.ec2.tag(&interface.id, &missing))
        .await;
    if let Err(error) = tagged {
        cloud.metrics().utils_error("tagENI", &error);
    }
}
