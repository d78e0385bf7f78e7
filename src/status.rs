//! What all statuses have in common: conditions with their times, of which `lastTransitionTime` moves only when the
//! status does; and maps that must not be written empty.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use serde_json::{Value, json};
use vpccni_api::convert::bounded;
use vpccni_core::policy::{Condition as CoreCondition, ConditionStatus};

/// What the schema allows in a message.
const MESSAGE: usize = 4096;

/// The conditions of this round, with the times of those whose status is the same as before.
pub(crate) fn merge_conditions(
    before: &[Condition],
    now_seen: &[CoreCondition],
    generation: i64,
    now: Timestamp,
) -> Vec<Condition> {
    now_seen
        .iter()
        .map(|condition| {
            let status = match condition.status {
                ConditionStatus::True => "True",
                ConditionStatus::False => "False",
                ConditionStatus::Unknown => "Unknown",
            };
            let same = before
                .iter()
                .find(|old| old.type_ == condition.kind && old.status == status);
            Condition {
                type_: condition.kind.to_owned(),
                status: status.to_owned(),
                reason: condition.reason.to_owned(),
                message: bounded(&condition.message, MESSAGE),
                observed_generation: Some(generation),
                last_transition_time: same.map_or(Time(now), |old| old.last_transition_time.clone()),
            }
        })
        .collect()
}

/// A map that becomes empty under server-side apply is stored as null, which the schema then refuses: it is left out.
pub(crate) fn without_empty_maps(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map
                .into_iter()
                .map(|(key, value)| (key, without_empty_maps(value)));
            Value::Object(kept.filter(|(_, value)| *value != json!({})).collect())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(without_empty_maps).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_moves_only_with_the_status() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let first = merge_conditions(&[], &[CoreCondition::yes("Ready", "Applied", "a")], 1, at(10));
        let second = merge_conditions(&first, &[CoreCondition::yes("Ready", "Applied", "b")], 2, at(20));
        assert_eq!(second[0].last_transition_time, Time(at(10)));
        assert_eq!(
            (second[0].message.as_str(), second[0].observed_generation),
            ("b", Some(2))
        );
        let third = merge_conditions(&second, &[CoreCondition::no("Ready", "Refused", "c")], 3, at(30));
        assert_eq!(third[0].last_transition_time, Time(at(30)));
    }
}
