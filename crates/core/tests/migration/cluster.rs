//! A small cluster with time: nodes, pods with their budgets, groups, and the target. What it does by itself is here and
//! in `providers`; what the machine asks for is in `effects`.

use jiff::{SignedDuration, Timestamp};
use std::cell::RefCell;
use std::collections::BTreeMap;
use vpccni_core::config::{Key, Value};
use vpccni_core::ids::NodeName;
use vpccni_core::migration::{Approval, Desired, Memory, Method, MigrationPlan, Record, Settings};
use vpccni_core::safety::{CniSetup, NodeGroup, Provider};
use vpccni_core::version::CniVersion;

pub(crate) const NAME: &str = "default-1";

/// splitmix64: the same sequence for the same seed, everywhere.
#[derive(Debug, Clone)]
pub(crate) struct Rng(pub u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    pub(crate) fn one_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(usize::try_from(self.below(of.len() as u64)).unwrap())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pod {
    pub app: usize,
    pub uid: u64,
    pub ends: Option<Timestamp>,
}

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub group: NodeGroup,
    pub zone: u64,
    pub instance: u64,
    pub created: Timestamp,
    /// None never becomes Ready.
    pub ready_at: Option<Timestamp>,
    pub dead: bool,
    /// Shutting down until then.
    pub gone_at: Option<Timestamp>,
    /// Tainted by Karpenter, with the node it made first.
    pub taken: bool,
    pub cordoned: bool,
    pub cordon_ours: bool,
    pub hold: bool,
    pub replaces: Option<NodeName>,
    /// Whether it runs what the migration goes to.
    pub new: bool,
    pub mixed: bool,
    pub max_pods: u32,
    pub made_from: String,
    pub record: Option<Record>,
    pub version: u64,
    pub pods: Vec<Pod>,
}

#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub desired: u32,
    pub min: u32,
    pub max: u32,
    pub max_pods: u32,
    pub annotation: Option<String>,
    pub suspended: bool,
    pub frozen: bool,
    pub lowered: bool,
    pub no_capacity: bool,
    /// AWS does not answer when it is asked for the size.
    pub unread: bool,
    /// New nodes never become Ready.
    pub broken: bool,
    /// Terminated without a replacement, and not made good yet.
    pub missing: u32,
}

#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    pub now: Timestamp,
    pub nodes: BTreeMap<NodeName, Node>,
    pub groups: BTreeMap<NodeGroup, Group>,
    /// By app: pods it should have, and whether its budget allows nothing.
    pub apps: Vec<(usize, bool)>,
    pub pending: Vec<usize>,
    pub from: CniSetup,
    pub to: CniSetup,
    pub live_is_to: bool,
    pub shield: bool,
    pub shield_ours: bool,
    pub shield_stolen: bool,
    pub template_stolen: bool,
    pub window_open: bool,
    pub aws_denied: bool,
    pub fragmented: bool,
    pub desired: Desired,
    pub resumed: Option<Timestamp>,
    pub approval: Option<Approval>,
    pub memory: Memory,
    pub memory_version: u64,
    pub settings: Settings,
    pub original: Vec<(NodeGroup, Method)>,
    pub back_original: RefCell<Vec<(NodeGroup, Method)>>,
    pub plans: RefCell<BTreeMap<bool, (Timestamp, MigrationPlan)>>,
    pub approved: Option<vpccni_core::migration::ChangeHash>,
    pub own_node: Option<NodeName>,
    pub serial: u64,
    pub log: Vec<String>,
    pub evicted: u32,
    /// The budget when it was largest: nodes that were taken then may still be out.
    pub most: u32,
    pub budgets: Vec<u32>,
    /// Nodes that the owners of groups with a size want, and those that were lost in the middle of being replaced: the
    /// group fills the place of each, and what was to take over from it comes as well.
    pub wanted: u32,
    pub lost: u32,
}

