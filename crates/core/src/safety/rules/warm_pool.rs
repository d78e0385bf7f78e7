//! U5, U31, H1 and checks before the flight: targets of the warm pool, and MAX_ENI.

use super::{CODE, README};
use crate::config::{Effective, Key};
use crate::net::Ipv4Prefix;
use crate::safety::affected::{Affected, counted, range, single, taking_part};
use crate::safety::change::Change;
use crate::safety::finding::{Resolution, RuleId, Severity, SubjectKind};
use crate::safety::rule::{Basis, Rule, Violation};
use crate::safety::world::{NodeFacts, World};

const TARGETS: [Key; 4] = [
    Key::WarmIpTarget,
    Key::MinimumIpTarget,
    Key::WarmEniTarget,
    Key::WarmPrefixTarget,
];

/// Nodes above which a lower target is a burst of EC2 calls to take care of.
const MANY_NODES: usize = 500;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: RuleId("no-warm-target"),
        title: "Prefix mode with all targets 0",
        unsafe_ids: &["U5"],
        keys: &[
            Key::EnablePrefixDelegation,
            Key::WarmPrefixTarget,
            Key::WarmIpTarget,
            Key::MinimumIpTarget,
        ],
        parts: &[],
        severity: Severity::Never,
        resolution: Resolution::None,
        acceptable: false,
        basis: &[Basis {
            says: "With ENABLE_PREFIX_DELEGATION on and none of the three targets above 0 the entrypoint \
                   exits, on every node.",
            source: CODE,
        }],
        fix: "Set WARM_PREFIX_TARGET to 1, or WARM_IP_TARGET above 0.",
        check: no_warm_target,
    },
    Rule {
        id: RuleId("minimum-without-warm"),
        title: "MINIMUM_IP_TARGET without WARM_IP_TARGET",
        unsafe_ids: &["H1", "P"],
        keys: &[Key::MinimumIpTarget, Key::WarmIpTarget],
        parts: &[],
        severity: Severity::Refuse,
        resolution: Resolution::FixPrerequisite,
        acceptable: false,
        basis: &[Basis {
            says: "With WARM_IP_TARGET 0 the pool is never short once it holds MINIMUM_IP_TARGET \
                   addresses: it stops growing for good, and the next pod gets none.",
            source: CODE,
        }],
        fix: "Set WARM_IP_TARGET to 1 or more beside MINIMUM_IP_TARGET.",
        check: minimum_without_warm,
    },
    Rule {
        id: RuleId("warm-targets-too-large"),
        title: "A target above what a node can hold",
        unsafe_ids: &["P"],
        keys: &TARGETS,
        parts: &[],
        severity: Severity::Warn,
        resolution: Resolution::None,
        acceptable: true,
        basis: &[Basis {
            says: "ipamd stops at max-pods addresses and at the limits of the instance type; what a target \
                   asks beyond them is never reached, and every loop tries again.",
            source: CODE,
        }],
        fix: "Lower the target below max-pods and below what the interfaces of the type hold.",
        check: too_large,
    },
    Rule {
        id: RuleId("max-eni-below-attached"),
        title: "MAX_ENI below the interfaces nodes have",
        unsafe_ids: &["U31"],
        keys: &[Key::MaxEni],
        parts: &[],
        severity: Severity::Warn,
        resolution: Resolution::ReplaceNodes,
        acceptable: true,
        basis: &[Basis {
            says: "An interface in use is not detached when MAX_ENI falls, so nodes that exist keep what \
                   they have.",
            source: README,
        }],
        fix: "Replace the nodes if the limit is to hold for them, too.",
        check: max_eni_below_attached,
    },
    Rule {
        id: RuleId("warm-eni-drains-subnet"),
        title: "WARM_ENI_TARGET takes what a subnet has left",
        unsafe_ids: &["U31"],
        keys: &[Key::WarmEniTarget],
        parts: &[],
        severity: Severity::Warn,
        resolution: Resolution::None,
        acceptable: true,
        basis: &[Basis {
            says: "Each warm interface holds every address it can carry, on every node.",
            source: README,
        }],
        fix: "Use WARM_IP_TARGET with MINIMUM_IP_TARGET in small subnets.",
        check: warm_eni_drains,
    },
    Rule {
        id: RuleId("warm-target-lowered"),
        title: "A lower target frees addresses on every node at once",
        unsafe_ids: &["H1"],
        keys: &TARGETS,
        parts: &[],
        severity: Severity::Warn,
        resolution: Resolution::None,
        acceptable: true,
        basis: &[Basis {
            says: "Every node gives back what is above its target after the restart, one EC2 call at a \
                   time and all nodes within minutes; EC2 throttles per account and region.",
            source: CODE,
        }],
        fix: "Lower the target in steps, or at a quiet hour.",
        check: target_lowered,
    },
];

