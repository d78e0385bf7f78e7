//! Pauses, halts and aborts: what is given back, what is finished, and what a resume does.

use super::cases::kinds;
use super::cluster::{Cluster, asg, pool};
use jiff::SignedDuration;
use vpccni_core::migration::{
    ActionKind, ChangeHash, Desired, HaltReason, NodeStep, OnBlocked, Phase, World,
};

#[test]
fn a_plan_that_is_no_longer_the_approved_one_halts() {
    let mut cluster = Cluster::approved(&[(asg(), 3)], true);
    cluster.step();
    cluster.step();
    let next = cluster.look_with(|state, _| state.plan.hash = ChangeHash("sha256:other".to_owned()));
    assert_eq!(next.phase, Phase::Halted);
    assert!(matches!(
        next.halt.unwrap().reason,
        HaltReason::PlanOutdated { .. }
    ));
}

#[test]
fn a_failed_canary_halts_at_once_and_resuming_replaces_it() {
    let mut cluster = Cluster::approved(&[(asg(), 4)], true);
    cluster.until_at(NodeStep::Selected);
    cluster.groups.get_mut(&asg()).unwrap().broken = true;
    let halted = cluster.until(|_, next| next.phase == Phase::Halted);
    let halt = halted.halt.unwrap();
    assert!(matches!(&halt.reason, HaltReason::NewNodesFail { nodes, threshold: 1 } if nodes.len() == 1));
    let waiting = halted.waiting_for.unwrap();
    assert!(waiting.what.ends_with("it is not Ready"), "{}", waiting.what);
    assert!(
        waiting.command.starts_with("kubectl describe node n"),
        "{}",
        waiting.command
    );
    let resume = "once it is mended: kubectl vpc-cni migrate resume default-1";
    assert!(waiting.command.ends_with(resume), "{}", waiting.command);
    // It stays, although the cause is gone.
    cluster.groups.get_mut(&asg()).unwrap().broken = false;
    assert_eq!(cluster.step().phase, Phase::Halted);
    cluster.resumed = Some(cluster.now);
    cluster.until(|_, next| next.phase == Phase::Completed);
}

#[test]
fn a_pause_gives_capacity_back_in_order() {
    let mut cluster = Cluster::approved(&[(asg(), 5)], true);
    cluster.apps.iter_mut().for_each(|app| app.1 = true);
    cluster.settings.drain.on_blocked = OnBlocked::Wait;
    let node = cluster.until_at(NodeStep::Cordoned);
    cluster.step();
    assert!(cluster.nodes[&node].cordon_ours);
    let mut draining = cluster.clone();
    // Cordoned, nothing evicted yet: at once.
    cluster.desired = Desired::Pause;
    let next = cluster.step();
    assert_eq!(
        (next.phase, kinds(&next)),
        (Phase::Paused, vec![format!("uncordon {node}")])
    );
    cluster.step();
    assert_eq!(
        cluster.nodes[&node].record.as_ref().map(|record| record.step),
        Some(NodeStep::Selected)
    );
    assert_eq!(cluster.step().actions, []);
    // Being emptied: after five minutes.
    draining.until_at(NodeStep::Draining);
    draining.desired = Desired::Pause;
    let since = draining.now;
    draining.until(|cluster, next| {
        assert!(
            next.actions
                .iter()
                .all(|action| !matches!(action.kind, ActionKind::Evict { .. }))
        );
        !cluster.nodes[&node].cordoned
    });
    let took = draining.now.duration_since(since);
    assert!(
        took >= SignedDuration::from_mins(5) && took < SignedDuration::from_mins(6),
        "{took}"
    );
}

#[test]
fn a_termination_that_was_written_is_carried_out_in_a_pause() {
    let mut cluster = Cluster::approved(&[(asg(), 4)], true);
    let node = cluster.until_at(NodeStep::Terminating);
    cluster.desired = Desired::Pause;
    let next = cluster.step();
    assert_eq!(next.phase, Phase::Paused);
    let instance = format!("i-{}", cluster.nodes[&node].instance);
    assert_eq!(kinds(&next), [format!("terminate {instance} ({node})")]);
}

