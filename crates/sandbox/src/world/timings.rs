//! How long things take. All of it is nothing in tests that do not ask for more; `serve` takes what users see on AWS.

use super::World;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The delays of the world, one field for each transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timings {
    /// An instance from pending to running.
    pub instance_start: Duration,
    /// An instance from stopping to stopped, and from shutting-down to terminated.
    pub instance_stop: Duration,
    /// An interface from pending to available.
    pub interface_create: Duration,
    /// An interface from attaching to attached.
    pub attach: Duration,
    /// An interface from detaching to available.
    pub detach: Duration,
    /// How long a terminated instance stays visible; AWS says about an hour, and nothing means for ever.
    pub terminated_visible: Duration,
    /// A cluster from CREATING to ACTIVE.
    pub cluster_create: Duration,
    /// A cluster until it is gone.
    pub cluster_delete: Duration,
    /// An update of a cluster.
    pub cluster_update: Duration,
    /// An add-on until it is there, changed or gone.
    pub addon_change: Duration,
    /// A change of the configuration of a node group.
    pub nodegroup_update: Duration,
    /// So long EKS waits for the instances of a node group before it gives up.
    pub nodegroup_patience: Duration,
    /// Until the pods of a node are gone.
    pub node_drain: Duration,
    /// So long EKS waits for the pods of a node to go before it gives up.
    pub node_eviction: Duration,
    /// An attached interface until the metadata service of its instance shows it.
    pub imds_attach: Duration,
    /// A detached interface until the metadata service shows it no more.
    pub imds_detach: Duration,
    /// An assigned address or prefix until the metadata service shows it.
    pub imds_assign: Duration,
    /// One taken away until the metadata service shows it no more.
    pub imds_unassign: Duration,
    /// How old at most the world is that a describe of EC2 sees; each one draws its own age, by the seed.
    pub describe_lag: Duration,
    /// An Auto Scaling group, from a request or a change to what it does about it.
    pub scaling_step: Duration,
    /// An Auto Scaling group, until it notices that EC2 says a member does not run.
    pub scaling_health_check: Duration,
    /// An Auto Scaling group, until it tries a subnet again where a launch failed; twice as long each time. Never less
    /// than a second.
    pub scaling_retry: Duration,
}

impl Timings {
    /// Everything at once.
    pub const INSTANT: Self = Self {
        instance_start: Duration::ZERO,
        instance_stop: Duration::ZERO,
        interface_create: Duration::ZERO,
        attach: Duration::ZERO,
        detach: Duration::ZERO,
        terminated_visible: Duration::ZERO,
        cluster_create: Duration::ZERO,
        cluster_delete: Duration::ZERO,
        cluster_update: Duration::ZERO,
        addon_change: Duration::ZERO,
        nodegroup_update: Duration::ZERO,
        nodegroup_patience: Duration::ZERO,
        node_drain: Duration::ZERO,
        node_eviction: Duration::ZERO,
        imds_attach: Duration::ZERO,
        imds_detach: Duration::ZERO,
        imds_assign: Duration::ZERO,
        imds_unassign: Duration::ZERO,
        describe_lag: Duration::ZERO,
        scaling_step: Duration::ZERO,
        scaling_health_check: Duration::ZERO,
        scaling_retry: Duration::ZERO,
    };

    /// About what AWS takes; the figures that somebody measured or promised are named beside each.
    pub const USUAL: Self = Self {
        instance_start: Duration::from_secs(8),
        instance_stop: Duration::from_secs(10),
        interface_create: Duration::from_secs(1),
        // Create and attach together are visible on the node within ten seconds (upstream's prefix documentation).
        attach: Duration::from_secs(2),
        // ipamd sleeps two seconds before it deletes, and tries again.
        detach: Duration::from_secs(3),
        terminated_visible: Duration::from_hours(1),
        // The user guide: several minutes, and 10 for a version.
        cluster_create: Duration::from_mins(8),
        cluster_delete: Duration::from_mins(3),
        cluster_update: Duration::from_mins(8),
        addon_change: Duration::from_secs(20),
        nodegroup_update: Duration::from_secs(20),
        // The user guide gives nodes and evictions 15 minutes each, and waits a minute after the last pod.
        nodegroup_patience: Duration::from_mins(15),
        node_drain: Duration::from_mins(1),
        node_eviction: Duration::from_mins(15),
        // Upstream's documentation says "up to 10 s" from create to usable; most are there sooner.
        imds_attach: Duration::from_secs(3),
        imds_detach: Duration::from_secs(1),
        // "Under a second", EKS best practices.
        imds_assign: Duration::from_millis(500),
        imds_unassign: Duration::from_millis(500),
        // 0 to 5 s happens on AWS, but rarely: who wants to test for it says so.
        describe_lag: Duration::ZERO,
        scaling_step: Duration::from_secs(2),
        // The interval of the EC2 health checks is not published; replacements begin within about a minute.
        scaling_health_check: Duration::from_secs(30),
        scaling_retry: Duration::from_secs(15),
    };

    /// How much of the past the delays ask for.
    fn memory(&self) -> Duration {
        self.imds_attach
            .max(self.imds_detach)
            .max(self.imds_assign)
            .max(self.imds_unassign)
            .max(self.describe_lag)
    }
}

impl World {
    /// From now on things take so long; what was begun before ends as it was begun.
    pub fn set_timings(&mut self, timings: Timings) {
        self.timings = timings;
        self.keep_past(timings.memory());
    }
}
