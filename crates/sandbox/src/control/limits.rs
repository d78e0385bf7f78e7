//! `PUT throttle`: how fast clients may call.

use super::{Told, bad, ok};
use crate::state::State;
use crate::throttle::Rate;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    rate: Value,
}

/// The rate as `"off"`, `"on"` or a factor; all buckets are full again.
pub(super) fn set(state: &State, body: &[u8]) -> Told {
    let asked: Asked = serde_json::from_slice(body).map_err(bad)?;
    let text = match asked.rate {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let rate: Rate = text.parse().map_err(bad)?;
    let mut throttle = state.throttle();
    throttle.set(rate);
    ok(throttle.report(state.clock().now()))
}
