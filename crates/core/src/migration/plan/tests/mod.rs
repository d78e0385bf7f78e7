//! One rule of planning a test: order, methods, stages, hash, envelope, obstacles, capacity.

mod obstacles;

use super::*;
use crate::capacity::BlockMap;
use crate::config::Key;
use crate::ids::SubnetId;
use crate::known::Known;
use crate::migration::group::{KarpenterFacts, Template};
use crate::migration::settings::{Replace, Share};
use crate::migration::{Approval, ApprovedBy, NotCovered};
use crate::ports::groups::GroupSize;
use crate::safety::tests::build::{
    Facts, Node, Setting, custom, node, pod_eni, prefix, prefix_node, setup, subnet_id, world,
};
use crate::safety::{Provider, review};
use jiff::SignedDuration;

#[derive(Debug)]
struct Scene {
    seen: World,
    from: CniSetup,
    to: CniSetup,
    groups: BTreeMap<NodeGroup, GroupFacts>,
    settings: Settings,
    carrier: Carrier,
    original: Vec<(NodeGroup, Method)>,
}

fn group(provider: Provider, name: &str) -> NodeGroup {
    NodeGroup {
        provider,
        name: name.to_owned(),
    }
}

fn facts(max_pods: Option<u32>) -> GroupFacts {
    GroupFacts {
        size: Some(GroupSize {
            min: 0,
            max: 20,
            desired: 10,
        }),
        template: Template {
            max_pods: Known::Yes(max_pods),
            owned_by: None,
            nitro_only: Known::Yes(true),
            karpenter: None,
        },
        subnets: std::collections::BTreeSet::new(),
        paused: None,
        update_surge: None,
    }
}

fn karpenter() -> GroupFacts {
    let mut facts = facts(None);
    facts.template.karpenter = Some(KarpenterFacts {
        node_class: "default".to_owned(),
        budgets: vec!["10%".to_owned()],
        allows_none: None,
        expire_after: Some(SignedDuration::from_hours(720)),
        termination_grace: None,
        does_not_drift: None,
        pool_owned_by: None,
        reserved_enis: Known::Yes(0),
    });
    facts
}

/// Ten nodes each of an Auto Scaling group, a managed group and a pool, from single addresses to prefixes.
fn scene() -> Scene {
    let kinds = [
        (Provider::AutoScalingGroup, "workers"),
        (Provider::ManagedNodeGroup, "blue"),
        (Provider::Karpenter, "default"),
    ];
    let nodes = kinds.iter().flat_map(|(provider, name)| {
        (0..10).map(move |index| {
            let mut node = node(&format!("{name}-{index}")).max_pods(29);
            node.group = group(*provider, name);
            node
        })
    });
    let groups = [facts(Some(29)), facts(None), karpenter()];
    Scene {
        seen: world(nodes).blocks("a", "10.0.0.0/20"),
        from: setup(),
        to: prefix(),
        groups: kinds
            .iter()
            .zip(groups)
            .map(|((provider, name), facts)| (group(*provider, name), facts))
            .collect(),
        settings: Settings::default(),
        carrier: Carrier::DaemonSet {
            strategy_is_ours: true,
        },
        original: Vec::new(),
    }
}

impl Scene {
    fn plan(&self) -> MigrationPlan {
        plan(&PlanWorld {
            seen: &self.seen,
            from: &self.from,
            to: &self.to,
            review: &review(&self.from, &self.to, &self.seen),
            groups: &self.groups,
            settings: &self.settings,
            carrier: self.carrier,
            original: &self.original,
            now: Timestamp::UNIX_EPOCH,
        })
    }

    fn facts(&mut self, provider: Provider, name: &str) -> &mut GroupFacts {
        self.groups.get_mut(&group(provider, name)).unwrap()
    }
}

