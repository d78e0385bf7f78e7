//! A node with a model of EC2 behind it: it carries plans out, at once or bit by bit, and complains when a plan passes
//! a limit, touches an interface twice, or gives away what pods hold.

use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use vpccni_core::assign::{
    Eni, Force, IpNet, Key, Mode, PodRef, Refusal, Request, Role, Rules, Stats, Store, transition,
};
use vpccni_core::config::{CniConfig, Effective, Key as Setting, Value};
use vpccni_core::ids::{EniId, SubnetId};
use vpccni_core::limits::InstanceLimits;
use vpccni_core::pool::{CardFacts, Creating, Pending, PoolAction, PoolWorld, Reason, Want, plan};
use vpccni_core::version::CniVersion;

pub(crate) fn effective(settings: &[(Setting, Value)]) -> Effective {
    let mut config = CniConfig::default();
    for (key, value) in settings {
        config.set(*key, value.clone());
    }
    Effective::of(&config, CniVersion::REFERENCE)
}

pub(crate) fn limits(max_enis: u32, ipv4_per_eni: u32) -> InstanceLimits {
    InstanceLimits {
        max_enis,
        ipv4_per_eni,
        prefix_delegation: true,
        nitro: true,
        bare_metal: false,
        trunk: Some(true),
        branches: None,
        vcpus: None,
    }
}

/// An interface as EC2 has it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attached {
    pub(crate) card: u32,
    pub(crate) blocks: BTreeSet<IpNet>,
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) store: Store,
    pub(crate) limits: InstanceLimits,
    pub(crate) effective: Effective,
    pub(crate) max_pods: u32,
    pub(crate) cordoned: bool,
    pub(crate) terminating: bool,
    pub(crate) last_shrink: Option<Timestamp>,
    pub(crate) full: BTreeMap<SubnetId, Timestamp>,
    pub(crate) pending: BTreeMap<EniId, Pending>,
    pub(crate) creating: Vec<Creating>,
    pub(crate) cards: BTreeMap<u32, CardFacts>,
    pub(crate) subnets: Vec<SubnetId>,
    pub(crate) budget: Option<u32>,
    /// Seconds since the node came up.
    pub(crate) clock: i64,
    pub(crate) ec2: BTreeMap<EniId, Attached>,
    /// Calls that EC2 got.
    pub(crate) calls: Vec<PoolAction>,
    in_flight: Vec<PoolAction>,
    given: u32,
    made: u32,
}

pub(crate) fn id(name: &str) -> EniId {
    EniId::parse(name).unwrap()
}

pub(crate) fn subnet(name: &str) -> SubnetId {
    SubnetId::parse(name).unwrap()
}

pub(crate) fn key(pod: u32) -> Key {
    Key {
        container: format!("c{pod}"),
        interface: "eth0".to_owned(),
        network: "aws-cni".to_owned(),
    }
}

impl Node {
    /// A node without interfaces, in the mode the settings ask for.
    pub(crate) fn bare(limits: InstanceLimits, effective: Effective) -> Self {
        let mode = vpccni_core::pool::wanted_mode(&effective, &limits);
        let rules = Rules {
            mode,
            skip_primary: effective.custom_networking(),
            cooldown: SignedDuration::from_secs(effective.ip_cooldown()),
        };
        Self {
            store: Store::new(rules),
            limits,
            effective,
            max_pods: 1_000_000,
            cordoned: false,
            terminating: false,
            last_shrink: None,
            full: BTreeMap::new(),
            pending: BTreeMap::new(),
            creating: Vec::new(),
            cards: BTreeMap::from([(0, CardFacts::default())]),
            subnets: vec![subnet("subnet-0")],
            budget: None,
            clock: 0,
            ec2: BTreeMap::new(),
            calls: Vec::new(),
            in_flight: Vec::new(),
            given: 0,
            made: 0,
        }
    }

