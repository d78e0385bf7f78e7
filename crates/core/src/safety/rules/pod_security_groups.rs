//! U16 to U21: security groups for pods, their trunk, and the mode they are enforced in.

use super::{README, SGP_GUIDE};
use crate::config::{Effective, Key, PodEniMode};
use crate::known::Known;
use crate::safety::affected::{Affected, counted, pods_in, single};
use crate::safety::change::{Change, Part};
use crate::safety::finding::{Resolution, RuleId, Severity, SubjectKind};
use crate::safety::rule::{Basis, Rule, Violation};
use crate::safety::world::{NodeFacts, WorkloadFacts, World};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: RuleId("no-slot-for-trunk"),
        title: "Nodes have no free interface for a trunk",
        unsafe_ids: &["U16"],
        keys: &[Key::EnablePodEni],
        parts: &[],
        severity: Severity::Refuse,
        resolution: Resolution::ReplaceNodes,
        acceptable: true,
        basis: &[Basis {
            says: "The trunk needs an interface of its own; a node that has all it can have never gets one.",
            source: README,
        }],
        fix: replace_nodes!("Replace these nodes instead of changing them."),
        check: no_slot,
    },
    Rule {
        id: RuleId("trunk-left-behind"),
        title: "Security groups for pods off while trunks or such pods exist",
        unsafe_ids: &["U17"],
        keys: &[Key::EnablePodEni],
        parts: &[Part::Version],
        severity: Severity::Refuse,
        resolution: Resolution::ReplaceNodes,
        acceptable: true,
        basis: &[Basis {
            says: "The trunk is not detached until the instance is recycled, and pods on branch interfaces \
                   are not given another one.",
            source: README,
        }],
        fix: replace_nodes!("Move the pods with security groups away and replace the nodes."),
        check: left_behind,
    },
    Rule {
        id: RuleId("branches-not-permitted"),
        title: "The cluster role may not manage branch interfaces",
        unsafe_ids: &["U18"],
        keys: &[Key::EnablePodEni],
        parts: &[],
        severity: Severity::Refuse,
        resolution: Resolution::FixPrerequisite,
        acceptable: true,
        basis: &[Basis {
            says: "Without what AmazonEKSVPCResourceController allows, the controller makes no trunk and \
                   such pods stay Pending.",
            source: SGP_GUIDE,
        }],
        fix: "Attach AmazonEKSVPCResourceController to the cluster role, or a policy that allows the same.",
        check: not_permitted,
    },
    Rule {
        id: RuleId("types-without-trunk"),
        title: "Instance types that cannot have a trunk",
        unsafe_ids: &["U18"],
        keys: &[Key::EnablePodEni],
        parts: &[],
        severity: Severity::Refuse,
        resolution: Resolution::FixPrerequisite,
        acceptable: true,
        basis: &[Basis {
            says: "Only some nitro types can have a trunk, none of the t family; pods with security groups \
                   stay Pending where no node has one.",
            source: SGP_GUIDE,
        }],
        fix: "Give at least one group a type that can have a trunk, and keep such pods off the others.",
        check: without_trunk,
    },
    Rule {
        id: RuleId("enforcing-mode-changed"),
        title: "Enforcing mode changed while pods on branch interfaces run",
        unsafe_ids: &["U19"],
        keys: &[Key::PodSecurityGroupEnforcingMode],
        parts: &[Part::Version],
        severity: Severity::Refuse,
        resolution: Resolution::RecyclePods,
        acceptable: true,
        basis: &[Basis {
            says: "Pods that run keep the data path of the mode they were started in until they are \
                   recreated.",
            source: README,
        }],
        fix: "Make the change when you can recreate every pod with security groups right after it, and \
              accept this rule for it.",
        check: mode_changed,
    },
    Rule {
        id: RuleId("strict-mode-probes"),
        title: "Probes of the kubelet in strict mode",
        unsafe_ids: &["U20"],
        keys: &[
            Key::PodSecurityGroupEnforcingMode,
            Key::EnablePodEni,
            Key::DisableTcpEarlyDemux,
        ],
        parts: &[],
        severity: Severity::Warn,
        resolution: Resolution::FixPrerequisite,
        acceptable: true,
        basis: &[Basis {
            says: "In strict mode TCP and HTTP probes reach pods on branch interfaces only with \
                   DISABLE_TCP_EARLY_DEMUX on.",
            source: SGP_GUIDE,
        }],
        fix: "Set DISABLE_TCP_EARLY_DEMUX to true in the init container.",
        check: probes,
    },
    Rule {
        id: RuleId("strict-mode-conflict"),
        title: "Strict mode with what it does not support",
        unsafe_ids: &["U21"],
        keys: &[
            Key::PodSecurityGroupEnforcingMode,
            Key::EnablePodEni,
            Key::EnableNetworkPolicy,
        ],
        parts: &[],
        severity: Severity::Refuse,
        resolution: Resolution::FixPrerequisite,
        acceptable: true,
        basis: &[Basis {
            says: "NodeLocal DNS, services with externalTrafficPolicy Local and network policies need \
                   standard mode; strict mode leaves the node's own network out of the path.",
            source: SGP_GUIDE,
        }],
        fix: "Set POD_SECURITY_GROUP_ENFORCING_MODE to standard, or remove what conflicts with strict.",
        check: strict_conflict,
    },
];

