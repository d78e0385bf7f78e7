//! Taking a combined change apart: one switch at a time, each with all nodes replaced and verified before the next.
//!
//! With two at once nobody could tell which of them a failure comes from, and max-pods has another formula for each
//! (rule several-switches-at-once).

use super::max_pods;
use super::value::{ConfigId, Direction, Judge, Stage};
use crate::config::hash::canonical;
use crate::config::{ChangeClass, Effective, Key, text_digest};
use crate::safety::{CniSetup, NodeFacts, NodeGroup};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// A switch and the settings that make sense only with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Prefixes,
    CustomNetworking,
    PodSecurityGroups,
}

const FAMILIES: [Family; 3] = [
    Family::Prefixes,
    Family::CustomNetworking,
    Family::PodSecurityGroups,
];

impl Family {
    fn keys(self) -> &'static [Key] {
        match self {
            Self::Prefixes => &[
                Key::EnablePrefixDelegation,
                Key::WarmPrefixTarget,
                Key::WarmIpTarget,
                Key::MinimumIpTarget,
                Key::WarmEniTarget,
            ],
            Self::CustomNetworking => &[
                Key::CustomNetworkCfg,
                Key::EniConfigLabelDef,
                Key::EniConfigAnnotationDef,
            ],
            Self::PodSecurityGroups => &[
                Key::EnablePodEni,
                Key::PodSecurityGroupEnforcingMode,
                Key::DisableTcpEarlyDemux,
            ],
        }
    }

    fn is_on(self, effective: &Effective) -> bool {
        match self {
            Self::Prefixes => effective.prefix_delegation(),
            Self::CustomNetworking => effective.custom_networking(),
            Self::PodSecurityGroups => effective.pod_eni(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Prefixes => "prefix mode",
            Self::CustomNetworking => "custom networking",
            Self::PodSecurityGroups => "security groups for pods",
        }
    }

    /// Copies the family's part of a set-up into another.
    fn apply(self, target: &mut CniSetup, source: &CniSetup) {
        for key in self.keys() {
            match source.config.get(*key) {
                Some(value) => target.config.set(*key, value.clone()),
                None => drop(target.config.unset(*key)),
            }
        }
        if self == Self::CustomNetworking {
            target.eni_configs.clone_from(&source.eni_configs);
        }
    }
}

/// The identity of a configuration with all that is read with it.
pub fn config_id(setup: &CniSetup) -> ConfigId {
    let mut text = format!(
        "{:?} {:?}\n{}",
        setup.version,
        setup.node_agent,
        canonical(&setup.config)
    );
    for (name, spec) in &setup.eni_configs {
        // Writing to a String cannot fail.
        writeln!(text, "{name} {} {:?}", spec.subnet, spec.security_groups).unwrap_or_default();
    }
    ConfigId(text_digest(&text).chars().take(12).collect())
}

/// The stages of a change. Growing ones come first: nodes then never have less room than before until they must.
pub(super) fn stages(from: &CniSetup, to: &CniSetup, nodes: &[&NodeFacts]) -> Vec<Stage> {
    let mut switched = switched(from, to);
    if switched.len() <= 1 {
        return vec![stage(from.clone(), to.clone(), nodes)];
    }
    switched.sort_by_key(|family| {
        let mut alone = from.clone();
        family.apply(&mut alone, to);
        direction(from, &alone, nodes) == Direction::Shrinking
    });
    let mut stages: Vec<Stage> = Vec::new();
    let mut before = from.clone();
    for (index, family) in switched.iter().enumerate() {
        let after = if index + 1 == switched.len() {
            to.clone()
        } else {
            between(&before, to, *family, index == 0)
        };
        stages.push(stage(before, after.clone(), nodes));
        before = after;
    }
    stages
}

/// The set-up after one family; what belongs to no family goes with the first.
fn between(before: &CniSetup, to: &CniSetup, family: Family, first: bool) -> CniSetup {
    let mut after = before.clone();
    if first {
        after = to.clone();
        for other in FAMILIES {
            other.apply(&mut after, before);
        }
    }
    family.apply(&mut after, to);
    after
}

