//! What a migration remembers: the wish, the approval, the write-ahead record of every node, and what happened so far.
//!
//! All of it is rebuilt from the objects in each round; nothing lives only in the process.

use super::approval::Approval;
use super::halt::Halt;
use super::plan::{ChangeHash, ConfigId, MigrationPlan};
use crate::ids::{InstanceId, NodeName};
use crate::safety::NodeGroup;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What the user wants of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Desired {
    /// Go on.
    Run,
    /// Start nothing new.
    Pause,
    /// Give everything back and end where it stands.
    Abort,
    /// Bring the nodes back to where they were.
    RollBack,
}

/// How far a node is. The steps that allow a deed are written before the deed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeStep {
    /// Nothing was begun; the same as no record.
    Pending,
    /// It is next: a replacement is asked for, or Karpenter may take it.
    Selected,
    /// Its replacement is Ready and verified.
    ReplacementReady,
    /// It may be cordoned.
    Cordoned,
    /// Its pods may be evicted.
    Draining,
    /// No pod is left that would have to be evicted.
    Drained,
    /// Its instance may be terminated.
    Terminating,
    /// The node is no more. Never recorded: the record goes with the node. For reports.
    Gone,
    /// It could not be emptied in time and is set aside, cordoned.
    Quarantined,
}

impl NodeStep {
    /// The word, for reports and metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Selected => "Selected",
            Self::ReplacementReady => "ReplacementReady",
            Self::Cordoned => "Cordoned",
            Self::Draining => "Draining",
            Self::Drained => "Drained",
            Self::Terminating => "Terminating",
            Self::Gone => "Gone",
            Self::Quarantined => "Quarantined",
        }
    }

    /// Whether the node is out of service, or may be, from the moment this is recorded.
    pub fn takes_capacity(self) -> bool {
        match self {
            Self::Pending | Self::Selected | Self::ReplacementReady | Self::Gone => false,
            Self::Cordoned | Self::Draining | Self::Drained | Self::Terminating | Self::Quarantined => true,
        }
    }
}

impl fmt::Display for NodeStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The write-ahead record of one node (`CniNodeState.spec`). It names the instance: a node that comes back under the
/// same name has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The migration that wrote it; a record of another one is returned first.
    pub migration: String,
    /// What may be done.
    pub step: NodeStep,
    /// Since when.
    pub since: Timestamp,
    /// Why, where the step does not say it.
    pub reason: Option<String>,
    /// The instance it is about.
    pub instance: Option<InstanceId>,
    /// The size the group is raised to for its replacement; none where it is replaced without one.
    pub grow_to: Option<u32>,
}

/// What stood when the migration started or was last resumed: what halts it is counted from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Baseline {
    /// Pods that were pending for more than ten minutes.
    pub pods_pending_long: u32,
    /// When.
    pub at: Timestamp,
}

/// From this time on new nodes run that configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switched {
    /// The configuration.
    pub to: ConfigId,
    /// When it was first seen to be in place.
    pub at: Timestamp,
}

/// How large a group is, and how large its owner wants it. A group that takes over from another is in the same books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The nodes its owner wants.
    pub nodes: u32,
    /// The size that was seen last.
    pub seen: u32,
    /// The size that was asked for then; the same where nothing was.
    pub asked: u32,
    /// Nodes that may have been terminated since, each of which makes it smaller.
    pub going: u32,
}

/// What the status of the migration carries from round to round. `next` gives the memory to store; it is stored before
/// any action of that round is carried out. Losing one such write costs time, never safety.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// When it first went to work.
    pub started: Option<Timestamp>,
    /// Whether it works on the way back: then `stage` counts the stages of the reversed plan.
    pub going_back: bool,
    /// The stage that is worked on, from 0; as many as there are stages when all are done.
    pub stage: u32,
    /// Every change of the configuration that was seen to be in place, in order; at most one for each stage.
    pub switched: Vec<Switched>,
    /// Groups whose template was seen to be as planned for this stage: another value later is a revert.
    pub templates_done: BTreeSet<NodeGroup>,
    /// Managed groups whose update by EKS was begun in this stage.
    pub updates_begun: BTreeSet<NodeGroup>,
    /// The books of each group that grows for replacements.
    pub sizes: BTreeMap<NodeGroup, Wanted>,
    /// Since when the canaries of this stage are all well.
    pub canaries_well: Option<Timestamp>,
    /// Whether the nodes after the canaries may follow.
    pub canaries_passed: bool,
    /// Since when nothing new is started (pause, halt, closed window): nodes being emptied get five minutes from here.
    pub stopped: Option<Timestamp>,
    /// What halts are counted from.
    pub baseline: Option<Baseline>,
    /// The newest halt. It holds until a person resumes after its time.
    pub halt: Option<Halt>,
    /// Whether the shield of the old nodes was in place when it was last looked at.
    pub shield_seen: bool,
    /// How often the shield of the old nodes was found gone.
    pub shield_losses: u32,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// Everything `next` knows of a migration, rebuilt from the objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The name of the CniMigration, which records carry.
    pub name: String,
    /// The plan as it is made from what is seen now: the original groups with their order, under `planVersion`.
    pub plan: MigrationPlan,
    /// The reversed plan; needed when it goes back: see [`State::goes_back`].
    pub back: Option<MigrationPlan>,
    /// What the user wants.
    pub desired: Desired,
    /// When a person last said Resume: it clears every halt before it.
    pub resumed: Option<Timestamp>,
    /// What was approved.
    pub approval: Option<Approval>,
    /// The hash in the name of this migration; a plan with another one is outdated.
    pub change_hash: ChangeHash,
    /// Records by node; nodes without one are Pending.
    pub nodes: BTreeMap<NodeName, Record>,
    /// What the status carries.
    pub memory: Memory,
}

impl State {
    /// Whether it is on the way back, or is to turn. A way back is never turned round: paused and run again, it goes on
    /// where it was.
    pub fn goes_back(&self) -> bool {
        self.desired == Desired::RollBack || self.memory.going_back
    }

    /// The plan that is worked on: there, or back.
    pub fn active_plan(&self) -> &MigrationPlan {
        match &self.back {
            Some(back) if self.goes_back() => back,
            _ => &self.plan,
        }
    }

    /// How far a node is.
    pub fn step(&self, node: &NodeName) -> NodeStep {
        self.nodes
            .get(node)
            .map_or(NodeStep::Pending, |record| record.step)
    }

    /// The halt that holds: one that no person has answered since.
    pub fn halted(&self) -> Option<&Halt> {
        self.memory
            .halt
            .as_ref()
            .filter(|halt| self.resumed.is_none_or(|resumed| resumed < halt.since))
    }
}
