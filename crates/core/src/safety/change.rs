//! A change as the rules see it: both sides, what they mean to the code that reads them, and what differs.

use super::setup::{CniSetup, EniConfigSpec};
use super::world::NodeFacts;
use crate::config::{Effective, Key};
use crate::eniconfig;
use std::collections::BTreeSet;
use std::fmt;

/// A part of a set-up that is no setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The version of the CNI.
    Version,
    /// The version of the node agent, or whether its container is there.
    NodeAgent,
    /// The ENIConfig objects.
    EniConfigs,
    /// Whether the DaemonSet or the add-on is there at all.
    Presence,
    /// A write that resets what others set by hand.
    Overwrite,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "the version",
            Self::NodeAgent => "the node agent",
            Self::EniConfigs => "the ENIConfigs",
            Self::Presence => "whether the CNI is installed",
            Self::Overwrite => "a write that overwrites",
        })
    }
}

/// Two set-ups and what they mean.
#[derive(Debug, Clone)]
pub(super) struct Change<'a> {
    /// What runs.
    pub from: &'a CniSetup,
    /// What should run.
    pub to: &'a CniSetup,
    /// What `from` means to its version.
    pub was: Effective,
    /// What `to` means to its version.
    pub will: Effective,
    keys: BTreeSet<Key>,
}

impl<'a> Change<'a> {
    pub(super) fn between(from: &'a CniSetup, to: &'a CniSetup) -> Self {
        let was = Effective::of(&from.config, from.version);
        let will = Effective::of(&to.config, to.version);
        let mut keys = was.changed(&will);
        // A variable the version does not read, or a value it cannot use, changes nothing that is acted on, but
        // somebody asks for it.
        let not_acted_on = |setup: &CniSetup, side: &Effective, key: Key| {
            setup
                .config
                .get(key)
                .is_some_and(|value| side.value(key) != Some(value))
        };
        let unread = |key: &Key| not_acted_on(from, &was, *key) || not_acted_on(to, &will, *key);
        keys.extend(
            Key::all()
                .filter(unread)
                .filter(|key| from.config.get(*key) != to.config.get(*key)),
        );
        Self {
            from,
            to,
            was,
            will,
            keys,
        }
    }

    /// The change that leaves a set-up as it is: what a rule says of it was so before.
    pub(super) fn none(setup: &'a CniSetup) -> Self {
        Self::between(setup, setup)
    }

    pub(super) fn key(&self, key: Key) -> bool {
        self.keys.contains(&key)
    }

    pub(super) fn any_key(&self, keys: &[Key]) -> bool {
        keys.iter().any(|key| self.key(*key))
    }

    pub(super) fn part(&self, part: Part) -> bool {
        let (from, to) = (self.from, self.to);
        match part {
            Part::Version => from.version != to.version,
            Part::NodeAgent => from.node_agent != to.node_agent,
            Part::EniConfigs => from.eni_configs != to.eni_configs,
            Part::Presence => from.present != to.present,
            // It describes the write, so it matters for every write, and two equal set-ups need none.
            Part::Overwrite => to.overwrites_unmanaged && from != to,
        }
    }

    pub(super) fn switches_on(&self, is: impl Fn(&Effective) -> bool) -> bool {
        !is(&self.was) && is(&self.will)
    }

    pub(super) fn switches_off(&self, is: impl Fn(&Effective) -> bool) -> bool {
        is(&self.was) && !is(&self.will)
    }

    /// Whether aws-node runs and goes on running: nodes can have something of the old configuration only then.
    pub(super) fn goes_on(&self) -> bool {
        self.from.present && self.to.present
    }

    /// The ENIConfig a node names under what runs.
    pub(super) fn named_before<'n>(&self, node: &'n NodeFacts) -> &'n str {
        named(&self.was, node)
    }

    /// The ENIConfig a node names under what should run.
    pub(super) fn named_after<'n>(&self, node: &'n NodeFacts) -> &'n str {
        named(&self.will, node)
    }

    /// Whether the way nodes find their ENIConfig is new, so that every node and zone must be looked at.
    pub(super) fn resolution_is_new(&self) -> bool {
        self.switches_on(Effective::custom_networking)
            || self.any_key(&[Key::EniConfigLabelDef, Key::EniConfigAnnotationDef])
    }
}

fn named<'n>(effective: &Effective, node: &'n NodeFacts) -> &'n str {
    eniconfig::resolve(
        &node.labels,
        &node.annotations,
        effective.eni_config_label(),
        effective.eni_config_annotation(),
    )
}

/// The ENIConfig of that name, in a set-up.
pub(super) fn eni_config<'s>(setup: &'s CniSetup, name: &str) -> Option<&'s EniConfigSpec> {
    let name = crate::ids::EniConfigName::parse(name).ok()?;
    setup.eni_configs.get(&name)
}
