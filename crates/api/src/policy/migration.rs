//! When changes are carried out: rollout windows, and the replacement of nodes.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

words! {
    /// What happens to a change that needs new nodes.
    MigrationStrategy {
        /// it is refused (the default).
        Refuse,
        /// it is planned and waits for approval.
        Plan,
        /// it is planned and approved inside the envelope; needs windows and approval.maxNodes.
        Automatic,
    }

    /// How the nodes of a group are replaced.
    Replace {
        /// by a new group beside the old one.
        BlueGreen,
        /// by a version update of the group.
        UpdateVersion,
        /// by its owner: the operator waits (the default).
        Wait,
    }

    /// Which image new nodes run.
    Ami {
        /// the one of the old nodes.
        Keep,
    }

    /// What happens to a node whose pods cannot be evicted in time.
    OnBlocked {
        /// it stays cordoned and counts against the budget.
        Quarantine,
        /// the operator waits.
        Wait,
    }

    /// What happens when a window ends.
    OnWindowEnd {
        /// nodes in flight are finished.
        FinishInFlight,
        /// nodes that are only cordoned are uncordoned.
        Uncordon,
    }

    /// What happens when the policy changes while nodes are replaced.
    OnSuperseded {
        /// the rest is planned again.
        Replan,
        /// the old change is completed first.
        Complete,
        /// nothing new is started.
        Stop,
    }
}

/// A window in which something may be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Window {
    /// When it opens: minute, hour, day of month, month, day of week.
    #[schemars(length(max = 128))]
    pub schedule: String,
    /// How long it stays open: 60 seconds to a week.
    #[schemars(range(min = 60, max = 604_800))]
    pub duration_seconds: i64,
    /// The time zone of the schedule, such as Asia/Tokyo; UTC where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub time_zone: Option<String>,
}

/// A group of nodes and how it is replaced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeGroupReplacement {
    /// The group.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// How; Wait where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace: Option<Replace>,
    /// The image of new nodes; Keep where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ami: Option<Ami>,
}

optional! {
    /// Changes that only restart aws-node.
    Rollout {
        /// When they are applied; at any time where absent or empty.
        #[schemars(length(max = 16))]
        windows: Vec<Window>,
    }

    /// Changes that need new nodes.
    Migration {
        /// Refuse where absent.
        strategy: MigrationStrategy,
        /// Approval from Git: an envelope.
        approval: Approval,
        /// One budget over all kinds of node group.
        budget: Budget,
        /// How groups are replaced; a group that is not named waits for its owner.
        #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
        node_groups: Vec<NodeGroupReplacement>,
        /// How nodes are emptied.
        drain: Drain,
        /// When nodes are replaced.
        #[schemars(length(max = 16))]
        windows: Vec<Window>,
        /// FinishInFlight where absent.
        on_window_end: OnWindowEnd,
        /// Replan where absent.
        on_superseded: OnSuperseded,
        /// The first nodes of each group.
        canary: Canary,
        /// What stops it.
        halt: Halt,
    }

    /// What is approved beforehand.
    Approval {
        /// The change, as the CniMigration shows it; needed with strategy Plan.
        #[schemars(length(max = 71))]
        change_hash: String,
        /// The most nodes that may be replaced.
        #[schemars(range(min = 1, max = 100_000))]
        max_nodes: i64,
        /// When the approval ends.
        not_after: Time,
    }

    /// How many nodes may be away or extra at a time: a percentage or a number.
    Budget {
        /// Nodes away at a time, rounded down, at least 1.
        #[schemars(length(max = 6))]
        max_unavailable: String,
        /// Extra nodes at a time.
        #[schemars(length(max = 6))]
        max_surge: String,
    }

    /// How nodes are emptied.
    Drain {
        /// How long pods may take to leave: 30 seconds to a day.
        #[schemars(range(min = 30, max = 86_400))]
        timeout_seconds: i64,
        /// What then: Quarantine where absent.
        on_blocked: OnBlocked,
        /// Quarantined nodes at which everything halts.
        #[schemars(range(min = 0, max = 1000))]
        max_quarantined: i64,
    }

    /// The first nodes of each group.
    Canary {
        /// How many.
        #[schemars(range(min = 0, max = 100))]
        nodes_per_group: i64,
        /// How long they run before the others follow.
        #[schemars(range(min = 0, max = 86_400))]
        soak_seconds: i64,
    }

    /// What stops a migration.
    Halt {
        /// Pod sandboxes that could not be made on migrated nodes within the window.
        #[schemars(range(min = 1, max = 1000))]
        sandbox_failures: i64,
        /// The window.
        #[schemars(range(min = 60, max = 3600))]
        window_seconds: i64,
        /// How long a new node may take until it is Ready and as planned; 600 where absent.
        #[schemars(range(min = 30, max = 3600))]
        new_node_seconds: i64,
    }
}
