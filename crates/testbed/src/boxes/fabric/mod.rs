//! The network of a VPC: one network namespace that every interface of the machines is plugged into.
//!
//! It follows the sandbox: an interface that is attached there appears in its machine as a link with its MAC, and every
//! address and prefix is routed to the interface that holds it. It knows nothing of pods, nodes or the product: what
//! it counts is a witness of its own.

mod apply;
mod plan;
mod rules;
mod witness;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::{Ipv4Net, Ipv6Net};
use tokio::task::JoinSet;
use vpccni_core::ids::{EniId, InstanceId};
use vpccni_sandbox::{Sandbox, WorldHandle};

use super::error::BoxError;
use super::forward::Forwarder;
use super::space::{self, Space};
use apply::Batch;
use plan::{Port, PortName};

pub use plan::public;
pub use rules::{Egress, NAT_ADDRESS};
pub use witness::Flow;

/// The host on the internet.
pub const INTERNET: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
/// The same by IPv6.
pub const INTERNET6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1);

/// What is to be set up inside a machine: the process that holds its namespaces, and lines for `ip -batch`.
type Inside = (u32, String);

/// The fabric of one VPC with its internet.
#[derive(Debug)]
pub struct Fabric {
    inner: Arc<Inner>,
    // Ends before the namespaces do.
    _follower: JoinSet<()>,
}

#[derive(Debug)]
struct Inner {
    space: Space,
    internet: Space,
    world: WorldHandle,
    state: Mutex<State>,
}

/// A machine that is on.
#[derive(Debug)]
struct Machine {
    pid: u32,
    metadata: Ipv4Addr,
}

#[derive(Debug, Default)]
struct State {
    machines: BTreeMap<InstanceId, Machine>,
    plugged: BTreeMap<EniId, (PortName, Port)>,
    /// Every port there ever was: counters outlive their ports.
    names: BTreeMap<String, EniId>,
    blocks4: BTreeSet<Ipv4Net>,
    blocks6: BTreeSet<Ipv6Net>,
    next_port: u32,
    next_metadata: u32,
}

/// A machine in the fabric; it is unplugged when this is dropped.
#[derive(Debug)]
pub(super) struct Socket {
    inner: Arc<Inner>,
    instance: InstanceId,
    _metadata: Forwarder,
}

impl Fabric {
    /// Makes it empty, and lets it follow the sandbox.
    pub fn start(sandbox: &Sandbox, egress: Egress) -> Result<Self, BoxError> {
        let space = Space::new("")?;
        let internet = Space::new("")?;
        set_up(&space, &internet, egress)?;
        let inner = Arc::new(Inner {
            space,
            internet,
            world: sandbox.world(),
            state: Mutex::default(),
        });
        inner.reconcile()?;
        let mut follower = JoinSet::new();
        follower.spawn(follow(Arc::clone(&inner)));
        Ok(Self {
            inner,
            _follower: follower,
        })
    }

    /// The host on the internet, reached at `INTERNET`.
    pub fn internet(&self) -> &Space {
        &self.inner.internet
    }

    /// The namespace of the fabric itself.
    pub fn space(&self) -> &Space {
        &self.inner.space
    }

    /// Makes it as the sandbox is at this moment; it follows by itself, a few milliseconds later.
    pub fn sync(&self) -> Result<(), BoxError> {
        self.inner.reconcile()
    }

