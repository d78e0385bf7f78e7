//! The control API under `/_sandbox/`: what a test bed asks and orders beside AWS. No AWS path begins so.

mod events;
mod limits;
mod metadata;

use crate::body::{Answer, json_answer, with_type};
use crate::changes;
use crate::error::ApiError;
use crate::faults::Rule;
use crate::journal::Record;
use crate::service::Service;
use crate::state::State;
use crate::world::World;
use bytes::Bytes;
use http::request::Parts;
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

pub(crate) const PREFIX: &str = "/_sandbox/";

/// The journal comes and goes here: its bodies are larger than others.
pub(crate) const STATE: &str = "/_sandbox/state";

/// What is answered, or why not.
type Told = Result<(StatusCode, Value), (StatusCode, String)>;

pub(crate) async fn serve(state: &Arc<State>, parts: &Parts, body: &Bytes) -> Answer {
    let path = parts.uri.path().strip_prefix(PREFIX).unwrap_or_default();
    let elements: Vec<&str> = path.split('/').collect();
    let query = parts.uri.query().unwrap_or_default();
    let told = match (&parts.method, elements.as_slice()) {
        (&Method::GET, ["events"]) => return events::serve(state, query).await,
        (&Method::GET, ["state"]) => return state_text(state),
        (&Method::GET, ["instances", id, "imds"]) => metadata::endpoint(state, id, query).await,
        (&Method::POST, ["instances", id, "imds", "stale"]) => metadata::stale(state, id, body),
        (&Method::DELETE, ["instances", id, "imds", "stale"]) => metadata::fresh(state, id),
        (&Method::GET, _) => look(state, &elements, query),
        (method, _) => change(state, method, path, &elements, body),
    };
    match told {
        Ok((status, value)) => json_answer(status, &value),
        Err((StatusCode::NOT_FOUND, reason)) if reason.is_empty() => json_answer(
            StatusCode::NOT_FOUND,
            &json!({ "error": format!("no {} {} here", parts.method, parts.uri.path()) }),
        ),
        Err((status, reason)) => json_answer(status, &json!({ "error": reason })),
    }
}

fn nothing() -> Told {
    Err((StatusCode::NOT_FOUND, String::new()))
}

#[expect(clippy::unnecessary_wraps, reason = "every arm of an answer is one")]
fn ok(value: Value) -> Told {
    Ok((StatusCode::OK, value))
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "messages and errors are made where they are given"
)]
fn bad(reason: impl ToString) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, reason.to_string())
}

/// A parameter of a query.
fn parameter(query: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// A number among the parameters, 0 where it is not given.
fn number<T: std::str::FromStr + Default>(query: &str, name: &str) -> Result<T, (StatusCode, String)> {
    parameter(query, name).map_or_else(
        || Ok(T::default()),
        |value| {
            value
                .parse()
                .map_err(|_| bad(format!("{name}: {value:?} is no number")))
        },
    )
}

fn look(state: &State, elements: &[&str], query: &str) -> Told {
    match elements {
        ["health"] => ok(json!({
            "status": "ok",
            "seed": state.options().seed,
            "region": state.options().region,
            "now": state.clock().now().to_string(),
        })),
        ["actions"] => ok(actions()),
        ["calls"] if parameter(query, "by").as_deref() == Some("caller") => {
            ok(json!({ "calls": state.calls().by_caller() }))
        }
        ["calls"] => ok(json!({ "calls": state.calls().counts() })),
        ["requests"] => {
            let after = number(query, "after")?;
            let calls = state.calls();
            let (requests, last) = calls.after(after);
            ok(json!({ "requests": requests, "last": last }))
        }
        ["faults"] => ok(json!({ "faults": state.faults().rules() })),
        ["throttle"] => ok(state.throttle().report(state.clock().now())),
        ["timings"] => ok(state.turn(|world| changes::timings(&world.timings))),
        ["invariants"] => ok(json!({ "violations": state.turn(|world| world.violations()) })),
        _ => nothing(),
    }
}

fn change(state: &State, method: &Method, path: &str, elements: &[&str], body: &[u8]) -> Told {
    match (method, elements) {
        (&Method::POST, ["clock", "advance"]) => {
            let asked: Advance = serde_json::from_slice(body).map_err(bad)?;
            let by = Duration::try_from_secs_f64(asked.seconds).map_err(|e| bad(format!("seconds: {e}")))?;
            let now = advance(state, by).map_err(bad)?;
            ok(json!({ "now": now.to_string() }))
        }
        (&Method::POST, ["faults"]) => add_fault(state, body),
        (&Method::DELETE, ["faults"]) => {
            state.faults().clear();
            ok(json!({}))
        }
        (&Method::DELETE, ["faults", id]) => match id.parse() {
            Ok(id) if state.faults().remove(id) => ok(json!({})),
            _ => Err((StatusCode::NOT_FOUND, format!("there is no fault {id}"))),
        },
        (&Method::PUT, ["throttle"]) => limits::set(state, body),
        (&Method::PUT, ["timings" | "quotas"] | ["zones", _, "capacity"])
        | (&Method::POST, ["subnets", _, "occupy"]) => {
            let what = path.trim_end_matches("/capacity").trim_end_matches("/occupy");
            let answer = changed(state, what, body).map_err(|error| bad(error.message()))?;
            ok(serde_json::from_str(&answer).unwrap_or_default())
        }
        (&Method::PUT, ["clusters" | "ami-releases", ..]) => {
            changed(state, path, body).map_err(|error| bad(error.message()))?;
            ok(json!({}))
        }
        (&Method::POST, ["state"]) => {
            let replayed = state.load(body).map_err(bad)?;
            ok(json!({ "replayed": replayed }))
        }
        (&Method::POST, ["reset"]) => {
            state
                .reset()
                .map_err(|e| (StatusCode::INTERNAL_SERVER_ERROR, e.to_string()))?;
            ok(json!({}))
        }
        _ => nothing(),
    }
}

/// A change of the world itself, which is written down as requests are.
fn changed(state: &State, what: &str, body: &[u8]) -> Result<String, ApiError> {
    state.turn(|world| write_down(state, world, what, body))
}

fn write_down(state: &State, world: &mut World, what: &str, body: &[u8]) -> Result<String, ApiError> {
    let record = Record::of_control(what, body, world.now());
    state
        .journal()
        .through(record, || changes::apply(world, what, body))
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
pub(crate) fn advance(state: &State, by: Duration) -> Result<Timestamp, String> {
    let now = state.clock().advance(by)?;
    changed(state, changes::ADVANCE, b"").map_err(|error| error.message().to_owned())?;
    Ok(now)
}

fn add_fault(state: &State, body: &[u8]) -> Told {
    let rule: Rule = serde_json::from_slice(body).map_err(bad)?;
    let now = state.clock().now();
    let id = state.faults().add(rule, now).map_err(bad)?;
    state.remember_for_faults();
    Ok((StatusCode::CREATED, json!({ "id": id })))
}

/// The journal, as it is kept.
fn state_text(state: &State) -> Answer {
    let text = state.journal().text();
    match text {
        Ok(Some(text)) => with_type(StatusCode::OK, text, "application/x-ndjson"),
        Ok(None) => json_answer(
            StatusCode::CONFLICT,
            &json!({ "error": "this sandbox keeps no journal, or it was too long for its memory; start it with --state FILE" }),
        ),
        Err(error) => json_answer(
            StatusCode::INTERNAL_SERVER_ERROR,
            &json!({ "error": error.to_string() }),
        ),
    }
}
