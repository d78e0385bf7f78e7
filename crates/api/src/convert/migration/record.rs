//! The write-ahead record of a node.

use crate::node_state::{MigrationRecord, NodeStep as ApiStep};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use vpccni_core::ids::InstanceId;
use vpccni_core::migration::{NodeStep, PLAN_VERSION, Record};

/// As it is written.
pub fn record(record: &Record) -> MigrationRecord {
    let Record {
        migration,
        step: done,
        since,
        reason,
        instance,
        grow_to,
    } = record;
    MigrationRecord {
        migration: migration.clone(),
        step: step(*done),
        since: Time(*since),
        plan_version: i64::from(PLAN_VERSION),
        instance: instance.as_ref().map(ToString::to_string),
        reason: reason.as_deref().map(|text| crate::convert::bounded(text, 1024)),
        grow_to: grow_to.map(i64::from),
    }
}

/// As it is read. An instance id that is none is no id: then the record is about no instance that exists.
pub fn record_of(record: &MigrationRecord) -> Record {
    let MigrationRecord {
        migration,
        step: done,
        since,
        plan_version: _,
        instance,
        reason,
        grow_to,
    } = record;
    Record {
        migration: migration.clone(),
        step: step_of(*done),
        since: since.0,
        reason: reason.clone(),
        instance: instance.as_deref().and_then(|id| InstanceId::parse(id).ok()),
        grow_to: grow_to.and_then(|size| u32::try_from(size).ok()),
    }
}

/// A step as the API spells it.
pub fn step(step: NodeStep) -> ApiStep {
    match step {
        NodeStep::Pending => ApiStep::Pending,
        NodeStep::Selected => ApiStep::Selected,
        NodeStep::ReplacementReady => ApiStep::ReplacementReady,
        NodeStep::Cordoned => ApiStep::Cordoned,
        NodeStep::Draining => ApiStep::Draining,
        NodeStep::Drained => ApiStep::Drained,
        NodeStep::Terminating => ApiStep::Terminating,
        NodeStep::Gone => ApiStep::Gone,
        NodeStep::Quarantined => ApiStep::Quarantined,
    }
}

/// The step of that word.
pub fn step_of(step: ApiStep) -> NodeStep {
    match step {
        ApiStep::Pending => NodeStep::Pending,
        ApiStep::Selected => NodeStep::Selected,
        ApiStep::ReplacementReady => NodeStep::ReplacementReady,
        ApiStep::Cordoned => NodeStep::Cordoned,
        ApiStep::Draining => NodeStep::Draining,
        ApiStep::Drained => NodeStep::Drained,
        ApiStep::Terminating => NodeStep::Terminating,
        ApiStep::Gone => NodeStep::Gone,
        ApiStep::Quarantined => NodeStep::Quarantined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_as_it_was() {
        for word in ApiStep::ALL {
            let before = Record {
                migration: "default-3f9c2a1b".to_owned(),
                step: step_of(*word),
                since: "2026-11-21T20:00:00Z".parse().unwrap(),
                reason: Some("blocked by shop/cart".to_owned()),
                instance: Some(InstanceId::parse("i-0123456789abcdef0").unwrap()),
                grow_to: Some(4),
            };
            assert_eq!(record_of(&record(&before)), before);
        }
    }
}
