//! The rules of the machine one by one, on the same cluster without faults.

use super::cluster::{Cluster, asg, blue, by_hand, pool};
use jiff::SignedDuration;
use vpccni_core::ids::NodeName;
use vpccni_core::migration::{
    ActionKind, Approval, ApprovedBy, ChangeHash, GroupSize, HaltReason, Next, NodeStep, Phase, Replace,
    Share, State, Update, WaitsOn, World, next,
};
use vpccni_core::safety::NodeGroup;

impl Cluster {
    pub(crate) fn approved(groups: &[(NodeGroup, u32)], growing: bool) -> Self {
        let mut cluster = Self::new(groups, growing);
        cluster
            .settings
            .replace
            .insert("blue".to_owned(), Replace::BlueGreen);
        cluster.settings.canary.soak = SignedDuration::from_secs(60);
        cluster.approve();
        cluster
    }

    pub(crate) fn look(&self) -> Next {
        let (state, world) = self.observe();
        next(&state, &world, self.now)
    }

    /// The same with something else in what is seen.
    pub(crate) fn look_with(&self, change: impl FnOnce(&mut State, &mut World)) -> Next {
        let (mut state, mut world) = self.observe();
        change(&mut state, &mut world);
        next(&state, &world, self.now)
    }

    /// A round, carried out.
    pub(crate) fn step(&mut self) -> Next {
        self.tick(20);
        let next = self.look();
        let seen = self.versions();
        self.memory = next.memory.clone();
        next.actions.iter().for_each(|action| self.apply(action, &seen));
        next
    }

    pub(crate) fn until(&mut self, what: impl Fn(&Self, &Next) -> bool) -> Next {
        for _ in 0..300 {
            let next = self.step();
            if what(self, &next) {
                return next;
            }
        }
        panic!("it never came: {}", self.log.join("\n"));
    }

    pub(crate) fn at(&self, step: NodeStep) -> Vec<NodeName> {
        let at = |record: &vpccni_core::migration::Record| record.step == step;
        self.nodes
            .iter()
            .filter(|(_, node)| node.record.as_ref().is_some_and(at))
            .map(|(name, _)| name.clone())
            .collect()
    }

    pub(crate) fn until_at(&mut self, step: NodeStep) -> NodeName {
        self.until(|cluster, _| !cluster.at(step).is_empty());
        self.at(step).remove(0)
    }
}

pub(crate) fn kinds(next: &Next) -> Vec<String> {
    next.actions
        .iter()
        .map(|action| action.kind.to_string())
        .collect()
}

fn first(cluster: &Cluster, what: &str) -> Option<usize> {
    cluster.log.iter().position(|line| line.contains(what))
}

#[test]
fn it_waits_for_approval_and_then_for_the_window() {
    let mut cluster = Cluster::approved(&[(asg(), 3)], true);
    let approval = cluster.approval.take();
    let next = cluster.step();
    let waiting = next.waiting_for.unwrap();
    assert_eq!((next.phase, next.actions.len()), (Phase::Planned, 0));
    assert!(waiting.what.contains("waits for approval"));
    assert_eq!(waiting.command, "kubectl vpc-cni migrate approve default-1");
    cluster.approval = approval;
    cluster.window_open = false;
    let waiting = cluster.step().waiting_for.unwrap();
    assert_eq!(waiting.what, "it starts in a window; it opens tomorrow");
    assert_eq!(cluster.memory.started, None);
    cluster.window_open = true;
    cluster.step();
    assert_eq!(cluster.memory.started, Some(cluster.now));
}

