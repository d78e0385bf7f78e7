//! The cluster as the machine sees it: state and world rebuilt from the objects, the plan made anew.

use super::cluster::{Cluster, NAME, Node, asg, blue};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use vpccni_core::capacity::BlockMap;
use vpccni_core::ids::{InstanceId, InstanceType, NodeName, SubnetId, VpcId, Zone};
use vpccni_core::known::Known;
use vpccni_core::limits;
use vpccni_core::migration::{
    Carrier, CarrierView, Desired, GroupFacts, GroupSize, GroupView, KarpenterFacts, MigrationPlan, NodeView,
    Ours, Ourselves, Pdb, PlanWorld, PodKind, PodView, State, Template, Update, WindowView, World, plan,
};
use vpccni_core::safety::{
    self, Compute, EniFacts, NodeFacts, NodeGroup, NodeMode, NodePodFacts, Os, Provider, Review, SubnetFacts,
};

pub(crate) fn subnet() -> SubnetId {
    SubnetId::parse("subnet-a").unwrap()
}

pub(crate) fn instance(number: u64) -> InstanceId {
    InstanceId::parse(&format!("i-{number}")).unwrap()
}

impl Cluster {
    /// What the machine is given. The plan is made anew each time, as after a restart.
    pub(crate) fn observe(&self) -> (State, World) {
        let forward = self.cached(false);
        let state = State {
            name: NAME.to_owned(),
            change_hash: self.approved.clone().unwrap_or_else(|| forward.hash.clone()),
            back: (self.desired == Desired::RollBack || self.memory.going_back).then(|| self.cached(true)),
            plan: forward,
            desired: self.desired,
            resumed: self.resumed,
            approval: self.approval.clone(),
            nodes: self
                .nodes
                .iter()
                .filter_map(|(name, node)| Some((name.clone(), node.record.clone()?)))
                .collect(),
            memory: self.memory.clone(),
        };
        (state, self.world())
    }

    /// Plans are made anew now and then only: each takes longer than a round.
    fn cached(&self, back: bool) -> MigrationPlan {
        let mut plans = self.plans.borrow_mut();
        let (made, plan) = plans.entry(back).or_insert_with(|| (self.now, self.plan(back)));
        if self.now.duration_since(*made).as_secs() >= 120 {
            (*made, *plan) = (self.now, self.plan(back));
        }
        if back && self.back_original.borrow().is_empty() {
            let groups = plan
                .groups
                .iter()
                .map(|plan| (plan.group.clone(), plan.method.clone()));
            *self.back_original.borrow_mut() = groups.collect();
        }
        plan.clone()
    }

    pub(crate) fn plan(&self, back: bool) -> MigrationPlan {
        let seen = safety::World {
            nodes: self
                .nodes
                .iter()
                .map(|(name, node)| self.facts(name, node))
                .collect(),
            subnets: Known::Yes(BTreeMap::from([(
                subnet(),
                SubnetFacts {
                    id: subnet(),
                    vpc: VpcId::parse("vpc-0").unwrap(),
                    zone: Zone::parse("zone-0").unwrap(),
                    available: 0,
                    blocks: self.blocks(),
                    tags: BTreeMap::new(),
                },
            )])),
            ..safety::World::empty()
        };
        let groups: BTreeMap<NodeGroup, GroupFacts> = self
            .groups
            .keys()
            .map(|name| (name.clone(), self.group_facts(name)))
            .collect();
        let back_original = self.back_original.borrow().clone();
        let (from, to) = if back {
            (&self.to, &self.from)
        } else {
            (&self.from, &self.to)
        };
        plan(&PlanWorld {
            seen: &seen,
            from,
            to,
            review: &Review::default(),
            groups: &groups,
            settings: &self.settings,
            carrier: Carrier::DaemonSet {
                strategy_is_ours: true,
            },
            original: if back { &back_original } else { &self.original },
            now: self.now,
        })
    }

    fn blocks(&self) -> Known<BlockMap> {
        let every = if self.fragmented { 16 } else { 1 << 16 };
        let used = (0..1_u32 << 10)
            .step_by(every)
            .map(|offset| std::net::Ipv4Addr::from(0x0a00_0000 + offset));
        BlockMap::of("10.0.0.0/22".parse().unwrap(), used, [], &[], 1 << 10)
    }

    pub(crate) fn world(&self) -> World {
        let live = if self.live_is_to { &self.to } else { &self.from };
        World {
            nodes: self
                .nodes
                .iter()
                .map(|(name, node)| (name.clone(), self.view(name, node)))
                .collect(),
            groups: self
                .groups
                .keys()
                .map(|name| (name.clone(), self.group_view(name)))
                .collect(),
            carrier: CarrierView {
                live: Known::Yes(live.clone()),
                shielded: Known::Yes(self.shield),
                shielded_by_us: self.shield && self.shield_ours,
            },
            subnets: BTreeMap::from([(subnet(), self.blocks())]),
            pods_pending_long: 0,
            sandbox_failures: 0,
            window: WindowView {
                open: self.window_open,
                text: "it opens tomorrow".to_owned(),
            },
            aws_denied: self
                .aws_denied
                .then(|| "autoscaling:SetDesiredCapacity".to_owned()),
            ourselves: self
                .own_node
                .clone()
                .map(|node| Ourselves { node, standby: true }),
        }
    }

