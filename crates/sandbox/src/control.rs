//! The control API under `/_sandbox/`: what was called, faults, reset, health, invariants. No AWS path begins so.

use crate::faults::Rule;
use crate::state::{Answer, State};
use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use serde_json::{Value, json};

pub(crate) const PREFIX: &str = "/_sandbox/";

pub(crate) fn serve(state: &State, parts: &Parts, body: &[u8]) -> Answer {
    let path = parts.uri.path().strip_prefix(PREFIX).unwrap_or_default();
    let (status, value) = match (&parts.method, path) {
        (&Method::GET, "health") => (
            StatusCode::OK,
            json!({ "status": "ok", "seed": state.options().seed }),
        ),
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
        (method, _) => (
            StatusCode::NOT_FOUND,
            json!({ "error": format!("no {method} {} here", parts.uri.path()) }),
        ),
    };
    json_answer(status, &value)
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