#[test]
fn an_approval_of_just_the_nodes_of_the_plan_covers_it_to_the_end() {
    for groups in [[(asg(), 6)], [(pool(), 6)]] {
        let mut cluster = Cluster::approved(&groups, true);
        cluster.approval.as_mut().unwrap().max_nodes = Some(6);
        let most = std::cell::Cell::new(0);
        let done = cluster.until(|_, next| {
            let asks = next
                .waiting_for
                .as_ref()
                .is_some_and(|waits| waits.on == WaitsOn::Approval);
            assert!(!asks, "{:?}", next.waiting_for);
            most.set(most.get().max(next.progress.total));
            next.phase == Phase::Completed
        });
        assert_eq!(done.progress.replaced, 6);
        assert!(
            most.get() <= 7,
            "a node and its replacement are counted once: {most:?}"
        );
    }
}

#[test]
fn an_approval_of_another_change_or_of_fewer_nodes_waits_again() {
    let cluster = Cluster::approved(&[(asg(), 3)], true);
    let with = |hash: &ChangeHash, max_nodes| {
        cluster.look_with(|state, _| {
            state.approval = Some(Approval {
                change_hash: hash.clone(),
                max_nodes,
                not_after: None,
                by: ApprovedBy::Policy,
            });
        })
    };
    let hash = cluster.approved.clone().unwrap();
    let what = |next: Next| next.waiting_for.unwrap().what;
    assert!(what(with(&ChangeHash("sha256:1".to_owned()), None)).contains("is for the change sha256:1"));
    assert_eq!(
        what(with(&hash, Some(2))),
        "the approval covers 2 nodes, and 3 are to be replaced"
    );
    assert!(with(&hash, Some(3)).memory.started.is_some());
}

#[test]
fn growing_changes_the_configuration_first_and_shrinking_the_templates() {
    let order = |growing| {
        let mut cluster = Cluster::approved(&[(asg(), 3), (pool(), 2)], growing);
        cluster.until_at(NodeStep::Selected);
        let switch = first(&cluster, "put the configuration of stage 1 in place").unwrap();
        let template = first(&cluster, "set the template of asg/workers").unwrap();
        let class = first(&cluster, "set maxPods of EC2NodeClass").unwrap();
        let shield = first(&cluster, "shield the old nodes").unwrap();
        let hold = first(&cluster, "hold n004-default").unwrap();
        assert!(shield < switch.min(template) && hold < switch.min(class));
        (switch < template, switch < class)
    };
    assert_eq!(order(true), (true, true));
    assert_eq!(order(false), (false, false));
}

#[test]
fn a_template_of_somebody_else_is_waited_for() {
    let mut cluster = Cluster::approved(&[(asg(), 3)], false);
    cluster.step();
    cluster.step();
    let next = cluster.look_with(|_, world| {
        let group = world.groups.get_mut(&asg()).unwrap();
        group.template.owned_by = Some("Terraform".to_owned());
        group.suspended = true;
    });
    let waiting = next.waiting_for.unwrap();
    assert_eq!(
        waiting.what,
        "the template of asg/workers waits for 29 pods on a node"
    );
    assert_eq!(waiting.who, "Terraform");
    assert_eq!(next.actions, []);
}

#[test]
fn the_step_is_written_in_one_round_and_done_in_a_later_one() {
    let mut cluster = Cluster::approved(&[(asg(), 4)], true);
    let node = cluster.until_at(NodeStep::Selected);
    assert!(kinds(&cluster.look()).contains(&"grow asg/workers to 5 nodes".to_owned()));
    cluster.until_at(NodeStep::Cordoned);
    assert!(!cluster.nodes[&node].cordoned);
    cluster.tick(1);
    assert_eq!(kinds(&cluster.look()), [format!("cordon {node}")]);
    // The answer was lost: asked again, it is the same.
    assert_eq!(kinds(&cluster.look()), [format!("cordon {node}")]);
}