fn setting(key: Key) -> Vec<crate::safety::finding::Subject> {
    vec![single(SubjectKind::Setting, key)]
}

fn no_warm_target(change: &Change<'_>, _: &World) -> Vec<Violation> {
    let will = &change.will;
    if !will.prefix_delegation()
        || [will.warm_ip(), will.minimum_ip(), will.warm_prefix()]
            .iter()
            .any(|target| *target > 0)
    {
        return Vec::new();
    }
    vec![Violation::new(
        setting(Key::WarmPrefixTarget),
        "ENABLE_PREFIX_DELEGATION is on and WARM_PREFIX_TARGET, WARM_IP_TARGET and MINIMUM_IP_TARGET are \
         all 0: aws-node would exit on every node.",
    )]
}

fn minimum_without_warm(change: &Change<'_>, world: &World) -> Vec<Violation> {
    let will = &change.will;
    if will.ipv6() || will.minimum_ip() <= 0 || will.warm_ip() != 0 {
        return Vec::new();
    }
    let minimum = u32::try_from(will.minimum_ip()).unwrap_or(u32::MAX);
    let held = if will.prefix_delegation() {
        minimum
            .div_ceil(Ipv4Prefix::SIZE)
            .saturating_mul(Ipv4Prefix::SIZE)
    } else {
        minimum
    };
    let start = format!(
        "MINIMUM_IP_TARGET is {minimum} and WARM_IP_TARGET is 0: a pool stops growing at {held} addresses"
    );
    // Where max-pods is not above that, the pool has no need to grow.
    let stalls = |node: &NodeFacts| node.max_pods.is_none_or(|max| max > held);
    match Affected::among(world, stalls) {
        Some(nodes) => vec![Violation::new(
            nodes.subjects(),
            format!("{start}, and {} are to run more pods than that.", nodes.phrase()),
        )],
        None if taking_part(world).next().is_none() => {
            vec![Violation::new(
                setting(Key::MinimumIpTarget),
                format!("{start} for good."),
            )]
        }
        None => Vec::new(),
    }
}

fn too_large(change: &Change<'_>, world: &World) -> Vec<Violation> {
    let will = &change.will;
    if will.ipv6() {
        return Vec::new();
    }
    let size = i64::from(Ipv4Prefix::SIZE);
    let wanted: [(Key, i64); 3] = [
        (Key::WarmIpTarget, will.warm_ip()),
        (Key::MinimumIpTarget, will.minimum_ip()),
        (Key::WarmPrefixTarget, warm_prefix_addresses(will, size)),
    ];
    let mut violations: Vec<Violation> = wanted
        .into_iter()
        .filter_map(|(key, addresses)| {
            let too_many =
                |node: &NodeFacts| most_addresses(node, will).is_some_and(|most| addresses > i64::from(most));
            let nodes = Affected::among(world, too_many)?;
            let message = format!(
                "{key} asks for {addresses} addresses a node, more than {} can hold.",
                nodes.phrase()
            );
            Some(Violation::new(nodes.subjects(), message))
        })
        .collect();
    let interfaces = |node: &NodeFacts| {
        let limits = node.limits.as_option();
        limits.is_some_and(|limits| will.warm_eni() >= i64::from(will.max_enis_on(limits)))
    };
    let reads_it = !will.prefix_delegation() && !will.warm_ip_targets_set() && will.warm_eni() > 1;
    if let Some(nodes) = Affected::among(world, |node| reads_it && interfaces(node)) {
        let message = format!(
            "WARM_ENI_TARGET is {}, which is all the interfaces {} can have.",
            will.warm_eni(),
            nodes.phrase()
        );
        violations.push(Violation::new(nodes.subjects(), message));
    }
    violations
}

