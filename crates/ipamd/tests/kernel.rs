//! A kernel in memory: links of the interfaces that the sandbox has attached, links of pods, and the rules and routes
//! that were asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Mutex;
use vpccni_core::datapath::{Change, CleanUp, Desired, Link, LinkKind, MAIN_TABLE, Route, Rule};
use vpccni_core::ids::InstanceId;
use vpccni_core::ports::{Kernel, KernelError};
use vpccni_sandbox::WorldHandle;

#[derive(Debug)]
pub(crate) struct FakeKernel {
    world: WorldHandle,
    instance: InstanceId,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    pods: BTreeMap<String, u32>,
    rules: Vec<Rule>,
    routes: Vec<Route>,
    /// Rules of iptables of another agent.
    foreign: Vec<String>,
    forgotten: BTreeSet<IpAddr>,
}

impl FakeKernel {
    pub(crate) fn new(world: WorldHandle, instance: InstanceId) -> Self {
        Self {
            world,
            instance,
            state: Mutex::default(),
        }
    }

    /// What the plugin makes on the host for a pod.
    pub(crate) fn add_pod(&self, link: &str, address: &str) {
        let net = format!("{address}/32").parse().expect("a network");
        let mut state = self.state.lock().expect("a lock");
        if state.pods.contains_key(link) {
            return;
        }
        let index = 100 + u32::try_from(state.pods.len()).expect("a few");
        state.pods.insert(link.to_owned(), index);
        state
            .rules
            .push(Rule::to(net, vpccni_core::datapath::priority::TO_POD, MAIN_TABLE));
        state.routes.push(Route {
            table: MAIN_TABLE,
            to: net,
            via: None,
            device: link.to_owned(),
        });
    }

    /// A rule of another agent that does what is ours.
    pub(crate) fn leave(&self, rule: &str) {
        self.state.lock().expect("a lock").foreign.push(rule.to_owned());
    }

    pub(crate) fn left(&self) -> Vec<String> {
        self.state.lock().expect("a lock").foreign.clone()
    }

    /// Addresses whose connections were forgotten.
    pub(crate) fn forgotten(&self) -> BTreeSet<IpAddr> {
        self.state.lock().expect("a lock").forgotten.clone()
    }

    /// The link dies with the pod; its rules do not.
    pub(crate) fn kill_pod(&self, link: &str) {
        self.state.lock().expect("a lock").pods.remove(link);
    }

    /// What the plugin takes away for a pod on the host.
    pub(crate) fn forget_pod(&self, address: &str) {
        let net = format!("{address}/32").parse().expect("a network");
        let rule = Rule::to(net, vpccni_core::datapath::priority::TO_POD, MAIN_TABLE);
        let mut state = self.state.lock().expect("a lock");
        state.rules.retain(|seen| *seen != rule);
        state.routes.retain(|route| route.to != net);
    }

    pub(crate) fn all_rules(&self) -> Vec<Rule> {
        self.state.lock().expect("a lock").rules.clone()
    }

    fn link(name: &str, index: u32, mac: Option<&str>) -> Link {
        Link {
            name: name.to_owned(),
            index,
            mac: mac.map(|mac| mac.parse().expect("a MAC address")),
            mtu: 9001,
            up: true,
            kind: if mac.is_some() {
                LinkKind::Plain
            } else {
                LinkKind::Veth
            },
            peer: None,
        }
    }
}

impl Kernel for FakeKernel {
    fn links(&self) -> Result<Vec<Link>, KernelError> {
        let attached: Vec<(u32, u32, String)> = self.world.read(|world| {
            let Some(instance) = world.instances.get(&self.instance) else {
                return Vec::new();
            };
            let of = |((card, device), id): (&(u32, u32), _)| {
                let eni = world.interfaces.get(id)?;
                Some((*card, *device, eni.mac.clone()))
            };
            instance.interfaces.iter().filter_map(of).collect()
        });
        let mut links: Vec<Link> = attached
            .iter()
            .map(|(card, device, mac)| Self::link(&format!("eth{card}{device}"), 2 + device, Some(mac)))
            .collect();
        let state = self.state.lock().expect("a lock");
        links.extend(
            state
                .pods
                .iter()
                .map(|(name, index)| Self::link(name, *index, None)),
        );
        Ok(links)
    }

    fn routes(&self, table: u32) -> Result<Vec<Route>, KernelError> {
        let state = self.state.lock().expect("a lock");
        let routes = state.routes.iter().filter(|route| route.table == table);
        Ok(routes.cloned().collect())
    }

    fn rules(&self) -> Result<Vec<Rule>, KernelError> {
        Ok(self.all_rules())
    }

    fn plan(&self, _desired: &Desired) -> Result<Vec<Change>, KernelError> {
        Ok(Vec::new())
    }

    fn apply(&self, desired: &Desired) -> Result<Vec<Change>, KernelError> {
        let links = self.links()?;
        for wanted in &desired.links {
            if !links.iter().any(|link| link.name == wanted.name) {
                return Err(KernelError::NoLink {
                    name: wanted.name.clone(),
                });
            }
        }
        let mut state = self.state.lock().expect("a lock");
        state.rules.retain(|rule| !desired.absent_rules.contains(rule));
        state
            .routes
            .retain(|route| !desired.absent_routes.contains(route));
        for rule in &desired.rules {
            if !state.rules.contains(rule) {
                state.rules.push(rule.clone());
            }
        }
        for route in &desired.routes {
            if !state.routes.contains(route) {
                state.routes.push(route.clone());
            }
        }
        Ok(Vec::new())
    }

    fn take_over(&self) -> Result<Vec<String>, KernelError> {
        let mut state = self.state.lock().expect("a lock");
        if state.rules.is_empty() {
            return Err(KernelError::LeftBehind {
                reason: "ours is not there yet".to_owned(),
            });
        }
        Ok(std::mem::take(&mut state.foreign))
    }

    fn forget(&self, addresses: &BTreeSet<IpAddr>) -> Result<usize, KernelError> {
        self.state.lock().expect("a lock").forgotten.extend(addresses);
        Ok(addresses.len())
    }

    fn clean(&self, _how: CleanUp) -> Result<Vec<Change>, KernelError> {
        Ok(Vec::new())
    }
}