#[test]
fn groups_come_in_order_with_their_methods_and_managed_ones_wait() {
    let plan = scene().plan();
    let rows: Vec<_> = plan
        .groups
        .iter()
        .map(|plan| {
            (
                plan.group.to_string(),
                plan.method.word(),
                plan.nodes,
                plan.waves,
                plan.max_pods,
                plan.canaries,
            )
        })
        .collect();
    let row =
        |group: &str, method, waves, canaries| (group.to_owned(), method, 10, waves, Some(110), canaries);
    assert_eq!(
        rows,
        [
            row("asg/workers", "AutoScaling", 4, 1),
            row("nodepool/default", "KarpenterMaxPods", 4, 1),
            row("nodegroup/blue", "Wait", 4, 0),
        ]
    );
    assert_eq!(
        (
            plan.budget.unavailable,
            plan.budget.surge,
            plan.taking_part,
            plan.nodes
        ),
        (3, 3, 30, 30)
    );
    assert_eq!(plan.direction, Direction::Growing);
    assert_eq!(plan.obstacles, Vec::new());
    assert!(plan.rollback.feasible);
    assert!(
        plan.without_us
            .iter()
            .any(|said| said.contains("expire in spite of the hold"))
    );
    assert!(plan.aws_calls > 50 && plan.eta > SignedDuration::from_mins(30));
}

#[test]
fn managed_groups_are_replaced_only_as_the_policy_says() {
    let mut scene = scene();
    scene
        .settings
        .replace
        .insert("blue".to_owned(), Replace::BlueGreen);
    let plan = scene.plan();
    let blue = group(Provider::ManagedNodeGroup, "blue");
    let Some(Method::BlueGreen { successor }) = plan.group(&blue).map(|plan| plan.method.clone()) else {
        panic!("{:?}", plan.groups);
    };
    assert!(successor.starts_with("blue-") && successor.len() == 13);
    // The group that takes over is not a group of the plan.
    scene
        .groups
        .insert(group(Provider::ManagedNodeGroup, &successor), facts(Some(110)));
    assert_eq!(scene.plan().hash, plan.hash);
    scene
        .settings
        .replace
        .insert("blue".to_owned(), Replace::UpdateVersion);
    scene.facts(Provider::ManagedNodeGroup, "blue").update_surge = Some(6);
    let obstacles = scene.plan().obstacles;
    assert!(matches!(
        obstacles.as_slice(),
        [Obstacle::UpdateOverBudget {
            takes: 6,
            allowed: 3,
            ..
        }]
    ));
}

#[test]
fn two_switches_are_two_stages_and_growing_comes_first() {
    let mut scene = scene();
    scene.seen = scene.seen.blocks("poda", "10.64.0.0/20");
    scene.to = custom()
        .on(Key::EnablePrefixDelegation)
        .int(Key::IpCooldownPeriod, 60);
    let plan = scene.plan();
    let titles: Vec<_> = plan
        .stages
        .iter()
        .map(|stage| (stage.title.as_str(), stage.direction))
        .collect();
    assert_eq!(
        titles,
        [
            ("prefix mode on", Direction::Growing),
            ("custom networking on", Direction::Shrinking)
        ]
    );
    let [first, second] = plan.stages.as_slice() else {
        panic!()
    };
    assert_eq!(
        (&first.from, &second.from, &second.to),
        (&scene.from, &first.to, &scene.to)
    );
    assert!(first.to.config.get(Key::IpCooldownPeriod).is_some());
    assert!(first.to.config.get(Key::CustomNetworkCfg) != Some(&crate::config::Value::Bool(true)));
    assert!(
        !plan
            .obstacles
            .iter()
            .any(|obstacle| matches!(obstacle, Obstacle::NotByNewNodes { .. }))
    );
    // The way back: custom networking off first, which gives room.
    std::mem::swap(&mut scene.from, &mut scene.to);
    let titles: Vec<_> = scene.plan().stages.into_iter().map(|stage| stage.title).collect();
    assert_eq!(titles, ["custom networking off", "prefix mode off"]);
}

#[test]
fn what_interfaces_cannot_show_is_told_by_age() {
    let mut scene = scene();
    let judge = |scene: &Scene| scene.plan().stages[0].judge;
    assert_eq!(judge(&scene), Judge::ByInterfaces);
    scene.to = pod_eni();
    assert_eq!(judge(&scene), Judge::ByAge);
    scene.to = setup().int(Key::EniMtu, 1500);
    assert_eq!(judge(&scene), Judge::ByAge);
    assert_eq!(scene.plan().groups[0].max_pods, None);
    scene.to = prefix().int(Key::EniMtu, 1500);
    assert_eq!(judge(&scene), Judge::ByAge);
}