pub(crate) fn group(provider: Provider, name: &str) -> NodeGroup {
    NodeGroup {
        provider,
        name: name.to_owned(),
    }
}

pub(crate) fn asg() -> NodeGroup {
    group(Provider::AutoScalingGroup, "workers")
}

pub(crate) fn blue() -> NodeGroup {
    group(Provider::ManagedNodeGroup, "blue")
}

pub(crate) fn pool() -> NodeGroup {
    group(Provider::Karpenter, "default")
}

pub(crate) fn by_hand() -> NodeGroup {
    group(Provider::SelfManaged, "self-managed")
}

fn setup(prefix: bool) -> CniSetup {
    let mut setup = CniSetup::empty(CniVersion::REFERENCE);
    setup.config.set(Key::EnableIpv4, Value::Bool(true));
    setup.config.set(Key::WarmPrefixTarget, Value::Int(1));
    setup.config.set(Key::EnablePrefixDelegation, Value::Bool(prefix));
    setup
}

impl Cluster {
    /// Groups with so many nodes each; `growing` goes to prefixes, the other way is back.
    pub(crate) fn new(groups: &[(NodeGroup, u32)], growing: bool) -> Self {
        let mut cluster = Self {
            now: Timestamp::from_second(1_800_000_000).unwrap(),
            nodes: BTreeMap::new(),
            groups: BTreeMap::new(),
            apps: vec![(4, false), (3, false), (3, false)],
            pending: Vec::new(),
            from: setup(!growing),
            to: setup(growing),
            live_is_to: false,
            shield: false,
            shield_ours: false,
            shield_stolen: false,
            template_stolen: false,
            window_open: true,
            aws_denied: false,
            fragmented: false,
            desired: Desired::Run,
            resumed: None,
            approval: None,
            memory: Memory::default(),
            memory_version: 0,
            settings: Settings::default(),
            original: Vec::new(),
            back_original: RefCell::default(),
            plans: RefCell::default(),
            approved: None,
            own_node: None,
            serial: 0,
            log: Vec::new(),
            evicted: 0,
            most: 0,
            budgets: Vec::new(),
            wanted: 0,
            lost: 0,
        };
        cluster.populate(groups);
        cluster.wanted = cluster.sizes();
        cluster.pending = (0..cluster.apps.len())
            .flat_map(|app| vec![app; cluster.apps[app].0])
            .collect();
        cluster.schedule();
        cluster.now += SignedDuration::from_mins(60);
        cluster
    }

    fn populate(&mut self, groups: &[(NodeGroup, u32)]) {
        for (name, nodes) in groups {
            let group = Group {
                desired: *nodes,
                min: 0,
                max: nodes + 2,
                // Whoever makes nodes by hand never uses more.
                max_pods: if name.provider == Provider::SelfManaged {
                    29
                } else {
                    self.old_pods()
                },
                annotation: None,
                suspended: false,
                frozen: false,
                lowered: false,
                no_capacity: false,
                unread: false,
                broken: false,
                missing: 0,
            };
            self.groups.insert(name.clone(), group);
            for _ in 0..*nodes {
                let node = self.launch(name, SignedDuration::ZERO);
                self.nodes.get_mut(&node).unwrap().ready_at = Some(self.now);
            }
        }
    }

    pub(crate) fn is_prefix(&self, new: bool) -> bool {
        let setup = if new { &self.to } else { &self.from };
        setup.config.get(Key::EnablePrefixDelegation) == Some(&Value::Bool(true))
    }

    pub(crate) fn pods_for(&self, new: bool) -> u32 {
        if self.is_prefix(new) { 110 } else { 29 }
    }

    pub(crate) fn old_pods(&self) -> u32 {
        self.pods_for(false)
    }

    pub(crate) fn say(&mut self, what: impl Into<String>) {
        let line = format!("{} {}", self.now.strftime("%H:%M:%S"), what.into());
        self.log.push(line);
    }

