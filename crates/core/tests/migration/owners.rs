//! What belongs to somebody else: holds of other people, nodes that nobody makes, updates that EKS ends.

use super::cases::kinds;
use super::cluster::{Cluster, asg, by_hand, pool};
use jiff::{SignedDuration, Timestamp};
use vpccni_core::known::Known;
use vpccni_core::migration::{ActionKind, Next, Phase, Update};
use vpccni_core::safety::{EniFacts, NodeGroup};

/// The round before the first node is selected.
fn about_to_select(group: NodeGroup) -> Cluster {
    let mut cluster = Cluster::approved(&[(group, 2)], true);
    for _ in 0..50 {
        if selects(&cluster.look()) {
            return cluster;
        }
        cluster.step();
    }
    unreachable!("nothing is selected: {:?}", kinds(&cluster.look()))
}

fn selects(next: &Next) -> bool {
    let mut actions = next.actions.iter();
    actions.any(|action| matches!(action.kind, ActionKind::Record { .. }))
}

#[test]
fn nodes_that_somebody_keeps_from_karpenter_are_left_out_and_told() {
    let cluster = about_to_select(pool());
    let kept = cluster.look_with(|_, world| {
        for node in world.nodes.values_mut() {
            node.ours.hold = false;
            node.kept_by_others = true;
        }
    });
    assert_eq!(kinds(&kept), Vec::<String>::new());
    let waits = kept.waiting_for.unwrap();
    assert_eq!(waits.who, "whoever set it");
    assert!(
        waits.what.contains("karpenter.sh/do-not-disrupt"),
        "{}",
        waits.what
    );
}

#[test]
fn nodes_that_nobody_makes_need_no_template() {
    let cluster = about_to_select(by_hand());
    let unknown = cluster.look_with(|_, world| {
        let group = world.groups.get_mut(&by_hand()).unwrap();
        group.template.max_pods = Known::Unknown("nobody that is known makes these nodes".to_owned());
    });
    assert!(selects(&unknown), "{:?}", unknown.waiting_for);
}

#[test]
fn it_is_not_over_while_eks_ends_an_update_whose_note_is_missing() {
    let mut cluster = Cluster::approved(&[(asg(), 2)], true);
    let mut rounds = 0..500;
    while cluster.look().phase != Phase::Completed && rounds.next().is_some() {
        cluster.step();
    }
    assert_eq!(cluster.look().phase, Phase::Completed);
    let ending = cluster.look_with(|state, world| {
        state.memory.updates_begun.insert(asg());
        world.groups.get_mut(&asg()).unwrap().update = Update::Running;
    });
    assert_eq!(ending.phase, Phase::Verifying);
    assert_eq!(ending.waiting_for.unwrap().who, "EKS");
}

#[test]
fn a_replacement_has_to_be_ready_whichever_revision_its_agent_runs() {
    let mut cluster = Cluster::approved(&[(asg(), 3)], true);
    let replaced = |cluster: &Cluster| cluster.nodes.values().any(|node| node.replaces.is_some());
    cluster.until(|cluster, _| replaced(cluster));
    // Kubernetes writes whole seconds, and its clock is not ours: one may seem to be made with the switch, or before it.
    let asks = |ready: bool, revision: Option<bool>, made: SignedDuration| {
        let next = cluster.look_with(|state, world| {
            let switched = state.memory.switched.last().unwrap().at;
            let views = world.nodes.values_mut();
            for view in views.filter(|view| view.ours.replaces.is_some()) {
                (view.ready, view.newest_revision) = (ready, revision);
                view.created = switched + made;
            }
        });
        kinds(&next).iter().any(|kind| kind.contains("ReplacementReady"))
    };
    for made in [5, 0, -60].map(SignedDuration::from_secs) {
        for revision in [Some(false), Some(true), None] {
            assert!(
                asks(true, revision, made),
                "as planned, {made} after the switch, {revision:?}"
            );
            assert!(
                !asks(false, revision, made),
                "not Ready, {made} after the switch, {revision:?}"
            );
        }
    }
}

#[test]
fn a_node_of_the_second_of_the_switch_that_fails_halts_it() {
    let mut cluster = Cluster::approved(&[(asg(), 3)], true);
    let replaced = |cluster: &Cluster| cluster.nodes.values().any(|node| node.replaces.is_some());
    cluster.until(|cluster, _| replaced(cluster));
    // The object of the node says the second, the note of the switch a part of it.
    let made = cluster.now - SignedDuration::from_mins(11);
    let made = Timestamp::from_second(made.as_second()).unwrap();
    for (fits, revision) in [
        (true, Some(false)),
        (true, None),
        (false, Some(true)),
        (false, None),
    ] {
        let next = cluster.look_with(|state, world| {
            state.memory.switched.last_mut().unwrap().at = made + SignedDuration::from_millis(400);
            let views = world.nodes.values_mut();
            for view in views.filter(|view| view.ours.replaces.is_some()) {
                (view.ready, view.newest_revision, view.created) = (false, revision, made);
                if !fits {
                    view.facts.enis = Known::Yes(EniFacts::default());
                }
            }
        });
        assert_eq!(
            next.phase,
            Phase::Halted,
            "{fits} {revision:?} {:?}",
            next.waiting_for
        );
    }
}
