//! What a round says: the phase, the progress, whom it waits for, and what to do.

use super::action::Action;
use super::halt::Halt;
use super::state::{Memory, NodeStep};
use crate::ids::NodeName;
use jiff::{SignedDuration, Timestamp};
use std::fmt;

/// Where a migration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It waits for approval, or for something that stands in its way.
    Planned,
    /// It may start; shield, holds, templates and configuration are being put in place.
    Approved,
    /// All is in place; the first nodes follow.
    Prepared,
    /// The first nodes of each group.
    Canary,
    /// The others.
    Rolling,
    /// All old nodes are gone; the new ones are looked at, and what we changed for a while is put back.
    Verifying,
    /// Done, and proved to be done.
    Completed,
    /// By a person, by the window, or because the approval ended.
    Paused,
    /// By itself.
    Halted,
    /// On the way back.
    RollingBack,
    /// Back.
    RolledBack,
    /// Everything is being given back.
    Aborting,
    /// Ended where it stood.
    Aborted,
}

impl Phase {
    /// The word, for conditions and metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Planned => "Planned",
            Self::Approved => "Approved",
            Self::Prepared => "Prepared",
            Self::Canary => "Canary",
            Self::Rolling => "Rolling",
            Self::Verifying => "Verifying",
            Self::Completed => "Completed",
            Self::Paused => "Paused",
            Self::Halted => "Halted",
            Self::RollingBack => "RollingBack",
            Self::RolledBack => "RolledBack",
            Self::Aborting => "Aborting",
            Self::Aborted => "Aborted",
        }
    }

    /// Whether nodes are being replaced, or what that needs is put in place.
    pub fn is_under_way(self) -> bool {
        matches!(
            self,
            Self::Approved
                | Self::Prepared
                | Self::Canary
                | Self::Rolling
                | Self::Verifying
                | Self::RollingBack
                | Self::Aborting
        )
    }

    /// Whether it is over.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::RolledBack | Self::Aborted)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What is waited for, the most telling first. The word is the reason in the status, and a label of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WaitsOn {
    /// It stopped by itself, and a person resumes it.
    Halted,
    /// The policy asks for something else by now.
    Superseded,
    /// A person approves the plan.
    Approval,
    /// Something stands in the way of the plan.
    Obstacle,
    /// A person paused it.
    Paused,
    /// A pod that may not be evicted.
    BlockedPod,
    /// A new node that is not as it should be.
    FailedNode,
    /// The template of a group, which its owner changes.
    Template,
    /// The target that carries the configuration.
    Carrier,
    /// A group that is to give a node.
    Group,
    /// The window.
    Window,
    /// A node on its way.
    Node,
    /// The owner of a node or a group.
    Owner,
    /// The canaries are watched for a while.
    Soak,
}

impl WaitsOn {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Halted => "Halted",
            Self::Superseded => "Superseded",
            Self::Approval => "Approval",
            Self::Obstacle => "Obstacle",
            Self::Paused => "Paused",
            Self::BlockedPod => "BlockedPod",
            Self::FailedNode => "FailedNode",
            Self::Template => "Template",
            Self::Carrier => "Carrier",
            Self::Group => "Group",
            Self::Window => "Window",
            Self::Node => "Node",
            Self::Owner => "Owner",
            Self::Soak => "Soak",
        }
    }
}

impl fmt::Display for WaitsOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What it waits for: always the step, the object, who acts and the command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingFor {
    /// The kind of thing.
    pub on: WaitsOn,
    /// The step and the object, in a sentence.
    pub what: String,
    /// Who acts.
    pub who: String,
    /// Since when, where it is known.
    pub since: Option<Timestamp>,
    /// What shows or mends it.
    pub command: String,
}

/// A node in work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InFlight {
    /// The node.
    pub node: NodeName,
    /// How far it is.
    pub step: NodeStep,
    /// Since when.
    pub since: Timestamp,
    /// Pods that must still leave; none where they could not be read.
    pub pods_left: Option<u32>,
}

/// A pod that does not leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// The node.
    pub node: NodeName,
    /// Namespace and name of the pod.
    pub pod: String,
    /// The budget, as `namespace/name`, or what else keeps it.
    pub by: String,
    /// Since when its node is being emptied.
    pub since: Timestamp,
}

/// Numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Nodes that take part.
    pub total: u32,
    /// Nodes that are as they should be.
    pub replaced: u32,
    /// Nodes in work.
    pub active: u32,
    /// Nodes set aside.
    pub quarantined: u32,
    /// Nodes of both modes.
    pub mixed: u32,
    /// Nodes as they were.
    pub old: u32,
    /// New nodes not verified yet.
    pub young: u32,
    /// New nodes that are not as they should be.
    pub failed: u32,
    /// Nodes out of service now, which the budget counts.
    pub unavailable: u32,
    /// Replacements asked for or there, while the old node still is.
    pub surge: u32,
}

/// What a round decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// Where it stands.
    pub phase: Phase,
    /// What to do, in this order.
    pub actions: Vec<Action>,
    /// What it waits for; none where it waits for nobody but itself.
    pub waiting_for: Option<WaitingFor>,
    /// Numbers.
    pub progress: Progress,
    /// Nodes in work, the longest first. The status shows the first few.
    pub in_flight: Vec<InFlight>,
    /// Pods that do not leave.
    pub blocked: Vec<Blocked>,
    /// The halt that holds.
    pub halt: Option<Halt>,
    /// How long it still takes if nothing blocks, from when it goes on; none once it is over.
    pub eta: Option<SignedDuration>,
    /// Whether it is well to stop here, and what a scale-out would do.
    pub if_stopped: String,
    /// What stays as we left it after the end, such as the shield of old nodes after an abort.
    pub stays: Vec<String>,
    /// What to store before the actions are carried out.
    pub memory: Memory,
    /// When to look again although nothing happens.
    pub again_after: SignedDuration,
}
