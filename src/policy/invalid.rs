//! The status of a policy that the schema let through and that cannot be followed: nothing is changed, and it says why.

use super::RoundError;
use super::report::write_status;
use crate::context::Context;
use crate::status::merge_conditions;
use vpccni_api::CniPolicy;
use vpccni_core::policy::Condition;
use vpccni_observe::policy::IntentError;

/// Says what is wrong with the spec; what was applied stays recorded.
pub(crate) async fn report(ctx: &Context, policy: &CniPolicy, error: &IntentError) -> Result<(), RoundError> {
    let mut status = policy.status.clone().unwrap_or_default();
    let generation = policy.metadata.generation.unwrap_or_default();
    let message = format!("{error}; nothing is changed until spec is corrected");
    let conditions = [
        Condition::no("Ready", "InvalidSpec", message.clone()),
        Condition::no("Reconciling", "Idle", "nothing is under way"),
        Condition::yes("Stalled", "InvalidSpec", message.clone()),
        Condition::no("ConfigApplied", "InvalidSpec", message),
    ];
    let before = status.conditions.take().unwrap_or_default();
    let mut merged = merge_conditions(&before, &conditions, generation, ctx.now());
    // The others are about an older generation, and say so by their observedGeneration.
    merged.extend(
        before
            .into_iter()
            .filter(|old| !conditions.iter().any(|new| new.kind == old.type_)),
    );
    status.conditions = Some(merged);
    status.observed_generation = Some(generation);
    write_status(ctx, policy, &status)
        .await
        .map_err(RoundError::Report)
}
