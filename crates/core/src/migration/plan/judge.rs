//! Whether a node is what a stage makes of nodes: told from its interfaces, subnets and max-pods, never from what its
//! environment claims.

use super::value::Stage;
use crate::config::Effective;
use crate::eniconfig;
use crate::ids::{EniConfigName, SubnetId};
use crate::known::Known;
use crate::max_pods::possible;
use crate::safety::{EniFacts, NodeFacts, NodeMode};

/// What a node is, against a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::migration) enum Fit {
    /// As planned.
    AsPlanned,
    /// Not, and what differs.
    Differs(String),
    /// Not, and in something that no node changes as long as it lives.
    Never(String),
    /// It holds addresses of both modes.
    Mixed,
    /// It cannot be told, and why.
    Unknown(String),
}

/// What the nodes of a stage must be like; made once, asked for every node.
#[derive(Debug)]
pub(in crate::migration) struct Yardstick<'a> {
    stage: &'a Stage,
    will: Effective,
}

impl<'a> Yardstick<'a> {
    pub(in crate::migration) fn of(stage: &'a Stage) -> Self {
        let will = Effective::of(&stage.to.config, stage.to.version);
        Self { stage, will }
    }

    /// What the node is.
    pub(in crate::migration) fn fit(&self, node: &NodeFacts) -> Fit {
        match self.interfaces(node) {
            Fit::AsPlanned => self.max_pods(node),
            other => other,
        }
    }

    /// The same without max-pods: what its interfaces say.
    pub(in crate::migration) fn interfaces(&self, node: &NodeFacts) -> Fit {
        if self.will.ipv6() {
            return Fit::AsPlanned;
        }
        let enis = match &node.enis {
            Known::Yes(enis) => enis,
            Known::Unknown(why) => return Fit::Unknown(why.clone()),
        };
        match self.mode(node) {
            Fit::AsPlanned => self.subnets(node, enis),
            other => other,
        }
    }

    fn mode(&self, node: &NodeFacts) -> Fit {
        let wanted = match (&node.limits, self.will.prefix_delegation()) {
            (Known::Yes(limits), true) if limits.prefix_delegation => NodeMode::Prefix,
            (_, false) | (Known::Yes(_), true) => NodeMode::SecondaryIp,
            (Known::Unknown(why), true) => return Fit::Unknown(why.clone()),
        };
        match node.mode {
            NodeMode::Mixed => Fit::Mixed,
            NodeMode::Unknown => Fit::Unknown("its interfaces hold nothing yet".to_owned()),
            mode if mode == wanted => Fit::AsPlanned,
            mode => Fit::Differs(format!("it gives {} instead of {}", words(mode), words(wanted))),
        }
    }

    fn subnets(&self, node: &NodeFacts, enis: &EniFacts) -> Fit {
        if !self.will.custom_networking() {
            return self.not_custom(enis);
        }
        let name = eniconfig::resolve(
            &node.labels,
            &node.annotations,
            self.will.eni_config_label(),
            self.will.eni_config_annotation(),
        );
        let spec = EniConfigName::parse(name)
            .ok()
            .and_then(|name| self.stage.to.eni_configs.get(&name));
        let Some(spec) = spec else {
            return Fit::Differs(format!("there is no ENIConfig {name:?} for it"));
        };
        if enis.secondary_ips > enis.secondary_ips_not_primary {
            return Fit::Differs("its primary interface holds addresses for pods".to_owned());
        }
        match enis.pod_subnets.iter().find(|subnet| **subnet != spec.subnet) {
            Some(other) => Fit::Differs(format!("its pods are in {other} instead of {}", spec.subnet)),
            None if enis.pod_subnets.is_empty() => {
                Fit::Unknown(format!("it has no interface in {} yet", spec.subnet))
            }
            None => Fit::AsPlanned,
        }
    }

    /// No interface may be left where only custom networking put it.
    fn not_custom(&self, enis: &EniFacts) -> Fit {
        let custom = |subnet: &&SubnetId| {
            enis.primary_subnet.as_ref() != Some(*subnet)
                && self
                    .stage
                    .from
                    .eni_configs
                    .values()
                    .any(|spec| spec.subnet == **subnet)
        };
        match enis.pod_subnets.iter().find(custom) {
            Some(subnet) => Fit::Differs(format!("its pods are still in {subnet}")),
            None => Fit::AsPlanned,
        }
    }

    fn max_pods(&self, node: &NodeFacts) -> Fit {
        let Some(has) = node.max_pods else {
            return Fit::Unknown("it does not say how many pods it takes".to_owned());
        };
        match (self.stage.max_pods.get(&node.group), node.limits.as_option()) {
            (Some(planned), _)
                if has > *planned || has < *planned && !self.stage.at_most.contains(&node.group) =>
            {
                Fit::Never(format!("it takes {has} pods instead of {planned}"))
            }
            (_, Some(limits)) if has > possible(limits, &self.will) => Fit::Never(format!(
                "it takes {has} pods, and its addresses carry {}",
                possible(limits, &self.will)
            )),
            _ => Fit::AsPlanned,
        }
    }
}

fn words(mode: NodeMode) -> &'static str {
    match mode {
        NodeMode::SecondaryIp => "single addresses",
        NodeMode::Prefix => "prefixes",
        NodeMode::Mixed => "both",
        NodeMode::Unknown => "nothing",
    }
}
