//! U26, U28 and a check before the flight: network policies and what they do not go together with.

use super::{CODE, README};
use crate::config::{Effective, Key, NetworkPolicyMode};
use crate::safety::affected::{Affected, counted, pods_in, single};
use crate::safety::change::{Change, Part};
use crate::safety::finding::{Resolution, RuleId, Severity, SubjectKind};
use crate::safety::rule::{Basis, Rule, Violation};
use crate::safety::world::{NodeFacts, World};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: RuleId("network-policy-strict"),
        title: "Network policies to strict",
        unsafe_ids: &["U26"],
        keys: &[Key::NetworkPolicyEnforcingMode],
        parts: &[Part::Version],
        severity: Severity::Refuse,
        resolution: Resolution::RecyclePods,
        acceptable: true,
        basis: &[Basis {
            says: "In strict mode a pod starts with everything denied until its policies are programmed, \
                   and a pod no policy selects is denied for good.",
            source: README,
        }],
        fix: "Make sure every pod has policies for its own traffic, DNS included, then accept this rule \
              for this change and recreate the pods.",
        check: strict,
    },
    Rule {
        id: RuleId("bandwidth-with-network-policy"),
        title: "The bandwidth plugin with network policies",
        unsafe_ids: &["U28", "P"],
        keys: &[Key::EnableBandwidthPlugin, Key::EnableNetworkPolicy],
        parts: &[],
        severity: Severity::Never,
        resolution: Resolution::None,
        acceptable: false,
        basis: &[Basis {
            says: "Both attach programs to traffic control of the same links, and one removes the other's.",
            source: README,
        }],
        fix: "Turn one of the two off.",
        check: bandwidth,
    },
    Rule {
        id: RuleId("network-policy-mode-without-agent"),
        title: "A network policy mode without the agent",
        unsafe_ids: &["P"],
        keys: &[Key::NetworkPolicyEnforcingMode],
        parts: &[Part::NodeAgent],
        severity: Severity::Refuse,
        resolution: Resolution::FixPrerequisite,
        acceptable: false,
        basis: &[Basis {
            says: "With NETWORK_POLICY_ENFORCING_MODE set the plugin calls the agent for each new pod; \
                   where no agent answers, every pod fails to start.",
            source: CODE,
        }],
        fix: "Unset NETWORK_POLICY_ENFORCING_MODE, or run the container aws-eks-nodeagent.",
        check: without_agent,
    },
];

fn strict(change: &Change<'_>, world: &World) -> Vec<Violation> {
    if !change.switches_on(|side: &Effective| side.network_policy_mode() == Some(NetworkPolicyMode::Strict)) {
        return Vec::new();
    }
    let has_pods = |node: &NodeFacts| node.pods.as_option().is_none_or(|pods| pods.pods > 0);
    Affected::among(world, has_pods).map_or_else(Vec::new, |nodes| {
        let policies = world.workloads.network_policies.as_option();
        let policies = policies.map_or_else(
            || "a number of policies that could not be read".to_owned(),
            |n| counted(*n, "policy"),
        );
        let message = format!(
            "NETWORK_POLICY_ENFORCING_MODE would become strict with {policies} for {} on {}: what no \
             policy allows is denied from each pod's start.",
            pods_in(world, |pods| pods.pods),
            nodes.phrase()
        );
        vec![Violation::new(nodes.subjects(), message)]
    })
}

fn bandwidth(change: &Change<'_>, _: &World) -> Vec<Violation> {
    if !change.will.bandwidth_plugin() || !change.will.network_policy_enabled() {
        return Vec::new();
    }
    vec![Violation::new(
        vec![
            single(SubjectKind::Setting, Key::EnableBandwidthPlugin),
            single(SubjectKind::Setting, Key::EnableNetworkPolicy),
        ],
        "ENABLE_BANDWIDTH_PLUGIN is on and so is --enable-network-policy: they cannot be combined.",
    )]
}

fn without_agent(change: &Change<'_>, _: &World) -> Vec<Violation> {
    if change.will.network_policy_mode().is_none() || change.to.node_agent.is_some() {
        return Vec::new();
    }
    vec![Violation::new(
        vec![single(SubjectKind::Setting, Key::NetworkPolicyEnforcingMode)],
        "NETWORK_POLICY_ENFORCING_MODE is set and the container aws-eks-nodeagent is not there: no new pod \
         would start.",
    )]
}
