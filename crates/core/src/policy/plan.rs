//! What to do about the target: total, no clock, no I/O.

mod addon;

use super::choice::choose;
use super::diff::{Row, RowKind, drift_rows, same_value, wanted_rows};
use super::manager::ManagerClass;
use super::ownership::{Claim, claim};
use super::running::{config_of, modes};
use super::setting::{Seen, SettingName, Written};
use super::verdict::{ModeDrift, Pending, Verdict, Why};
use super::world::{Intent, ManagementState, PolicyWorld, Suspension, Target, Window};
use crate::config::{Key, Place, config_hash};
use crate::version::CniVersion;
use std::collections::{BTreeMap, BTreeSet};

/// One step, in the order it is to be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Make the released manager an owner of these values, so that they stay when we let go of them.
    HandToReleased {
        /// What to hand over, and everything handed over before.
        settings: BTreeMap<SettingName, Written>,
    },
    /// Put the update strategy back that was there before a rollout was stopped.
    ResumeRollout,
    /// Apply exactly these settings as ours.
    Apply {
        /// All settings that are ours after it.
        settings: BTreeMap<SettingName, Written>,
        /// The flags among them that the argument list must show.
        changed: Vec<Row>,
    },
    /// Remove these settings.
    Unset {
        /// Which.
        settings: BTreeSet<SettingName>,
    },
    /// Have the document of the add-on say this.
    UpdateAddon {
        /// What it is to set.
        set: BTreeMap<SettingName, Written>,
        /// What it is to say no more.
        unset: BTreeSet<SettingName>,
        /// The version to change to.
        version: Option<CniVersion>,
        /// Whether values that others put into the DaemonSet are overwritten; else EKS refuses on a conflict.
        overwrite: bool,
        /// The rows it carries out.
        changed: Vec<Row>,
    },
    /// Stop a rollout whose pods do not come up.
    StopRollout {
        /// The pods.
        pods: Vec<String>,
    },
}

/// The steps, and what was decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyPlan {
    /// In order.
    pub steps: Vec<Action>,
    /// Why.
    pub verdict: Verdict,
}

/// Decides what to do.
pub fn plan(world: &PolicyWorld) -> PolicyPlan {
    let world = &world.pinned();
    let Some(target) = &world.target else {
        return PolicyPlan::default();
    };
    let suspended = suspensions(world, target);
    let suspended_names: BTreeSet<SettingName> = suspended.keys().cloned().collect();
    let wanted = wanted_rows(world, target, &suspended_names);
    let drifted = drift_rows(world, target, &suspended_names);
    let choice = choose(world, target, &wanted, &drifted);
    let mut verdict = Verdict {
        target_found: true,
        differs: wanted
            .iter()
            .filter(|row| row.kind != RowKind::Same)
            .cloned()
            .collect(),
        review: choice.review,
        change_hash: choice.change_hash,
        refused: choice.refused,
        change: choice.change,
        held: choice.held,
        suspended,
        mode_drift: mode_drift(world, target),
        version_mismatch: version_mismatch(&world.intent, target),
        ..Verdict::default()
    };
    let steps = Scene { world, target }.steps(&choice.write, &choice.waiting, &mut verdict);
    PolicyPlan { steps, verdict }
}

/// What to do when the policy is gone or the operator is uninstalled: everything stays, nothing is ours any more.
pub fn release(target: &Target) -> Vec<Action> {
    let ours: BTreeMap<_, _> = owned(target)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let mut steps = Vec::new();
    if target.stopped_strategy.is_some() {
        steps.push(Action::ResumeRollout);
    }
    let holds = target.is_held || !ours.is_empty();
    if !ours.is_empty() {
        let mut settings = released(target);
        settings.extend(ours);
        steps.push(Action::HandToReleased { settings });
    }
    if holds {
        steps.push(Action::Apply {
            settings: BTreeMap::new(),
            changed: Vec::new(),
        });
    }
    steps
}

/// The settings that are ours on the target.
fn owned(target: &Target) -> impl Iterator<Item = (&SettingName, &Written)> {
    let ours = |name| target.shows_owner(name).is_some_and(Seen::is_ours);
    let settings = target.settings.iter();
    settings
        .filter(move |(name, _)| ours(name))
        .map(|(name, seen)| (name, &seen.value))
}

