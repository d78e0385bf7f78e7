//! How many pods the new nodes of each group are to take.

use crate::config::Effective;
use crate::known::Known;
use crate::limits::InstanceLimits;
use crate::max_pods::possible;
use crate::migration::group::GroupFacts;
use crate::safety::{CniSetup, NodeFacts, NodeGroup};
use std::collections::BTreeMap;

/// The cap of the max-pods script: AWS has not tested more.
const CAP: u32 = 110;
/// The same on types with more than 30 vCPUs.
const CAP_LARGE: u32 = 250;

/// The groups with their types and what their templates say.
#[derive(Debug)]
pub(super) struct Groups<'a> {
    nodes: BTreeMap<&'a NodeGroup, Vec<&'a NodeFacts>>,
    facts: &'a BTreeMap<NodeGroup, GroupFacts>,
}

impl<'a> Groups<'a> {
    pub(super) fn of(nodes: &[&'a NodeFacts], facts: &'a BTreeMap<NodeGroup, GroupFacts>) -> Self {
        let mut groups: BTreeMap<&NodeGroup, Vec<&NodeFacts>> = BTreeMap::new();
        for node in nodes {
            groups.entry(&node.group).or_default().push(node);
        }
        Self { nodes: groups, facts }
    }

    /// What the groups have now: what the template says, else the lowest of the nodes.
    pub(super) fn now(&self) -> BTreeMap<NodeGroup, u32> {
        let lowest = |nodes: &Vec<&NodeFacts>| nodes.iter().filter_map(|node| node.max_pods).min();
        let of_nodes = self
            .nodes
            .iter()
            .filter_map(|(group, nodes)| Some(((*group).clone(), lowest(nodes)?)));
        let of_templates = self
            .facts
            .iter()
            .filter_map(|(group, facts)| match facts.template.max_pods {
                Known::Yes(Some(pods)) => Some((group.clone(), pods)),
                Known::Yes(None) | Known::Unknown(_) => None,
            });
        of_nodes.chain(of_templates).collect()
    }

    /// What new nodes are to have after a change. A group whose types are not known is not in it, nor is one that the
    /// change does not concern: its value is the owner's business.
    pub(super) fn planned(
        &self,
        now: &BTreeMap<NodeGroup, u32>,
        from: &CniSetup,
        to: &CniSetup,
    ) -> BTreeMap<NodeGroup, u32> {
        let was = Effective::of(&from.config, from.version);
        let will = Effective::of(&to.config, to.version);
        if will.ipv6() {
            return BTreeMap::new();
        }
        let planned = |(group, nodes): (&&NodeGroup, &Vec<&NodeFacts>)| {
            let limits: Option<Vec<&InstanceLimits>> =
                nodes.iter().map(|node| node.limits.as_option()).collect();
            let limits = limits.filter(|limits| !limits.is_empty())?;
            let pods = of_group(&limits, now.get(*group).copied(), &was, &will)?;
            Some(((*group).clone(), pods))
        };
        self.nodes.iter().filter_map(planned).collect()
    }
}

/// The lowest over the types, because one template serves them all. Someone who had chosen less than the old
/// configuration could carry did so on purpose: that number stays, as far as it still fits.
fn of_group(limits: &[&InstanceLimits], now: Option<u32>, was: &Effective, will: &Effective) -> Option<u32> {
    let lowest = |of: &dyn Fn(&InstanceLimits) -> u32| limits.iter().map(|limits| of(limits)).min();
    let unchanged = limits
        .iter()
        .all(|limits| possible(limits, was) == possible(limits, will));
    let fits = lowest(&|limits| possible(limits, will))?;
    let recommended = lowest(&|limits| capped(limits, will))?;
    let before = lowest(&|limits| capped(limits, was))?;
    match now {
        Some(now) if unchanged && now <= fits => None,
        Some(now) if now < before => Some(now.min(fits)),
        _ => Some(recommended),
    }
}

fn capped(limits: &InstanceLimits, effective: &Effective) -> u32 {
    let cap = if limits.vcpus.is_some_and(|vcpus| vcpus > 30) {
        CAP_LARGE
    } else {
        CAP
    };
    possible(limits, effective).min(cap)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CniConfig, Key, Value};
    use crate::ids::InstanceType;
    use crate::limits;
    use crate::version::CniVersion;

    fn effective(on: &[Key]) -> Effective {
        let mut config = CniConfig::default();
        for key in on {
            config.set(*key, Value::Bool(true));
        }
        Effective::of(&config, CniVersion::REFERENCE)
    }

    fn planned(types: &[&str], now: Option<u32>, was: &[Key], will: &[Key]) -> Option<u32> {
        let limits: Vec<InstanceLimits> = types
            .iter()
            .map(|name| limits::find(&InstanceType::parse(name).unwrap()).unwrap())
            .collect();
        of_group(
            &limits.iter().collect::<Vec<_>>(),
            now,
            &effective(was),
            &effective(will),
        )
    }

    #[test]
    fn prefixes_bring_the_cap_and_the_way_back_what_addresses_carry() {
        let prefix = [Key::EnablePrefixDelegation];
        assert_eq!(planned(&["m5.large"], Some(29), &[], &prefix), Some(110));
        assert_eq!(planned(&["m5.24xlarge"], None, &[], &prefix), Some(250));
        assert_eq!(planned(&["m5.large"], Some(110), &prefix, &[]), Some(29));
        assert_eq!(
            planned(&["m5.large"], Some(29), &[], &[Key::CustomNetworkCfg]),
            Some(20)
        );
        // The lowest of a mixed group.
        assert_eq!(
            planned(&["m5.large", "m5.24xlarge"], Some(29), &[], &prefix),
            Some(110)
        );
    }

    #[test]
    fn a_lower_number_was_chosen_on_purpose() {
        let prefix = [Key::EnablePrefixDelegation];
        assert_eq!(planned(&["m5.large"], Some(20), &[], &prefix), Some(20));
        assert_eq!(planned(&["m5.large"], Some(20), &prefix, &[]), Some(20));
        assert_eq!(planned(&["m5.large"], Some(50), &prefix, &[]), Some(29));
    }

    #[test]
    fn a_change_that_does_not_concern_it_leaves_it() {
        let same = [Key::EnablePrefixDelegation];
        assert_eq!(planned(&["m5.large"], Some(110), &same, &same), None);
        // Unless it never fitted.
        assert_eq!(planned(&["m5.large"], Some(110), &[], &[]), Some(29));
    }
}
