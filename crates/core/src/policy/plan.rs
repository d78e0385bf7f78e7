//! What to do about the target: total, no clock, no I/O.

use super::diff::{Row, RowKind, drift_rows, wanted_rows};
use super::setting::{Owner, SettingName, Written};
use super::verdict::{ModeDrift, Pending, Verdict, Why};
use super::world::{ApplyMode, Intent, ManagementState, PolicyWorld, Suspension, Target, Window};
use crate::config::{CniConfig, Effective, Key, Place, RawConfig, RawValue, change_hash, config_hash, read};
use crate::safety::{CniSetup, Review, Severity, review};
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

/// The modes whose change by others is reported even where the setting is not ours.
const MODES: [Key; 3] = [
    Key::EnablePrefixDelegation,
    Key::CustomNetworkCfg,
    Key::EnablePodEni,
];

/// Decides what to do.
pub fn plan(world: &PolicyWorld) -> PolicyPlan {
    let Some(target) = &world.target else {
        return PolicyPlan::default();
    };
    let suspended = suspensions(world, target);
    let suspended_names: BTreeSet<SettingName> = suspended.keys().cloned().collect();
    let wanted = wanted_rows(world, target, &suspended_names);
    let drifted = drift_rows(world, target, &suspended_names);
    let scene = Scene { world, target };
    let choice = scene.choose(&wanted, &drifted);
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
        held: choice.held,
        suspended,
        mode_drift: mode_drift(world, target),
        version_mismatch: version_mismatch(&world.intent, target),
        ..Verdict::default()
    };
    let steps = scene.steps(&choice.write, &choice.waiting, &mut verdict);
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
    if !ours.is_empty() {
        let mut settings = released(target);
        settings.extend(ours);
        steps.push(Action::HandToReleased { settings });
        steps.push(Action::Apply {
            settings: BTreeMap::new(),
            changed: Vec::new(),
        });
    }
    steps
}

/// The settings that are ours on the target.
fn owned(target: &Target) -> impl Iterator<Item = (&SettingName, &Written)> {
    let agent_args = target.agent_args_owner.as_ref().is_some_and(super::Seen::is_ours);
    target
        .settings
        .iter()
        .filter(move |(name, seen)| {
            if name.is_agent_flag() {
                agent_args
            } else {
                seen.is_ours()
            }
        })
        .map(|(name, seen)| (name, &seen.value))
}

fn released(target: &Target) -> BTreeMap<SettingName, Written> {
    let is_released = |seen: &super::Seen| {
        seen.owners
            .iter()
            .any(|owner| owner.class == super::ManagerClass::Released)
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
        let ours = seen.is_some_and(super::Seen::is_ours) || world.record.settings.contains_key(name);
        let owner = seen.and_then(super::Seen::other_owner).cloned();
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
    let (wanted, seen) = (intent.version?, *target.version.as_option()?);
    (wanted != seen).then_some((wanted, seen))
}

/// What was chosen among the rows.
struct Choice {
    write: Vec<Row>,
    waiting: Vec<Row>,
    review: Review,
    change_hash: Option<String>,
    refused: bool,
    held: Vec<Row>,
}

struct Scene<'a> {
    world: &'a PolicyWorld,
    target: &'a Target,
}