    /// A node with its primary interface, which has no block yet.
    pub(crate) fn new(limits: InstanceLimits, effective: Effective) -> Self {
        let mut node = Self::bare(limits, effective);
        let primary = Role {
            primary: true,
            ..Role::default()
        };
        node.attach("eni-0", 0, primary);
        node
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + self.clock).unwrap()
    }

    /// Attaches an interface on the next device number of its card.
    pub(crate) fn attach(&mut self, name: &str, card: u32, role: Role) -> EniId {
        let now = self.now();
        let taken: BTreeSet<u32> = self.store.enis(card, now).iter().map(|v| v.eni.device).collect();
        let device = (0..100).find(|device| !taken.contains(device)).unwrap();
        self.attach_at(name, card, device, role)
    }

    fn attach_at(&mut self, name: &str, card: u32, device: u32, role: Role) -> EniId {
        let eni = Eni {
            id: id(name),
            card,
            device,
            role,
            subnet: Some(subnet("subnet-0")),
            added: self.now(),
        };
        self.store.add_eni(eni).unwrap();
        let attached = Attached {
            card,
            ..Attached::default()
        };
        self.ec2.insert(id(name), attached);
        id(name)
    }

    /// Gives an interface so many blocks, as EC2 would.
    pub(crate) fn fill(&mut self, eni: &EniId, want: Want, count: u32) {
        for _ in 0..count {
            self.given += 1;
            let number = self.given;
            let net = match want {
                Want::Addresses => IpNet::from(IpAddr::from(Ipv4Addr::from(0x0a00_0000 + number))),
                Want::Prefixes => format!("{}/28", Ipv4Addr::from(0x0b00_0000 + 16 * number))
                    .parse()
                    .unwrap(),
                Want::Ipv6Prefixes => format!("fd00:0:0:{number:x}::/80").parse().unwrap(),
            };
            let attached = self.ec2.get_mut(eni).unwrap();
            attached.blocks.insert(net);
            let most = self.limits.slots_per_eni() as usize;
            assert!(attached.blocks.len() <= most, "more than {most} blocks on {eni}");
            self.store.add_cidr(eni, net, self.now()).unwrap();
        }
    }

    pub(crate) fn plan(&self) -> Vec<PoolAction> {
        let world = PoolWorld {
            store: &self.store,
            limits: &self.limits,
            effective: &self.effective,
            max_pods: self.max_pods,
            cordoned: self.cordoned,
            terminating: self.terminating,
            last_shrink: self.last_shrink,
            full: &self.full,
            pending: &self.pending,
            creating: &self.creating,
            cards: &self.cards,
            subnets: &self.subnets,
            budget: self.budget,
        };
        plan(&world, self.now())
    }

    /// Begins an action: what goes away leaves the store now.
    pub(crate) fn start(&mut self, action: PoolAction) {
        let now = self.now();
        if let PoolAction::Assign { eni, .. }
        | PoolAction::Release { eni, .. }
        | PoolAction::DeleteEni { eni, .. } = &action
        {
            assert!(
                !self.pending.contains_key(eni),
                "{eni} is at work, and now: {action}"
            );
        }
        match &action {
            PoolAction::Assign { eni, count, .. } => {
                self.pending.insert(eni.clone(), Pending::Assign(*count));
            }
            PoolAction::Release { eni, cidrs, reason } => {
                let blocks = self.store.eni(eni, now).unwrap().blocks;
                for cidr in cidrs {
                    let block = blocks.iter().find(|block| block.net == *cidr).unwrap();
                    assert_eq!((block.held, block.cooling), (0, 0), "{action}");
                    self.store.remove_cidr(eni, *cidr, Force::No).unwrap();
                }
                if matches!(reason, Reason::High { .. }) {
                    self.last_shrink = Some(now);
                }
                let count = u32::try_from(cidrs.len()).unwrap();
                self.pending.insert(eni.clone(), Pending::Release(count));
            }
            PoolAction::CreateEni {
                card,
                device,
                want,
                count,
                ..
            } => {
                let (card, device, want, count) = (*card, *device, *want, *count);
                let taken = self.store.enis(card, now);
                assert!(taken.iter().all(|view| view.eni.device != device), "{action}");
                let new = Creating {
                    card,
                    device,
                    want,
                    count,
                };
                self.creating.push(new);
            }
            PoolAction::DeleteEni { eni, .. } => {
                let blocks = self.store.eni(eni, now).unwrap().blocks;
                assert!(blocks.iter().all(|block| block.cooling == 0), "{action}");
                self.store.remove_eni(eni, Force::No).unwrap();
                let card = self.ec2.get(eni).unwrap().card;
                self.pending.insert(eni.clone(), Pending::Delete { card });
            }
        }
        self.calls.push(action.clone());
        self.in_flight.push(action);
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Ends one of the actions under way; a call that fails does nothing.
    pub(crate) fn finish(&mut self, at: usize, works: bool) {
        let action = self.in_flight.remove(at);
        let now = self.now();
        if let PoolAction::Assign { eni, .. }
        | PoolAction::Release { eni, .. }
        | PoolAction::DeleteEni { eni, .. } = &action
        {
            self.pending.remove(eni);
        }
        match action {
            PoolAction::Assign { eni, want, count, .. } => {
                if works {
                    self.fill(&eni, want, count);
                }
            }
            PoolAction::Release { eni, cidrs, .. } => {
                for cidr in cidrs {
                    if works {
                        self.ec2.get_mut(&eni).unwrap().blocks.remove(&cidr);
                    } else {
                        self.store.add_cidr(&eni, cidr, now).unwrap();
                    }
                }
            }
            PoolAction::CreateEni {
                card,
                device,
                want,
                count,
                ..
            } => {
                let at = self
                    .creating
                    .iter()
                    .position(|c| (c.card, c.device) == (card, device));
                self.creating.remove(at.unwrap());
                if works {
                    self.made += 1;
                    let eni = self.attach_at(&format!("eni-n{}", self.made), card, device, Role::default());
                    self.fill(&eni, want, count);
                    self.check_attached(card);
                }
            }
            PoolAction::DeleteEni { eni, .. } => {
                if works {
                    self.ec2.remove(&eni);
                } else {
                    self.take_back(&eni);
                }
            }
        }
    }

    /// A delete that failed: the next reconcile finds the interface again.
    fn take_back(&mut self, eni: &EniId) {
        let attached = self.ec2.get(eni).unwrap().clone();
        let now = self.now();
        let mut taken: BTreeSet<u32> = self
            .store
            .enis(attached.card, now)
            .iter()
            .map(|view| view.eni.device)
            .collect();
        taken.extend(self.creating.iter().map(|new| new.device));
        let device = (0..100).find(|device| !taken.contains(device)).unwrap();
        self.attach_at(eni.as_str(), attached.card, device, Role::default());
        self.ec2.insert(eni.clone(), attached.clone());
        for cidr in attached.blocks {
            self.store.add_cidr(eni, cidr, now).unwrap();
        }
    }

    fn check_attached(&self, card: u32) {
        let unmanaged = self.cards.get(&card).map_or(0, |facts| facts.unmanaged) as usize;
        let attached = self.ec2.values().filter(|eni| eni.card == card).count();
        let most = self.effective.max_enis_on(&self.limits) as usize;
        assert!(attached + unmanaged <= most, "{attached} interfaces of {most}");
    }

    /// Carries plans out until there is nothing to do. Every pass takes longer than any gate.
    pub(crate) fn settle(&mut self) {
        let mut was_quiet = false;
        for _ in 0..200 {
            let actions = self.plan();
            if actions.is_empty() && was_quiet {
                return;
            }
            was_quiet = actions.is_empty();
            for action in actions {
                self.start(action);
            }
            while self.in_flight() > 0 {
                self.finish(0, true);
            }
            self.clock += 61;
        }
        panic!("it never settles: {:?}", self.plan());
    }

    pub(crate) fn add_pod(&mut self, pod: u32) -> Result<IpAddr, Refusal> {
        let request = Request::Add {
            key: key(pod),
            pod: Some(PodRef {
                namespace: "default".to_owned(),
                name: format!("pod-{pod}"),
            }),
            every_card: false,
        };
        let now = self.now();
        let given = transition(&mut self.store, request, now).reply?;
        Ok(given[0].address)
    }

    pub(crate) fn del_pod(&mut self, pod: u32) -> Result<IpAddr, Refusal> {
        let request = Request::Del { key: key(pod) };
        let now = self.now();
        let given = transition(&mut self.store, request, now).reply?;
        Ok(given[0].address)
    }

    pub(crate) fn stats(&self) -> Stats {
        self.store.stats(0, self.now())
    }

    pub(crate) fn mode(&self) -> Mode {
        self.store.rules().mode
    }
}
