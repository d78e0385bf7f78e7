//! A small cluster at a fixed time: an Auto Scaling group of eight nodes and a NodePool of four, on their way from single
//! addresses to prefixes.

use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use vpccni_core::capacity::BlockMap;
use vpccni_core::config::{Key, Value};
use vpccni_core::ids::{InstanceId, InstanceType, NodeName, SubnetId, VpcId, Zone};
use vpccni_core::known::Known;
use vpccni_core::limits;
use vpccni_core::migration::{
    Approval, ApprovedBy, Baseline, BudgetShare, Carrier, CarrierView, Desired, GroupFacts, GroupSize,
    GroupView, KarpenterFacts, Memory, Method, MigrationPlan, NodeStep, NodeView, Ours, Pdb, PlanWorld,
    PodKind, PodView, Record, Settings, Share, State, Switched, Template, Update, WindowView, World, plan,
};
use vpccni_core::policy::Strategy;
use vpccni_core::safety::{
    CniSetup, Compute, EniFacts, NodeFacts, NodeGroup, NodeMode, NodePodFacts, Os, Provider, Review,
    SubnetFacts, World as Seen,
};
use vpccni_core::version::CniVersion;

/// The policy, and the hash of the change, as the operator names it.
pub(super) const NAME: &str = "default-ad336d10";

/// The time of every situation.
#[expect(non_snake_case, reason = "a constant that cannot be one")]
pub(super) fn NOW() -> Timestamp {
    "2026-11-22T03:00:00Z".parse().unwrap()
}

pub(super) fn ago(minutes: i64) -> Timestamp {
    NOW() - SignedDuration::from_mins(minutes)
}

fn subnet() -> SubnetId {
    SubnetId::parse("subnet-0a1b2c3d").unwrap()
}

pub(super) fn workers() -> NodeGroup {
    NodeGroup {
        provider: Provider::AutoScalingGroup,
        name: "workers".to_owned(),
    }
}

pub(super) fn pool() -> NodeGroup {
    NodeGroup {
        provider: Provider::Karpenter,
        name: "batch".to_owned(),
    }
}

fn setup(prefix: bool) -> CniSetup {
    let mut setup = CniSetup::empty(CniVersion::REFERENCE);
    setup.config.set(Key::EnableIpv4, Value::Bool(true));
    setup.config.set(Key::WarmPrefixTarget, Value::Int(1));
    setup.config.set(Key::EnablePrefixDelegation, Value::Bool(prefix));
    setup
}

/// The cluster and its migration.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) nodes: BTreeMap<NodeName, NodeView>,
    pub(super) records: BTreeMap<NodeName, Record>,
    pub(super) from: CniSetup,
    pub(super) to: CniSetup,
    pub(super) live_is_to: bool,
    pub(super) begun: bool,
    pub(super) desired: Desired,
    pub(super) approved: bool,
    pub(super) window: WindowView,
    pub(super) memory: Memory,
}

impl Scene {
    /// All nodes are old, and nobody has approved anything.
    pub(super) fn new() -> Self {
        let mut scene = Self {
            nodes: BTreeMap::new(),
            records: BTreeMap::new(),
            from: setup(false),
            to: setup(true),
            live_is_to: false,
            begun: false,
            desired: Desired::Run,
            approved: false,
            window: WindowView {
                open: true,
                text: "now".to_owned(),
            },
            memory: Memory::default(),
        };
        for number in 1..=12 {
            let group = if number <= 8 { workers() } else { pool() };
            scene.add(number, &group, false, Timestamp::UNIX_EPOCH);
        }
        scene
    }

    /// It was approved an hour ago, and `replaced` nodes are new.
    pub(super) fn begun(replaced: u32) -> Self {
        let mut scene = Self::new();
        let planned = scene.plan(false);
        scene.begun = true;
        scene.approved = true;
        scene.live_is_to = true;
        scene.memory = Memory {
            started: Some(ago(62)),
            switched: vec![Switched {
                to: planned.stages[0].to_id.clone(),
                at: ago(60),
            }],
            templates_done: BTreeSet::from([workers(), pool()]),
            canaries_well: Some(ago(40)),
            canaries_passed: true,
            baseline: Some(Baseline {
                pods_pending_long: 0,
                at: ago(62),
            }),
            shield_seen: true,
            ..Memory::default()
        };
        for view in scene.nodes.values_mut() {
            (view.newest_revision, view.ours.hold) = (Some(false), view.facts.group == pool());
        }
        for number in 1..=replaced {
            scene.nodes.remove(&node(number));
            scene.add(100 + number, &workers(), true, ago(30));
        }
        scene
    }

