//! The form of a node group.

use crate::eks::render::{health, present, seconds, texts};
use crate::world::{MaxUnavailable, Nodegroup, Taint, UpdateRules};
use serde_json::{Value, json};

pub(super) fn answer(group: &Nodegroup) -> Value {
    let template = group
        .user_template
        .as_ref()
        .map(|user| json!({ "id": user.id, "name": user.name, "version": user.version.to_string() }));
    let types = Some(&group.instance_types).filter(|types| !types.is_empty());
    let rendered = present(json!({
        "nodegroupName": group.name,
        "nodegroupArn": group.arn,
        "clusterName": group.cluster,
        "version": group.version,
        "releaseVersion": group.release,
        "createdAt": seconds(group.created),
        "modifiedAt": seconds(group.modified),
        "status": group.status.as_str(),
        "capacityType": if group.spot { "SPOT" } else { "ON_DEMAND" },
        "scalingConfig": {
            "minSize": group.sizes.min,
            "maxSize": group.sizes.max,
            "desiredSize": group.sizes.desired,
        },
        "instanceTypes": types.map(|types| texts(types)),
        "subnets": texts(&group.subnets),
        "amiType": group.ami_type,
        "nodeRole": group.role,
        "labels": group.labels,
        "taints": group.taints.iter().map(taint).collect::<Vec<_>>(),
        "resources": { "autoScalingGroups": [{ "name": group.scaling_group }] },
        "diskSize": group.disk_size,
        "health": health(&group.issues),
        "updateConfig": rules(group.rules),
        "launchTemplate": template,
        "tags": group.tags,
    }));
    json!({ "nodegroup": rendered })
}

fn taint(taint: &Taint) -> Value {
    present(json!({ "key": taint.key, "value": taint.value, "effect": taint.effect }))
}

fn rules(rules: UpdateRules) -> Value {
    let (name, value) = match rules.max_unavailable {
        MaxUnavailable::Nodes(count) => ("maxUnavailable", count),
        MaxUnavailable::Percent(share) => ("maxUnavailablePercentage", share),
    };
    let strategy = if rules.minimal { "MINIMAL" } else { "DEFAULT" };
    json!({ name: value, "updateStrategy": strategy })
}