    /// Plugs a machine in with everything attached to its instance.
    pub(super) async fn plug(
        &self,
        instance: &InstanceId,
        machine: &Space,
        imds: SocketAddr,
    ) -> Result<Socket, BoxError> {
        let metadata = {
            let mut state = self.inner.state();
            state.next_metadata += 1;
            // 169.254.192.0/19: four thousand machines.
            Ipv4Addr::from(u32::from(Ipv4Addr::new(169, 254, 192, 0)) + state.next_metadata)
        };
        let address = format!("addr replace {metadata}/32 dev lo\n");
        self.inner.space.tool("ip", &["-batch", "-"], &address)?;
        let forwarder = Forwarder::start(&self.inner.space, SocketAddr::new(metadata.into(), 80), imds)?;
        let pid = machine.pid();
        let on = Machine { pid, metadata };
        self.inner.state().machines.insert(instance.clone(), on);
        let socket = Socket {
            inner: Arc::clone(&self.inner),
            instance: instance.clone(),
            _metadata: forwarder,
        };
        let inner = Arc::clone(&self.inner);
        let plugged = tokio::task::spawn_blocking(move || inner.reconcile()).await;
        plugged.map_err(|error| BoxError::Kernel {
            step: "plug a machine in".to_owned(),
            source: error.into(),
        })??;
        Ok(socket)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.inner.state().machines.remove(&self.instance);
        if let Err(error) = self.inner.reconcile() {
            tracing::warn!(%error, instance = %self.instance, "a machine could not be unplugged");
        }
    }
}