fn no_slot(change: &Change<'_>, world: &World) -> Vec<Violation> {
    if !change.switches_on(Effective::pod_eni) {
        return Vec::new();
    }
    let can = |node: &NodeFacts| !node.limits.is_yes_and(|limits| limits.trunk == Some(false));
    let full = |node: &NodeFacts| match (node.enis.as_option(), node.limits.as_option()) {
        (Some(enis), Some(limits)) => !enis.trunk && enis.attached >= change.will.max_enis_on(limits),
        _ => true,
    };
    Affected::among(world, |node| can(node) && full(node)).map_or_else(Vec::new, |nodes| {
        let unread =
            |node: &&&NodeFacts| node.enis.as_option().is_none() || node.limits.as_option().is_none();
        let of_group = |name: &str, nodes: &[&NodeFacts]| match nodes.iter().filter(unread).count() {
            0 => format!("{name}: all interfaces taken"),
            unread => format!("{name}: {} could not be read", counted(unread, "node")),
        };
        let message = format!(
            "{} have no free interface for a trunk, so pods with security groups never run there ({}).",
            nodes.phrase(),
            nodes.listed(of_group, "; ")
        );
        vec![Violation::new(nodes.subjects(), message)]
    })
}

fn left_behind(change: &Change<'_>, world: &World) -> Vec<Violation> {
    if !change.switches_off(Effective::pod_eni) {
        return Vec::new();
    }
    let has = |node: &NodeFacts| {
        node.enis
            .as_option()
            .is_none_or(|enis| enis.trunk || enis.branches > 0)
            || node
                .pods
                .as_option()
                .is_none_or(|pods| pods.with_security_groups > 0)
    };
    Affected::among(world, has).map_or_else(Vec::new, |nodes| {
        let message = format!(
            "ENABLE_POD_ENI would go off while {} have a trunk, or may have one, with {} on branch \
             interfaces.",
            nodes.phrase(),
            pods_in(world, |pods| pods.with_security_groups)
        );
        vec![Violation::new(nodes.subjects(), message)]
    })
}

fn not_permitted(change: &Change<'_>, world: &World) -> Vec<Violation> {
    if !change.will.pod_eni() {
        return Vec::new();
    }
    let message = match &world.cluster.may_manage_branches {
        Known::Yes(true) => return Vec::new(),
        Known::Yes(false) => {
            "ENABLE_POD_ENI is on and the cluster role may not manage branch interfaces: no node gets a \
             trunk."
                .to_owned()
        }
        Known::Unknown(_) if !change.key(Key::EnablePodEni) => return Vec::new(),
        Known::Unknown(why) => format!(
            "Whether the cluster role may manage branch interfaces is not \
                                        known: {why}."
        ),
    };
    vec![Violation::new(
        vec![single(SubjectKind::Cluster, "cluster role")],
        message,
    )]
}

fn without_trunk(change: &Change<'_>, world: &World) -> Vec<Violation> {
    if !change.will.pod_eni() {
        return Vec::new();
    }
    let cannot = |node: &NodeFacts| node.limits.is_yes_and(|limits| limits.trunk == Some(false));
    let all = Affected::among(world, |node| !cannot(node)).is_none();
    Affected::among(world, cannot).map_or_else(Vec::new, |nodes| {
        let rest = if all { ", and there is no other node" } else { "" };
        let message = format!(
            "{} have types that cannot have a trunk: pods with security groups never run there{rest}.",
            nodes.phrase()
        );
        vec![Violation::new(nodes.subjects(), message).warn_unless(all)]
    })
}