    /// A new node from the template and the configuration as they are now.
    pub(crate) fn launch(&mut self, name: &NodeGroup, after: SignedDuration) -> NodeName {
        self.serial += 1;
        let group = &self.groups[name];
        let ready_at = (!group.broken).then(|| self.now + after);
        let node = Node {
            group: name.clone(),
            zone: self.serial % 3,
            instance: self.serial,
            created: self.now,
            ready_at,
            dead: false,
            gone_at: None,
            taken: false,
            cordoned: false,
            cordon_ours: false,
            hold: false,
            replaces: None,
            new: self.live_is_to,
            mixed: false,
            max_pods: group.max_pods,
            made_from: made_from(group),
            record: None,
            version: 0,
            pods: Vec::new(),
        };
        let node_name = NodeName::parse(&format!("n{:03}-{}", self.serial, name.name)).unwrap();
        self.nodes.insert(node_name.clone(), node);
        node_name
    }

    pub(crate) fn is_ready(&self, node: &Node) -> bool {
        !node.dead && node.ready_at.is_some_and(|at| at <= self.now)
    }

    /// An ended instance: its kubelet is silent for a while before its node is removed.
    pub(crate) fn is_silent(&self, node: &Node) -> bool {
        let until = self.now + SignedDuration::from_secs(50);
        node.gone_at.is_some_and(|at| until >= at)
    }

    /// One step of time: everything that happens by itself.
    pub(crate) fn tick(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
        let now = self
            .settings
            .budget
            .unavailable
            .of(u32::try_from(self.nodes.len()).unwrap());
        self.budgets.push(now);
        self.most = self.budgets.iter().rev().take(30).copied().max().unwrap_or(now);
        self.end_pods();
        self.end_nodes();
        self.providers();
        self.roll_out();
        self.schedule();
    }

    /// EC2 ended the instance; the node object stays for a while, and only sometimes says that it goes.
    pub(crate) fn ends(&mut self, name: &NodeName, after: i64) {
        let at = self.now + SignedDuration::from_secs(after);
        let Some(node) = self.nodes.get_mut(name).filter(|node| node.gone_at.is_none()) else {
            return;
        };
        node.gone_at = Some(at);
        let asks = |record: &Record| record.grow_to.is_some();
        self.lost += u32::from(node.record.as_ref().is_some_and(asks));
    }

    /// The sizes of all groups that have one.
    pub(crate) fn sizes(&self) -> u32 {
        let sized = |(name, group): (&NodeGroup, &Group)| match name.provider {
            Provider::AutoScalingGroup | Provider::ManagedNodeGroup => group.desired,
            Provider::Karpenter | Provider::SelfManaged => 0,
        };
        self.groups.iter().map(sized).sum()
    }

    fn end_nodes(&mut self) {
        let now = self.now;
        let gone: Vec<NodeName> = self
            .nodes
            .iter()
            .filter(|(_, node)| node.gone_at.is_some_and(|at| at <= now))
            .map(|(name, _)| name.clone())
            .collect();
        for name in gone {
            let node = self.nodes.remove(&name).unwrap();
            self.pending.extend(node.pods.iter().map(|pod| pod.app));
            self.say(format!("{name} is gone"));
        }
    }

    /// Without a shield the DaemonSet brings its newest configuration to old nodes, one at a time.
    fn roll_out(&mut self) {
        if self.shield {
            return;
        }
        let live = self.live_is_to;
        let behind = self
            .nodes
            .iter()
            .find(|(_, node)| node.new != live && !node.mixed && node.gone_at.is_none());
        if let Some((name, _)) = behind {
            let name = name.clone();
            assert!(self.shield_stolen, "{name} gets the other configuration in place");
            self.nodes.get_mut(&name).unwrap().mixed = true;
            self.say(format!("{name} is mixed"));
        }
    }
}

/// The part of a template by which Karpenter tells drift.
pub(crate) fn made_from(group: &Group) -> String {
    format!("{} {:?}", group.max_pods, group.annotation)
}