#[test]
fn canaries_go_first_and_are_watched() {
    let mut cluster = Cluster::approved(&[(asg(), 5), (pool(), 4)], true);
    cluster.settings.budget.unavailable = Share::Nodes(5);
    cluster.settings.budget.surge = Share::Nodes(5);
    cluster.approve();
    cluster.until(|cluster, _| {
        let in_work = cluster
            .nodes
            .values()
            .filter(|node| node.record.is_some())
            .count();
        assert!(
            cluster.memory.canaries_passed || in_work <= 2,
            "{in_work} canaries of two groups"
        );
        cluster.memory.canaries_well.is_some() && !cluster.memory.canaries_passed
    });
    let well = cluster.memory.canaries_well.unwrap();
    let waiting = cluster.step().waiting_for.unwrap();
    assert!(
        waiting.what.contains("are well; they are watched for"),
        "{}",
        waiting.what
    );
    cluster.until(|cluster, _| cluster.memory.canaries_passed);
    assert!(cluster.now.duration_since(well) >= SignedDuration::from_secs(60));
    cluster.until(|cluster, _| cluster.at(NodeStep::Selected).len() > 2);
}

#[test]
fn at_its_maximum_a_group_is_replaced_in_place() {
    let mut cluster = Cluster::approved(&[(asg(), 4)], true);
    cluster.groups.get_mut(&asg()).unwrap().max = 4;
    cluster.until_at(NodeStep::Terminating);
    let terminate = cluster.look().actions.remove(0).kind;
    assert!(
        matches!(terminate, ActionKind::Terminate { decrement: false, .. }),
        "{terminate}"
    );
    cluster.until(|cluster, next| {
        assert!(cluster.groups[&asg()].desired == 4);
        next.phase == Phase::Completed
    });
}

#[test]
fn a_node_that_has_gone_makes_no_room_for_one_that_was_asked_for_already() {
    let mut cluster = Cluster::approved(&[(asg(), 6)], true);
    cluster.settings.budget.surge = Share::Nodes(2);
    cluster.settings.budget.unavailable = Share::Nodes(1);
    cluster.groups.get_mut(&asg()).unwrap().max = 12;
    cluster.approve();
    cluster.until(|cluster, _| cluster.memory.canaries_passed);
    // The second replacement is late: it comes when the first old node has gone.
    cluster.until(|cluster, _| !cluster.at(NodeStep::ReplacementReady).is_empty());
    cluster.groups.get_mut(&asg()).unwrap().no_capacity = true;
    let before = cluster.nodes.len();
    cluster.until(|cluster, _| cluster.nodes.len() < before);
    for _ in 0..5 {
        cluster.step();
    }
    cluster.groups.get_mut(&asg()).unwrap().no_capacity = false;
    cluster.until(|cluster, next| {
        assert!(cluster.groups[&asg()].desired <= 8);
        next.phase == Phase::Completed
    });
    assert_eq!((cluster.groups[&asg()].desired, cluster.nodes.len()), (6, 6));
}

#[test]
fn the_lease_is_handed_over_before_our_own_node_is_emptied() {
    let mut cluster = Cluster::approved(&[(asg(), 3)], true);
    let node = cluster.until_at(NodeStep::Draining);
    cluster.own_node = Some(node.clone());
    assert_eq!(kinds(&cluster.look()), ["hand the lease over"]);
    let alone = cluster.look_with(|_, world| world.ourselves.as_mut().unwrap().standby = false);
    assert!(matches!(alone.actions[0].kind, ActionKind::Evict { .. }));
    // It is the last to be selected.
    let mut fresh = Cluster::approved(&[(asg(), 3)], true);
    fresh.own_node = fresh.nodes.keys().next().cloned();
    assert_ne!(Some(fresh.until_at(NodeStep::Selected)), fresh.own_node);
}

#[test]
fn mixed_nodes_come_first() {
    let mut cluster = Cluster::approved(&[(asg(), 5)], true);
    let last = cluster.nodes.keys().next_back().cloned().unwrap();
    cluster.nodes.get_mut(&last).unwrap().mixed = true;
    assert_eq!(cluster.until_at(NodeStep::Selected), last);
}