/// Follows the sandbox until it is dropped.
async fn follow(inner: Arc<Inner>) {
    let mut seen = 0;
    loop {
        inner.world.wait_for_event_after(seen).await;
        seen = inner.world.read(vpccni_sandbox::world::World::last_event);
        let turn = Arc::clone(&inner);
        match tokio::task::spawn_blocking(move || turn.reconcile()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the fabric does not follow the sandbox"),
            Err(error) => tracing::error!(%error, "the fabric does not follow the sandbox"),
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the fabric as the sandbox is now. What leaves goes first: an address may have moved.
    fn reconcile(&self) -> Result<(), BoxError> {
        let mut state = self.state();
        let machines = state.machines.iter();
        let machines = machines
            .map(|(id, machine)| (id.clone(), machine.metadata))
            .collect();
        let (ports, (blocks4, blocks6)) = self
            .world
            .read(|world| (plan::ports(world, &machines), plan::blocks(world)));
        let mut batch = Batch::default();
        for net in blocks4.difference(&state.blocks4) {
            batch.block4(*net);
        }
        for net in blocks6.difference(&state.blocks6) {
            batch.block6(*net);
        }
        (state.blocks4, state.blocks6) = (blocks4, blocks6);
        take_away(&mut state, &ports, &mut batch);
        let (inside, mut results) = self.change(&mut state, ports, &mut batch);
        // Each is done whatever came of the others; what failed is told.
        if !batch.ip.is_empty() {
            results.push(
                self.space
                    .tool("ip", &["-force", "-batch", "-"], &batch.ip)
                    .map(drop),
            );
        }
        if !batch.nft.is_empty() {
            results.push(self.space.tool("nft", &["-f", "-"], &batch.nft).map(drop));
        }
        results.extend(inside.iter().map(|(pid, text)| configure(*pid, text)));
        results.into_iter().collect()
    }

    /// Links are made at once, as what follows refers to them. Gives what is to be set up inside the machines, and what
    /// failed.
    fn change(
        &self,
        state: &mut State,
        ports: BTreeMap<EniId, Port>,
        batch: &mut Batch,
    ) -> (Vec<Inside>, Vec<Result<(), BoxError>>) {
        let (mut inside, mut results) = (Vec::new(), Vec::new());
        for (eni, is) in ports {
            if let Some((name, was)) = state.plugged.get_mut(&eni) {
                if *was != is {
                    batch.gain(*name, was, &is);
                    *was = is;
                }
                continue;
            }
            let Some(pid) = state.machines.get(&is.instance).map(|machine| machine.pid) else {
                continue;
            };
            state.next_port += 1;
            let name = PortName(state.next_port);
            if let Err(error) = self.link(name, &is, pid) {
                results.push(Err(error));
                continue;
            }
            batch.plug(name, &is);
            if let Some(primary) = &is.primary {
                inside.push((pid, apply::configure(&is.device, primary)));
            }
            state.names.insert(name.to_string(), eni.clone());
            state.plugged.insert(eni, (name, is));
        }
        (inside, results)
    }

    fn link(&self, name: PortName, port: &Port, pid: u32) -> Result<(), BoxError> {
        let Port { device, mac, .. } = port;
        let mtu = apply::MTU;
        let text = format!(
            "link add {name} mtu {mtu} type veth peer name {device} address {mac} mtu {mtu} netns {pid}\n"
        );
        self.space.tool("ip", &["-batch", "-"], &text)?;
        // The router answers for every address; at once, as a VPC does, and not after a random pause.
        let ready = format!(
            "echo 1 >/proc/sys/net/ipv4/conf/{name}/proxy_arp\n\
             echo 0 >/proc/sys/net/ipv4/neigh/{name}/proxy_delay\n\
             ip link set {name} up\n"
        );
        self.space.tool("/bin/sh", &["-ec", &ready], "").map(drop)
    }
}

fn take_away(state: &mut State, ports: &BTreeMap<EniId, Port>, batch: &mut Batch) {
    let same_socket = |was: &Port, is: &Port| {
        let of = |port: &Port| (port.mac.clone(), port.instance.clone(), port.device.clone());
        of(was) == of(is) && was.primary == is.primary
    };
    state.plugged.retain(|eni, (name, was)| {
        let stays = ports.get(eni).is_some_and(|is| same_socket(was, is));
        if !stays {
            batch.unplug(*name, was);
        }
        stays
    });
    for (eni, (name, was)) in &state.plugged {
        if let Some(is) = ports.get(eni).filter(|is| *is != was) {
            batch.lose(*name, was, is);
        }
    }
}

/// Sets a primary interface up inside its machine.
fn configure(pid: u32, text: &str) -> Result<(), BoxError> {
    let path = format!("/proc/{pid}/ns/net");
    let network = std::fs::File::open(&path).map_err(BoxError::file("open", path))?;
    space::tool(&network, "ip", &["-batch", "-"], text).map(drop)
}

/// The fabric before anything is plugged in, and the internet behind it.
fn set_up(space: &Space, internet: &Space, egress: Egress) -> Result<(), BoxError> {
    let (gateway, void) = (rules::GATEWAY, rules::VOID);
    // No address is checked by the path it came: the rules do that by the interface that holds it.
    let script = format!(
        "cd /proc/sys/net
         echo 1 >ipv4/ip_forward
         echo 1 >ipv6/conf/all/forwarding
         for scope in all default; do
             echo 0 >ipv4/conf/$scope/rp_filter
             echo 0 >ipv4/conf/$scope/send_redirects
             echo 0 >ipv4/conf/$scope/accept_redirects
             echo 0 >ipv6/conf/$scope/accept_dad
         done
         ip link set lo up
         ip link add {void} type bridge
         ip link set {void} up arp off
         ip link add {gateway} type veth peer name eth0 netns {pid}
         ip link set {gateway} up
         ip addr add 192.0.2.1/30 dev {gateway}
         ip addr add fe80::1/64 dev {gateway} nodad
         ip route add default via 192.0.2.2
         ip -6 route add default via fe80::2 dev {gateway}
         nft -f -\n",
        pid = internet.pid()
    );
    space.tool("/bin/sh", &["-ec", &script], &rules::table(egress))?;
    let script = format!(
        "ip link set lo up
         echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad
         ip link set eth0 up
         ip addr add 192.0.2.2/30 dev eth0
         ip addr add fe80::2/64 dev eth0 nodad
         ip addr add {INTERNET}/32 dev lo
         ip addr add {INTERNET6}/128 dev lo nodad
         ip route add 198.18.0.0/15 via 192.0.2.1 src {INTERNET}
         ip -6 route add default via fe80::1 dev eth0 src {INTERNET6}\n"
    );
    internet.tool("/bin/sh", &["-ec", &script], "").map(drop)
}
