//! Events of the operator: told about an object, with a stable reason, through the one funnel of writes. Telling an
//! Event never fails a reconcile: an error is counted and logged.

mod reason;
mod series;

pub use reason::{EventType, Reason};

use crate::metrics::Metrics;
use crate::write::{Target, WriteSite, Writer};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use serde_json::{Value, json};
use series::{Recent, Subject, Verdict};
use std::sync::{Arc, Mutex, PoisonError};
use vpccni_core::policy::FIELD_MANAGER;

/// The API refuses longer notes.
const MAX_NOTE_BYTES: usize = 1024;

/// The namespace of Events about cluster-scoped objects: the API server accepts no other but kube-system.
const CLUSTER_EVENTS_NAMESPACE: &str = "default";

/// Tells Events.
#[derive(Debug)]
pub struct Recorder {
    writer: Arc<Writer>,
    metrics: Arc<Metrics>,
    clock: fn() -> Timestamp,
    instance: String,
    recent: Mutex<Recent>,
}

impl Recorder {
    /// A recorder that reports as `instance`, usually the name of the pod.
    pub fn new(writer: Arc<Writer>, metrics: Arc<Metrics>, clock: fn() -> Timestamp, instance: &str) -> Self {
        // The API allows 128 bytes.
        let instance = cut(instance, 128);
        Self {
            writer,
            metrics,
            clock,
            instance,
            recent: Mutex::default(),
        }
    }

    /// Tells that `reason` happened to `about`. The same text about the same object within ten minutes is counted in
    /// the first Event instead of becoming a new one.
    pub async fn tell(&self, about: &ObjectReference, reason: Reason, note: &str) {
        let now = (self.clock)();
        let note = cut(note, MAX_NOTE_BYTES);
        let subject = subject(about);
        let verdict = self.recent().note(&subject, reason, &note, now);
        let outcome = match verdict {
            Verdict::First => self.create(about, &subject, reason, &note, now).await,
            Verdict::Count { event, count } => self.count(&subject, &event, count, now).await,
            Verdict::Suppress => "suppressed",
        };
        self.metrics.event(reason.name(), outcome);
    }

    async fn create(
        &self,
        about: &ObjectReference,
        subject: &Subject,
        reason: Reason,
        note: &str,
        now: Timestamp,
    ) -> &'static str {
        let name = event_name(&subject.name, now);
        let target = Target::namespaced::<Event>(&subject.namespace, &name);
        let body = self.body(about, reason, note, now);
        match self.writer.create(WriteSite::Event, &target, body).await {
            Ok(_) => {
                self.recent().created(subject, reason, note, &name);
                "written"
            }
            Err(error) => {
                self.recent().forget(subject, reason, note);
                tracing::warn!(%error, reason = reason.name(), note, "event not told");
                "failed"
            }
        }
    }

    async fn count(&self, subject: &Subject, event: &str, count: i32, now: Timestamp) -> &'static str {
        let target = Target::namespaced::<Event>(&subject.namespace, event);
        let series = json!({ "series": { "count": count, "lastObservedTime": micro(now) } });
        match self.writer.merge(WriteSite::Event, &target, series).await {
            Ok(_) => "repeated",
            Err(error) => {
                tracing::warn!(%error, event, "repetition of an event not counted");
                "failed"
            }
        }
    }

    fn body(&self, about: &ObjectReference, reason: Reason, note: &str, now: Timestamp) -> Value {
        json!({
            "type": reason.event_type().name(),
            "reason": reason.name(),
            "action": reason.action(),
            "note": note,
            "eventTime": micro(now),
            "regarding": about,
            "reportingController": FIELD_MANAGER,
            "reportingInstance": self.instance,
        })
    }

    fn recent(&self) -> std::sync::MutexGuard<'_, Recent> {
        // What was told is advice only: a table left half-changed by a panic costs an Event too many.
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn subject(about: &ObjectReference) -> Subject {
    Subject {
        kind: about.kind.clone().unwrap_or_default(),
        namespace: about
            .namespace
            .clone()
            .unwrap_or_else(|| CLUSTER_EVENTS_NAMESPACE.to_owned()),
        name: about.name.clone().unwrap_or_default(),
    }
}

/// Unique enough for one process, and no longer than the 253 bytes of a name.
fn event_name(object: &str, now: Timestamp) -> String {
    let suffix = format!(".{:x}{:04x}", now.as_nanosecond(), fastrand::u16(..));
    format!("{}{suffix}", cut(object, 253 - suffix.len()))
}

fn micro(at: Timestamp) -> String {
    format!("{at:.6}")
}

/// The longest start of a text that has at most `max` bytes, cut between characters.
fn cut(text: &str, max: usize) -> String {
    text[..text.floor_char_boundary(max)].to_owned()
}

#[cfg(test)]
mod tests;