    pub(super) fn add(&mut self, number: u32, group: &NodeGroup, new: bool, created: Timestamp) -> NodeName {
        let name = node(number);
        let mut facts = facts(&name, number, group, new);
        if let (true, Known::Yes(enis)) = (new, &mut facts.enis) {
            (enis.secondary_ips, enis.prefixes) = (0, 2);
        }
        let view = NodeView {
            facts,
            ready: true,
            created,
            deleting: false,
            cordoned: false,
            ours: Ours {
                cordon: false,
                hold: self.begun && !new && *group == pool(),
                replaces: None,
            },
            kept_by_others: false,
            newest_revision: Some(new == self.live_is_to),
            drifted: (*group == pool()).then_some(!new),
            pods: Known::Yes((0..4).map(|index| pod(number, index)).collect()),
            proof: new.then_some(true),
        };
        self.nodes.insert(name.clone(), view);
        name
    }

    /// A node in work.
    pub(super) fn step(&mut self, number: u32, step: NodeStep, since: i64) -> &mut NodeView {
        let name = node(number);
        let view = self.nodes.get_mut(&name).unwrap();
        view.cordoned = step.takes_capacity();
        view.ours.cordon = view.cordoned;
        let record = Record {
            migration: NAME.to_owned(),
            step,
            since: ago(since),
            reason: None,
            instance: view.facts.instance.clone(),
            grow_to: Some(9),
        };
        self.records.insert(name, record);
        view
    }

    /// The plan as it was made and approved.
    pub(super) fn original_plan() -> MigrationPlan {
        Self::new().plan(false)
    }

    fn plan(&self, back: bool) -> MigrationPlan {
        let seen = Seen {
            nodes: self.nodes.values().map(|view| view.facts.clone()).collect(),
            subnets: Known::Yes(BTreeMap::from([(subnet(), subnet_facts())])),
            ..Seen::empty()
        };
        let original: Vec<(NodeGroup, Method)> = if self.begun {
            let planned = Self::original_plan();
            planned
                .groups
                .into_iter()
                .map(|plan| (plan.group, plan.method))
                .collect()
        } else {
            Vec::new()
        };
        let groups = [workers(), pool()];
        let groups: BTreeMap<_, _> = groups
            .map(|group| (group.clone(), self.group_facts(&group)))
            .into();
        let (from, to) = if back {
            (&self.to, &self.from)
        } else {
            (&self.from, &self.to)
        };
        let two = Share::Nodes(2);
        let settings = Settings {
            strategy: Strategy::Plan,
            budget: BudgetShare {
                unavailable: two,
                surge: two,
            },
            ..Settings::default()
        };
        plan(&PlanWorld {
            seen: &seen,
            from,
            to,
            review: &Review::default(),
            groups: &groups,
            settings: &settings,
            carrier: Carrier::DaemonSet {
                strategy_is_ours: true,
            },
            original: &original,
            now: NOW(),
        })
    }

    /// What the machine is given.
    pub(super) fn state(&self) -> State {
        let there = self.plan(false);
        State {
            name: NAME.to_owned(),
            change_hash: Self::original_plan().hash,
            back: (self.desired == Desired::RollBack).then(|| self.plan(true)),
            approval: self.approved.then(|| Approval {
                change_hash: there.hash.clone(),
                max_nodes: Some(12),
                not_after: None,
                by: ApprovedBy::Person("anna@example.com".to_owned()),
            }),
            plan: there,
            desired: self.desired,
            resumed: None,
            nodes: self.records.clone(),
            memory: self.memory.clone(),
        }
    }

    /// What is seen.
    pub(super) fn world(&self) -> World {
        let live = if self.live_is_to { &self.to } else { &self.from };
        let groups = [workers(), pool()];
        World {
            nodes: self.nodes.clone(),
            groups: groups
                .map(|group| (group.clone(), self.group_view(&group)))
                .into(),
            carrier: CarrierView {
                live: Known::Yes(live.clone()),
                shielded: Known::Yes(self.begun),
                shielded_by_us: self.begun,
            },
            subnets: BTreeMap::from([(subnet(), subnet_facts().blocks)]),
            pods_pending_long: 0,
            sandbox_failures: 0,
            window: self.window.clone(),
            aws_denied: None,
            ourselves: None,
        }
    }

