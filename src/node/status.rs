//! The status of a CniNodeState from what core says. Pure.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use vpccni_api::convert::{bounded, node_mode, provider};
use vpccni_api::node_state::{
    CniNodeStateStatus, EniCounts, Group, Instance, MaxPods, NodeSummary, ObservedBy,
};
use vpccni_core::node_state::NodeStatus;
use vpccni_core::safety::EniFacts;

/// What the API shows; `since` is when it changed.
pub(crate) fn api_status(status: &NodeStatus, since: Timestamp) -> CniNodeStateStatus {
    let NodeStatus {
        instance: (id, instance_type, zone),
        group,
        mode,
        revision,
        enis,
        max_pods_seen,
        max_pods_declared,
        max_pods_possible,
        unknown,
    } = status;
    CniNodeStateStatus {
        observed_generation: None,
        conditions: None,
        summary: Some(NodeSummary {
            enis: Some(
                enis.as_ref()
                    .map_or_else(|| "?".to_owned(), |enis| enis.attached.to_string()),
            ),
            prefixes: Some(
                enis.as_ref()
                    .map_or_else(|| "?".to_owned(), |enis| enis.prefixes.to_string()),
            ),
            max_pods: Some(max_pods_text(*max_pods_seen, *max_pods_possible)),
        }),
        instance: Some(Instance {
            id: id.clone(),
            instance_type: instance_type.clone(),
            zone: zone.clone(),
        }),
        group: Some(Group {
            provider: Some(provider(group.provider)),
            name: Some(group.name.clone()),
        }),
        mode: Some(node_mode(*mode)),
        aws_node_revision: revision.clone(),
        enis: enis.as_ref().map(eni_counts),
        pool: None,
        max_pods: Some(MaxPods {
            seen: max_pods_seen.map(i64::from),
            declared: max_pods_declared.map(i64::from),
            possible: max_pods_possible.map(i64::from),
        }),
        observed_by: Some(ObservedBy::Operator),
        last_error: unknown.as_ref().map(|why| bounded(why, 1024)),
        since: Some(Time(since)),
    }
}

fn eni_counts(enis: &EniFacts) -> EniCounts {
    EniCounts {
        attached: Some(i64::from(enis.attached)),
        secondary_ips: Some(i64::from(enis.secondary_ips)),
        prefixes: Some(i64::from(enis.prefixes)),
        trunk: Some(enis.trunk),
        branches: Some(i64::from(enis.branches)),
    }
}

fn max_pods_text(seen: Option<u32>, possible: Option<u32>) -> String {
    let seen_text = seen.map_or_else(|| "?".to_owned(), |n| n.to_string());
    match possible {
        Some(possible) if Some(possible) != seen => format!("{seen_text} ({possible} possible)"),
        _ => seen_text,
    }
}

/// Whether what stands says the same, but for the time.
pub(crate) fn says(standing: &CniNodeStateStatus, status: &NodeStatus) -> bool {
    let wanted = api_status(status, Timestamp::UNIX_EPOCH);
    CniNodeStateStatus {
        since: wanted.since.clone(),
        ..standing.clone()
    } == wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_from_what_is_possible_is_shown() {
        assert_eq!(max_pods_text(Some(29), Some(29)), "29");
        assert_eq!(max_pods_text(Some(29), Some(110)), "29 (110 possible)");
        assert_eq!(max_pods_text(None, None), "?");
    }
}
