//! An ENIConfig for a fourth zone whose subnet is in another zone: found before a node needs it.

use super::manage::events;
use crate::demo::error::DemoError;
use crate::demo::setting::apply_eni_config;
use crate::demo::stage::{PATIENCE, Stage};
use serde_json::Value;

const NAME: &str = "us-west-2d";

pub(super) async fn play(stage: &Stage<'_>) -> Result<(), DemoError> {
    stage.page.headline("d. An ENIConfig that cannot work");
    stage.page.prose(
        "Somebody prepares a fourth zone and takes the subnet of another one. EC2 attaches no interface across zones, so \
         every node of us-west-2d would stay without pods. The API server cannot know; the operator does.",
    );
    stage
        .run(&apply_eni_config(stage.scene, NAME, "us-west-2a"))
        .await?;
    let claim = "the ENIConfig us-west-2d is found to be invalid";
    stage.policy(claim, PATIENCE, invalid).await?;
    stage
        .run(
            "kubectl get cnip default -o jsonpath='{range .status.eniConfigs[*]}'\\\n\
             '{.name}  valid: {.valid}  nodes: {.nodes}  free /28: {.freePrefixes}  {.message}{\"\\n\"}{end}'",
        )
        .await?;
    stage.event("ENIConfig", "EniConfigInvalid", "us-west-2a").await?;
    stage.run(&events("reason=EniConfigInvalid")).await?;
    stage.run(&format!("kubectl delete eniconfig {NAME}")).await?;
    stage
        .condition("EniConfigsValid", "True", "Valid")
        .await
        .map(drop)
}

fn invalid(policy: &Value) -> Result<(), String> {
    let status = &policy["status"];
    let rows = status["eniConfigs"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let row = rows.iter().find(|row| row["name"] == NAME);
    let conditions = status["conditions"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let told = conditions.iter().any(|condition| {
        condition["type"] == "EniConfigsValid"
            && condition["status"] == "False"
            && condition["message"]
                .as_str()
                .is_some_and(|message| message.contains(NAME))
    });
    if told && row.is_some_and(|row| row["valid"] == false) {
        Ok(())
    } else {
        Err(format!("{row:?}"))
    }
}
