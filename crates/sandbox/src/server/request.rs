//! One request: through the limits, the faults and the world, and into the books. The world is locked for the effect
//! of a request alone, never across an await, so requests are linearisable and none can starve another.

use super::answer::{empty, html, render};
use crate::body::{Answer, Body};
use crate::calls::Outcome;
use crate::control;
use crate::error::{ApiError, Code};
use crate::faults::{Met, Subject, Way};
use crate::journal::Record;
use crate::listen::NoAnswer;
use crate::perform::perform;
use crate::service::{Call, Service};
use crate::state::State;
use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::Duration;

/// More than any request of these APIs is long; user data may have 16 KiB.
const MAX_BODY: usize = 1 << 20;

/// A journal is longer: this is one of about a million requests.
const MAX_JOURNAL: usize = 1 << 28;

/// A body that comes more slowly than that is not waited for.
const BODY_TIME: Duration = Duration::from_mins(1);

/// What an action answered with, before it is put on the wire.
type Served = Result<String, ApiError>;

pub(crate) async fn handle(state: Arc<State>, request: http::Request<Incoming>) -> Result<Answer, NoAnswer> {
    let (parts, body) = request.into_parts();
    let limit = if parts.uri.path() == control::STATE {
        MAX_JOURNAL
    } else {
        MAX_BODY
    };
    let body = match tokio::time::timeout(BODY_TIME, Limited::new(body, limit).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => return Ok(empty(StatusCode::PAYLOAD_TOO_LARGE)),
        Err(_) => return Ok(empty(StatusCode::REQUEST_TIMEOUT)),
    };
    if parts.uri.path().starts_with(control::PREFIX) {
        return Ok(control::serve(&state, &parts, &body).await);
    }
    serve(&state, &parts, &body).await
}

async fn serve(state: &State, parts: &Parts, body: &Bytes) -> Result<Answer, NoAnswer> {
    let call = Call::read(parts, body);
    let (service, action, caller) = (call.service, call.action.clone(), call.caller.clone());
    let book = |outcome: Outcome, rule: Option<u64>| {
        state.record(service.as_str(), &action, &caller, outcome, rule);
    };
    let request_id = state.request_id();
    let now = state.clock().now();
    if let Err(error) = state.throttle().admit(&call, now) {
        book(Outcome::Refused(error.code().to_owned()), None);
        return Ok(render(service, Err(error), &request_id));
    }
    let subject = Subject {
        service,
        action: &action,
        caller: &caller,
        uri: &parts.uri,
        body,
    };
    let met = state.faults().meet(&subject, now);
    let _under_way = state.begin(&call);
    if !met.delay.is_zero() {
        tokio::time::sleep(met.delay).await;
    }
    let result = match met.way.clone() {
        Some(Way::CutBefore) => {
            book(Outcome::Dropped, met.rule);
            return Err(NoAnswer::Cut);
        }
        Some(Way::Html(status)) => {
            book(Outcome::Html, met.rule);
            return Ok(html(status));
        }
        Some(Way::Refuse(error)) => Err(error),
        Some(Way::CutAfter | Way::CutMidway) | None => run(state, call, parts, body, &request_id, &met),
    };
    finish(service, result, &request_id, &met, book)
}

fn finish(
    service: Service,
    result: Served,
    request_id: &str,
    met: &Met,
    book: impl Fn(Outcome, Option<u64>),
) -> Result<Answer, NoAnswer> {
    match met.way {
        Some(Way::CutAfter) => {
            book(Outcome::Dropped, met.rule);
            return Err(NoAnswer::Cut);
        }
        Some(Way::CutMidway) => {
            book(Outcome::Dropped, met.rule);
            return Ok(render(service, result, request_id).map(|body| match body {
                Body::Whole(Some(whole)) => Body::half(&whole),
                other => other,
            }));
        }
        _ => {}
    }
    let outcome = match &result {
        Ok(_) => Outcome::Ok,
        Err(error) => Outcome::Refused(error.code().to_owned()),
    };
    book(outcome, met.rule);
    Ok(render(service, result, request_id))
}

/// The effect on the world; gives the body of the answer. What changes the world is written down first.
fn run(state: &State, call: Call, parts: &Parts, body: &Bytes, request_id: &str, met: &Met) -> Served {
    state.turn(|world| {
        let result = if call.changes() {
            let record = Record::of(&call, parts, body, request_id, world.now());
            state
                .journal()
                .through(record, || perform(world, call, request_id))
        } else {
            let usual = world.timings.describe_lag;
            let age = met.stale.max(state.faults().up_to(usual));
            world.as_of(age, |world| perform(world, call, request_id))
        };
        if state.options().check_invariants {
            world.rest();
            let found = world.violations();
            if !found.is_empty() {
                return Err(ApiError::new(
                    Code::InternalError,
                    format!("The sandbox is wrong: {}", found.join("; ")),
                ));
            }
        }
        result
    })
}
