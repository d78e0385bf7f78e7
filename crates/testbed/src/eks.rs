//! What EKS does for a managed add-on and the sandbox cannot, having no Kubernetes: its document rendered into the
//! objects of aws-node, by server-side apply as field manager `eks`, whenever the document changes.

use crate::cloud::Cloud;
use crate::control_plane::ControlPlane;
use crate::fixtures::AwsNode;
use serde_json::Value;
use std::time::Duration;

/// How often the add-on is looked at.
const PACE: Duration = Duration::from_millis(200);

/// Renders the add-on for ever; ends with an error only.
pub async fn render(plane: &ControlPlane, cloud: &Cloud, addon: &str) -> Result<(), String> {
    let mut rendered = None;
    loop {
        let found = cloud.addon_document(addon);
        if found.is_some() && found != rendered {
            let text = found.clone().unwrap_or_default();
            apply(plane, &text).await?;
            rendered = found;
        }
        tokio::time::sleep(PACE).await;
    }
}

async fn apply(plane: &ControlPlane, document: &str) -> Result<(), String> {
    let document = if document.is_empty() { "{}" } else { document };
    let document: Value = serde_json::from_str(document).map_err(|error| format!("{document}: {error}"))?;
    let arguments = [
        "apply",
        "--server-side",
        "--field-manager=eks",
        "--force-conflicts",
        "-f",
        "-",
    ];
    let manifest = aws_node(&document).render();
    let applied = plane.kubectl_ok(&arguments, Some(&manifest)).await;
    applied.map(drop).map_err(|error| error.to_string())
}

/// The published objects with what the document says.
fn aws_node(document: &Value) -> AwsNode {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let members = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let mut node = AwsNode::published();
    for (name, value) in members(&document["env"]) {
        node = node.env(&name, &text(&value));
    }
    for (name, value) in members(&document["init"]["env"]) {
        node = node.init_env(&name, &text(&value));
    }
    for entry in document["extraEnv"].as_array().into_iter().flatten() {
        node = node.env(&text(&entry["name"]), &text(&entry["value"]));
    }
    if let Some(cooldown) = document.get("branchENICooldown") {
        node = node.config_map("branch-eni-cooldown", &text(cooldown));
    }
    node
}
