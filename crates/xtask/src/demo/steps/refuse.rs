//! Refused: changes that would break nodes that run. Nothing is applied, and the way out is said.

use crate::demo::error::DemoError;
use crate::demo::stage::{PATIENCE, Stage, has_condition, has_findings};

const PREFIX: &str = "prefix-mode-in-place";
const CUSTOM: &str = "custom-networking-in-place";
const FINDINGS: &str = "kubectl get cnip default -o jsonpath='{range .status.findings[*]}'\\
'{.severity}  {.rule}  ({.resolution}){\"\\n  \"}{.message}{\"\\n  way out: \"}{.fix}{\"\\n\"}{end}'";
const RULES: &str = "kubectl get cnip default \\
  -o jsonpath='{range .status.findings[*]}{.severity}  {.rule}{\"\\n\"}{end}'";
const NOT_READY: &str = "kubectl wait --for=condition=Ready cnip/default --timeout=3s";

pub(super) async fn play(stage: &Stage<'_>) -> Result<(), DemoError> {
    stage.page.headline("c. Refused: what would break nodes that run");
    stage.page.prose(
        "Prefix mode, switched on under nodes that run with single addresses: each would have both, and the CNI's own \
         guide says to replace the nodes instead. The operator reviews before it writes, and this one it does not write.",
    );
    stage
        .run(&patch("{\"ipAllocation\":{\"mode\":\"Prefix\"}}"))
        .await?;
    refused(stage, &[PREFIX]).await?;
    stage.run("kubectl get cnip").await?;
    stage.run(FINDINGS).await?;
    stage.fails(NOT_READY).await?;

    stage.page.prose(
        "\nCustom networking, switched off under nodes whose pods have addresses of the other subnets:",
    );
    stage
        .run(&patch(
            "{\"ipAllocation\":{\"mode\":\"SecondaryIp\"},\"customNetworking\":{\"enabled\":false}}",
        ))
        .await?;
    refused(stage, &[CUSTOM]).await?;
    stage.run(FINDINGS).await?;

    stage
        .page
        .prose("\nBoth in the same breath: every finding is listed, none hides another.");
    stage
        .run(&patch("{\"ipAllocation\":{\"mode\":\"Prefix\"}}"))
        .await?;
    refused(stage, &[PREFIX, CUSTOM]).await?;
    stage.run(RULES).await?;
    stage
        .page
        .prose("\nThe DaemonSet was not touched, and the policy goes back to what is applied:");
    stage.variable("ENABLE_PREFIX_DELEGATION", "false").await?;
    stage
        .variable("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", "true")
        .await?;
    stage
        .run(&patch(
            "{\"ipAllocation\":{\"mode\":\"SecondaryIp\"},\"customNetworking\":{\"enabled\":true}}",
        ))
        .await?;
    stage
        .run("kubectl wait --for=condition=Ready cnip/default --timeout=60s")
        .await?;
    stage.event("CniPolicy", "UnsafeChangeRefused", "").await
}

/// The command that changes the spec of the policy.
pub(super) fn patch(spec: &str) -> String {
    format!("kubectl patch cnip default --type=merge \\\n  -p '{{\"spec\":{spec}}}'")
}

async fn refused(stage: &Stage<'_>, rules: &[&str]) -> Result<(), DemoError> {
    let claim = format!("the change is refused by {}", rules.join(" and "));
    let look = |policy: &serde_json::Value| {
        has_condition(policy, "Stalled", "True", "UnsafeChange")?;
        has_condition(policy, "Ready", "False", "UnsafeChange")?;
        has_findings(policy, rules)
    };
    stage.policy(&claim, PATIENCE, look).await.map(drop)
}