    fn template(&self, name: &NodeGroup) -> Template {
        let group = &self.groups[name];
        Template {
            max_pods: Known::Yes(Some(group.max_pods)),
            owned_by: None,
            nitro_only: Known::Yes(true),
            karpenter: (name.provider == Provider::Karpenter).then(|| KarpenterFacts {
                node_class: "default".to_owned(),
                budgets: Vec::new(),
                allows_none: None,
                expire_after: None,
                termination_grace: None,
                does_not_drift: None,
                pool_owned_by: None,
                reserved_enis: Known::Yes(0),
            }),
        }
    }

    fn size(&self, name: &NodeGroup) -> Option<GroupSize> {
        let group = &self.groups[name];
        matches!(
            name.provider,
            Provider::AutoScalingGroup | Provider::ManagedNodeGroup
        )
        .then_some(GroupSize {
            min: group.min,
            max: group.max,
            desired: group.desired,
        })
    }

    fn group_facts(&self, name: &NodeGroup) -> GroupFacts {
        GroupFacts {
            size: self.size(name),
            template: self.template(name),
            subnets: BTreeSet::from([subnet()]),
            paused: None,
            update_surge: None,
        }
    }

    fn group_view(&self, name: &NodeGroup) -> GroupView {
        let group = &self.groups[name];
        GroupView {
            size: self.size(name).filter(|_| !group.unread),
            instances: Some(self.members(name)),
            template: self.template(name),
            drift_annotation: group.annotation.clone(),
            suspended: group.suspended,
            frozen: group.frozen,
            minimum_lowered: group.lowered,
            update: Update::None,
            update_noted: false,
            newest_max_pods: None,
            trouble: group.no_capacity.then(|| "there is no capacity".to_owned()),
        }
    }

    pub(crate) fn mode(&self, node: &Node) -> NodeMode {
        match (node.mixed, self.is_prefix(node.new)) {
            (true, _) => NodeMode::Mixed,
            (false, true) => NodeMode::Prefix,
            (false, false) => NodeMode::SecondaryIp,
        }
    }

    fn facts(&self, name: &NodeName, node: &Node) -> NodeFacts {
        let instance_type = InstanceType::parse("m5.large").unwrap();
        let mode = self.mode(node);
        NodeFacts {
            name: name.clone(),
            os: Os::Linux,
            compute: Compute::Ec2,
            instance: Some(instance(node.instance)),
            limits: Known::Yes(limits::find(&instance_type).unwrap()),
            instance_type: Some(instance_type),
            zone: Some(Zone::parse(&format!("zone-{}", node.zone)).unwrap()),
            group: node.group.clone(),
            mode,
            enis: Known::Yes(EniFacts {
                attached: 1,
                secondary_ips: if mode == NodeMode::Prefix { 0 } else { 9 },
                prefixes: u32::from(mode != NodeMode::SecondaryIp),
                primary_subnet: Some(subnet()),
                ..EniFacts::default()
            }),
            pods: Known::Yes(NodePodFacts {
                pods: u32::try_from(node.pods.len()).unwrap(),
                ..NodePodFacts::default()
            }),
            max_pods: Some(node.max_pods),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
        }
    }

    fn view(&self, name: &NodeName, node: &Node) -> NodeView {
        let created: Timestamp = node.created;
        NodeView {
            facts: self.facts(name, node),
            ready: self.is_ready(node) && !self.is_silent(node),
            created,
            deleting: node.gone_at.is_some() && node.instance.is_multiple_of(2) || node.taken,
            cordoned: node.cordoned,
            ours: Ours {
                cordon: node.cordoned && node.cordon_ours,
                hold: node.hold,
                replaces: node.replaces.clone(),
            },
            kept_by_others: false,
            drifted: (node.group.provider == Provider::Karpenter)
                .then(|| node.made_from != super::cluster::made_from(&self.groups[&node.group])),
            newest_revision: Some(node.mixed || node.new == self.live_is_to),
            pods: Known::Yes(node.pods.iter().map(|pod| self.pod(pod)).collect()),
            proof: None,
        }
    }

    fn pod(&self, pod: &super::cluster::Pod) -> PodView {
        PodView {
            namespace: "shop".to_owned(),
            name: format!("app-{}-{}", pod.app, pod.uid),
            uid: pod.uid.to_string(),
            kind: if pod.ends.is_some() {
                PodKind::Terminating
            } else {
                PodKind::Evictable
            },
            keeps: None,
            pdb: Some(Pdb {
                namespace: "shop".to_owned(),
                name: format!("app-{}", pod.app),
                allowed: self.allowed(pod.app),
            }),
        }
    }

    /// The plan is written down and approved, as it is now.
    pub(crate) fn approve(&mut self) {
        let plan = self.plan(false);
        assert_eq!(plan.obstacles, []);
        self.original = plan
            .groups
            .iter()
            .map(|plan| (plan.group.clone(), plan.method.clone()))
            .collect();
        self.approval = Some(vpccni_core::migration::Approval {
            change_hash: plan.hash.clone(),
            max_nodes: None,
            not_after: None,
            by: vpccni_core::migration::ApprovedBy::Policy,
        });
        self.approved = Some(plan.hash);
    }

    /// Groups of the usual scene.
    pub(crate) fn usual() -> Vec<(NodeGroup, u32)> {
        vec![
            (asg(), 5),
            (blue(), 3),
            (super::cluster::pool(), 4),
            (super::cluster::by_hand(), 2),
        ]
    }
}
