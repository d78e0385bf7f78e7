//! What the operator says of a migration. Written by its report step only; a memory of the machine is kept in `memory`,
//! stored before any deed of the round that made it.

use crate::node_state::{Group, NodeStep};
use crate::shape;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use std::collections::BTreeMap;

words! {
    /// Where a migration stands.
    MigrationPhase {
        /// it waits for approval, or for something in its way.
        Planned,
        /// shield, holds, templates and configuration are being put in place.
        Approved,
        /// all is in place.
        Prepared,
        /// the first nodes of each group.
        Canary,
        /// the others.
        Rolling,
        /// all old nodes are gone; what was changed for a while is put back.
        Verifying,
        /// done, and proved to be done.
        Completed,
        /// by a person, by the window, or because the approval ended.
        Paused,
        /// by itself; see haltReason.
        Halted,
        /// on the way back.
        RollingBack,
        /// back.
        RolledBack,
        /// everything is being given back.
        Aborting,
        /// ended where it stood.
        Aborted,
    }

    /// How the nodes of a group are replaced.
    ReplaceMethod {
        /// one more node first, then the old one goes.
        AutoScaling,
        /// a new managed group takes over.
        BlueGreen,
        /// EKS rolls the group.
        UpdateVersion,
        /// Karpenter drifts all pools of a NodeClass.
        KarpenterMaxPods,
        /// Karpenter drifts one pool.
        KarpenterAnnotation,
        /// emptied by the operator, removed by its owner.
        Drain,
        /// left to its owner.
        Wait,
    }
}

impl MigrationPhase {
    /// Whether nothing more will happen.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::RolledBack | Self::Aborted)
    }
}