#[test]
fn no_instance_goes_with_pods() {
    let mut cluster = Cluster::approved(&[(asg(), 4)], true);
    let node = cluster.until_at(NodeStep::Terminating);
    let pod = super::cluster::Pod {
        app: 0,
        uid: 9999,
        ends: None,
    };
    cluster.nodes.get_mut(&node).unwrap().pods.push(pod);
    assert_eq!(kinds(&cluster.look()), [format!("record Draining for {node}")]);
    let unread = cluster.look_with(|_, world| {
        let pods = &mut world.nodes.get_mut(&node).unwrap().pods;
        *pods = vpccni_core::known::Known::Unknown("timed out".to_owned());
    });
    assert_eq!(unread.actions, []);
    assert_eq!(
        unread.waiting_for.unwrap().what,
        format!("the pods of {node} cannot be read: timed out")
    );
}

#[test]
fn a_budget_that_blocks_is_named_and_then_the_node_is_set_aside() {
    let mut cluster = Cluster::approved(&[(asg(), 4)], true);
    cluster.settings.drain.max_quarantined = 0;
    cluster.apps.iter_mut().for_each(|app| app.1 = true);
    cluster.approve();
    let node = cluster.until_at(NodeStep::Draining);
    let next = cluster.step();
    let waiting = next.waiting_for.unwrap();
    assert!(
        waiting
            .what
            .starts_with(&format!("{node} is being emptied: shop/app-")),
        "{}",
        waiting.what
    );
    assert!(waiting.what.ends_with("allows 0") && waiting.who.starts_with("owners of shop/app-"));
    assert!(waiting.command.starts_with("kubectl -n shop get pdb app-"));
    assert!(!next.blocked.is_empty() && next.blocked[0].by.starts_with("shop/app-"));
    let since = cluster.now;
    cluster.until_at(NodeStep::Quarantined);
    assert!(cluster.now.duration_since(since) >= SignedDuration::from_mins(14));
    let halted = cluster.until(|_, next| next.phase == Phase::Halted);
    assert_eq!(halted.progress.quarantined, 1);
    assert!(matches!(
        halted.halt.unwrap().reason,
        HaltReason::BlockedNodes { allowed: 0, .. }
    ));
    // The budget allows it again, and somebody resumes.
    cluster.apps.iter_mut().for_each(|app| app.1 = false);
    cluster.resumed = Some(cluster.now);
    cluster.until(|_, next| next.phase == Phase::Completed);
}

#[test]
fn what_happens_in_the_cluster_halts_it() {
    let mut cluster = Cluster::approved(&[(asg(), 4)], true);
    cluster.until_at(NodeStep::Draining);
    let reason = |change: &dyn Fn(&mut World)| {
        let next = cluster.look_with(|_, world| change(world));
        next.halt.map(|halt| halt.reason.word())
    };
    assert_eq!(reason(&|_| {}), None);
    assert_eq!(reason(&|world| world.sandbox_failures = 4), None);
    assert_eq!(
        reason(&|world| world.sandbox_failures = 5),
        Some("SandboxFailures")
    );
    assert_eq!(reason(&|world| world.pods_pending_long = 4), None);
    assert_eq!(reason(&|world| world.pods_pending_long = 5), Some("PendingPods"));
    let denied = |world: &mut World| world.aws_denied = Some("autoscaling:SetDesiredCapacity".to_owned());
    assert_eq!(reason(&denied), Some("AwsDenied"));
    let template = |world: &mut World| {
        world.groups.get_mut(&asg()).unwrap().template.max_pods = vpccni_core::known::Known::Yes(Some(29));
    };
    assert_eq!(reason(&template), Some("TemplateReverted"));
}

