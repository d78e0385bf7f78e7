//! What must hold at every moment, whatever happens and whoever crashes.

use super::cluster::{Cluster, NAME, Node};
use vpccni_core::ids::NodeName;
use vpccni_core::migration::{ActionKind, Desired, Next, NodeStep, Phase};
use vpccni_core::safety::Provider;

fn step(node: &Node) -> NodeStep {
    let record = node.record.as_ref().filter(|record| record.migration == NAME);
    record.map_or(NodeStep::Pending, |record| record.step)
}

/// A deed needs its record, as it stands in the cluster.
pub(crate) fn before_deed(cluster: &Cluster, kind: &ActionKind) {
    let node = |name: &NodeName| &cluster.nodes[name];
    match kind {
        ActionKind::Cordon { node: name } => assert_eq!(step(node(name)), NodeStep::Cordoned),
        ActionKind::Evict { node: name, .. } => {
            assert_eq!(step(node(name)), NodeStep::Draining);
            assert!(
                node(name).cordoned,
                "pods of a node that is not cordoned are evicted"
            );
        }
        ActionKind::Terminate { node: name, .. } => {
            assert_eq!(step(node(name)), NodeStep::Terminating);
            assert_eq!(node(name).pods, [], "{name} is terminated with pods");
        }
        ActionKind::DeleteClaim { node: name } => assert_eq!(step(node(name)), NodeStep::Selected),
        ActionKind::Release { node: name } => {
            let ends =
                cluster.desired != Desired::Run || cluster.nodes.values().all(|node| is_done(cluster, node));
            assert!(
                ends || step(node(name)) == NodeStep::Selected,
                "{name} is released before its turn"
            );
        }
        ActionKind::Unshield => {
            let reached: Vec<_> = cluster
                .nodes
                .iter()
                .filter(|(_, node)| node.new != cluster.live_is_to && !node.mixed)
                .collect();
            assert!(
                reached.is_empty(),
                "the shield goes while {} nodes need it",
                reached.len()
            );
        }
        ActionKind::Grow { group, to } => {
            let asked = cluster.nodes.values().any(|node| {
                node.record
                    .as_ref()
                    .is_some_and(|record| record.grow_to.is_some())
            });
            assert!(asked, "{group} grows to {to}, and no record asks for it");
        }
        _ => {}
    }
}

fn is_done(cluster: &Cluster, node: &Node) -> bool {
    node.new == cluster.live_is_to && !node.mixed
}

/// Nodes that are out of service by our doing: cordoned, given to Karpenter, or terminated and not made good.
pub(crate) fn our_doing(cluster: &Cluster) -> usize {
    let nodes = cluster.nodes.values().filter(|node| {
        let given = node.group.provider == Provider::Karpenter
            && step(node) == NodeStep::Selected
            && (node.taken || !node.hold);
        // A node that does not work is out of service without us.
        let cordoned = node.cordoned && node.cordon_ours && cluster.is_ready(node);
        node.gone_at.is_none() && (cordoned || given)
    });
    let missing: u32 = cluster.groups.values().map(|group| group.missing).sum();
    nodes.count() + usize::try_from(missing).unwrap()
}

/// After every change of anything.
pub(crate) fn at_every_moment(cluster: &Cluster) {
    // After an abort Karpenter goes on by itself; the plan says so beforehand.
    if cluster.desired != Desired::Abort {
        let budget = cluster
            .settings
            .budget
            .unavailable
            .of(u32::try_from(cluster.nodes.len()).unwrap());
        let most = cluster.most.max(budget);
        assert!(
            our_doing(cluster) <= usize::try_from(most).unwrap(),
            "{} nodes are out of service, and the budget is {most}",
            our_doing(cluster)
        );
        // What somebody else's change of the pool makes of nodes that nobody holds is not our doing.
        for (name, node) in cluster
            .nodes
            .iter()
            .filter(|(_, node)| node.taken && node.gone_at.is_none())
        {
            assert!(
                step(node) == NodeStep::Selected || node.pods.is_empty() || cluster.template_stolen,
                "Karpenter takes {name}, which nobody released"
            );
        }
    }
    for (name, group) in &cluster.groups {
        let possible = if cluster.is_prefix(cluster.live_is_to) {
            434
        } else {
            29
        };
        assert!(
            group.max_pods <= possible
                || group.frozen
                || cluster.template_stolen
                || name.provider == Provider::SelfManaged,
            "a scale-out of {name} would promise {} pods where {possible} fit",
            group.max_pods
        );
        assert!(group.desired <= group.max, "{name} is past its maximum");
    }
}

/// What a round says, whatever it is.
pub(crate) fn of_round(cluster: &Cluster, next: &Next) {
    if !next.phase.is_final() && next.actions.is_empty() && next.memory == cluster.memory {
        let waiting = next.waiting_for.as_ref();
        let waiting = waiting.unwrap_or_else(|| panic!("{} waits for nobody: {next:#?}", next.phase));
        assert!(!waiting.what.is_empty() && !waiting.who.is_empty() && !waiting.command.is_empty());
    }
    if matches!(next.phase, Phase::Paused | Phase::Halted) && !cluster.finishes_in_flight() {
        for action in &next.actions {
            assert!(
                starts_nothing(cluster, &action.kind),
                "{} starts something: {action}",
                next.phase
            );
        }
    }
}

fn starts_nothing(cluster: &Cluster, kind: &ActionKind) -> bool {
    match kind {
        ActionKind::Record { node, record } => {
            let now = step(&cluster.nodes[node]);
            record.step <= now || now == NodeStep::Terminating
        }
        ActionKind::Uncordon { .. } | ActionKind::Hold { .. } | ActionKind::Shield => true,
        ActionKind::Terminate { node, .. } => step(&cluster.nodes[node]) == NodeStep::Terminating,
        _ => false,
    }
}

/// The end: the same however it was reached.
pub(crate) fn at_the_end(cluster: &Cluster, phase: Phase) {
    for (name, node) in cluster.nodes.iter().filter(|(_, node)| node.gone_at.is_none()) {
        assert!(!node.cordon_ours, "{name} is still cordoned");
        assert!(
            !node.hold && node.replaces.is_none(),
            "{name} still carries something of ours"
        );
        assert_eq!(node.record, None, "{name} still has a record");
        if phase != Phase::Aborted {
            assert_eq!(
                node.new,
                phase == Phase::Completed,
                "{name} is not as it should be"
            );
            assert!(!node.mixed, "{name} is mixed");
            let left = node.group.provider == Provider::SelfManaged;
            assert!(
                left || node.max_pods == cluster.pods_for(node.new),
                "{name} takes {}",
                node.max_pods
            );
        }
    }
    for (name, group) in &cluster.groups {
        let frozen = group.frozen && phase != Phase::Aborted;
        assert!(
            !group.suspended && !frozen && !group.lowered,
            "{name} was not put back"
        );
    }
    if phase == Phase::Aborted {
        return;
    }
    let (sizes, wanted, lost) = (cluster.sizes(), cluster.wanted, cluster.lost);
    assert!(
        (wanted..=wanted + lost).contains(&sizes),
        "the groups have {sizes} nodes; their owners want {wanted}, and {lost} were lost while they were replaced"
    );
    assert_eq!(cluster.live_is_to, phase == Phase::Completed);
    assert!(
        !(cluster.shield && cluster.shield_ours),
        "the shield was not put back"
    );
}