#[test]
fn nodes_without_a_provider_are_emptied_and_waited_for() {
    let mut cluster = Cluster::approved(&[(by_hand(), 2)], true);
    let node = cluster.until_at(NodeStep::Drained);
    let waiting = cluster.look().waiting_for.unwrap();
    assert_eq!(
        waiting.what,
        format!("{node} is empty; nobody is known who would remove it")
    );
    assert_eq!(waiting.command, format!("kubectl delete node {node}"));
}

#[test]
fn a_managed_group_nobody_named_is_not_touched() {
    let mut cluster = Cluster::new(&[(blue(), 3)], true);
    cluster.approve();
    for _ in 0..30 {
        let next = cluster.step();
        let touched = |kind: &ActionKind| matches!(kind, ActionKind::Shield | ActionKind::Switch { .. });
        assert!(
            next.actions.iter().all(|action| touched(&action.kind)),
            "{:?}",
            kinds(&next)
        );
    }
    let waiting = cluster.look().waiting_for.unwrap();
    assert_eq!(waiting.who, "the owner of nodegroup/blue");
}

#[test]
fn records_of_another_migration_are_given_back() {
    let mut cluster = Cluster::approved(&[(asg(), 3)], true);
    let node = cluster.until_at(NodeStep::Draining);
    cluster
        .nodes
        .get_mut(&node)
        .unwrap()
        .record
        .as_mut()
        .unwrap()
        .migration = "earlier".to_owned();
    assert!(kinds(&cluster.look()).contains(&format!("uncordon {node}")));
    cluster.step();
    assert!(kinds(&cluster.look()).contains(&format!("forget the step of {node}")));
}

#[test]
fn eks_updates_a_group_alone_and_after_a_note() {
    let mut cluster = Cluster::new(&[(by_hand(), 2), (blue(), 3)], true);
    cluster
        .settings
        .replace
        .insert("blue".to_owned(), Replace::UpdateVersion);
    cluster.settings.canary.nodes_per_group = 0;
    cluster.approve();
    let update = "let EKS update nodegroup/blue".to_owned();
    cluster
        .until(|_, next| kinds(next).contains(&"set the template of nodegroup/blue to 110 pods".to_owned()));
    cluster.until(|_, next| next.memory.updates_begun.contains(&blue()));
    cluster.tick(20);
    let begun =
        |update: Update| cluster.look_with(|_, world| world.groups.get_mut(&blue()).unwrap().update = update);
    // EKS begins only when nothing is in work, so the groups behind it wait.
    assert!(cluster.nodes.values().all(|node| node.record.is_none()));
    assert!(kinds(&begun(Update::None)).contains(&update));
    let runs = begun(Update::Running);
    assert!(
        runs.actions
            .iter()
            .all(|action| !matches!(action.kind, ActionKind::Record { .. }))
    );
    assert_eq!(
        runs.waiting_for.unwrap().what,
        "EKS updates nodegroup/blue; it cannot be paused"
    );
    let failed = Update::Failed {
        error: "PodEvictionFailure: reached max retries".to_owned(),
        at: cluster.now,
    };
    let halted = begun(failed.clone());
    assert!(matches!(
        halted.halt.unwrap().reason,
        HaltReason::UpdateFailed { .. }
    ));
    // Answered: it is begun anew.
    let again = cluster.look_with(|state, world| {
        world.groups.get_mut(&blue()).unwrap().update = failed;
        state.resumed = Some(cluster.now);
    });
    assert_eq!(again.halt, None);
    assert!(kinds(&again).contains(&update));
}

#[test]
fn a_minimum_that_was_noted_and_not_lowered_is_lowered_again() {
    let mut cluster = Cluster::approved(&[(blue(), 2)], true);
    cluster.until(|cluster, _| cluster.groups[&blue()].lowered);
    let asked = |min: u32| {
        let next = cluster.look_with(|_, world| {
            let view = world.groups.get_mut(&blue()).unwrap();
            view.size = view.size.map(|size| GroupSize { min, ..size });
        });
        kinds(&next).iter().any(|kind| kind.contains("lower the minimum"))
    };
    assert_eq!([asked(1), asked(0)], [true, false]);
}