#[test]
fn a_pool_that_is_reverted_halts_and_is_changed_again_after_a_resume() {
    let mut cluster = Cluster::approved(&[(pool(), 3)], true);
    cluster.until_at(NodeStep::Selected);
    cluster.groups.get_mut(&pool()).unwrap().max_pods = 29;
    let next = cluster.step();
    assert!(matches!(
        next.halt.unwrap().reason,
        HaltReason::NodePoolReverted { .. }
    ));
    // Released nodes are held again.
    cluster.step();
    assert!(cluster.nodes.values().all(|node| node.hold || node.taken));
    cluster.resumed = Some(cluster.now);
    cluster.until(|_, next| kinds(next).contains(&"set maxPods of EC2NodeClass default to 110".to_owned()));
    cluster.until(|_, next| next.phase == Phase::Completed);
}

#[test]
fn an_outage_of_ec2_is_no_failure_of_nodes() {
    let mut cluster = Cluster::approved(&[(asg(), 4)], true);
    cluster.until_at(NodeStep::Draining);
    cluster.now += SignedDuration::from_hours(1);
    let next = cluster.look_with(|_, world| {
        for view in world.nodes.values_mut() {
            view.facts.enis = vpccni_core::known::Known::Unknown("EC2 does not answer".to_owned());
        }
    });
    assert_eq!((next.halt, next.progress.failed), (None, 0));
}

#[test]
fn an_abort_after_the_switch_keeps_the_shield_and_says_so() {
    let mut cluster = Cluster::approved(&[(asg(), 4)], true);
    cluster.until_at(NodeStep::Draining);
    cluster.desired = Desired::Abort;
    let end = cluster.until(|_, next| next.phase == Phase::Aborted);
    assert!(
        cluster.shield
            && cluster
                .nodes
                .values()
                .all(|node| node.record.is_none() && !node.cordoned)
    );
    assert!(
        end.stays
            .iter()
            .any(|what| what.starts_with("updateStrategy OnDelete")),
        "{:?}",
        end.stays
    );
    let mut early = Cluster::approved(&[(asg(), 4)], true);
    early.until(|cluster, _| cluster.shield);
    early.desired = Desired::Abort;
    let end = early.until(|_, next| next.phase == Phase::Aborted);
    assert_eq!((early.shield, early.live_is_to), (false, false));
    assert_eq!(end.stays, Vec::<String>::new());
}

#[test]
fn a_way_back_that_was_paused_goes_on_back() {
    let mut cluster = Cluster::approved(&[(asg(), 3)], true);
    cluster.until(|_, next| next.progress.replaced >= 1);
    cluster.desired = Desired::RollBack;
    cluster.until(|cluster, _| !cluster.live_is_to);
    for desired in [Desired::Pause, Desired::Run] {
        cluster.desired = desired;
        let next = cluster.step();
        assert_eq!(next.halt, None, "{desired:?}");
    }
    let done = cluster.until(|_, next| next.phase.is_final());
    assert_eq!((done.phase, cluster.live_is_to), (Phase::RolledBack, false));
}

#[test]
fn a_new_node_that_takes_the_wrong_number_of_pods_halts_at_once() {
    let mut cluster = Cluster::approved(&[(asg(), 3)], true);
    cluster.until_at(NodeStep::Selected);
    let new = cluster.until(|cluster, _| {
        cluster
            .nodes
            .values()
            .any(|node| node.new && cluster.is_ready(node))
    });
    assert_ne!(new.phase, Phase::Halted);
    let halted = cluster.look_with(|_, world| {
        let all = world.nodes.values_mut();
        for view in all.filter(|view| view.facts.max_pods == Some(110)) {
            view.facts.max_pods = Some(29);
        }
    });
    let halt = halted.halt.unwrap();
    assert!(
        halt.reason
            .to_string()
            .contains("it takes 29 pods instead of 110"),
        "{}",
        halt.reason
    );
}
