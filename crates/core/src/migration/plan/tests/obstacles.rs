//! Why a plan cannot start, and what is said besides.

use super::*;

#[test]
fn what_cannot_start_says_why() {
    let mut scene = scene();
    scene.carrier = Carrier::ManagedAddon;
    assert_eq!(scene.plan().obstacles, [Obstacle::ManagedAddon]);
    scene.carrier = Carrier::DaemonSet {
        strategy_is_ours: false,
    };
    assert_eq!(scene.plan().obstacles, [Obstacle::StrategyNotOurs]);
    scene.carrier = Carrier::OwnAgent;
    assert_eq!(scene.plan().obstacles, Vec::new());
    scene.settings.budget.unavailable = Share::Nodes(0);
    assert_eq!(scene.plan().obstacles, [Obstacle::NoBudget]);
    scene.settings = Settings::default();
    scene.facts(Provider::AutoScalingGroup, "workers").paused = Some("an instance refresh runs".to_owned());
    assert!(matches!(
        scene.plan().obstacles.as_slice(),
        [Obstacle::GroupPaused { .. }]
    ));
    // Pods that must be made anew are no matter of nodes.
    let mut recycle = super::scene();
    recycle.to = prefix()
        .text(Key::NetworkPolicyEnforcingMode, "strict")
        .on(Key::EnableNetworkPolicy);
    recycle.from = setup()
        .text(Key::NetworkPolicyEnforcingMode, "standard")
        .on(Key::EnableNetworkPolicy);
    let obstacles = recycle.plan().obstacles;
    assert!(
        matches!(obstacles.as_slice(), [Obstacle::NotByNewNodes { rule, .. }] if rule == "network-policy-strict"),
        "{obstacles:?}"
    );
}

#[test]
fn a_cluster_that_is_there_has_nothing_to_replace() {
    let mut scene = scene();
    scene.seen = world([prefix_node("one")]);
    scene.groups.clear();
    let plan = scene.plan();
    assert!(plan.obstacles.contains(&Obstacle::NothingToReplace));
    assert_eq!((plan.nodes, plan.rollback.nodes), (0, 0));
}

#[test]
fn a_short_subnet_refuses_with_what_mends_it() {
    let mut scene = scene();
    // 30 nodes with 5 pods: 2 blocks each, in the 14 blocks of a /24 of which half are broken.
    scene.seen = scene.seen.subnet("a", |subnet| {
        let used = (1..14_u32)
            .step_by(2)
            .map(|block| std::net::Ipv4Addr::from(0x0a00_0000 + block * 16 + 3));
        subnet.blocks = BlockMap::of("10.0.0.0/24".parse().unwrap(), used, [], &[], 244);
    });
    let plan = scene.plan();
    let low = plan.capacity.subnets.first().unwrap();
    assert!(low.free < 0 && low.step > 0, "{low:?}");
    assert!(!plan.capacity.reservations.is_empty());
    let what = plan
        .obstacles
        .iter()
        .find_map(|obstacle| match obstacle {
            Obstacle::Capacity { what, .. } => Some(what.clone()),
            _ => None,
        })
        .unwrap();
    assert!(what.starts_with("subnet-a has 7 free /28 blocks, and "), "{what}");
}

#[test]
fn an_unknown_map_is_said_and_stops_only_what_approves_itself() {
    let mut scene = scene();
    scene.seen = scene.seen.subnet("a", |subnet| {
        subnet.blocks = Known::Unknown("it is shared".to_owned());
    });
    let plan = scene.plan();
    let unknown: Vec<(SubnetId, String)> = vec![(subnet_id("a"), "it is shared".to_owned())];
    assert_eq!(plan.capacity.unknown, unknown);
    assert!(plan.notes.iter().any(|note| note.contains("it is shared")));
    let about_capacity = |plan: &MigrationPlan| {
        plan.obstacles
            .iter()
            .any(|obstacle| matches!(obstacle, Obstacle::CapacityUnknown { .. }))
    };
    assert!(!about_capacity(&plan));
    scene.settings.strategy = crate::policy::Strategy::Automatic;
    assert!(about_capacity(&scene.plan()));
}

#[test]
fn a_template_of_somebody_else_is_named() {
    let mut scene = scene();
    scene
        .facts(Provider::AutoScalingGroup, "workers")
        .template
        .owned_by = Some("Terraform".to_owned());
    let plan = scene.plan();
    assert!(plan.notes.contains(
        &"The template of asg/workers belongs to Terraform: set its max-pods to 110 there.".to_owned()
    ));
    assert!(
        plan.rollback
            .blocked_by
            .iter()
            .any(|what| what.contains("Terraform"))
    );
}

#[test]
fn a_group_without_nodes_is_named_where_it_would_promise_too_much() {
    let mut scene = scene();
    scene
        .groups
        .insert(group(Provider::AutoScalingGroup, "idle"), facts(Some(110)));
    let about = |scene: &Scene| {
        scene
            .plan()
            .notes
            .iter()
            .any(|note| note.starts_with("asg/idle has no node"))
    };
    assert!(!about(&scene));
    std::mem::swap(&mut scene.from, &mut scene.to);
    assert!(about(&scene));
}

#[test]
fn nodes_whose_maker_is_not_known_are_never_taken_for_nodes_that_nobody_makes() {
    let mut scene = scene();
    scene.original = vec![
        (group(Provider::AutoScalingGroup, "workers"), Method::AutoScaling),
        (group(Provider::SelfManaged, "self-managed"), Method::Drain),
    ];
    let hash = scene.plan().hash;
    scene.seen.nodes[0].group = NodeGroup::unknown();
    let during = scene.plan();
    let unknown = during.group(&NodeGroup::unknown()).unwrap();
    assert_eq!(unknown.method.word(), "Wait");
    assert_eq!((during.hash, during.obstacles), (hash, Vec::new()));
    // Before there is a migration, nothing is planned without them.
    scene.original.clear();
    assert!(matches!(
        scene.plan().obstacles.as_slice(),
        [Obstacle::GroupPaused { group, why }] if !group.is_known() && why.contains("EC2")
    ));
}

#[test]
fn what_karpenter_leaves_out_is_told_where_it_decides() {
    let note = |custom: bool, reserved: Known<u32>| {
        let mut scene = scene();
        if custom {
            scene.from = scene.from.on(Key::CustomNetworkCfg);
            scene.to = scene.to.on(Key::CustomNetworkCfg);
        }
        // Without a node its types are not known, and its class is left as it is.
        let mut idle = karpenter();
        let facts = idle.template.karpenter.as_mut().unwrap();
        facts.reserved_enis = reserved;
        scene.groups.insert(group(Provider::Karpenter, "idle"), idle);
        let notes = scene.plan().notes;
        let about = |note: &&String| note.contains("of nodepool/idle has no kubelet.maxPods");
        notes.iter().find(about).cloned().unwrap()
    };
    let said = note(true, Known::Yes(0));
    assert!(
        said.contains("RESERVED_ENIS of Karpenter, which is 0, to 1"),
        "{said}"
    );
    let unread = note(true, Known::Unknown("it may not be read".to_owned()));
    assert!(unread.contains("RESERVED_ENIS of Karpenter to 1"), "{unread}");
    assert!(
        unread.contains("could not be read: it may not be read"),
        "{unread}"
    );
    let left = note(false, Known::Yes(1));
    assert!(left.contains("which is 1, to 0"), "{left}");
    for fits in [
        note(true, Known::Yes(1)),
        note(false, Known::Yes(0)),
        note(false, Known::Unknown(String::new())),
    ] {
        assert!(fits.ends_with("; set it."), "{fits}");
    }
}