    fn size(&self, group: &NodeGroup) -> Option<GroupSize> {
        let there = self
            .nodes
            .values()
            .filter(|view| view.facts.group == *group)
            .count();
        (*group == workers()).then(|| GroupSize {
            min: 2,
            max: 12,
            desired: u32::try_from(there).unwrap(),
        })
    }

    fn template(&self, group: &NodeGroup) -> Template {
        Template {
            max_pods: Known::Yes(Some(if self.live_is_to { 110 } else { 29 })),
            owned_by: None,
            nitro_only: Known::Yes(true),
            karpenter: (*group == pool()).then(|| KarpenterFacts {
                node_class: "batch".to_owned(),
                budgets: vec!["10%".to_owned()],
                allows_none: None,
                expire_after: Some(SignedDuration::from_hours(720)),
                termination_grace: None,
                does_not_drift: None,
                pool_owned_by: None,
                reserved_enis: Known::Yes(0),
            }),
        }
    }

    fn group_facts(&self, group: &NodeGroup) -> GroupFacts {
        GroupFacts {
            size: self.size(group),
            template: self.template(group),
            subnets: BTreeSet::from([subnet()]),
            paused: None,
            update_surge: None,
        }
    }

    fn group_view(&self, group: &NodeGroup) -> GroupView {
        let size = self.size(group);
        GroupView {
            size,
            instances: size.map(|size| size.desired),
            template: self.template(group),
            drift_annotation: None,
            suspended: self.begun && *group == workers(),
            frozen: false,
            minimum_lowered: false,
            update: Update::None,
            update_noted: false,
            newest_max_pods: None,
            trouble: None,
        }
    }
}

pub(super) fn node(number: u32) -> NodeName {
    NodeName::parse(&format!("ip-10-0-0-{number}.us-west-2.compute.internal")).unwrap()
}

fn subnet_facts() -> SubnetFacts {
    let used = (0..64_u32).map(|offset| std::net::Ipv4Addr::from(0x0a00_0000 + offset));
    SubnetFacts {
        id: subnet(),
        vpc: VpcId::parse("vpc-0a1b2c3d").unwrap(),
        zone: Zone::parse("us-west-2a").unwrap(),
        available: 900,
        blocks: BlockMap::of("10.0.0.0/22".parse().unwrap(), used, [], &[], 960),
        tags: BTreeMap::new(),
    }
}

fn facts(name: &NodeName, number: u32, group: &NodeGroup, new: bool) -> NodeFacts {
    let instance_type = InstanceType::parse("m5.large").unwrap();
    let zone = if number.is_multiple_of(2) {
        "us-west-2a"
    } else {
        "us-west-2b"
    };
    NodeFacts {
        name: name.clone(),
        os: Os::Linux,
        compute: Compute::Ec2,
        instance: Some(InstanceId::parse(&format!("i-0a1b2c3d4e{number:07x}")).unwrap()),
        limits: Known::Yes(limits::find(&instance_type).unwrap()),
        instance_type: Some(instance_type),
        zone: Some(Zone::parse(zone).unwrap()),
        group: group.clone(),
        mode: if new {
            NodeMode::Prefix
        } else {
            NodeMode::SecondaryIp
        },
        enis: Known::Yes(EniFacts {
            attached: 1,
            secondary_ips: 9,
            prefixes: 0,
            primary_subnet: Some(subnet()),
            ..EniFacts::default()
        }),
        pods: Known::Yes(NodePodFacts {
            pods: 4,
            ..NodePodFacts::default()
        }),
        max_pods: Some(if new { 110 } else { 29 }),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
    }
}

fn pod(node: u32, index: u32) -> PodView {
    PodView {
        namespace: "shop".to_owned(),
        name: format!("cart-{node}-{index}"),
        uid: format!("{node}-{index}"),
        kind: PodKind::Evictable,
        keeps: None,
        pdb: Some(Pdb {
            namespace: "shop".to_owned(),
            name: "cart".to_owned(),
            allowed: 2,
        }),
    }
}
