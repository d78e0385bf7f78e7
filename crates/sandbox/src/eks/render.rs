//! Forms that several answers of EKS have.

use crate::world::Issue;
use serde_json::{Map, Value, json};

/// A time stamp as REST-JSON has it: seconds with a fraction.
pub(super) fn seconds(time: jiff::Timestamp) -> f64 {
    std::time::Duration::try_from(time.duration_since(jiff::Timestamp::UNIX_EPOCH))
        .map_or(0.0, |since| since.as_secs_f64())
}

/// Ids as texts.
pub(super) fn texts<T: ToString>(ids: &[T]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

/// An object without the members that are null: absent is not the same as null to every SDK.
pub(super) fn present(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let present = members.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(present.collect::<Map<_, _>>())
        }
        other => other,
    }
}

/// What is wrong with a resource.
pub(super) fn health(issues: &[Issue]) -> Value {
    let issue = |issue: &Issue| json!({ "code": issue.code, "message": issue.message, "resourceIds": issue.resources });
    json!({ "issues": issues.iter().map(issue).collect::<Vec<_>>() })
}