#[test]
fn the_hash_is_of_the_change_and_not_of_the_nodes() {
    let first = scene();
    let hash = first.plan().hash;
    assert!(hash.0.starts_with("sha256:") && hash.0.len() == 71);
    assert_eq!(hash.short().len(), 8);
    let mut fewer = scene();
    fewer.seen.nodes.truncate(25);
    fewer.seen.nodes[0].mode = NodeMode::Mixed;
    assert_eq!(fewer.plan().hash, hash);
    assert_eq!(fewer.plan().mixed.len(), 1);
    let changes: [&dyn Fn(&mut Scene); 5] = [
        &|scene| scene.to = prefix().int(Key::WarmPrefixTarget, 2),
        &|scene| scene.from = setup().int(Key::WarmPrefixTarget, 2),
        &|scene| scene.settings.budget.unavailable = Share::Percent(20),
        &|scene| {
            scene
                .settings
                .replace
                .insert("blue".to_owned(), Replace::BlueGreen);
        },
        &|scene| {
            scene
                .groups
                .insert(group(Provider::AutoScalingGroup, "other"), facts(None));
        },
    ];
    for change in changes {
        let mut other = scene();
        change(&mut other);
        assert_ne!(other.plan().hash, hash);
    }
}

#[test]
fn a_plan_keeps_its_groups_while_they_come_and_go() {
    let mut scene = scene();
    scene
        .settings
        .replace
        .insert("blue".to_owned(), Replace::BlueGreen);
    let plan = scene.plan();
    scene.original = plan
        .groups
        .iter()
        .map(|plan| (plan.group.clone(), plan.method.clone()))
        .collect();
    // Karpenter's class says 110 by now, blue is gone, and somebody made a new group.
    scene.facts(Provider::Karpenter, "default").template.max_pods = Known::Yes(Some(110));
    scene.groups.remove(&group(Provider::ManagedNodeGroup, "blue"));
    scene.seen.nodes.retain(|node| node.group.name != "blue");
    scene
        .groups
        .insert(group(Provider::AutoScalingGroup, "late"), facts(None));
    let again = scene.plan();
    assert_eq!(again.hash, plan.hash);
    let late = again.group(&group(Provider::AutoScalingGroup, "late")).unwrap();
    assert_eq!(late.method.word(), "Wait");
    assert_eq!(again.groups.last(), Some(late));
}

#[test]
fn an_approval_is_an_envelope() {
    let plan = scene().plan();
    let approval = |hash: &ChangeHash, max_nodes, not_after| Approval {
        change_hash: hash.clone(),
        max_nodes,
        not_after,
        by: ApprovedBy::Policy,
    };
    let at = Timestamp::UNIX_EPOCH;
    assert_eq!(approval(&plan.hash, Some(30), None).covers(&plan, 30, at), Ok(()));
    assert!(matches!(
        approval(&plan.hash, Some(29), None).covers(&plan, 30, at),
        Err(NotCovered::TooManyNodes {
            approved: 29,
            planned: 30
        })
    ));
    assert!(matches!(
        approval(&plan.hash, None, Some(at)).covers(&plan, 30, at),
        Err(NotCovered::Expired { .. })
    ));
    let other = approval(&ChangeHash("sha256:0".to_owned()), None, None).covers(&plan, 30, at);
    assert!(matches!(other, Err(NotCovered::OtherChange { .. })));
}

#[test]
fn five_thousand_nodes_are_planned_at_once() {
    let mut scene = scene();
    let nodes = (0..5000).map(|index| {
        let mut node = node(&format!("n{index}"));
        node.group = group(Provider::AutoScalingGroup, "workers");
        node
    });
    scene.seen = world(nodes).blocks("a", "10.0.0.0/16");
    let plan = scene.plan();
    assert_eq!((plan.nodes, plan.budget.unavailable), (5000, 500));
}