fn mode_changed(change: &Change<'_>, world: &World) -> Vec<Violation> {
    let differs = change.was.pod_eni_mode() != change.will.pod_eni_mode();
    if !differs || !change.was.pod_eni() || !change.will.pod_eni() {
        return Vec::new();
    }
    let has = |node: &NodeFacts| {
        node.pods
            .as_option()
            .is_none_or(|pods| pods.with_security_groups > 0)
    };
    Affected::among(world, has).map_or_else(Vec::new, |nodes| {
        let unread = world
            .nodes
            .iter()
            .filter(|node| node.takes_part() && node.pods.as_option().is_none());
        let message = format!(
            "{} on branch interfaces on {} would keep the data path of the old enforcing mode (pods of {} \
             not read).",
            pods_in(world, |pods| pods.with_security_groups),
            nodes.phrase(),
            counted(unread.count(), "node")
        );
        vec![Violation::new(nodes.subjects(), message)]
    })
}

fn strict(change: &Change<'_>) -> bool {
    change.will.pod_eni() && change.will.pod_eni_mode() == PodEniMode::Strict
}

fn probes(change: &Change<'_>, world: &World) -> Vec<Violation> {
    let none = world
        .workloads
        .probed_security_group_pods
        .is_yes_and(|pods| *pods == 0);
    if !strict(change) || change.will.tcp_early_demux_disabled() || none {
        return Vec::new();
    }
    let pods = match &world.workloads.probed_security_group_pods {
        Known::Yes(pods) => counted(*pods, "pod"),
        Known::Unknown(_) => "pods".to_owned(),
    };
    let message = format!(
        "POD_SECURITY_GROUP_ENFORCING_MODE is strict and DISABLE_TCP_EARLY_DEMUX is off: TCP and HTTP \
         probes do not reach {pods} on branch interfaces."
    );
    vec![Violation::new(
        vec![single(SubjectKind::Setting, Key::DisableTcpEarlyDemux)],
        message,
    )]
}

fn strict_conflict(change: &Change<'_>, world: &World) -> Vec<Violation> {
    if !strict(change) {
        return Vec::new();
    }
    let conflicts = conflicts(change, &world.workloads);
    if conflicts.is_empty() {
        return Vec::new();
    }
    // Strict mode binds nobody until a SecurityGroupPolicy selects pods.
    let in_use = !world
        .workloads
        .security_group_policies
        .is_yes_and(|policies| *policies == 0);
    let message = format!(
        "POD_SECURITY_GROUP_ENFORCING_MODE is strict and {}.",
        conflicts.join(", ")
    );
    let subjects = vec![single(SubjectKind::Setting, Key::PodSecurityGroupEnforcingMode)];
    vec![Violation::new(subjects, message).warn_unless(in_use)]
}

/// What strict mode does not go with, and what could not be read of it, where that matters.
fn conflicts(change: &Change<'_>, workloads: &WorkloadFacts) -> Vec<String> {
    let asks = change.any_key(&[Key::PodSecurityGroupEnforcingMode, Key::EnablePodEni]);
    let unread = |what: &str| asks.then(|| format!("{what} could not be read"));
    let agent = change.will.network_policy_enabled();
    let conflicts = [
        agent.then(|| "network policies are enforced (--enable-network-policy=true)".to_owned()),
        match &workloads.node_local_dns {
            Known::Yes(runs) => runs.then(|| "NodeLocal DNS runs".to_owned()),
            Known::Unknown(_) => unread("whether NodeLocal DNS runs"),
        },
        match &workloads.local_traffic_services {
            Known::Yes(0) => None,
            Known::Yes(some) => Some(format!(
                "externalTrafficPolicy is Local on {}",
                counted(*some, "service")
            )),
            Known::Unknown(_) => unread("whether a service has externalTrafficPolicy Local"),
        },
        match &workloads.kube_proxy_ipvs {
            Known::Yes(ipvs) => ipvs.then(|| "kube-proxy runs in IPVS mode".to_owned()),
            Known::Unknown(_) => unread("whether kube-proxy runs in IPVS mode"),
        },
    ];
    conflicts.into_iter().flatten().collect()
}