optional! {
    /// What the operator says of a migration.
    CniMigrationStatus {
        /// The generation this status is about.
        observed_generation: i64,
        /// Planned, Approved, Progressing, Halted, Completed, RolledBack; Ready, Reconciling and Stalled as kstatus reads them.
        #[schemars(schema_with = "shape::conditions")]
        conditions: Vec<Condition>,
        /// Where it stands.
        phase: MigrationPhase,
        /// The columns of kubectl get.
        summary: MigrationSummary,
        /// What it waits for: the step and the object, who acts, and the command.
        waiting_for: Waiting,
        /// What an approval covers.
        plan: PlanStatus,
        /// The nodes, counted.
        progress: MigrationProgress,
        /// Nodes in work, the longest first; the first 20.
        #[schemars(length(max = 20))]
        in_flight: Vec<NodeInFlight>,
        /// How many nodes are in work.
        in_flight_total: i64,
        /// Pods that do not leave; the first 20.
        #[schemars(length(max = 20))]
        blocked: Vec<BlockedPod>,
        /// How many pods do not leave.
        blocked_total: i64,
        /// The way back.
        rollback: RollbackStatus,
        /// Why it stopped by itself, the last time; the condition Halted says whether it holds.
        halt: HaltStatus,
        /// Whether it is well to stop here, and what a scale-out would do.
        #[schemars(length(max = 4096))]
        if_stopped: String,
        /// What stays as the operator left it.
        #[schemars(length(max = 20), inner(length(max = 1024)))]
        stays: Vec<String>,
        /// What failed in the last round, and is tried again.
        #[schemars(length(max = 20), inner(length(max = 1024)))]
        failures: Vec<String>,
        /// What the operator remembers between rounds.
        memory: MemoryStatus,
    }

    /// The columns of kubectl get, as text.
    MigrationSummary {
        /// Nodes replaced, such as 12/57.
        #[schemars(length(max = 64))]
        replaced: String,
        /// Nodes in work.
        #[schemars(length(max = 16))]
        active: String,
        /// How long it still takes, such as 2h10m; with what it waits for first where it does not run.
        #[schemars(length(max = 64))]
        eta: String,
    }

    /// What it waits for.
    Waiting {
        /// The kind of thing, in a word: Approval, BlockedPod, Window, Halted and so on.
        #[schemars(length(max = 64))]
        reason: String,
        /// The step and the object, in a sentence.
        #[schemars(length(max = 1024))]
        what: String,
        /// Who acts.
        #[schemars(length(max = 253))]
        who: String,
        /// Since when.
        since: Time,
        /// What shows or mends it.
        #[schemars(length(max = 1024))]
        command: String,
    }

    /// The plan in numbers.
    PlanStatus {
        /// Its groups, in order; the first 20.
        #[schemars(length(max = 20))]
        groups: Vec<PlannedGroup>,
        /// How many groups there are.
        groups_total: i64,
        /// Nodes to replace.
        nodes: i64,
        /// Changes of the configuration, one after the other.
        #[schemars(length(max = 8), inner(length(max = 253)))]
        stages: Vec<String>,
        /// Growing or Shrinking: whether nodes carry more pods afterwards or fewer.
        #[schemars(length(max = 16))]
        direction: String,
        /// Nodes that may be out of service at a time.
        max_unavailable: i64,
        /// Nodes that may exist in addition at a time.
        max_surge: i64,
        /// The fewest free /28 blocks of each subnet over the whole plan, and the step where they are so few; the first 20.
        #[schemars(length(max = 20))]
        min_free_prefixes: Vec<MinFreePrefixes>,
        /// Calls to AWS, about.
        aws_calls: i64,
        /// How long it takes if nothing blocks.
        #[schemars(length(max = 64))]
        eta: String,
        /// What goes on without us if we stop, and what stays.
        #[schemars(length(max = 20), inner(length(max = 1024)))]
        without_us: Vec<String>,
        /// What a reader should know before approving.
        #[schemars(length(max = 20), inner(length(max = 1024)))]
        notes: Vec<String>,
        /// Why it cannot start.
        #[schemars(length(max = 20), inner(length(max = 1024)))]
        obstacles: Vec<String>,
    }

    /// A group in the plan.
    PlannedGroup {
        /// The group.
        group: Group,
        /// How its nodes are replaced.
        method: ReplaceMethod,
        /// Nodes to replace.
        nodes: i64,
        /// Waves.
        waves: i64,
        /// The max-pods of its new nodes.
        max_pods: i64,
        /// What its owner has to change; the operator waits for it.
        #[schemars(length(max = 1024))]
        owner: String,
    }

    /// Free blocks of a subnet at their fewest.
    MinFreePrefixes {
        /// The subnet.
        #[schemars(length(max = 32))]
        subnet: String,
        /// The step of the plan, from 1.
        step: i64,
        /// Blocks left; below zero so many are missing.
        free: i64,
    }

    /// The nodes, counted.
    MigrationProgress {
        /// That take part.
        total: i64,
        /// As they should be.
        replaced: i64,
        /// In work.
        active: i64,
        /// Set aside because they could not be emptied.
        quarantined: i64,
        /// With addresses of both modes.
        mixed: i64,
        /// As they were.
        old: i64,
        /// New, and not verified yet.
        young: i64,
        /// New, and not as they should be.
        failed: i64,
    }

    /// The way back.
    RollbackStatus {
        /// Whether it could be done now.
        feasible: bool,
        /// Nodes it would replace.
        nodes: i64,
        /// How long it would take.
        #[schemars(length(max = 64))]
        eta: String,
        /// What stands in its way.
        #[schemars(length(max = 20), inner(length(max = 1024)))]
        blocked_by: Vec<String>,
    }

    /// Why it stopped by itself. It goes on when spec.resumedAt is later.
    HaltStatus {
        /// The word of the reason.
        #[schemars(length(max = 64))]
        reason: String,
        /// What happened.
        #[schemars(length(max = 4096))]
        message: String,
        /// Since when.
        since: Time,
        /// Where to read what to do.
        #[schemars(length(max = 253))]
        runbook: String,
        /// The facts of the reason, for the operator.
        #[schemars(schema_with = "shape::values")]
        facts: BTreeMap<String, String>,
    }

    /// What the operator remembers between rounds.
    MemoryStatus {
        /// When it first went to work.
        started: Time,
        /// Whether it works on the way back.
        going_back: bool,
        /// The stage that is worked on, from 0.
        stage: i64,
        /// Changes of the configuration that were seen to be in place.
        #[schemars(length(max = 16))]
        switched: Vec<SwitchedStatus>,
        /// Groups whose template was seen to be as planned.
        #[schemars(length(max = 256))]
        templates_done: Vec<Group>,
        /// Managed groups whose update was begun.
        #[schemars(length(max = 256))]
        updates_begun: Vec<Group>,
        /// How large groups are, and how large their owners want them.
        #[schemars(length(max = 256))]
        sizes: Vec<GroupSizeStatus>,
        /// Since when the canaries are well.
        canaries_well: Time,
        /// Whether the others may follow.
        canaries_passed: bool,
        /// Since when nothing new is started.
        stopped: Time,
        /// Pods that were pending for long when it started.
        pods_pending_long: i64,
        /// When they were counted.
        baseline_at: Time,
        /// How often the shield of old nodes was found gone.
        shield_losses: i64,
        /// Whether it was seen to stand.
        shield_seen: bool,
        /// When it ended.
        ended: Time,
    }

    /// The nodes of a group, with those of the group that takes over from it.
    GroupSizeStatus {
        /// The group.
        group: Group,
        /// The nodes its owner wants; replacements come in addition.
        wanted: i64,
        /// The size that was seen last.
        seen: i64,
        /// The size that was asked for then.
        asked: i64,
        /// Nodes that may have been terminated since, each of which makes it smaller.
        going: i64,
    }

    /// A change of the configuration that was seen.
    SwitchedStatus {
        /// The configuration, by its identity.
        #[schemars(length(max = 71))]
        to: String,
        /// When.
        at: Time,
    }

    /// A node in work.
    NodeInFlight {
        /// The node.
        #[schemars(length(max = 253))]
        node: String,
        /// How far it is.
        step: NodeStep,
        /// Since when.
        since: Time,
        /// Pods that must still leave.
        pods_left: i64,
    }

    /// A pod that does not leave.
    BlockedPod {
        /// The node.
        #[schemars(length(max = 253))]
        node: String,
        /// Namespace and name.
        #[schemars(length(max = 320))]
        pod: String,
        /// The budget, as namespace/name, or what else keeps it.
        #[schemars(length(max = 1024))]
        by: String,
        /// Since when.
        since: Time,
    }
}
