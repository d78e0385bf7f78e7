//! `CniPolicy.spec.migration` with its defaults, and approvals.

use crate::migration::MigrationApproval;
use crate::policy::{self, MigrationStrategy};
use jiff::SignedDuration;
use std::collections::BTreeMap;
use vpccni_core::migration::{
    Approval, ApprovedBy, ChangeHash, Drain, OnBlocked, OnSuperseded, OnWindowEnd, Replace, Settings, Share,
};
use vpccni_core::policy::Strategy;

fn small(value: i64) -> Option<u32> {
    u32::try_from(value).ok()
}

/// How nodes are replaced, as the policy says it. The schema has checked the texts; one that cannot be read all the
/// same leaves the default.
pub fn migration_settings(migration: Option<&policy::Migration>) -> Settings {
    let mut settings = Settings::default();
    let Some(migration) = migration else {
        return settings;
    };
    let policy::Migration {
        strategy,
        approval: _,
        budget,
        node_groups,
        drain,
        windows: _,
        on_window_end,
        on_superseded,
        canary,
        halt,
    } = migration;
    settings.strategy = match strategy {
        Some(MigrationStrategy::Plan) => Strategy::Plan,
        Some(MigrationStrategy::Automatic) => Strategy::Automatic,
        Some(MigrationStrategy::Refuse) | None => Strategy::Refuse,
    };
    if let Some(budget) = budget {
        let share = |text: &Option<String>| text.as_deref().and_then(share);
        settings.budget.unavailable = share(&budget.max_unavailable).unwrap_or(settings.budget.unavailable);
        settings.budget.surge = share(&budget.max_surge).unwrap_or(settings.budget.surge);
    }
    settings.replace = replacements(node_groups.as_deref().unwrap_or_default());
    if let Some(drain) = drain {
        settings.drain = drained(drain, settings.drain);
    }
    settings.on_window_end = match on_window_end {
        Some(policy::OnWindowEnd::Uncordon) => OnWindowEnd::Uncordon,
        Some(policy::OnWindowEnd::FinishInFlight) | None => OnWindowEnd::FinishInFlight,
    };
    settings.on_superseded = match on_superseded {
        Some(policy::OnSuperseded::Complete) => OnSuperseded::Complete,
        Some(policy::OnSuperseded::Stop) => OnSuperseded::Stop,
        Some(policy::OnSuperseded::Replan) | None => OnSuperseded::Replan,
    };
    if let Some(canary) = canary {
        let first = &mut settings.canary;
        first.nodes_per_group = canary
            .nodes_per_group
            .and_then(small)
            .unwrap_or(first.nodes_per_group);
        first.soak = seconds(canary.soak_seconds).unwrap_or(first.soak);
    }
    if let Some(halt) = halt {
        let at = &mut settings.halt;
        at.sandbox_failures = halt
            .sandbox_failures
            .and_then(small)
            .unwrap_or(at.sandbox_failures);
        at.window = seconds(halt.window_seconds).unwrap_or(at.window);
        at.new_node = seconds(halt.new_node_seconds).unwrap_or(at.new_node);
    }
    settings
}

fn drained(drain: &policy::Drain, default: Drain) -> Drain {
    let policy::Drain {
        timeout_seconds,
        on_blocked,
        max_quarantined,
    } = drain;
    Drain {
        timeout: seconds(*timeout_seconds).unwrap_or(default.timeout),
        on_blocked: match on_blocked {
            Some(policy::OnBlocked::Wait) => OnBlocked::Wait,
            Some(policy::OnBlocked::Quarantine) | None => OnBlocked::Quarantine,
        },
        max_quarantined: max_quarantined.and_then(small).unwrap_or(default.max_quarantined),
    }
}

fn seconds(value: Option<i64>) -> Option<SignedDuration> {
    value.map(SignedDuration::from_secs)
}

fn share(text: &str) -> Option<Share> {
    match text.strip_suffix('%') {
        Some(percent) => percent.parse().ok().map(Share::Percent),
        None => text.parse().ok().map(Share::Nodes),
    }
}

fn replacements(groups: &[policy::NodeGroupReplacement]) -> BTreeMap<String, Replace> {
    let row = |group: &policy::NodeGroupReplacement| {
        let how = match group.replace {
            Some(policy::Replace::BlueGreen) => Replace::BlueGreen,
            Some(policy::Replace::UpdateVersion) => Replace::UpdateVersion,
            Some(policy::Replace::Wait) | None => Replace::Wait,
        };
        (group.name.clone(), how)
    };
    groups.iter().map(row).collect()
}

