//! What a migration holds is given back when its policy is gone or the operator is uninstalled: cordons, holds, marks,
//! suspended processes and bounds of groups. The shield of old nodes stays while the new configuration is in place: without
//! it every old node would take that at once.

use super::act;
use crate::context::Context;
use kube::ResourceExt;
use vpccni_api::convert::migration::originals;
use vpccni_core::migration::{Action, ActionKind};
use vpccni_core::safety::Provider;
use vpccni_observe::migration::{CORDONED, HELD, REPLACES};

const WHY: &str = "the policy is released";

/// Gives everything back; answers what could not be.
pub(crate) async fn give_back(ctx: &Context) -> Vec<String> {
    let mut kinds = nodes(ctx);
    let all = ctx.stores.migrations.all();
    for object in all.iter().filter(|object| !object.has_ended()) {
        let memory = object.status.as_ref().and_then(|status| status.memory.as_ref());
        let switched = memory
            .and_then(|memory| memory.switched.as_ref())
            .is_some_and(|all| !all.is_empty());
        if memory.is_none_or(|memory| memory.started.is_none()) {
            continue; // it holds nothing yet
        }
        kinds.extend(groups(&object.spec.change.groups));
        if switched {
            tracing::warn!(
                migration = object.name_any(),
                "old nodes stay shielded (updateStrategy OnDelete): replace them, then put the strategy back"
            );
        } else {
            kinds.push(ActionKind::Unshield);
        }
    }
    let actions = kinds.into_iter().map(|kind| Action::new(kind, WHY)).collect();
    let mut none = act::EvictionTasks::default();
    act::act(ctx, &mut none, actions).await.failures()
}

/// What is ours on nodes.
fn nodes(ctx: &Context) -> Vec<ActionKind> {
    let mut kinds = Vec::new();
    for node in ctx.stores.nodes.all() {
        let name = || node.name.clone();
        let marked = |mark: &str| node.marks.contains_key(mark);
        if marked(CORDONED) {
            kinds.push(ActionKind::Uncordon { node: name() });
        }
        if marked(HELD) {
            kinds.push(ActionKind::Release { node: name() });
        }
        if marked(REPLACES) {
            kinds.push(ActionKind::Unguard { node: name() });
        }
    }
    kinds
}

/// What is ours on groups that AWS keeps. What is not is no change.
fn groups(changed: &[vpccni_api::migration::ChangedGroup]) -> Vec<ActionKind> {
    let groups = originals(changed).unwrap_or_default().into_iter();
    let kept = groups.filter(|(group, _)| {
        matches!(
            group.provider,
            Provider::AutoScalingGroup | Provider::ManagedNodeGroup
        )
    });
    kept.flat_map(|(group, _)| {
        let on = false;
        let managed = group.provider == Provider::ManagedNodeGroup;
        let noted = managed.then(|| ActionKind::ForgetUpdate { group: group.clone() });
        let bounds = [
            ActionKind::Suspend {
                group: group.clone(),
                on,
            },
            ActionKind::Freeze {
                group: group.clone(),
                on,
            },
            ActionKind::LowerMinimum {
                group: group.clone(),
                on,
            },
        ];
        bounds.into_iter().chain(noted)
    })
    .collect()
}
