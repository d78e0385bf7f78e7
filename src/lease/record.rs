//! The Lease on the wire and what the election needs of it.

use crate::lease::Timings;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use serde_json::{Value, json};
use std::time::Duration;

/// A Lease as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// Who holds it; nobody after a release.
    pub(super) holder: Option<String>,
    /// For how long after a renewal, as the holder promised.
    pub(super) duration: Duration,
    /// Changes with every renewal. Compared, never read as a time: it comes from the clock of another machine.
    pub(super) renewed: Option<Timestamp>,
    /// How often the holder changed.
    pub(super) transitions: i32,
    /// For the next write.
    pub(super) resource_version: Option<String>,
}

impl Record {
    /// What a Lease says; without a duration it is as good as expired.
    pub(super) fn read(lease: Lease) -> Self {
        let spec = lease.spec.unwrap_or_default();
        let seconds = spec
            .lease_duration_seconds
            .and_then(|seconds| u64::try_from(seconds).ok())
            .unwrap_or(0);
        Self {
            holder: spec.holder_identity.filter(|holder| !holder.is_empty()),
            duration: Duration::from_secs(seconds),
            renewed: spec.renew_time.map(|MicroTime(at)| at),
            transitions: spec.lease_transitions.unwrap_or(0),
            resource_version: lease.metadata.resource_version,
        }
    }

    /// Whether both are the same renewal by the same holder.
    pub(super) fn same_renewal(&self, other: &Self) -> bool {
        self.holder == other.holder && self.renewed == other.renewed && self.duration == other.duration
    }
}

/// The write that makes `me` the holder.
pub(super) fn taken(
    me: &str,
    timings: Timings,
    transitions: i32,
    now: Timestamp,
    version: Option<&str>,
) -> Value {
    let time = format!("{now:.6}");
    json!({
        "metadata": { "resourceVersion": version },
        "spec": {
            "holderIdentity": me,
            "leaseDurationSeconds": seconds(timings.duration),
            "acquireTime": time,
            "renewTime": time,
            "leaseTransitions": transitions,
        },
    })
}

/// The write that keeps the holder.
pub(super) fn renewed(timings: Timings, now: Timestamp, version: Option<&str>) -> Value {
    json!({
        "metadata": { "resourceVersion": version },
        "spec": { "renewTime": format!("{now:.6}"), "leaseDurationSeconds": seconds(timings.duration) },
    })
}

/// The write that makes room for the next holder at once.
pub(super) fn released(now: Timestamp, version: Option<&str>) -> Value {
    json!({
        "metadata": { "resourceVersion": version },
        "spec": { "holderIdentity": null, "renewTime": format!("{now:.6}"), "leaseDurationSeconds": 1 },
    })
}

/// The API wants a whole number of at least 1.
fn seconds(duration: Duration) -> u64 {
    let whole = if duration.subsec_nanos() > 0 {
        duration.as_secs() + 1
    } else {
        duration.as_secs()
    };
    whole.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(spec: &Value) -> Lease {
        serde_json::from_value(json!({ "metadata": { "resourceVersion": "7" }, "spec": spec })).unwrap()
    }

    #[test]
    fn an_empty_holder_is_nobody_and_an_absent_spec_is_expired() {
        assert_eq!(Record::read(lease(&json!({ "holderIdentity": "" }))).holder, None);
        let empty = Record::read(lease(&Value::Null));
        assert_eq!(
            (empty.holder, empty.duration, empty.transitions),
            (None, Duration::ZERO, 0)
        );
        assert_eq!(empty.resource_version.as_deref(), Some("7"));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let now: Timestamp = "2026-11-21T10:00:00.123456Z".parse().unwrap();
        let written = taken("pod-a", Timings::default(), 3, now, Some("7"));
        let record = Record::read(serde_json::from_value(written).unwrap());
        assert_eq!(record.holder.as_deref(), Some("pod-a"));
        assert_eq!(record.duration, Duration::from_secs(15));
        assert_eq!(record.renewed, Some(now));
        assert_eq!(record.transitions, 3);
    }

    #[test]
    fn a_part_of_a_second_is_rounded_up() {
        assert_eq!(seconds(Duration::from_millis(200)), 1);
        assert_eq!(seconds(Duration::from_millis(1500)), 2);
        assert_eq!(seconds(Duration::from_secs(15)), 15);
    }
}
