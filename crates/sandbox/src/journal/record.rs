//! One line of the journal: a request that may have changed the world, with all that its answer follows from.

use super::JournalError;
use crate::service::{Call, Service};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Uri};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A request of a client, or one to the control API where `service` is `sandbox`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    /// When, on the sandbox's clock.
    pub(super) time: String,
    pub(super) service: String,
    pub(super) action: String,
    /// The access key of the caller.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) caller: String,
    pub(super) method: String,
    pub(super) uri: String,
    /// `X-Amz-Target`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) target: Option<String>,
    pub(super) body: String,
    /// The id of the request, which is part of the answer.
    pub(super) id: String,
    /// What the answer comes to; set once there is one.
    #[serde(default)]
    pub(super) answer: String,
}

/// The service of what the control API changes.
pub(super) const CONTROL: &str = "sandbox";

impl Record {
    /// A request of a client.
    pub(crate) fn of(call: &Call, parts: &Parts, body: &Bytes, id: &str, now: Timestamp) -> Self {
        let target = parts.headers.get("x-amz-target");
        Self {
            time: now.to_string(),
            service: call.service.as_str().to_owned(),
            action: call.action.clone(),
            caller: call.caller.access_key.clone(),
            method: parts.method.to_string(),
            uri: parts.uri.to_string(),
            target: target.and_then(|t| t.to_str().ok()).map(str::to_owned),
            body: String::from_utf8_lossy(body).into_owned(),
            id: id.to_owned(),
            answer: String::new(),
        }
    }

    /// A change through the control API.
    pub(crate) fn of_control(what: &str, body: &[u8], now: Timestamp) -> Self {
        Self {
            time: now.to_string(),
            service: CONTROL.to_owned(),
            action: what.to_owned(),
            caller: String::new(),
            method: Method::POST.to_string(),
            uri: String::new(),
            target: None,
            body: String::from_utf8_lossy(body).into_owned(),
            id: String::new(),
            answer: String::new(),
        }
    }

    pub(super) fn time(&self, line: usize) -> Result<Timestamp, JournalError> {
        self.time
            .parse()
            .map_err(|_| JournalError::wrong(line, format!("the time {:?} does not read", self.time)))
    }

    /// The request again, as it came.
    pub(super) fn call(&self, line: usize) -> Result<Call, JournalError> {
        let wrong = |what: &str| JournalError::wrong(line, format!("the {what} does not read"));
        let method = Method::from_bytes(self.method.as_bytes()).map_err(|_| wrong("method"))?;
        let uri: Uri = self.uri.parse().map_err(|_| wrong("uri"))?;
        let known = Service::ALL
            .iter()
            .any(|service| service.as_str() == self.service);
        if !known && self.service != Service::Other.as_str() {
            return Err(JournalError::wrong(
                line,
                format!("there is no service {:?}", self.service),
            ));
        }
        let (mut parts, ()) = http::Request::new(()).into_parts();
        (parts.method, parts.uri) = (method, uri);
        let scope = format!("Credential={}/-/-/{}/aws4_request", self.caller, self.service);
        let scope = HeaderValue::from_str(&scope).map_err(|_| wrong("caller"))?;
        parts.headers.insert(http::header::AUTHORIZATION, scope);
        if let Some(target) = &self.target {
            let target = HeaderValue::from_str(target).map_err(|_| wrong("target"))?;
            parts.headers.insert("x-amz-target", target);
        }
        Ok(Call::read(&parts, self.body.as_bytes()))
    }
}

/// What an answer comes to, to tell whether a replay gave the same: FNV-1a of the text, or of code and message.
pub(super) fn sum(answer: &Result<String, crate::error::ApiError>) -> String {
    let hash = |text: &str, from: u64| {
        text.bytes().fold(from, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    };
    let start = 0xcbf2_9ce4_8422_2325;
    match answer {
        Ok(text) => format!("{:016x}", hash(text, start)),
        Err(error) => format!("{:016x}", hash(&error.to_string(), start)),
    }
}
