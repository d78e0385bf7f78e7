//! Keeps old nodes from the new configuration: the DaemonSet replaces no pod by itself while they are there.

use super::live;
use super::marks::SHIELD;
use super::outcome::{ActError, Acted, Outcome};
use crate::context::Context;
use crate::write::{Target, WriteSite};
use k8s_openapi::api::apps::v1::DaemonSet;
use kube::ResourceExt;
use serde_json::{Value, json};
use vpccni_observe::policy::UNDO_STRATEGY;

const ON_DELETE: &str = "OnDelete";

/// Sets `OnDelete`, with the strategy it sets aside. Where somebody else has set it, it is shield enough.
pub(super) async fn raise(ctx: &Context) -> Acted {
    let (daemon_set, target) = read(ctx).await?;
    let strategy = strategy(&daemon_set);
    // A rollout that was stopped is resumed when it can be: the shield takes its strategy over, or would fall with it.
    let stopped = daemon_set.annotations().get(UNDO_STRATEGY).cloned();
    if strategy["type"] == ON_DELETE && stopped.is_none() {
        ctx.writer.unchanged(WriteSite::RaiseShield);
        return Ok(Outcome::Unchanged);
    }
    // Put back by somebody while the shield stood: what they put there is what is put back in the end.
    let kept = stopped.unwrap_or_else(|| strategy.to_string());
    let body = json!({
        "metadata": {
            "resourceVersion": live::version(&daemon_set),
            "annotations": {SHIELD: kept, UNDO_STRATEGY: null},
        },
        "spec": {"updateStrategy": {"type": ON_DELETE, "rollingUpdate": null}},
    });
    ctx.writer
        .merge_unowned(WriteSite::RaiseShield, &target, body)
        .await?;
    Ok(Outcome::Done)
}

/// Puts the strategy back, where it was we who set it aside.
pub(super) async fn lower(ctx: &Context) -> Acted {
    let (daemon_set, target) = read(ctx).await?;
    let Some(kept) = daemon_set.annotations().get(SHIELD) else {
        ctx.writer.unchanged(WriteSite::LowerShield);
        return Ok(Outcome::Unchanged);
    };
    let kept: Value = serde_json::from_str(kept).map_err(|error| {
        ActError::refused(format!(
            "the annotation {SHIELD} of {target} is not JSON ({error}): set the update strategy, and remove it"
        ))
    })?;
    let mut body = json!({
        "metadata": {"resourceVersion": live::version(&daemon_set), "annotations": {SHIELD: null}},
    });
    // A strategy that somebody has put there meanwhile is theirs.
    if strategy(&daemon_set)["type"] == ON_DELETE {
        body["spec"] = json!({"updateStrategy": kept});
    }
    ctx.writer
        .merge_unowned(WriteSite::LowerShield, &target, body)
        .await?;
    Ok(Outcome::Done)
}

async fn read(ctx: &Context) -> Result<(DaemonSet, Target), ActError> {
    let its = ctx.stores.scope().target;
    let target = Target::namespaced::<DaemonSet>(&its.namespace, &its.name);
    let found = live::namespaced::<DaemonSet>(ctx, &its.namespace, &its.name).await?;
    let found = found.ok_or_else(|| ActError::moved(format!("there is no {target}")))?;
    Ok((found, target))
}

/// The update strategy; the API server's default where none is said.
fn strategy(daemon_set: &DaemonSet) -> Value {
    let said = daemon_set
        .spec
        .as_ref()
        .and_then(|spec| spec.update_strategy.as_ref());
    said.map_or_else(|| json!({"type": "RollingUpdate"}), |strategy| json!(strategy))
}
