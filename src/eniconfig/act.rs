//! Writes ENIConfigs. Each by itself: one that fails does not hold the others.

use crate::context::Context;
use crate::write::{Apply, Target, WriteSite, outcome_of};
use serde_json::json;
use vpccni_api::EniConfig;
use vpccni_core::eni_configs::EniAction;
use vpccni_core::ids::{EniConfigName, SecurityGroupId};
use vpccni_core::policy::Outcome;
use vpccni_core::safety::EniConfigSpec;

/// Carries the steps out; one outcome each.
pub(crate) async fn act(ctx: &Context, steps: &[EniAction]) -> Vec<(EniConfigName, Outcome)> {
    let mut outcomes = Vec::new();
    for step in steps {
        let (name, result) = match step {
            EniAction::Apply(name, spec) => {
                let body = json!({"spec": spec_body(spec)});
                (
                    name,
                    ctx.writer
                        .apply(WriteSite::ApplyEniConfig, &target(name), Apply::TAKE_OVER, body)
                        .await,
                )
            }
            EniAction::HandToReleased(name, spec) => (name, hand_over(ctx, name, spec).await),
        };
        outcomes.push((name.clone(), outcome_of(result.map(|_| ()))));
    }
    outcomes
}

/// First somebody else owns the values, then we let go of them: so they stay.
async fn hand_over(
    ctx: &Context,
    name: &EniConfigName,
    spec: &EniConfigSpec,
) -> Result<crate::write::Written, crate::write::WriteError> {
    let site = WriteSite::HandEniConfigToReleased;
    let body = json!({"spec": spec_body(spec)});
    ctx.writer
        .apply(site, &target(name), Apply::RELEASED, body)
        .await?;
    ctx.writer
        .apply(site, &target(name), Apply::OURS, json!({}))
        .await
}

fn target(name: &EniConfigName) -> Target {
    Target::cluster::<EniConfig>(name.as_str())
}

fn spec_body(spec: &EniConfigSpec) -> serde_json::Value {
    let groups: Vec<&str> = spec.security_groups.iter().map(SecurityGroupId::as_str).collect();
    if groups.is_empty() {
        json!({"subnet": spec.subnet.as_str()})
    } else {
        json!({"subnet": spec.subnet.as_str(), "securityGroups": groups})
    }
}
