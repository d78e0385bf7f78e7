//! `instances/ID/imds`: where the metadata service of an instance is, and letting it know less than it should.

use super::{Told, bad, number, ok};
use crate::imds::Stale;
use crate::metadata_service;
use crate::state::State;
use http::StatusCode;
use serde_json::json;
use std::sync::Arc;
use vpccni_core::ids::InstanceId;

fn instance(state: &State, id: &str) -> Result<InstanceId, (StatusCode, String)> {
    let missing = || (StatusCode::NOT_FOUND, format!("there is no instance {id}"));
    let id = InstanceId::parse(id).map_err(|_| missing())?;
    state
        .turn(|world| world.instances.contains_key(&id))
        .then_some(id.clone())
        .ok_or_else(missing)
}

/// Starts it, if nobody asked before. `hops`: how many network hops away from it its clients are.
pub(super) async fn endpoint(state: &Arc<State>, id: &str, query: &str) -> Told {
    let id = instance(state, id)?;
    let hops = number::<u32>(query, "hops")?.max(1);
    let address = metadata_service::start(state, &id, hops)
        .await
        .map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    ok(json!({ "endpoint": format!("http://{address}"), "hops": hops }))
}

/// From now on it is stale.
pub(super) fn stale(state: &State, id: &str, body: &[u8]) -> Told {
    let id = instance(state, id)?;
    let stale: Stale = serde_json::from_slice(body).map_err(bad)?;
    let frozen = state.turn(|world| world.metadata_interfaces(&id));
    let now = state.clock().now();
    state
        .endpoints()
        .make_stale(&id, stale, frozen, now)
        .map_err(bad)?;
    ok(json!({}))
}

/// It knows again what it should.
pub(super) fn fresh(state: &State, id: &str) -> Told {
    let id = instance(state, id)?;
    state.endpoints().make_fresh(&id);
    ok(json!({}))
}
