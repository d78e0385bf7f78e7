//! U1, U2 and U4: prefix mode switched under nodes that exist, and types that cannot carry prefixes.

use super::{CODE, PREFIX_GUIDE, README};
use crate::config::{Effective, Key};
use crate::max_pods;
use crate::safety::affected::{Affected, counted, range};
use crate::safety::change::{Change, Part};
use crate::safety::finding::{Resolution, RuleId, Severity};
use crate::safety::rule::{Basis, Rule, Violation};
use crate::safety::world::{EniFacts, NodeFacts, NodeMode, World};
use crate::toggle::{self, Attached};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: RuleId("prefix-mode-in-place"),
        title: "Prefix mode on, under nodes that exist",
        unsafe_ids: &["U1"],
        keys: &[Key::EnablePrefixDelegation],
        parts: &[],
        severity: Severity::Refuse,
        resolution: Resolution::ReplaceNodes,
        acceptable: true,
        basis: &[
            Basis {
                says: "Toggling the setting while pods run is supported, but the kubelet's max-pods should \
                       be updated, which needs a kubelet restart or new nodes.",
                source: README,
            },
            Basis {
                says: "Create new node groups rather than rolling in place; a node with addresses and \
                       prefixes can lead to inconsistency in the advertised IP capacity.",
                source: PREFIX_GUIDE,
            },
            Basis {
                says: "New pods get addresses of the current mode only; those of the old mode keep their \
                       slots until their pods end.",
                source: CODE,
            },
        ],
        fix: replace_nodes!(
            "Replace the nodes instead of changing them: AWS supports the switch in place and advises against it."
        ),
        check: in_place,
    },
    Rule {
        id: RuleId("prefix-slots-exhausted"),
        title: "A node has no slot left for a prefix",
        unsafe_ids: &["U1"],
        keys: &[Key::EnablePrefixDelegation],
        parts: &[],
        severity: Severity::Refuse,
        resolution: Resolution::ReplaceNodes,
        acceptable: false,
        basis: &[Basis {
            says: "A secondary address in use occupies a slot an interface could give to a prefix; with no \
                   slot left the pool stays empty and every new pod on the node fails until others leave.",
            source: CODE,
        }],
        fix: "Replace these nodes; there is no safe way to switch them in place.",
        check: no_slot_for_prefixes,
    },
    Rule {
        id: RuleId("prefix-mode-off-in-place"),
        title: "Prefix mode off, under nodes that exist",
        unsafe_ids: &["U2"],
        keys: &[Key::EnablePrefixDelegation],
        parts: &[Part::Version],
        severity: Severity::Refuse,
        resolution: Resolution::ReplaceNodes,
        acceptable: true,
        basis: &[
            Basis {
                says: "The kubelet's max-pods is fixed when it starts, so the scheduler goes on placing as \
                       many pods as prefixes could carry.",
                source: PREFIX_GUIDE,
            },
            Basis {
                says: "A prefix is kept while any pod uses it, and keeps a slot that single addresses \
                       would need.",
                source: CODE,
            },
        ],
        fix: replace_nodes!(
            "Keep ENABLE_PREFIX_DELEGATION on, lower max-pods on the templates first, and replace the nodes."
        ),
        check: off_in_place,
    },
    Rule {
        id: RuleId("secondary-slots-exhausted"),
        title: "A node has no slot left for a single address",
        unsafe_ids: &["U2"],
        keys: &[Key::EnablePrefixDelegation],
        parts: &[Part::Version],
        severity: Severity::Refuse,
        resolution: Resolution::ReplaceNodes,
        acceptable: false,
        basis: &[Basis {
            says: "Prefixes that pods hold keep their slots after the switch; with no slot left every new \
                   pod on the node fails until others leave.",
            source: CODE,
        }],
        fix: "Replace these nodes; there is no safe way to switch them in place.",
        check: no_slot_for_addresses,
    },
    Rule {
        id: RuleId("prefix-needs-nitro"),
        title: "Prefix mode on instance types that cannot carry prefixes",
        unsafe_ids: &["U4"],
        keys: &[Key::EnablePrefixDelegation],
        parts: &[],
        severity: Severity::Refuse,
        resolution: Resolution::FixPrerequisite,
        acceptable: false,
        basis: &[Basis {
            says: "Prefixes need a nitro or bare metal type; on others ipamd goes on with single addresses \
                   and says so only in its log, while max-pods may count on prefixes.",
            source: CODE,
        }],
        fix: "Give these groups a nitro type, or set their max-pods to what single addresses carry.",
        check: needs_nitro,
    },
];

fn plain_pods(node: &NodeFacts) -> Option<u32> {
    let pods = node.pods.as_option()?;
    Some(pods.pods.saturating_sub(pods.with_security_groups))
}