fn released(target: &Target) -> BTreeMap<SettingName, Written> {
    let is_released = |seen: &Seen| {
        seen.owners
            .iter()
            .any(|owner| owner.class == ManagerClass::Released)
    };
    let rows = target.settings.iter().filter(|(_, seen)| is_released(seen));
    rows.map(|(name, seen)| (name.clone(), seen.value.clone()))
        .collect()
}

/// A break-glass annotation that was not there before suspends what somebody else changed; taking it away resumes.
fn suspensions(world: &PolicyWorld, target: &Target) -> BTreeMap<SettingName, Suspension> {
    if target.break_glass.is_none() {
        return BTreeMap::new();
    }
    let mut suspended = world.record.suspended.clone();
    if target.break_glass != world.record.break_glass_seen {
        for row in drift_rows(world, target, &BTreeSet::new()) {
            if let RowKind::Drift(owner) | RowKind::Fought(owner, _) = &row.kind {
                let value = row
                    .from
                    .as_ref()
                    .map_or_else(|| "(removed)".to_owned(), ToString::to_string);
                suspended.insert(
                    row.name.clone(),
                    Suspension {
                        value,
                        by: owner.manager.clone(),
                    },
                );
            }
        }
    }
    suspended
}

fn mode_drift(world: &PolicyWorld, target: &Target) -> Vec<ModeDrift> {
    let now = modes(target);
    let rows = world.record.modes.iter().filter_map(|(name, was)| {
        let is = now.get(name)?;
        let seen = target.settings.get(name);
        let ours = seen.is_some_and(Seen::is_ours) || world.record.settings.contains_key(name);
        let owner = seen.and_then(Seen::other_owner).cloned();
        (was != is && !ours).then(|| ModeDrift {
            name: name.clone(),
            was: was.clone(),
            is: is.clone(),
            owner,
        })
    });
    rows.collect()
}

fn version_mismatch(intent: &Intent, target: &Target) -> Option<(CniVersion, CniVersion)> {
    let wanted = intent.version?;
    if let Some(addon) = target.addon.carrier() {
        let seen = *addon.version.as_option()?;
        return (!addon.runs(wanted)).then_some((wanted, seen));
    }
    let seen = *target.version.as_option()?;
    (wanted != seen).then_some((wanted, seen))
}

struct Scene<'a> {
    world: &'a PolicyWorld,
    target: &'a Target,
}

