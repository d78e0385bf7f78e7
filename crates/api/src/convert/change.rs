//! What would be written and what waits, as status shows it.

use super::finding::bounded;
use super::plan::change_class;
use crate::policy::{PendingChange, PlannedChange, Restarts, STATUS_TEXT};
use vpccni_core::policy::{Pending, Row, Verdict, Why, Written};

/// A setting that differs, as status shows it.
pub fn planned_change(row: &Row) -> PlannedChange {
    let owner = row.other_owner().map(|owner| owner.manager.clone());
    let value = |value: &Option<Written>| {
        value
            .as_ref()
            .map(|value| bounded(&value.to_string(), STATUS_TEXT))
    };
    PlannedChange {
        key: row.name.to_string(),
        from: value(&row.from),
        to: value(&row.to),
        owner,
        change_class: change_class(row.class()),
        restarts: if row.restarts() {
            Restarts::Pods
        } else {
            Restarts::None
        },
    }
}

/// What waits, and for what, as status shows it.
pub fn pending_changes(verdict: &Verdict) -> impl Iterator<Item = PendingChange> + '_ {
    let window = verdict.window.as_deref().unwrap_or("the next rollout window");
    let waits_for = move |why| match why {
        Why::Refused => "the findings of this change: see status.findings".to_owned(),
        Why::OutsideWindow => format!("a rollout window: {window}"),
        Why::NotManaged => "managementState Manage".to_owned(),
        Why::NoAgent => "the container aws-eks-nodeagent, which the DaemonSet does not have".to_owned(),
        Why::NotInAddon => "nothing: the document of the add-on has no place for it".to_owned(),
        Why::ExternalWriter => "the writer of the add-on: see status.target.addonDocument".to_owned(),
        Why::AddonBusy => "EKS to finish an update of the add-on".to_owned(),
        Why::Prerequisite => "the ENIConfigs of the policy to be written".to_owned(),
    };
    let row = move |pending: &Pending| PendingChange {
        key: pending.name.to_string(),
        to: pending
            .to
            .as_ref()
            .map(|value| bounded(&value.to_string(), STATUS_TEXT)),
        waits_for: waits_for(pending.why),
    };
    verdict.pending.iter().map(row)
}
