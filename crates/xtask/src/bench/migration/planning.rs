//! The time of one plan and of one round, and the size of the object, in pure memory.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use vpccni_api::CniMigration;
use vpccni_api::convert::migration::{StatusInput, change, migration_status};
use vpccni_api::migration::CniMigrationSpec;
use vpccni_core::capacity::BlockMap;
use vpccni_core::config::{Key, Value};
use vpccni_core::ids::{InstanceId, InstanceType, NodeName, SubnetId, VpcId, Zone};
use vpccni_core::known::Known;
use vpccni_core::limits;
use vpccni_core::migration::{
    Approval, ApprovedBy, Baseline, Carrier, CarrierView, Desired, GroupFacts, GroupSize, GroupView, Memory,
    MigrationPlan, NodeStep, NodeView, Ours, Pdb, PlanWorld, PodKind, PodView, Record, Settings, State,
    Switched, Template, Update, WindowView, World, next, plan,
};
use vpccni_core::safety::{
    CniSetup, Compute, EniFacts, NodeFacts, NodeGroup, NodeMode, NodePodFacts, Os, Provider, SubnetFacts,
    World as Seen, review,
};
use vpccni_core::version::CniVersion;

/// Rounds of which the median counts.
const ROUNDS: usize = 7;

/// Nodes of a subnet: a /20 carries so many with room for their prefixes.
const NODES_OF_SUBNET: usize = 80;

/// Pods of a node.
const PODS: u32 = 10;

const NAME: &str = "default-00000000";

/// What was measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figures {
    pub(super) plan: Duration,
    pub(super) round: Duration,
    pub(super) bytes: usize,
}

/// A cluster that was never anywhere.
struct Scene {
    seen: Seen,
    from: CniSetup,
    to: CniSetup,
    groups: BTreeMap<NodeGroup, GroupFacts>,
    settings: Settings,
    now: Timestamp,
}

/// Plans `nodes` nodes in `groups` Auto Scaling groups, and makes one round in mid-flight: a tenth of the nodes is being
/// emptied, and a budget keeps every one of their pods.
pub(super) fn measure(nodes: usize, groups: usize) -> Option<Figures> {
    let scene = Scene::new(nodes, groups)?;
    let planned = scene.plan();
    let (state, world) = (scene.state(&planned)?, scene.world());
    let decided = next(&state, &world, scene.now);
    let mut object = CniMigration::new(
        NAME,
        CniMigrationSpec {
            policy: "default".to_owned(),
            change_hash: planned.hash.to_string(),
            change: change(&planned, &scene.from, &scene.to),
            desired_state: None,
            approval: None,
            resumed_at: None,
        },
    );
    object.status = Some(migration_status(StatusInput {
        generation: Some(1),
        plan: &planned,
        next: &decided,
        failures: vec!["x".repeat(1024); 20],
        conditions: Vec::new(),
    }));
    Some(Figures {
        plan: median(|| drop(std::hint::black_box(scene.plan()))),
        round: median(|| drop(std::hint::black_box(next(&state, &world, scene.now)))),
        bytes: serde_json::to_vec(&object).ok()?.len(),
    })
}

fn median(work: impl Fn()) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            work();
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    times.get(ROUNDS / 2).copied().unwrap_or_default()
}

fn setup(prefix: bool) -> CniSetup {
    let mut setup = CniSetup::empty(CniVersion::REFERENCE);
    setup.config.set(Key::EnableIpv4, Value::Bool(true));
    setup.config.set(Key::WarmPrefixTarget, Value::Int(1));
    setup.config.set(Key::EnablePrefixDelegation, Value::Bool(prefix));
    setup
}

fn group(number: usize) -> NodeGroup {
    NodeGroup {
        provider: Provider::AutoScalingGroup,
        name: format!("eks-workers-general-purpose-{number:03}"),
    }
}