impl Scene<'_> {
    fn choose(&self, wanted: &[Row], drifted: &[Row]) -> Choice {
        let writable: Vec<Row> = wanted.iter().filter(|row| row.is_write()).cloned().collect();
        let (review, change_hash) = self.review(&writable);
        if review.allows() {
            let held = Vec::new();
            return Choice {
                write: writable,
                waiting: Vec::new(),
                review,
                change_hash,
                refused: false,
                held,
            };
        }
        let asked = |row: &Row| {
            !drifted
                .iter()
                .any(|drift| drift.name == row.name && drift.to == row.to)
        };
        let refused = writable.iter().any(asked);
        let drift: Vec<Row> = drifted.iter().filter(|row| row.is_write()).cloned().collect();
        let (mut write, held) = if self.review(&drift).0.allows() {
            (drift, Vec::new())
        } else {
            (Vec::new(), drift)
        };
        if self.world.intent.apply_mode == ApplyMode::SafeFirst {
            let safe = without_named(&writable, &review);
            if self.review(&safe).0.allows() {
                write.retain(|row| !safe.iter().any(|safe| safe.name == row.name));
                write.extend(safe);
            }
        }
        let is_written = |row: &Row| {
            write
                .iter()
                .any(|written| written.name == row.name && written.to == row.to)
        };
        let waiting = writable.iter().filter(|row| !is_written(row)).cloned().collect();
        Choice {
            write,
            waiting,
            review,
            change_hash,
            refused,
            held,
        }
    }

    /// Reviews the live set-up against the live set-up with these rows.
    fn review(&self, rows: &[Row]) -> (Review, Option<String>) {
        let from = self.setup(&[]);
        let mut to = self.setup(rows);
        if let Some(eni_configs) = &self.world.intent.eni_configs {
            to.eni_configs.extend(
                eni_configs
                    .iter()
                    .map(|(name, spec)| (name.clone(), spec.clone())),
            );
        }
        let hash = change_hash(&from.config, &to.config);
        let accept = &self.world.intent.accept;
        let review = review(&from, &to, &self.world.seen).accepted(accept, &hash, self.world.now);
        (review, (!rows.is_empty()).then_some(hash))
    }

    fn setup(&self, rows: &[Row]) -> CniSetup {
        let mut settings: BTreeMap<SettingName, Written> = self
            .target
            .settings
            .iter()
            .map(|(name, seen)| (name.clone(), seen.value.clone()))
            .collect();
        for row in rows {
            match &row.to {
                Some(value) => settings.insert(row.name.clone(), value.clone()),
                None => settings.remove(&row.name),
            };
        }
        CniSetup {
            config: config_of(&settings),
            version: self.version(),
            node_agent: self
                .target
                .has_agent
                .then(|| self.target.node_agent.unwrap_or(CniVersion::new(1, 4, 2))),
            eni_configs: self.target.eni_configs.clone(),
            present: true,
            overwrites_unmanaged: false,
        }
    }

    fn version(&self) -> CniVersion {
        self.target
            .version
            .as_option()
            .copied()
            .unwrap_or(CniVersion::REFERENCE)
    }

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
                (ManagementState::Manage, Window::Closed(_)) if row.restarts() => Why::OutsideWindow,
                (ManagementState::Manage, _) if waits_for_eni_configs && turns_custom_networking_on(row) => {
                    Why::Prerequisite
                }
                (ManagementState::Manage, Window::Closed(_) | Window::Open) => continue,
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
                let same = seen.is_some_and(|seen| super::diff::same_value(name.key(), &seen.value, value));
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
        let addon = !matches!(self.target.addon, super::AddonState::Absent);
        let seen = if name.is_agent_flag() {
            self.target.agent_args_owner.as_ref()
        } else {
            self.target.settings.get(name)
        };
        let claim = super::claim(seen, &self.world.intent.take_over_from, addon);
        !matches!(claim, super::Claim::Blocked(_)) || self.world.record.settings.contains_key(name)
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
                !enforced.contains_key(*name)
                    && !suspended.contains_key(*name)
                    && !self.world.intent.unset.contains(*name)
                    && !(agent_stays && name.is_agent_flag())
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

/// The rows that no refusing finding is about.
fn without_named(rows: &[Row], review: &Review) -> Vec<Row> {
    let refusing = review
        .findings
        .iter()
        .filter(|finding| finding.severity > Severity::Warn);
    let named: BTreeSet<Key> = refusing
        .filter_map(|finding| crate::safety::explain(finding.rule.0))
        .flat_map(|rule| rule.keys)
        .copied()
        .collect();
    rows.iter()
        .filter(|row| !row.name.key().is_some_and(|key| named.contains(&key)))
        .cloned()
        .collect()
}

/// Reads settings with upstream's own semantics.
pub fn config_of(settings: &BTreeMap<SettingName, Written>) -> CniConfig {
    let mut raw = RawConfig::default();
    for (name, value) in settings {
        add(&mut raw, name, value);
    }
    read(&raw).config
}

fn add(raw: &mut RawConfig, name: &SettingName, value: &Written) {
    let literal = match value {
        Written::Text(text) => RawValue::Text(text.clone()),
        Written::Reference(_) => RawValue::FromField,
    };
    match (name.place, value.text()) {
        (Place::AwsNode, _) => raw.aws_node.push((name.name.clone(), literal)),
        (Place::Init, _) => raw.init.push((name.name.clone(), literal)),
        (Place::NodeAgent, Some(text)) if name.is_agent_flag() => {
            raw.node_agent_args.push(format!("--{}={text}", name.name));
        }
        (Place::NodeAgent, _) => raw.node_agent_env.push((name.name.clone(), literal)),
        (Place::ConfigMap, Some(text)) => {
            raw.config_map.insert(name.name.clone(), text.to_owned());
        }
        (Place::ConfigMap, None) => {}
    }
}

/// The configuration that runs, with the defaults of the version that reads it.
pub(super) fn effective_of(target: &Target) -> Effective {
    let settings: BTreeMap<SettingName, Written> = target
        .settings
        .iter()
        .map(|(name, seen)| (name.clone(), seen.value.clone()))
        .collect();
    Effective::of(
        &config_of(&settings),
        target
            .version
            .as_option()
            .copied()
            .unwrap_or(CniVersion::REFERENCE),
    )
}

/// The effective modes of the target, recorded so that a later change by others is seen.
pub(super) fn modes(target: &Target) -> BTreeMap<SettingName, String> {
    let effective = effective_of(target);
    let is_on = |key| effective.value(key) == Some(&crate::config::Value::Bool(true));
    MODES
        .iter()
        .map(|key| (SettingName::of(*key), is_on(*key).to_string()))
        .collect()
}

/// The owner of a row that is not ours, for messages.
pub(super) fn owner_of(row: &Row) -> Option<&Owner> {
    match &row.kind {
        RowKind::TakeOver(owner)
        | RowKind::Drift(owner)
        | RowKind::Blocked(owner)
        | RowKind::Fought(owner, _) => Some(owner),
        RowKind::Same | RowKind::Write | RowKind::Suspended => None,
    }
}
