//! `GET events`: what happened to instances and interfaces, at once, after a wait, or for as long as somebody reads.

use super::{number, parameter};
use crate::body::{Answer, Body, Lines, json_answer, with_type};
use crate::state::State;
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// So many events in one answer; the reader asks again for more.
const MOST: usize = 1000;

/// A long poll waits no longer.
const LONGEST: f64 = 300.0;

/// `after`: the last number that the reader knows. `wait`: seconds to wait where there is nothing newer. `follow`: one
/// JSON text a line, without an end.
pub(super) async fn serve(state: &Arc<State>, query: &str) -> Answer {
    let (after, wait) = match (number(query, "after"), number::<f64>(query, "wait")) {
        (Ok(after), Ok(wait)) => (after, wait.clamp(0.0, LONGEST)),
        (Err((status, reason)), _) | (_, Err((status, reason))) => {
            return json_answer(status, &json!({ "error": reason }));
        }
    };
    if parameter(query, "follow").is_some() {
        let state = Arc::clone(state);
        let lines = move |after| -> Lines { Box::pin(next_lines(Arc::clone(&state), after)) };
        return with_type(StatusCode::OK, Body::follow(lines, after), "application/x-ndjson");
    }
    let wait = Duration::try_from_secs_f64(wait).unwrap_or_default();
    tokio::select! {
        () = state.event_after(after) => {}
        () = tokio::time::sleep(wait) => {}
        () = state.stop().cancelled() => {}
    }
    let batch = Batch::after(state, after);
    json_answer(
        StatusCode::OK,
        &json!({
            "events": batch.events, "last": batch.last, "missed": batch.missed, "reset": batch.reset,
        }),
    )
}

/// What a reader gets at once.
struct Batch {
    events: Vec<Value>,
    /// The number of the newest event there is.
    last: u64,
    /// How many were forgotten before the reader came for them.
    missed: u64,
    /// The world began anew, and its numbers with it.
    reset: bool,
    /// The number that the reader knows after this.
    next: u64,
}

impl Batch {
    fn after(state: &State, number: u64) -> Self {
        state.turn(|world| {
            let last = world.last_event();
            let reset = number > last;
            let from = if reset { 0 } else { number };
            let events: Vec<_> = world.events_after(from).take(MOST).collect();
            let next = events.last().map_or(last, |event| event.number);
            let events = events
                .into_iter()
                .map(|event| serde_json::to_value(event).unwrap_or_default());
            Self {
                events: events.collect(),
                last,
                missed: world.missed_after(from),
                reset,
                next,
            }
        })
    }
}

/// The next lines of a stream, and the number to go on from; none where the sandbox ends.
async fn next_lines(state: Arc<State>, after: u64) -> Option<(u64, Bytes)> {
    tokio::select! {
        () = state.stop().cancelled() => return None,
        () = state.event_after(after) => {}
    }
    let batch = Batch::after(&state, after);
    let mut text = String::new();
    if batch.reset {
        text += "{\"kind\":\"reset\"}\n";
    }
    if batch.missed > 0 {
        text += &json!({ "kind": "gap", "missed": batch.missed }).to_string();
        text.push('\n');
    }
    for event in &batch.events {
        text += &event.to_string();
        text.push('\n');
    }
    Some((batch.next, Bytes::from(text)))
}