/// The approval on the migration itself.
pub fn approval_of_migration(approval: &MigrationApproval) -> Option<Approval> {
    let MigrationApproval {
        change_hash,
        max_nodes,
        not_after,
        by,
        at: _,
    } = approval;
    Some(Approval {
        change_hash: ChangeHash(change_hash.clone()?),
        max_nodes: max_nodes.and_then(small),
        not_after: not_after.as_ref().map(|time| time.0),
        by: ApprovedBy::Person(by.clone().unwrap_or_default()),
    })
}

/// The approval in the policy: with strategy Plan it names the change, with Automatic it is an envelope for any.
pub fn approval_of_policy(migration: &policy::Migration, planned: &ChangeHash) -> Option<Approval> {
    let approval = migration.approval.as_ref()?;
    let automatic = migration.strategy == Some(MigrationStrategy::Automatic);
    let named = approval.change_hash.clone().map(ChangeHash);
    Some(Approval {
        change_hash: match named {
            Some(named) => named,
            None if automatic => planned.clone(),
            None => return None,
        },
        max_nodes: approval.max_nodes.and_then(small),
        not_after: approval.not_after.as_ref().map(|time| time.0),
        by: if automatic {
            ApprovedBy::Automatic
        } else {
            ApprovedBy::Policy
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn migration(value: serde_json::Value) -> policy::Migration {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn absent_is_the_default_and_what_is_written_counts() {
        assert_eq!(migration_settings(None), Settings::default());
        assert_eq!(
            migration_settings(Some(&migration(json!({})))),
            Settings::default()
        );
        let settings = migration_settings(Some(&migration(json!({
            "strategy": "Plan",
            "budget": {"maxUnavailable": "25%", "maxSurge": "0"},
            "nodeGroups": [{"name": "blue", "replace": "BlueGreen"}, {"name": "green"}],
            "drain": {"timeoutSeconds": 60, "onBlocked": "Wait", "maxQuarantined": 0},
            "onWindowEnd": "Uncordon", "onSuperseded": "Stop",
            "canary": {"nodesPerGroup": 2, "soakSeconds": 0},
            "halt": {"sandboxFailures": 9, "windowSeconds": 120, "newNodeSeconds": 1200}
        }))));
        assert_eq!(settings.strategy, Strategy::Plan);
        assert_eq!(
            (settings.budget.unavailable, settings.budget.surge),
            (Share::Percent(25), Share::Nodes(0))
        );
        let expected = [("blue", Replace::BlueGreen), ("green", Replace::Wait)];
        assert_eq!(
            settings.replace,
            expected.map(|(name, how)| (name.to_owned(), how)).into()
        );
        assert_eq!(settings.drain.timeout, SignedDuration::from_mins(1));
        assert_eq!(
            (settings.drain.on_blocked, settings.drain.max_quarantined),
            (OnBlocked::Wait, 0)
        );
        assert_eq!(
            (settings.on_window_end, settings.on_superseded),
            (OnWindowEnd::Uncordon, OnSuperseded::Stop)
        );
        assert_eq!(
            (settings.canary.nodes_per_group, settings.canary.soak),
            (2, SignedDuration::ZERO)
        );
        assert_eq!(
            (settings.halt.sandbox_failures, settings.halt.window),
            (9, SignedDuration::from_mins(2))
        );
        assert_eq!(settings.halt.new_node, SignedDuration::from_mins(20));
    }

    #[test]
    fn only_an_automatic_approval_needs_no_hash() {
        let planned = ChangeHash("sha256:1".to_owned());
        let plan = migration(json!({"strategy": "Plan", "approval": {"maxNodes": 3}}));
        assert_eq!(approval_of_policy(&plan, &planned), None);
        let automatic = migration(json!({"strategy": "Automatic", "approval": {"maxNodes": 3}}));
        let approval = approval_of_policy(&automatic, &planned).unwrap();
        assert_eq!(
            (approval.change_hash, approval.max_nodes),
            (planned.clone(), Some(3))
        );
        assert_eq!(approval.by, ApprovedBy::Automatic);
        let git =
            migration(json!({"strategy": "Plan", "approval": {"changeHash": "sha256:2", "maxNodes": 3}}));
        let approval = approval_of_policy(&git, &planned).unwrap();
        assert_eq!(
            (approval.change_hash.0.as_str(), approval.by),
            ("sha256:2", ApprovedBy::Policy)
        );
    }
}
