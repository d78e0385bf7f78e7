//! The control API under `/_sandbox/`: what was called, faults, reset, health, invariants. No AWS path begins so.

use crate::eks;
use crate::faults::Rule;
use crate::service::Service;
use crate::state::{Answer, State};
use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) const PREFIX: &str = "/_sandbox/";

pub(crate) fn serve(state: &State, parts: &Parts, body: &[u8]) -> Answer {
    let path = parts.uri.path().strip_prefix(PREFIX).unwrap_or_default();
    let (status, value) = match (&parts.method, path) {
        (&Method::GET, "health") => (
            StatusCode::OK,
            json!({ "status": "ok", "seed": state.options().seed }),
        ),
        (&Method::GET, "actions") => (StatusCode::OK, actions()),
        (&Method::POST, "clock/advance") => advance(state, body),
        (&Method::GET, "calls") => (StatusCode::OK, json!({ "calls": state.counts() })),
        (&Method::GET, "faults") => (StatusCode::OK, json!({ "faults": state.faults().rules() })),
        (&Method::POST, "faults") => add_fault(state, body),
        (&Method::DELETE, "faults") => {
            state.faults().clear();
            (StatusCode::OK, json!({}))
        }
        (&Method::POST, "reset") => {
            state.reset();
            (StatusCode::OK, json!({}))
        }
        (&Method::GET, "invariants") => {
            let violations = state.world().violations();
            (StatusCode::OK, json!({ "violations": violations }))
        }
        (method, path) if path.starts_with("clusters/") || path.starts_with("ami-releases/") => {
            clusters(state, method, path, body)
        }
        (method, _) => (
            StatusCode::NOT_FOUND,
            json!({ "error": format!("no {method} {} here", parts.uri.path()) }),
        ),
    };
    json_answer(status, &value)
}

/// What is said about clusters, which have no Kubernetes here.
fn clusters(state: &State, method: &Method, path: &str, body: &[u8]) -> (StatusCode, Value) {
    let mut world = state.world();
    world.settle(state.clock().now());
    match eks::control::serve(&mut world, method, path, body) {
        Some(Ok(())) => (StatusCode::OK, json!({})),
        Some(Err(error)) => (StatusCode::BAD_REQUEST, json!({ "error": error })),
        None => (
            StatusCode::NOT_FOUND,
            json!({ "error": format!("no {method} {PREFIX}{path} here") }),
        ),
    }
}

/// Every action that is served, by service.
fn actions() -> Value {
    let served = Service::ALL.into_iter().map(|service| {
        let names = service.actions().into_iter().map(Value::from).collect();
        (service.as_str().to_owned(), Value::Array(names))
    });
    Value::Object(served.collect())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: f64,
}

/// Moves the manual clock, and lets happen what is due by then.
fn advance(state: &State, body: &[u8]) -> (StatusCode, Value) {
    let moved = serde_json::from_slice::<Advance>(body)
        .map_err(|error| error.to_string())
        .and_then(|advance| Duration::try_from_secs_f64(advance.seconds).map_err(|e| format!("seconds: {e}")))
        .and_then(|by| state.clock().advance(by).map_err(str::to_owned));
    match moved {
        Ok(now) => {
            state.world().settle(now);
            (StatusCode::OK, json!({ "now": now.to_string() }))
        }
        Err(error) => (StatusCode::BAD_REQUEST, json!({ "error": error })),
    }
}

fn add_fault(state: &State, body: &[u8]) -> (StatusCode, Value) {
    let added = serde_json::from_slice::<Rule>(body)
        .map_err(|error| error.to_string())
        .and_then(|rule| state.faults().add(rule));
    match added {
        Ok(()) => (StatusCode::CREATED, json!({})),
        Err(error) => (StatusCode::BAD_REQUEST, json!({ "error": error })),
    }
}

fn json_answer(status: StatusCode, value: &Value) -> Answer {
    let mut answer = Response::new(Bytes::from(value.to_string()).into());
    *answer.status_mut() = status;
    answer.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/json"),
    );
    answer
}
