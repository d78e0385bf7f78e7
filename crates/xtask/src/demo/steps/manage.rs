//! Manage: taking over from kubectl, the ENIConfig that a zone lacks, and a rollout that is watched to its end.

use crate::demo::error::DemoError;
use crate::demo::setting::{NODES, apply_policy, eni_configs};
use crate::demo::stage::{ROLLOUT, Stage, has_condition};
use serde_json::Value;

pub(super) async fn play(stage: &Stage<'_>) -> Result<(), DemoError> {
    stage.page.headline("b. Manage: take over, key by key");
    stage.page.prose(
        "Only what the policy names is written, by server-side apply, and keys are taken only from the field managers \
         that are listed: here kubectl. The operator writes the ENIConfig of us-west-2c, which has no node yet: the \
         first one would stay NotReady without.",
    );
    let management = "  managementState: Manage\n  ownership: {takeOverFrom: [kubectl]}\n";
    stage
        .run(&apply_policy(management, &eni_configs(stage.scene)))
        .await?;
    let applied = |policy: &Value| {
        has_condition(policy, "Ready", "True", "Applied")?;
        has_condition(policy, "RolledOut", "True", "Complete")?;
        has_condition(policy, "EniConfigsValid", "True", "Valid")?;
        owned(policy)
    };
    stage.waiting("every node restarts aws-node with the new warm targets");
    stage
        .policy("the policy is applied and every node runs it", ROLLOUT, applied)
        .await?;
    stage
        .run("kubectl wait --for=condition=Ready cnip/default --timeout=120s && kubectl get cnip")
        .await?;
    stage.exit_code(0);
    for (name, value) in [
        ("WARM_ENI_TARGET", "0"),
        ("WARM_IP_TARGET", "4"),
        ("MINIMUM_IP_TARGET", "8"),
    ] {
        stage.variable(name, value).await?;
    }
    stage.run("kubectl get daemonset aws-node -n kube-system").await?;
    let seen = stage
        .run(
            "kubectl get eniconfigs --show-managed-fields \\\n  -o custom-columns='NAME:.metadata.name,\
             SUBNET:.spec.subnet,MANAGERS:.metadata.managedFields[*].manager'",
        )
        .await?;
    if !seen
        .lines()
        .any(|line| line.starts_with("us-west-2c") && line.ends_with("vpc-cni-operator"))
    {
        return Err(DemoError::not_shown(
            "the operator wrote the ENIConfig us-west-2c",
            &seen,
        ));
    }
    stage
        .page
        .prose("\nWhat the operator owns from now on, and what it told:");
    stage
        .run("kubectl get cnip default -o jsonpath='{.status.applied.ownedKeys[*]}{\"\\n\"}'")
        .await?;
    stage
        .event("CniPolicy", "KeysTakenOver", "WARM_ENI_TARGET")
        .await?;
    stage.event("ENIConfig", "EniConfigWritten", "").await?;
    stage.run(&events("regarding.kind=CniPolicy")).await.map(drop)
}

/// The command that shows Events about some objects.
pub(super) fn events(selector: &str) -> String {
    format!(
        "kubectl get events.events.k8s.io --field-selector {selector} \\\n  \
         -o custom-columns='REASON:.reason,NOTE:.note'"
    )
}

fn owned(policy: &Value) -> Result<(), String> {
    let status = &policy["status"];
    let keys = status["applied"]["ownedKeys"].to_string();
    let all = [
        "WARM_ENI_TARGET",
        "WARM_IP_TARGET",
        "MINIMUM_IP_TARGET",
        "ENABLE_PREFIX_DELEGATION",
    ];
    let rolled_out = status["summary"]["rolledOut"] == format!("{NODES}/{NODES}");
    if rolled_out && all.iter().all(|key| keys.contains(key)) {
        Ok(())
    } else {
        Err(format!(
            "{} rolled out, owned: {keys}",
            status["summary"]["rolledOut"]
        ))
    }
}