impl Scene<'_> {
    fn steps(&self, write: &[Row], waiting: &[Row], verdict: &mut Verdict) -> Vec<Action> {
        let held_back = self.held_back(write, waiting, verdict);
        let write: Vec<Row> = write
            .iter()
            .filter(|row| !held_back.contains(&row.name))
            .cloned()
            .collect();
        let settings = self.enforced(&write, &verdict.suspended);
        verdict.hash = config_hash(&config_of(&settings));
        verdict.enforced.clone_from(&settings);
        let leaving = self.leaving(&settings, &verdict.suspended);
        verdict.released = released(self.target)
            .into_keys()
            .chain(leaving.keys().cloned())
            .collect();
        verdict.released.retain(|name| !settings.contains_key(name));
        if self.world.intent.state != ManagementState::Manage {
            return Vec::new();
        }
        if let Some(addon) = self.target.addon.carrier() {
            return self
                .update_addon(addon, settings, &write, verdict)
                .into_iter()
                .collect();
        }
        let mut steps = Vec::new();
        if self.crash_loops(&write) {
            return vec![Action::StopRollout {
                pods: self.target.rollout.crash_looping.clone(),
            }];
        }
        if !leaving.is_empty() {
            let mut settings = released(self.target);
            settings.extend(leaving.clone());
            steps.push(Action::HandToReleased { settings });
        }
        if self.target.stopped_strategy.is_some() && !self.is_stalled(&verdict.hash) {
            steps.push(Action::ResumeRollout);
        }
        let missing = settings
            .keys()
            .any(|name| !owned(self.target).any(|(owned, _)| owned == name));
        if !leaving.is_empty() || missing || write.iter().any(|row| row.to.is_some()) {
            steps.push(Action::Apply {
                settings,
                changed: write.clone(),
            });
        }
        let unset: BTreeSet<SettingName> = write
            .iter()
            .filter(|row| row.to.is_none())
            .map(|row| row.name.clone())
            .collect();
        if !unset.is_empty() {
            steps.push(Action::Unset { settings: unset });
        }
        steps
    }

    /// Rows that are fine but wait: for a window, for a rollout that stalled, or because nothing may be written.
    fn held_back(&self, write: &[Row], waiting: &[Row], verdict: &mut Verdict) -> BTreeSet<SettingName> {
        let wait = |row: &Row, why| Pending {
            name: row.name.clone(),
            to: row.to.clone(),
            why,
        };
        verdict.pending = waiting.iter().map(|row| wait(row, Why::Refused)).collect();
        let mut held_back = BTreeSet::new();
        let waits_for_eni_configs = self.lacks_eni_configs();
        for row in write {
            let why = match (self.world.intent.state, &self.world.intent.window) {
                (ManagementState::Observe | ManagementState::Paused, _) => Why::NotManaged,
                (ManagementState::Manage, _)
                    if row.name.place == Place::NodeAgent && !self.target.has_agent =>
                {
                    Why::NoAgent
                }
                (ManagementState::Manage, Window::Closed(_)) if row.restarts() => Why::OutsideWindow,
                (ManagementState::Manage, _) if waits_for_eni_configs && turns_custom_networking_on(row) => {
                    Why::Prerequisite
                }
                (ManagementState::Manage, Window::Closed(_) | Window::Open) => {
                    let Some(why) = self.addon_waits(row) else {
                        continue;
                    };
                    why
                }
            };
            if let (Why::OutsideWindow, Window::Closed(when)) = (why, &self.world.intent.window) {
                verdict.window = Some(when.clone());
            }
            verdict.pending.push(wait(row, why));
            held_back.insert(row.name.clone());
        }
        held_back
    }

    /// What is ours after the round: what is written now, and what is ours already and still wanted.
    fn enforced(
        &self,
        write: &[Row],
        suspended: &BTreeMap<SettingName, Suspension>,
    ) -> BTreeMap<SettingName, Written> {
        let wanted = &self.world.intent.settings;
        let mut settings: BTreeMap<SettingName, Written> = owned(self.target)
            .filter(|(name, _)| wanted.contains_key(*name) && !suspended.contains_key(*name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if self.world.intent.state == ManagementState::Manage {
            for (name, value) in wanted {
                let seen = self.target.settings.get(name);
                let same = seen.is_some_and(|seen| same_value(name.key(), &seen.value, value));
                if same && !suspended.contains_key(name) && self.may_share(name) {
                    settings.insert(name.clone(), value.clone());
                }
            }
        }
        for row in write {
            if let Some(value) = &row.to {
                settings.insert(row.name.clone(), value.clone());
            }
        }
        settings
    }

    /// A key that has our value already is shared with its owner, but for those of the add-on.
    fn may_share(&self, name: &SettingName) -> bool {
        let seen = self.target.shows_owner(name);
        let claim = claim(seen, &self.world.intent.take_over_from, &self.target.addon);
        !matches!(claim, Claim::Blocked(_)) || self.world.record.settings.contains_key(name)
    }

    /// What is ours and no longer wanted.
    fn leaving(
        &self,
        enforced: &BTreeMap<SettingName, Written>,
        suspended: &BTreeMap<SettingName, Suspension>,
    ) -> BTreeMap<SettingName, Written> {
        let agent_stays = enforced.keys().any(SettingName::is_agent_flag);
        owned(self.target)
            .filter(|(name, _)| {
                let wanted = enforced.contains_key(*name) || suspended.contains_key(*name);
                let unset = self.world.intent.unset.contains(*name);
                let in_the_list = agent_stays && name.is_agent_flag();
                !(wanted || unset || in_the_list)
            })
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// Whether ENIConfigs of the policy are not written yet: nodes that look for them would stay NotReady.
    fn lacks_eni_configs(&self) -> bool {
        let wanted = self.world.intent.eni_configs.iter().flatten();
        wanted
            .into_iter()
            .any(|(name, _)| !self.target.eni_configs.contains_key(name))
    }

    fn crash_loops(&self, write: &[Row]) -> bool {
        let rollout = &self.target.rollout;
        write.is_empty() && !rollout.crash_looping.is_empty() && !rollout.on_delete && !rollout.is_done()
    }

    fn is_stalled(&self, hash: &str) -> bool {
        self.world.record.stalled_hash.as_deref() == Some(hash)
    }
}

fn turns_custom_networking_on(row: &Row) -> bool {
    row.name.key() == Some(Key::CustomNetworkCfg) && row.to.as_ref().and_then(Written::text) == Some("true")
}
