//! Changes by hand: put back, denied, and after break-glass held although they are not what the policy says.

use super::manage::events;
use super::refuse::patch;
use crate::demo::error::DemoError;
use crate::demo::setting::NODES;
use crate::demo::stage::{ROLLOUT, Stage, has_condition};
use serde_json::Value;

const SET_PREFIX: &str =
    "kubectl set env daemonset/aws-node -n kube-system -c aws-node ENABLE_PREFIX_DELEGATION=true";
const BREAK_GLASS: &str = "kubectl patch daemonset aws-node -n kube-system -p '{
  \"metadata\": {\"annotations\": {\"vpccni.io/break-glass\": \"INC-1234 no addresses left\"}},
  \"spec\": {\"template\": {\"spec\": {\"containers\": [
    {\"name\": \"aws-node\", \"env\": [{\"name\": \"ENABLE_PREFIX_DELEGATION\", \"value\": \"true\"}]}]}}}}'";

pub(super) async fn play(stage: &Stage<'_>) -> Result<(), DemoError> {
    stage.page.headline("e. By hand: corrected, denied, held");
    corrected(stage).await?;
    denied(stage).await?;
    held(stage).await
}

async fn corrected(stage: &Stage<'_>) -> Result<(), DemoError> {
    stage.page.prose(
        "Somebody edits a key that the policy owns. It is harmless to put back, so it is put back, and the Event names \
         the field manager that wrote it. Admission is in mode Warn: the person who does it is told at once.",
    );
    stage
        .run("kubectl set env daemonset/aws-node -n kube-system -c aws-node WARM_ENI_TARGET=5")
        .await?;
    stage.event("CniPolicy", "DriftCorrected", "kubectl-set").await?;
    stage.variable("WARM_ENI_TARGET", "0").await?;
    stage.run(&events("reason=DriftCorrected")).await?;
    stage.waiting("every node restarts aws-node with the value of the policy");
    let settled = |policy: &Value| has_condition(policy, "RolledOut", "True", "Complete");
    stage
        .policy("every node runs the policy again", ROLLOUT, settled)
        .await
        .map(drop)
}

async fn denied(stage: &Stage<'_>) -> Result<(), DemoError> {
    stage.page.prose("\nUnder admission mode Deny the API server itself refuses such an edit, also while the operator is away.");
    stage.run(&patch("{\"admission\":{\"mode\":\"Deny\"}}")).await?;
    stage
        .run("kubectl wait --for=condition=Ready cnip/default --timeout=60s")
        .await?;
    stage.refused_on_trial(SET_PREFIX).await?;
    let said = stage.fails(SET_PREFIX).await?;
    if !said.contains("ENABLE_PREFIX_DELEGATION") {
        return Err(DemoError::not_shown("the refusal names the key", &said));
    }
    stage.variable("ENABLE_PREFIX_DELEGATION", "false").await
}

async fn held(stage: &Stage<'_>) -> Result<(), DemoError> {
    stage.page.prose(
        "\nIn an emergency a person with the verb break-glass carries a new annotation in the same request. It goes \
         through, once, and leaves a trace. The nodes take prefixes beside their addresses: they are Mixed now, and \
         turning the mode off again by reflex would be the worst that can be done to them. So it is held.",
    );
    stage.run(BREAK_GLASS).await?;
    stage
        .event("CniPolicy", "BreakGlassUsed", "ENABLE_PREFIX_DELEGATION")
        .await?;
    stage.waiting("every node restarts aws-node and takes its first prefix");
    stage
        .policy(
            "the change is held, and all nodes are listed as Mixed",
            ROLLOUT,
            mixed,
        )
        .await?;
    stage.variable("ENABLE_PREFIX_DELEGATION", "true").await?;
    stage
        .run(
            "kubectl get cnip default -o jsonpath='{.status.nodes}{\"\\n\"}'\\\n\
             '{range .status.conditions[?(@.reason==\"Suspended\")]}{.type} {.reason}: {.message}{\"\\n\"}{end}'",
        )
        .await?;
    stage
        .run(
            "kubectl get cninodestates -o custom-columns='NODE:.metadata.name,GROUP:.status.group.name,'\\\n'\
             MODE:.status.mode,ADDRESSES:.status.enis.secondaryIps,PREFIXES:.status.enis.prefixes' | head -5",
        )
        .await?;
    stage.page.prose(
        "\nThe annotation is removed: the policy is enforced again, but the mode is still held, because putting it back \
         under mixed nodes is refused like any other unsafe change.",
    );
    stage
        .run("kubectl annotate daemonset aws-node -n kube-system vpccni.io/break-glass-")
        .await?;
    stage.condition("DriftHeld", "True", "CorrectionUnsafe").await?;
    stage
        .event("CniPolicy", "EnforcementResumed", "ENABLE_PREFIX_DELEGATION")
        .await?;
    stage.event("CniPolicy", "DriftHeld", "").await?;
    stage.variable("ENABLE_PREFIX_DELEGATION", "true").await?;
    stage
        .run("kubectl get cnip default \\\n  -o jsonpath='{.status.conditions[?(@.type==\"DriftHeld\")].message}{\"\\n\"}'")
        .await
        .map(drop)
}

fn mixed(policy: &Value) -> Result<(), String> {
    has_condition(policy, "ConfigApplied", "True", "Suspended")?;
    let nodes = &policy["status"]["nodes"];
    let rolled_out = &policy["status"]["summary"]["rolledOut"];
    if nodes["mixed"] == NODES && *rolled_out == format!("{NODES}/{NODES}") {
        Ok(())
    } else {
        Err(format!("{nodes}, rolled out {rolled_out}"))
    }
}
