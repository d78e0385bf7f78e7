//! Which ENIConfigs to write. Each rewrite is reviewed by itself, so that one that is refused does not hold the others.

use super::validate::{in_use, problems_of, uncovered_zones, zone_by_name};
use crate::config::Effective;
use crate::ids::{EniConfigName, Zone};
use crate::policy::{EniConfigsView, ManagementState, Owner, classify_manager};
use crate::safety::{CniSetup, EniConfigSpec, Finding, World, review};
use crate::version::CniVersion;
use std::collections::{BTreeMap, BTreeSet};

/// An ENIConfig the policy defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What it is to say, or why its subnet or groups could not be found.
    pub spec: Result<EniConfigSpec, String>,
}

/// An ENIConfig that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// What it says, or why it cannot be read.
    pub spec: Result<EniConfigSpec, String>,
    /// Who owns its spec.
    pub owners: Vec<Owner>,
}

/// What the ENIConfig controller decides on.
#[derive(Debug, Clone)]
pub struct EniWorld {
    /// Whether it may write.
    pub state: ManagementState,
    /// What the policy defines; none where it leaves them to the user.
    pub wanted: Option<BTreeMap<EniConfigName, Wanted>>,
    /// What exists.
    pub present: BTreeMap<EniConfigName, Present>,
    /// The configuration that runs.
    pub running: CniSetup,
    /// Whether the policy turns custom networking on.
    pub wanted_on: bool,
    /// Nodes, zones, subnets.
    pub seen: World,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EniAction {
    /// Create or change this ENIConfig.
    Apply {
        /// Which.
        name: EniConfigName,
        /// What it is to say.
        spec: EniConfigSpec,
        /// What it was seen to say when this was decided. One that says something else by now may be in use since: then
        /// nothing is written, and it is decided again.
        seen: Seen,
    },
    /// Leave this one to the released manager, as it stands: the policy no longer names it.
    HandToReleased(EniConfigName),
}

/// What an ENIConfig said when a step was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It was not there.
    Absent,
    /// It was there, and said what no ENIConfig may say.
    Unreadable,
    /// It said this.
    Says(EniConfigSpec),
}

impl Seen {
    /// As it is now: none where it is not there, an error where it cannot be read.
    pub fn of(present: Option<Result<&EniConfigSpec, &String>>) -> Self {
        match present {
            None => Self::Absent,
            Some(Err(_)) => Self::Unreadable,
            Some(Ok(spec)) => Self::Says(spec.clone()),
        }
    }
}

/// A rewrite that is not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which.
    pub name: EniConfigName,
    /// Why.
    pub findings: Vec<Finding>,
}

/// One ENIConfig as the status shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EniRow {
    /// Its name.
    pub name: String,
    /// Whether it can work.
    pub valid: bool,
    /// Nodes that use it.
    pub nodes: u32,
    /// Its subnet.
    pub subnet: String,
    /// Free /28 prefixes there, where known.
    pub free_prefixes: Option<u32>,
    /// What is wrong.
    pub problems: Vec<String>,
}

/// The steps and what is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EniPlan {
    /// In order.
    pub steps: Vec<EniAction>,
    /// Rewrites that are not made.
    pub refused: Vec<Refused>,
    /// Every ENIConfig, present or wanted.
    pub rows: Vec<EniRow>,
    /// The condition EniConfigsValid.
    pub view: EniConfigsView,
}

/// Decides which ENIConfigs to write, and which are valid.
pub fn plan(world: &EniWorld) -> EniPlan {
    let effective = Effective::of(&world.running.config, world.running.version);
    let mut steps = Vec::new();
    let mut refused = Vec::new();
    if world.state == ManagementState::Manage {
        for (name, wanted) in world.wanted.iter().flatten() {
            let Ok(spec) = &wanted.spec else { continue };
            match decide(world, name, spec) {
                Decision::Nothing => {}
                Decision::Write => steps.push(EniAction::Apply {
                    name: name.clone(),
                    spec: spec.clone(),
                    seen: Seen::of(world.present.get(name).map(|present| present.spec.as_ref())),
                }),
                Decision::Refuse(findings) => refused.push(Refused {
                    name: name.clone(),
                    findings,
                }),
            }
        }
        steps.extend(leaving(world));
    }
    let rows = rows(world, &effective);
    let view = view(world, &effective, &rows, &refused);
    EniPlan {
        steps,
        refused,
        rows: rows.into_iter().map(|(row, _)| row).collect(),
        view,
    }
}

enum Decision {
    Nothing,
    Write,
    Refuse(Vec<Finding>),
}

fn decide(world: &EniWorld, name: &EniConfigName, spec: &EniConfigSpec) -> Decision {
    let present = world.present.get(name);
    let ours = present.is_some_and(|p| {
        p.owners
            .iter()
            .any(|o| o.class == crate::policy::ManagerClass::Ours)
    });
    if let Some(Present { spec: Ok(seen), .. }) = present
        && seen.subnet == spec.subnet
        && seen.security_groups == spec.security_groups
    {
        return if ours { Decision::Nothing } else { Decision::Write };
    }
    let zones = BTreeSet::new();
    if let Ok(problems) = problems_of(name, spec, &zones, &world.seen)
        && !problems.is_empty()
    {
        return Decision::Nothing; // shown as invalid; writing it would only make new nodes fail
    }
    let mut to = world.running.clone();
    to.eni_configs.insert(name.clone(), spec.clone());
    let review = review(&world.running, &to, &world.seen);
    if review.allows() {
        Decision::Write
    } else {
        Decision::Refuse(review.findings)
    }
}

