//! What a person on call reads, and what it all cost.

use super::manage::events;
use crate::demo::error::DemoError;
use crate::demo::stage::Stage;

pub(super) async fn play(stage: &Stage<'_>) -> Result<(), DemoError> {
    stage.page.headline("What a person on call reads");
    stage.run("kubectl describe cnip default | sed -n '/^Status:/,$p' | sed -n '/  Conditions:/,/  Eni Configs:/p'").await?;
    stage.run(&events("type=Warning")).await?;
    stage
        .page
        .prose("\nWhat EC2 was asked for all this, as the sandbox counted:");
    for call in stage.scene.sandbox.calls() {
        stage.page.output(&format!("{call:?}"));
    }
    Ok(())
}