fn switched(from: &CniSetup, to: &CniSetup) -> Vec<Family> {
    let was = Effective::of(&from.config, from.version);
    let will = Effective::of(&to.config, to.version);
    let differs = |family: &Family| {
        let resolves_anew = *family == Family::CustomNetworking
            && will.custom_networking()
            && (!from.same_eni_configs(to)
                || !same(
                    &was,
                    &will,
                    &[Key::EniConfigLabelDef, Key::EniConfigAnnotationDef],
                ));
        family.is_on(&was) != family.is_on(&will) || resolves_anew
    };
    FAMILIES.into_iter().filter(differs).collect()
}

fn same(was: &Effective, will: &Effective, keys: &[Key]) -> bool {
    keys.iter().all(|key| was.value(*key) == will.value(*key))
}

fn stage(from: CniSetup, to: CniSetup, nodes: &[&NodeFacts]) -> Stage {
    Stage {
        title: title(&from, &to),
        direction: direction(&from, &to, nodes),
        judge: judge(&from, &to),
        to_id: config_id(&to),
        max_pods: BTreeMap::new(),
        at_most: BTreeSet::new(),
        from,
        to,
    }
}

fn title(from: &CniSetup, to: &CniSetup) -> String {
    let was = Effective::of(&from.config, from.version);
    let will = Effective::of(&to.config, to.version);
    let changes: Vec<String> = switched(from, to)
        .into_iter()
        .map(|family| match (family.is_on(&was), family.is_on(&will)) {
            (false, true) => format!("{} on", family.name()),
            (true, false) => format!("{} off", family.name()),
            _ => "other ENIConfigs".to_owned(),
        })
        .collect();
    if changes.is_empty() {
        "settings that need new nodes".to_owned()
    } else {
        changes.join(", ")
    }
}

/// Shrinking where any type that is there can carry fewer pods afterwards.
fn direction(from: &CniSetup, to: &CniSetup, nodes: &[&NodeFacts]) -> Direction {
    let was = Effective::of(&from.config, from.version);
    let will = Effective::of(&to.config, to.version);
    let shrinks = nodes
        .iter()
        .filter_map(|node| node.limits.as_option())
        .any(|limits| crate::max_pods::possible(limits, &will) < crate::max_pods::possible(limits, &was));
    // Where no type is known, what each switch does to every type.
    let by_switch = nodes.iter().all(|node| node.limits.as_option().is_none())
        && (was.prefix_delegation() && !will.prefix_delegation()
            || !was.custom_networking() && will.custom_networking()
            || !was.pod_eni() && will.pod_eni());
    if shrinks || by_switch {
        Direction::Shrinking
    } else {
        Direction::Growing
    }
}

fn judge(from: &CniSetup, to: &CniSetup) -> Judge {
    let was = Effective::of(&from.config, from.version);
    let will = Effective::of(&to.config, to.version);
    let seen_on_interfaces = [
        Key::EnablePrefixDelegation,
        Key::CustomNetworkCfg,
        Key::EniConfigLabelDef,
        Key::EniConfigAnnotationDef,
    ];
    let needs_nodes = |key: &Key| {
        matches!(
            key.field().class,
            ChangeClass::ReplaceNodes | ChangeClass::ReplaceNodesMaxPods
        )
    };
    let changed: Vec<Key> = was.changed(&will).into_iter().filter(needs_nodes).collect();
    let all_seen = changed.iter().all(|key| seen_on_interfaces.contains(key));
    let groups = |setup: &CniSetup| -> Vec<_> {
        let specs = setup.eni_configs.values();
        specs
            .map(|spec| (spec.subnet.clone(), spec.security_groups.clone()))
            .collect()
    };
    let same_subnets_other_groups = will.custom_networking()
        && was.custom_networking()
        && groups(from) != groups(to)
        && groups(from)
            .iter()
            .zip(groups(to))
            .all(|(one, other)| one.0 == other.0);
    if all_seen && !same_subnets_other_groups && !(changed.is_empty() && from.same_eni_configs(to)) {
        Judge::ByInterfaces
    } else {
        Judge::ByAge
    }
}

/// Fills in the max-pods of each stage. `left` are the groups that are left to their owners.
pub(super) fn with_max_pods(stages: &mut [Stage], groups: &max_pods::Groups<'_>, left: &BTreeSet<NodeGroup>) {
    let mut now = groups.now();
    for stage in stages {
        stage.max_pods = groups.planned(&now, &stage.from, &stage.to);
        stage.at_most.clone_from(left);
        now.extend(stage.max_pods.iter().map(|(group, pods)| (group.clone(), *pods)));
    }
}