/// ENIConfigs of ours that the policy no longer names: they stay, and are nobody's.
fn leaving(world: &EniWorld) -> Vec<EniAction> {
    let wanted = |name: &EniConfigName| {
        world
            .wanted
            .as_ref()
            .is_some_and(|wanted| wanted.contains_key(name))
    };
    let ours = |present: &Present| {
        present
            .owners
            .iter()
            .any(|owner| classify_manager(&owner.manager) == crate::policy::ManagerClass::Ours)
    };
    world
        .present
        .iter()
        .filter(|(name, present)| ours(present) && present.spec.is_ok() && !wanted(name))
        .map(|(name, _)| EniAction::HandToReleased(name.clone()))
        .collect()
}

type Row = (EniRow, Option<String>);

fn rows(world: &EniWorld, effective: &Effective) -> Vec<Row> {
    let uses = in_use(
        &world.seen,
        effective.eni_config_label(),
        effective.eni_config_annotation(),
    );
    let mut names: BTreeSet<&EniConfigName> = world.present.keys().collect();
    names.extend(world.wanted.iter().flatten().map(|(name, _)| name));
    names
        .into_iter()
        .map(|name| {
            let (nodes, mut zones) = uses.get(name.as_str()).cloned().unwrap_or_default();
            zones.extend(zone_by_name(name, effective.eni_config_label(), &world.seen));
            row(world, name, nodes, &zones)
        })
        .collect()
}

fn row(world: &EniWorld, name: &EniConfigName, nodes: u32, zones: &BTreeSet<Zone>) -> Row {
    let wanted = world
        .wanted
        .as_ref()
        .and_then(|wanted| wanted.get(name))
        .map(|wanted| &wanted.spec);
    let present = world.present.get(name).map(|present| &present.spec);
    let blank = |problem: &String| EniRow {
        name: name.to_string(),
        valid: false,
        nodes,
        subnet: String::new(),
        free_prefixes: None,
        problems: vec![format!("ENIConfig {name}: {problem}")],
    };
    let spec = match (wanted, present) {
        (Some(Err(why)), _) | (None, Some(Err(why))) => return (blank(why), None),
        (Some(Ok(spec)), _) | (None, Some(Ok(spec))) => spec,
        (None, None) => return (blank(&"is gone".to_owned()), None),
    };
    let (problems, unchecked) = match problems_of(name, spec, zones, &world.seen) {
        Ok(problems) => (problems, None),
        Err(why) => (Vec::new(), Some(why)),
    };
    let subnet = world
        .seen
        .subnets
        .as_option()
        .and_then(|subnets| subnets.get(&spec.subnet));
    let blocks = subnet.and_then(|subnet| subnet.blocks.as_option());
    let row = EniRow {
        name: name.to_string(),
        valid: problems.is_empty() && unchecked.is_none(),
        nodes,
        subnet: spec.subnet.to_string(),
        free_prefixes: blocks.map(crate::capacity::BlockMap::free_prefixes),
        problems,
    };
    (row, unchecked)
}

fn view(world: &EniWorld, effective: &Effective, rows: &[Row], refused: &[Refused]) -> EniConfigsView {
    let on = effective.custom_networking() || world.wanted_on;
    if !on && rows.is_empty() {
        return EniConfigsView::NotUsed;
    }
    let mut problems: Vec<String> = rows.iter().flat_map(|(row, _)| row.problems.clone()).collect();
    for refusal in refused {
        let texts: Vec<&str> = refusal
            .findings
            .iter()
            .map(|finding| finding.message.as_str())
            .collect();
        problems.push(format!(
            "ENIConfig {} is not rewritten: {}",
            refusal.name,
            texts.join(" ")
        ));
    }
    if on {
        let names: BTreeSet<String> = rows.iter().map(|(row, _)| row.name.clone()).collect();
        for zone in uncovered_zones(&world.seen, effective.eni_config_label(), &names) {
            problems.push(format!(
                "zone {zone} can receive a node but has no ENIConfig: its nodes would stay NotReady"
            ));
        }
    }
    match (
        problems.is_empty(),
        rows.iter().find_map(|(_, unchecked)| unchecked.clone()),
    ) {
        (false, _) => EniConfigsView::Invalid(problems),
        (true, Some(why)) => EniConfigsView::Unknown(why),
        (true, None) => EniConfigsView::Valid(rows.len()),
    }
}

impl EniWorld {
    /// Nothing is wanted any more: what is ours is given up.
    pub fn giving_up(present: BTreeMap<EniConfigName, Present>) -> Self {
        Self {
            state: ManagementState::Manage,
            wanted: None,
            present,
            running: CniSetup::empty(CniVersion::REFERENCE),
            wanted_on: false,
            seen: World::empty(),
        }
    }
}