/// Whether nothing of secondary mode is left on the node: it is newer than the switch, or holds nothing at all.
fn only_prefixes(node: &NodeFacts) -> bool {
    let nothing_held = node.enis.is_yes_and(|enis| enis.secondary_ips == 0);
    nothing_held && (node.mode == NodeMode::Prefix || plain_pods(node) == Some(0))
}

/// Whether nothing of prefix mode is left on the node, max-pods included.
fn only_addresses(node: &NodeFacts, will: &Effective) -> bool {
    let none_held = node.mode == NodeMode::SecondaryIp && node.enis.is_yes_and(|enis| enis.prefixes == 0);
    let fits = || {
        let limits = node.limits.as_option();
        limits.is_some_and(|limits| {
            node.max_pods
                .is_some_and(|max| max <= max_pods::possible(limits, will))
        })
    };
    none_held && fits()
}

fn attached(enis: &EniFacts, held: u32) -> Attached {
    Attached {
        interfaces: enis.attached,
        unmanaged: enis.unmanaged,
        trunk: enis.trunk,
        held,
    }
}

/// Prefix slots right after the switch: exact on a node that only has addresses, the least possible on a mixed one.
fn prefix_slots(node: &NodeFacts, will: &Effective) -> Option<u32> {
    let (enis, limits) = (node.enis.as_option()?, node.limits.as_option()?);
    let addresses = if will.custom_networking() {
        enis.secondary_ips_not_primary
    } else {
        enis.secondary_ips
    };
    let held = plain_pods(node)?.min(addresses);
    toggle::prefix_slots(limits, &attached(enis, held), will).map(toggle::Slots::total)
}

fn address_slots(node: &NodeFacts, will: &Effective) -> Option<u32> {
    let (enis, limits) = (node.enis.as_option()?, node.limits.as_option()?);
    // Pods of one prefix may sit in every prefix of the node.
    let held = plain_pods(node)?.min(enis.prefixes);
    Some(toggle::secondary_slots(limits, &attached(enis, held), will).total())
}

fn goes_to_prefixes(change: &Change<'_>) -> bool {
    change.switches_on(Effective::prefix_delegation) && !change.will.ipv6()
}

fn in_place(change: &Change<'_>, world: &World) -> Vec<Violation> {
    if !goes_to_prefixes(change) {
        return said_anyway(change, world);
    }
    let Some(old) = Affected::among(world, |node| !only_prefixes(node)) else {
        return said_anyway(change, world);
    };
    let message = format!(
        "ENABLE_PREFIX_DELEGATION would go on under {} that were made without it. {}. No node gains room, \
         because max-pods does not change, and every new pod needs a prefix in a slot that is free.",
        old.phrase(),
        old.listed(
            |name, nodes| slots_of_group(name, nodes, prefix_slots, &change.will),
            "; "
        ),
    );
    vec![Violation::new(old.subjects(), message)]
}

/// The switch is never silent, even where no node is the worse for it.
fn said_anyway(change: &Change<'_>, world: &World) -> Vec<Violation> {
    let on = change.switches_on(Effective::prefix_delegation);
    let nodes = Affected::among(world, |_| on);
    nodes.map_or_else(Vec::new, |nodes| {
        let message = format!(
            "ENABLE_PREFIX_DELEGATION goes on; {} hold no address that it would strand.",
            nodes.phrase()
        );
        vec![Violation::new(nodes.subjects(), message).warn()]
    })
}

type Count = fn(&NodeFacts, &Effective) -> Option<u32>;

/// `blue: 0 to 9 slots left on each node right after it, 400 pods on secondary addresses, max-pods stays 29`.
fn slots_of_group(name: &str, nodes: &[&NodeFacts], slots: Count, will: &Effective) -> String {
    let old = if will.prefix_delegation() {
        "secondary addresses"
    } else {
        "prefixes"
    };
    let known: Vec<u32> = nodes.iter().filter_map(|node| slots(node, will)).collect();
    let left = match (range(known.iter().copied()), nodes.len() - known.len()) {
        (Some(range), 0) => format!("{range} slots left on each node right after it"),
        (Some(range), unread) => format!("{range} slots left on each, {} unread", counted(unread, "node")),
        (None, _) => "slots left right after it not known".to_owned(),
    };
    let pods: u64 = nodes
        .iter()
        .filter_map(|node| plain_pods(node))
        .map(u64::from)
        .sum();
    let max_pods = range(nodes.iter().filter_map(|node| node.max_pods)).map_or_else(
        || "max-pods not known".to_owned(),
        |range| format!("max-pods stays {range}"),
    );
    format!("{name}: {left}, {} on {old}, {max_pods}", counted(pods, "pod"))
}

