//! What was decided, as values: the status, the events and the metrics are made from it.

use super::diff::Row;
use super::pin::Change;
use super::setting::{Owner, SettingName, Written};
use super::world::Suspension;
use crate::safety::Review;
use crate::version::CniVersion;
use std::collections::{BTreeMap, BTreeSet};

/// Why a setting is not written now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The change it belongs to is refused.
    Refused,
    /// No rollout window is open.
    OutsideWindow,
    /// The policy only observes, or is paused.
    NotManaged,
    /// Something of the same policy has to be there first.
    Prerequisite,
    /// The DaemonSet has no container of the node agent.
    NoAgent,
    /// The document of the add-on has no place for it: EKS sets it, or nobody can.
    NotInAddon,
    /// Somebody else writes the document of the add-on.
    ExternalWriter,
    /// An update of the add-on is under way.
    AddonBusy,
}

/// A setting that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Which.
    pub name: SettingName,
    /// The value that waits; none to remove it.
    pub to: Option<Written>,
    /// Why.
    pub why: Why,
}

/// A mode that somebody else changed on a setting we do not own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeDrift {
    /// Which.
    pub name: SettingName,
    /// What it was when last verified.
    pub was: String,
    /// What it is.
    pub is: String,
    /// Who owns it.
    pub owner: Option<Owner>,
}

/// What was decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Whether there is a target.
    pub target_found: bool,
    /// Every setting that differs.
    pub differs: Vec<Row>,
    /// What is wrong with the change the policy asks for.
    pub review: Review,
    /// The hash of that change; none where nothing differs.
    pub change_hash: Option<String>,
    /// Whether the change is refused.
    pub refused: bool,
    /// That change, where new nodes can carry it out.
    pub change: Option<Change>,
    /// Drift that is not corrected because correcting it would be unsafe.
    pub held: Vec<Row>,
    /// What waits.
    pub pending: Vec<Pending>,
    /// Settings not enforced after a break-glass, with who set what.
    pub suspended: BTreeMap<SettingName, Suspension>,
    /// Modes changed by others on settings that are not ours.
    pub mode_drift: Vec<ModeDrift>,
    /// Settings left to the released manager, those of this round included.
    pub released: BTreeSet<SettingName>,
    /// The version the policy asserts and the one that runs, where they differ.
    pub version_mismatch: Option<(CniVersion, CniVersion)>,
    /// What is enforced after this round.
    pub enforced: BTreeMap<SettingName, Written>,
    /// The setting names of which the target must show the enforced value for `Verified`.
    pub hash: String,
    /// Why no rollout starts now, where a window is closed.
    pub window: Option<String>,
}
