//! Writes CniNodeStates, a few at a time: at 5,000 nodes the first round is 10,000 writes.

use super::status::api_status;
use crate::context::Context;
use crate::write::{Apply, Preconditions, Target, WriteError, WriteSite};
use futures::StreamExt;
use serde_json::json;
use vpccni_api::CniNodeState;
use vpccni_core::ids::NodeName;
use vpccni_core::node_state::NodeAction;

/// Writes under way at a time: the API server's priority for controllers has room, and nobody waits for these.
const AT_A_TIME: usize = 8;

/// Carries the actions out; answers how many failed. Each node's creation and status are one after the other.
pub(crate) async fn act(ctx: &Context, actions: Vec<NodeAction>) -> usize {
    let (creates, rest): (Vec<_>, Vec<_>) = actions
        .into_iter()
        .partition(|action| matches!(action, NodeAction::Create { .. }));
    let mut failed = run(ctx, creates).await;
    failed += run(ctx, rest).await;
    failed
}

async fn run(ctx: &Context, actions: Vec<NodeAction>) -> usize {
    futures::stream::iter(actions)
        .map(|action| async move { one(ctx, &action).await })
        .buffer_unordered(AT_A_TIME)
        .filter(|result| {
            let failed = match result {
                Ok(()) => false,
                Err(error) => {
                    tracing::debug!(%error, "a CniNodeState was not written");
                    true
                }
            };
            futures::future::ready(failed)
        })
        .count()
        .await
}

async fn one(ctx: &Context, action: &NodeAction) -> Result<(), WriteError> {
    match action {
        NodeAction::Create { name, uid } => create(ctx, name, uid).await,
        NodeAction::Status { name, status } => {
            let body = json!({"status": api_status(status, ctx.now())});
            let site = WriteSite::NodeStateStatus;
            ctx.writer
                .apply_status(site, &target(name), Apply::TAKE_OVER, body)
                .await
                .map(|_| ())
        }
        NodeAction::Delete { name } => {
            match ctx
                .writer
                .delete(
                    WriteSite::NodeStateDelete,
                    &target(name),
                    Preconditions::default(),
                )
                .await
            {
                Ok(()) | Err(WriteError::NotFound { .. }) => Ok(()),
                Err(error) => Err(error),
            }
        }
    }
}

async fn create(ctx: &Context, name: &NodeName, uid: &str) -> Result<(), WriteError> {
    let owner = json!({"apiVersion": "v1", "kind": "Node", "name": name.as_str(), "uid": uid});
    let body = json!({"metadata": {"ownerReferences": [owner]}, "spec": {}});
    match ctx
        .writer
        .create(WriteSite::NodeStateCreate, &target(name), body)
        .await
    {
        Ok(_) | Err(WriteError::AlreadyExists { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

fn target(name: &NodeName) -> Target {
    Target::cluster::<CniNodeState>(name.as_str())
}