fn no_slot_for_prefixes(change: &Change<'_>, world: &World) -> Vec<Violation> {
    if !goes_to_prefixes(change) {
        return Vec::new();
    }
    let packed = |node: &NodeFacts| !only_prefixes(node) && prefix_slots(node, &change.will) == Some(0);
    no_slot(Affected::among(world, packed), "a prefix")
}

fn no_slot(packed: Option<Affected<'_>>, of: &str) -> Vec<Violation> {
    packed.map_or_else(Vec::new, |packed| {
        let message = format!(
            "{} would have 0 slots for {of} right after the switch: every new pod there would fail until \
             others leave.",
            packed.phrase()
        );
        vec![Violation::new(packed.subjects(), message)]
    })
}

/// The configuration stays as it is and the version stops reading it: that is rule `version-too-old`, and off, too.
fn goes_to_addresses(change: &Change<'_>) -> bool {
    change.switches_off(Effective::prefix_delegation)
}

fn off_in_place(change: &Change<'_>, world: &World) -> Vec<Violation> {
    if !goes_to_addresses(change) {
        return Vec::new();
    }
    let will = &change.will;
    if let Some(old) = Affected::among(world, |node| !only_addresses(node, will)) {
        let message = format!(
            "ENABLE_PREFIX_DELEGATION would go off under {}. {}. The scheduler goes on filling them up to \
             a max-pods that single addresses may not carry.",
            old.phrase(),
            old.listed(
                |name, nodes| slots_of_group(name, nodes, address_slots, will),
                "; "
            ),
        );
        return vec![Violation::new(old.subjects(), message)];
    }
    Affected::among(world, |_| true).map_or_else(Vec::new, |nodes| {
        let message = format!(
            "ENABLE_PREFIX_DELEGATION goes off; {} hold no prefix and have a max-pods that single \
             addresses carry.",
            nodes.phrase()
        );
        vec![Violation::new(nodes.subjects(), message).warn()]
    })
}

fn no_slot_for_addresses(change: &Change<'_>, world: &World) -> Vec<Violation> {
    if !goes_to_addresses(change) {
        return Vec::new();
    }
    let packed = |node: &NodeFacts| address_slots(node, &change.will) == Some(0);
    no_slot(Affected::among(world, packed), "a single address")
}

fn needs_nitro(change: &Change<'_>, world: &World) -> Vec<Violation> {
    let will = &change.will;
    // In IPv6 ipamd exits there; that is rule `ipv6-needs-nitro`.
    if !will.prefix_delegation() || will.ipv6() {
        return Vec::new();
    }
    let unable = |node: &NodeFacts| node.limits.is_yes_and(|limits| !limits.prefix_delegation);
    let fits = |node: &NodeFacts| {
        let limits = node.limits.as_option();
        limits.is_some_and(|limits| {
            node.max_pods
                .is_some_and(|max| max <= max_pods::possible(limits, will))
        })
    };
    let mut violations = Vec::new();
    if let Some(nodes) = Affected::among(world, |node| unable(node) && !fits(node)) {
        let message = format!(
            "{} have types that cannot carry prefixes and a max-pods above what single addresses carry \
             there: {}.",
            nodes.phrase(),
            nodes.listed(|name, nodes| capacity_of_group(name, nodes, will), "; ")
        );
        violations.push(Violation::new(nodes.subjects(), message));
    }
    if let Some(nodes) = Affected::among(world, |node| unable(node) && fits(node)) {
        let message = format!(
            "{} have types that cannot carry prefixes; they go on with single addresses, which their \
             max-pods allows for.",
            nodes.phrase()
        );
        violations.push(Violation::new(nodes.subjects(), message).warn());
    }
    let unread = |node: &NodeFacts| node.limits.as_option().is_none();
    if let Some(nodes) = Affected::among(world, |node| {
        change.key(Key::EnablePrefixDelegation) && unread(node)
    }) {
        let message = format!(
            "The limits of the instance types of {} could not be read, so nobody knows whether they carry \
             prefixes.",
            nodes.phrase()
        );
        violations.push(Violation::new(nodes.subjects(), message));
    }
    violations
}

fn capacity_of_group(name: &str, nodes: &[&NodeFacts], will: &Effective) -> String {
    let capacity = nodes
        .iter()
        .filter_map(|node| node.limits.as_option())
        .map(|limits| max_pods::possible(limits, will));
    let capacity = range(capacity).unwrap_or_else(|| "unknown".to_owned());
    let max = range(nodes.iter().filter_map(|node| node.max_pods)).unwrap_or_else(|| "unknown".to_owned());
    format!("{name}: max-pods {max}, single addresses for {capacity} pods")
}
