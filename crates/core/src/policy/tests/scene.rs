//! A small target that keeps owners as server-side apply does, and a world around it.

use crate::config::Key;
use crate::ids::{InstanceType, NodeName, Zone};
use crate::known::Known;
use crate::limits;
use crate::policy::*;
use crate::safety::{Compute, EniFacts, NodeFacts, NodeGroup, NodeMode, NodePodFacts, Os, Provider, World};
use crate::version::CniVersion;
use std::collections::{BTreeMap, BTreeSet};

fn owner(manager: &str) -> Owner {
    Owner {
        manager: manager.to_owned(),
        class: classify_manager(manager),
    }
}

pub(super) fn name(key: Key) -> SettingName {
    SettingName::of(key)
}

pub(super) fn text(value: &str) -> Written {
    Written::Text(value.to_owned())
}

fn target() -> Target {
    let mut settings = BTreeMap::new();
    for (key, value) in [
        (Key::EnableIpv4, "true"),
        (Key::EnableIpv6, "false"),
        (Key::EnablePrefixDelegation, "false"),
        (Key::WarmEniTarget, "1"),
        (Key::WarmPrefixTarget, "1"),
    ] {
        settings.insert(
            name(key),
            Seen {
                value: text(value),
                owners: vec![owner("kubectl-client-side-apply")],
            },
        );
    }
    Target {
        name: "kube-system/aws-node".to_owned(),
        settings,
        is_held: false,
        agent_args_owner: None,
        version: Known::Yes(CniVersion::REFERENCE),
        node_agent: None,
        has_agent: false,
        has_config_map: true,
        rollout: Rollout {
            desired: 2,
            updated: 2,
            observed: true,
            ..Rollout::default()
        },
        stopped_strategy: None,
        break_glass: None,
        addon: AddonState::Absent,
        eni_configs: BTreeMap::new(),
    }
}

fn old_node() -> NodeFacts {
    let instance_type = InstanceType::parse("m5.large").unwrap();
    NodeFacts {
        name: NodeName::parse("ip-10-0-0-1").unwrap(),
        os: Os::Linux,
        compute: Compute::Ec2,
        instance: None,
        limits: Known::Yes(limits::find(&instance_type).unwrap()),
        instance_type: Some(instance_type),
        zone: Some(Zone::parse("us-west-2a").unwrap()),
        group: NodeGroup {
            provider: Provider::ManagedNodeGroup,
            name: "blue".to_owned(),
        },
        mode: NodeMode::SecondaryIp,
        enis: Known::Yes(EniFacts {
            attached: 1,
            secondary_ips: 9,
            ..EniFacts::default()
        }),
        pods: Known::Yes(NodePodFacts {
            pods: 5,
            ..NodePodFacts::default()
        }),
        max_pods: Some(29),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
    }
}

pub(super) fn world(settings: &[(Key, &str)]) -> PolicyWorld {
    PolicyWorld {
        intent: Intent {
            state: ManagementState::Manage,
            settings: settings
                .iter()
                .map(|(key, value)| (name(*key), text(value)))
                .collect(),
            unset: BTreeSet::new(),
            version: None,
            take_over_from: vec!["Kubectl".to_owned()],
            apply_mode: ApplyMode::Atomic,
            accept: Vec::new(),
            strategy: Strategy::Refuse,
            window: Window::Open,
            eni_configs: None,
        },
        target: Some(target()),
        record: Record::default(),
        fights: Fights::default(),
        seen: World {
            nodes: vec![old_node()],
            ..World::empty()
        },
        pin: None,
        templates: BTreeMap::new(),
        now: 0,
    }
}

/// Carries the steps out the way server-side apply would, and records what was enforced.
pub(super) fn carry_out(world: &mut PolicyWorld, plan: &PolicyPlan) {
    let Some(target) = world.target.as_mut() else {
        return;
    };
    for step in &plan.steps {
        match step {
            Action::HandToReleased { settings } => own(target, settings, RELEASED_FIELD_MANAGER),
            Action::Apply { settings, .. } => own(target, settings, FIELD_MANAGER),
            Action::Unset { settings } => target.settings.retain(|name, _| !settings.contains(name)),
            Action::UpdateAddon { set, unset, .. } => render(target, set, unset),
            Action::StopRollout { .. } => target.stopped_strategy = Some("RollingUpdate".to_owned()),
            Action::ResumeRollout => target.stopped_strategy = None,
        }
    }
    world.record.settings = plan.verdict.enforced.clone();
    world.record.suspended = plan.verdict.suspended.clone();
    world.record.break_glass_seen = target.break_glass.clone();
    world.record.modes = crate::policy::running::modes(target);
}

/// What EKS makes of a new document.
fn render(target: &mut Target, set: &BTreeMap<SettingName, Written>, unset: &BTreeSet<SettingName>) {
    if let AddonState::Carries(addon) = &mut target.addon {
        addon.document.extend(set.clone());
        addon.document.retain(|name, _| !unset.contains(name));
    }
    for (name, value) in set {
        let rendered = Seen {
            value: value.clone(),
            owners: vec![owner("eks")],
        };
        target.settings.insert(name.clone(), rendered);
    }
    target.settings.retain(|name, _| !unset.contains(name));
}

fn own(target: &mut Target, settings: &BTreeMap<SettingName, Written>, manager: &str) {
    for (name, value) in settings {
        let seen = target.settings.entry(name.clone()).or_insert_with(|| Seen {
            value: value.clone(),
            owners: Vec::new(),
        });
        if seen.value != *value {
            seen.owners.clear();
            seen.value = value.clone();
        }
        if !seen.owners.iter().any(|owner| owner.manager == manager) {
            seen.owners.push(owner(manager));
        }
    }
    let class = classify_manager(manager);
    for (name, seen) in &mut target.settings {
        if !settings.contains_key(name) {
            seen.owners.retain(|owner| owner.class != class);
        }
    }
    target.settings.retain(|_, seen| !seen.owners.is_empty());
}

pub(super) fn edit(world: &mut PolicyWorld, key: Key, value: &str, by: &str) {
    let seen = Seen {
        value: text(value),
        owners: vec![owner(by)],
    };
    world.target.as_mut().unwrap().settings.insert(name(key), seen);
}

pub(super) fn settled(settings: &[(Key, &str)]) -> PolicyWorld {
    let mut world = world(settings);
    let plan = plan(&world);
    carry_out(&mut world, &plan);
    world
}

pub(super) fn value(world: &PolicyWorld, key: Key) -> Option<String> {
    world
        .target
        .as_ref()
        .unwrap()
        .settings
        .get(&name(key))
        .map(|seen| seen.value.to_string())
}