impl Scene {
    fn new(nodes: usize, groups: usize) -> Option<Self> {
        let subnets = nodes.div_ceil(NODES_OF_SUBNET);
        let mut seen = Seen::empty();
        let facts = (0..nodes).map(|number| facts(number, groups, subnets));
        seen.nodes = facts.collect::<Option<Vec<_>>>()?;
        let maps = (0..subnets).map(subnet).collect::<Option<Vec<_>>>()?;
        seen.subnets = Known::Yes(maps.into_iter().map(|facts| (facts.id.clone(), facts)).collect());
        let of_group = |number: usize| {
            let count = seen
                .nodes
                .iter()
                .filter(|node| node.group == group(number))
                .count();
            (
                group(number),
                group_facts(u32::try_from(count).unwrap_or(u32::MAX)),
            )
        };
        Some(Self {
            groups: (0..groups).map(of_group).collect(),
            seen,
            from: setup(false),
            to: setup(true),
            settings: Settings::default(),
            now: Timestamp::from_second(1_800_000_000).ok()?,
        })
    }

    fn plan(&self) -> MigrationPlan {
        plan(&PlanWorld {
            seen: &self.seen,
            from: &self.from,
            to: &self.to,
            review: &review(&self.from, &self.to, &self.seen),
            groups: &self.groups,
            settings: &self.settings,
            carrier: Carrier::DaemonSet {
                strategy_is_ours: true,
            },
            original: &[],
            now: self.now,
        })
    }

    fn state(&self, planned: &MigrationPlan) -> Option<State> {
        let tenth = self.seen.nodes.iter().step_by(10);
        let record = |node: &NodeFacts| Record {
            migration: NAME.to_owned(),
            step: NodeStep::Draining,
            since: self.now - SignedDuration::from_mins(5),
            reason: None,
            instance: node.instance.clone(),
            grow_to: Some(1),
        };
        Some(State {
            name: NAME.to_owned(),
            plan: planned.clone(),
            back: None,
            desired: Desired::Run,
            resumed: None,
            approval: Some(Approval {
                change_hash: planned.hash.clone(),
                max_nodes: None,
                not_after: None,
                by: ApprovedBy::Policy,
            }),
            change_hash: planned.hash.clone(),
            nodes: tenth.map(|node| (node.name.clone(), record(node))).collect(),
            memory: Memory {
                started: Some(self.now - SignedDuration::from_mins(9)),
                switched: vec![Switched {
                    to: planned.stages.first()?.to_id.clone(),
                    at: self.now - SignedDuration::from_mins(8),
                }],
                templates_done: self.groups.keys().cloned().collect(),
                canaries_passed: true,
                baseline: Some(Baseline {
                    pods_pending_long: 0,
                    at: self.now,
                }),
                shield_seen: true,
                ..Memory::default()
            },
        })
    }

    fn world(&self) -> World {
        let nodes = self.seen.nodes.iter().enumerate();
        World {
            nodes: nodes
                .map(|(number, node)| (node.name.clone(), view(number, node)))
                .collect(),
            groups: self
                .groups
                .iter()
                .map(|(group, facts)| (group.clone(), group_view(facts)))
                .collect(),
            carrier: CarrierView {
                live: Known::Yes(self.to.clone()),
                shielded: Known::Yes(true),
                shielded_by_us: true,
            },
            subnets: BTreeMap::new(),
            pods_pending_long: 0,
            sandbox_failures: 0,
            window: WindowView {
                open: true,
                text: "now".to_owned(),
            },
            aws_denied: None,
            ourselves: None,
        }
    }
}

fn subnet_id(number: usize) -> Option<SubnetId> {
    SubnetId::parse(&format!("subnet-0a1b2c3d4e5f{number:05x}")).ok()
}