fn warm_prefix_addresses(will: &Effective, size: i64) -> i64 {
    // One prefix is the least there is, and too much for no node.
    let counts = will.prefix_delegation() && !will.warm_ip_targets_set() && will.warm_prefix() > 1;
    if counts {
        will.warm_prefix().saturating_mul(size)
    } else {
        0
    }
}

/// The most addresses a node ever holds: what its interfaces carry, or max-pods where that is less.
fn most_addresses(node: &NodeFacts, will: &Effective) -> Option<u32> {
    let limits = node.limits.as_option()?;
    let prefixes = will.prefix_delegation() && limits.prefix_delegation;
    let unit = if prefixes { Ipv4Prefix::SIZE } else { 1 };
    let enis = will
        .max_enis_on(limits)
        .saturating_sub(u32::from(will.custom_networking()));
    let most = enis.saturating_mul(limits.slots_per_eni()).saturating_mul(unit);
    Some(node.max_pods.map_or(most, |max| most.min(max)))
}

fn max_eni_below_attached(change: &Change<'_>, world: &World) -> Vec<Violation> {
    let Some(max) = change.will.max_eni().filter(|max| *max >= 1) else {
        return Vec::new();
    };
    let above = |node: &NodeFacts| node.enis.is_yes_and(|enis| i64::from(enis.attached) > max);
    Affected::among(world, above).map_or_else(Vec::new, |nodes| {
        let attached = |nodes: &[&NodeFacts]| {
            range(
                nodes
                    .iter()
                    .filter_map(|node| node.enis.as_option())
                    .map(|enis| enis.attached),
            )
        };
        let message = format!(
            "MAX_ENI is {max} and {} have more interfaces, which they keep: {}.",
            nodes.phrase(),
            nodes.listed(
                |name, nodes| format!("{name} {}", attached(nodes).unwrap_or_default()),
                "; "
            )
        );
        vec![Violation::new(nodes.subjects(), message)]
    })
}

fn warm_eni_drains(change: &Change<'_>, world: &World) -> Vec<Violation> {
    let will = &change.will;
    let more = will.warm_eni() - change.was.warm_eni();
    if more <= 0 || will.prefix_delegation() || will.warm_ip_targets_set() || will.custom_networking() {
        return Vec::new();
    }
    let Some(subnets) = world.subnets.as_option() else {
        return Vec::new();
    };
    let more = u32::try_from(more).unwrap_or(u32::MAX);
    let wanted = |node: &NodeFacts| {
        let limits = node.limits.as_option()?;
        let room = will
            .max_enis_on(limits)
            .saturating_sub(node.enis.as_option()?.attached);
        // Each interface takes its slots and its own primary address.
        Some(u64::from(more.min(room)) * u64::from(limits.ipv4_per_eni))
    };
    let mut violations = Vec::new();
    for (id, subnet) in subnets {
        let here = taking_part(world).filter(|node| {
            node.enis
                .is_yes_and(|enis| enis.primary_subnet.as_ref() == Some(id))
        });
        let addresses: u64 = here.filter_map(wanted).sum();
        if addresses > u64::from(subnet.available) {
            let message = format!(
                "WARM_ENI_TARGET goes from {} to {}: the nodes in {id} would take {addresses} more \
                 addresses, and {} are available.",
                change.was.warm_eni(),
                will.warm_eni(),
                subnet.available
            );
            violations.push(Violation::new(vec![single(SubjectKind::Subnet, id)], message));
        }
    }
    violations
}

fn target_lowered(change: &Change<'_>, world: &World) -> Vec<Violation> {
    let lowered: Vec<String> = TARGETS
        .into_iter()
        .filter_map(|key| {
            let (was, will) = (
                change.was.int(key).unwrap_or(0),
                change.will.int(key).unwrap_or(0),
            );
            (will < was).then(|| format!("{key} goes from {was} to {will}"))
        })
        .collect();
    let nodes = Affected::among(world, |_| !lowered.is_empty());
    nodes.filter(|nodes| nodes.nodes() > MANY_NODES).map_or_else(Vec::new, |nodes| {
        let message = format!(
            "{}: {} give addresses back within the same minutes, which is a burst of EC2 calls ({} in the \
             cluster).",
            lowered.join(" and "),
            nodes.phrase(),
            counted(nodes.nodes(), "node")
        );
        vec![Violation::new(nodes.subjects(), message)]
    })
}
