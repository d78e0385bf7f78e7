//! What the policy controller decides on: what is wanted, what the target shows, what was recorded.

use super::addon::AddonState;
use super::pin::Pin;
use super::setting::{Seen, SettingName, Written};
use crate::ids::EniConfigName;
use crate::known::Known;
use crate::safety::{Acceptance, EniConfigSpec, NodeGroup, World};
use crate::version::CniVersion;
use std::collections::{BTreeMap, BTreeSet};

/// What the operator may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManagementState {
    /// Status only.
    Observe,
    /// Everything the policy says.
    Manage,
    /// Status only, and what was applied stays recorded: for maintenance by hand.
    Paused,
}

/// What happens to the rest while something waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplyMode {
    /// All or nothing.
    Atomic,
    /// Settings that no finding is about are applied first.
    SafeFirst,
}

/// What happens to a change that needs new nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// It is refused.
    Refuse,
    /// It is planned and waits for approval.
    Plan,
    /// It is planned and approves itself inside its envelope.
    Automatic,
}

/// What the policy wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// What may be done.
    pub state: ManagementState,
    /// Every setting the policy names, as it is to be written.
    pub settings: BTreeMap<SettingName, Written>,
    /// Settings to remove.
    pub unset: BTreeSet<SettingName>,
    /// The version that is to run; asserted, not set, for a DaemonSet.
    pub version: Option<CniVersion>,
    /// Field managers whose keys may be taken: prefixes, in any case.
    pub take_over_from: Vec<String>,
    /// All or nothing, or the safe part first.
    pub apply_mode: ApplyMode,
    /// Findings somebody accepted.
    pub accept: Vec<Acceptance>,
    /// What to do with a change that needs new nodes.
    pub strategy: Strategy,
    /// Whether a change that restarts aws-node may be made now, and else when.
    pub window: Window,
    /// The ENIConfigs the policy defines, resolved; none where it defines none.
    pub eni_configs: Option<BTreeMap<EniConfigName, EniConfigSpec>>,
}

/// Whether a rollout may start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Window {
    /// Now.
    Open,
    /// Later: the text says when.
    Closed(String),
}

/// How far the rollout of the DaemonSet is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rollout {
    /// Nodes that should run a pod.
    pub desired: u32,
    /// Pods of the newest revision.
    pub updated: u32,
    /// Pods that are not ready, or nodes without one.
    pub unavailable: u32,
    /// Whether the controller manager has seen the newest generation.
    pub observed: bool,
    /// Pods of the newest revision that start again and again: pod, container and reason.
    pub crash_looping: Vec<String>,
    /// Whether the strategy is OnDelete.
    pub on_delete: bool,
}

impl Rollout {
    /// Whether every node runs the newest revision and is ready.
    pub fn is_done(&self) -> bool {
        self.observed && self.updated >= self.desired && self.unavailable == 0
    }
}

/// What the target shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Namespace and name, for messages.
    pub name: String,
    /// Every setting found.
    pub settings: BTreeMap<SettingName, Seen>,
    /// Whether anything of it is ours, be it only the name of a variable whose value is somebody else's.
    pub is_held: bool,
    /// The owner of the node agent's argument list.
    pub agent_args_owner: Option<Seen>,
    /// The version of aws-node that runs.
    pub version: Known<CniVersion>,
    /// The version of the node agent, where its container is there.
    pub node_agent: Option<CniVersion>,
    /// Whether the node agent's container is there.
    pub has_agent: bool,
    /// Whether the ConfigMap is there.
    pub has_config_map: bool,
    /// How far the rollout is.
    pub rollout: Rollout,
    /// The update strategy we replaced when a rollout was stopped.
    pub stopped_strategy: Option<String>,
    /// The value of the break-glass annotation.
    pub break_glass: Option<String>,
    /// The managed add-on behind it.
    pub addon: AddonState,
    /// ENIConfigs in the cluster.
    pub eni_configs: BTreeMap<EniConfigName, EniConfigSpec>,
}

impl Target {
    /// Where the ownership of a setting shows: a flag belongs to who owns the argument list, unless the document of an
    /// add-on carries flag by flag.
    pub(super) fn shows_owner(&self, name: &SettingName) -> Option<&Seen> {
        if name.is_agent_flag() && self.addon.carrier().is_none() {
            self.agent_args_owner.as_ref()
        } else {
            self.settings.get(name)
        }
    }
}

/// A setting whose enforcement is suspended after a break-glass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspension {
    /// What somebody set.
    pub value: String,
    /// Who.
    pub by: String,
}

/// What was recorded in the status of the policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// What we last applied: the settings that are enforced while something newer is refused.
    pub settings: BTreeMap<SettingName, Written>,
    /// Settings left to the released manager.
    pub released: BTreeSet<SettingName>,
    /// Settings not enforced after a break-glass.
    pub suspended: BTreeMap<SettingName, Suspension>,
    /// The break-glass value that was handled last.
    pub break_glass_seen: Option<String>,
    /// The configuration whose rollout was stopped.
    pub stalled_hash: Option<String>,
    /// Effective modes at the last verified application, for settings we do not own.
    pub modes: BTreeMap<SettingName, String>,
}

/// Settings of ours that others set back, from the memory of the controller.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fights {
    /// Setting to manager and how often inside the window.
    pub reverted: BTreeMap<SettingName, (String, u32)>,
}

/// Everything the policy controller decides on.
#[derive(Debug, Clone)]
pub struct PolicyWorld {
    /// What is wanted.
    pub intent: Intent,
    /// What the target shows; none where it is not there.
    pub target: Option<Target>,
    /// What was recorded.
    pub record: Record,
    /// Who sets our values back.
    pub fights: Fights,
    /// Nodes, zones, subnets, workloads.
    pub seen: World,
    /// Seconds since 1970, for acceptances.
    pub now: i64,
    /// The settings that a migration holds.
    pub pin: Option<Pin>,
    /// The max-pods that the template of each group gives its nodes; none where it leaves that to the image. Groups that
    /// were not read are left out.
    pub templates: BTreeMap<NodeGroup, Known<Option<u32>>>,
}

impl PolicyWorld {
    /// The configuration to record as stalled after a round for the one with this hash: that one if its rollout was
    /// stopped now, or what was recorded, while its rollout is stopped or it is still what is wanted. What was left
    /// behind is forgotten: nothing is decided by it any more.
    pub fn stalled_after(&self, hash: &str, stopped_now: bool) -> Option<String> {
        if stopped_now {
            return Some(hash.to_owned());
        }
        let is_stopped = self
            .target
            .as_ref()
            .is_some_and(|target| target.stopped_strategy.is_some());
        self.record
            .stalled_hash
            .clone()
            .filter(|recorded| is_stopped || recorded == hash)
    }

    /// The world as the planner is to see it: what is pinned is wanted as it is pinned.
    pub(super) fn pinned(&self) -> Self {
        let mut world = self.clone();
        let Some(pin) = &self.pin else {
            return world;
        };
        for (name, value) in &pin.settings {
            world.intent.unset.remove(name);
            if let Some(value) = value {
                world.intent.settings.insert(name.clone(), value.clone());
            } else {
                world.intent.settings.remove(name);
                world.intent.unset.insert(name.clone());
            }
        }
        if pin.permitted {
            // Old nodes are shielded, so nothing restarts; the migration has windows of its own.
            world.intent.window = Window::Open;
        }
        world
    }
}