fn subnet(number: usize) -> Option<SubnetFacts> {
    let first = 0x0a00_0000 + u32::try_from(number).ok()? * 4096;
    let held = u32::try_from(NODES_OF_SUBNET).ok()? * 10;
    let used = (0..held).map(|offset| Ipv4Addr::from(first + offset));
    let cidr = format!("{}/20", Ipv4Addr::from(first)).parse().ok()?;
    Some(SubnetFacts {
        id: subnet_id(number)?,
        vpc: VpcId::parse("vpc-0a1b2c3d").ok()?,
        zone: Zone::parse("us-west-2a").ok()?,
        available: 4091 - held,
        blocks: BlockMap::of(cidr, used, [], &[], 4091 - held),
        tags: BTreeMap::new(),
    })
}

fn facts(number: usize, groups: usize, subnets: usize) -> Option<NodeFacts> {
    let instance_type = InstanceType::parse("m5.large").ok()?;
    let (third, fourth) = (number / 250, number % 250);
    Some(NodeFacts {
        name: NodeName::parse(&format!("ip-10-0-{third}-{fourth}.us-west-2.compute.internal")).ok()?,
        os: Os::Linux,
        compute: Compute::Ec2,
        instance: InstanceId::parse(&format!("i-{number:017x}")).ok(),
        limits: limits::find(&instance_type).map_or_else(|| Known::not_read("m5.large"), Known::Yes),
        instance_type: Some(instance_type),
        zone: Zone::parse("us-west-2a").ok(),
        group: group(number % groups),
        mode: NodeMode::SecondaryIp,
        enis: Known::Yes(EniFacts {
            attached: 1,
            secondary_ips: 9,
            primary_subnet: subnet_id(number % subnets),
            ..EniFacts::default()
        }),
        pods: Known::Yes(NodePodFacts {
            pods: PODS,
            ..NodePodFacts::default()
        }),
        max_pods: Some(29),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
    })
}

fn template() -> Template {
    Template {
        max_pods: Known::Yes(Some(110)),
        owned_by: None,
        nitro_only: Known::Yes(true),
        karpenter: None,
    }
}

fn group_facts(nodes: u32) -> GroupFacts {
    GroupFacts {
        size: Some(GroupSize {
            min: 0,
            max: nodes * 2,
            desired: nodes,
        }),
        template: template(),
        subnets: BTreeSet::new(),
        paused: None,
        update_surge: None,
    }
}

fn group_view(facts: &GroupFacts) -> GroupView {
    GroupView {
        size: facts.size,
        instances: facts.size.map(|size| size.desired),
        template: template(),
        drift_annotation: None,
        suspended: true,
        frozen: false,
        minimum_lowered: false,
        newest_max_pods: None,
        update_noted: false,
        update: Update::None,
        trouble: None,
    }
}

fn view(number: usize, node: &NodeFacts) -> NodeView {
    let in_work = number.is_multiple_of(10);
    let pod = |index: u32| PodView {
        namespace: "shop".to_owned(),
        name: format!("cart-5d8f6b7c9-{number:05}-{index}"),
        uid: format!("{number}-{index}"),
        kind: PodKind::Evictable,
        keeps: None,
        pdb: Some(Pdb {
            namespace: "shop".to_owned(),
            name: "cart".to_owned(),
            allowed: 0,
        }),
    };
    NodeView {
        facts: node.clone(),
        ready: true,
        created: Timestamp::UNIX_EPOCH,
        deleting: false,
        cordoned: in_work,
        ours: Ours {
            cordon: in_work,
            hold: false,
            replaces: None,
        },
        newest_revision: Some(false),
        drifted: None,
        kept_by_others: false,
        pods: Known::Yes((0..PODS).map(pod).collect()),
        proof: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_does_not_grow_with_the_cluster() {
        let small = measure(2000, 20).unwrap();
        let large = measure(4000, 20).unwrap();
        assert!(
            large.bytes < small.bytes + 512,
            "{} and {}",
            small.bytes,
            large.bytes
        );
        assert!(
            large.bytes > 20 * 1024,
            "the failures alone are that long: {}",
            large.bytes
        );
    }
}
