//! What a person on call reads, and what it all cost.

use super::manage::events;
use crate::demo::error::DemoError;
use crate::demo::stage::Stage;

const CONDITIONS: &str = "kubectl get cnip default -o jsonpath='{range .status.conditions[*]}'\\
'{.type}={.status} {.reason}: {.message}{\"\\n\"}{end}'";

pub(super) async fn play(stage: &Stage<'_>) -> Result<(), DemoError> {
    stage.page.headline("What a person on call reads");
    stage.run(CONDITIONS).await?;
    stage
        .run(&format!("{} | cut -c1-104", events("type=Warning")))
        .await?;
    stage
        .page
        .prose("\nWhat EC2 was asked for all this, as the sandbox counted:");
    let calls = stage.scene.sandbox.calls();
    for call in &calls {
        let name = format!("{}:{}", call.service, call.action);
        stage
            .page
            .output(&format!("{:>5}  {name:<40} {}", call.count, call.outcome));
    }
    if !calls
        .iter()
        .any(|call| call.action == "DescribeSubnets" && call.outcome == "ok")
    {
        return Err(DemoError::not_shown(
            "the operator asked EC2 for the subnets",
            &format!("{calls:?}"),
        ));
    }
    Ok(())
}
