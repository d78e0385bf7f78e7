//! The steps, in their order. Each says what it does and why, shows it, and checks it.

mod by_hand;
mod end;
pub(super) mod found;
mod fourth_zone;
mod manage;
mod observe;
mod refuse;

use super::error::DemoError;
use super::stage::Stage;

/// Plays everything that needs the operator.
pub(super) async fn play(stage: &Stage<'_>) -> Result<(), DemoError> {
    observe::play(stage).await?;
    manage::play(stage).await?;
    refuse::play(stage).await?;
    fourth_zone::play(stage).await?;
    by_hand::play(stage).await?;
    end::play(stage).await
}
