//! Observe: what the operator finds, and what it would change. It writes nothing but status.

use crate::demo::error::DemoError;
use crate::demo::setting::{NODES, apply_policy};
use crate::demo::stage::{PATIENCE, Stage, has_condition};
use serde_json::Value;

pub(super) async fn play(stage: &Stage<'_>) -> Result<(), DemoError> {
    stage.page.headline("a. Observe: look before you manage");
    stage.page.prose(
        "The policy says what the team wants, with managementState Observe: the operator reads the cluster and EC2, \
         writes nothing but the status of the policy, and tells what it would do.",
    );
    stage
        .run(&apply_policy("  managementState: Observe\n", ""))
        .await?;
    stage
        .run("kubectl wait --for=condition=Ready cnip/default --timeout=60s")
        .await?;
    let claim = "all nodes are in secondary mode, and zone us-west-2c has no ENIConfig";
    stage.policy(claim, PATIENCE, found).await?;
    stage.run("kubectl get cnip").await?;
    stage
        .run("kubectl get cnip default -o jsonpath='{.status.target}{\"\\n\"}{.status.nodes}{\"\\n\"}'")
        .await?;
    stage
        .page
        .prose("\nWhat would change, and who owns each key in the DaemonSet:");
    stage
        .run(
            "kubectl get cnip default -o jsonpath='{range .status.wouldChange[*]}'\\\n\
             '{.key}: {.from} -> {.to}  (owner: {.owner}, restarts: {.restarts}){\"\\n\"}{end}'",
        )
        .await?;
    stage
        .page
        .prose("\nAnd what is wrong already, although no node shows it yet:");
    stage
        .run(
            "kubectl get cnip default \\\n  \
             -o jsonpath='{.status.conditions[?(@.type==\"EniConfigsValid\")].message}{\"\\n\"}'",
        )
        .await?;
    stage.variable("WARM_ENI_TARGET", "1").await
}

fn found(policy: &Value) -> Result<(), String> {
    has_condition(policy, "EniConfigsValid", "False", "Invalid")?;
    let status = &policy["status"];
    let nodes = &status["nodes"];
    let counted = nodes["total"] == NODES && nodes["secondaryIp"] == NODES;
    let target = &status["target"]["daemonSet"];
    let would = status["wouldChange"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let warm = would.iter().any(|row| {
        row["key"] == "WARM_ENI_TARGET"
            && (&row["from"], &row["to"]) == (&Value::from("1"), &Value::from("0"))
            && row["owner"] == "kubectl-client-side-apply"
    });
    if counted && warm && target["name"] == "aws-node" {
        Ok(())
    } else {
        Err(status.to_string())
    }
}
