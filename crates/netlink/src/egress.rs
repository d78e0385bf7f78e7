//! The second family of a pod: IPv4 in an IPv6 cluster, IPv6 in an IPv4 cluster.

use crate::link::{self, Pair};
use crate::netns::{self, NetNs};
use crate::nft::Branch;
use crate::pod::desired;
use crate::socket::Socket;
use crate::{Host, address, state};
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::path::Path;
use vpccni_core::datapath::{
    Change, EGRESS_TABLE, Egress, EgressFamily, Family, Hook, HookKind, HookPoint, Neighbour,
};
use vpccni_core::ports::{Kernel, KernelError};

/// Where all source translation is.
const SRCNAT: i32 = 100;

fn branch(family: EgressFamily) -> Branch<'static> {
    Branch {
        family: family.family(),
        table: EGRESS_TABLE,
        base: "postrouting",
        hook: Hook {
            kind: HookKind::Nat,
            point: HookPoint::Postrouting,
            priority: SRCNAT,
        },
    }
}

/// Connects a pod to the other family. A second call for the same pod succeeds.
pub fn add(netns: &Path, egress: &Egress) -> Result<(), KernelError> {
    let namespace = netns::open(netns)?;
    let mut host = Socket::route()?;
    connect(&namespace, &mut host, egress).inspect_err(|_| {
        if let Err(error) = host.batch(vec![link::remove(&egress.host_veth)]) {
            tracing::warn!(%error, link = egress.host_veth, "a link of a failed ADD stays behind");
        }
    })
}

fn connect(namespace: &NetNs, host: &mut Socket, egress: &Egress) -> Result<(), KernelError> {
    let mut inside = netns::within(namespace, Socket::route)??;
    let own = netns::current()?;
    let pair = Pair {
        name: egress.family.interface(),
        peer: &egress.host_veth,
        peer_mac: egress.host_mac,
        peer_namespace: own.as_fd(),
        mtu: egress.mtu,
    };
    let made = state::create_pair(&mut inside, host, &pair)?;
    let host_index = made.peer.as_ref().map_or(0, |peer| peer.index);
    let outside = egress.outside();
    state::write_sysctls(&outside)?;
    state::apply(host, &outside, &[(&egress.host_veth, host_index)])?;
    let within = egress.inside();
    if !within.sysctls.is_empty() {
        netns::within(namespace, || state::write_sysctls(&within))??;
    }
    state::apply(&mut inside, &within, &[(egress.family.interface(), made.index)])?;
    if let Some(mac) = made.mac {
        let address = Neighbour {
            device: egress.host_veth.clone(),
            address: egress.address.addr(),
            mac,
        };
        state::settle(host, &mut inside, &address, host_index)?;
    }
    branch(egress.family).add(&egress.chain(), &egress.jump())
}

/// Takes away what the node has for a pod's other family; what is gone already is fine. The pair dies with the pod's
/// namespace.
pub fn delete(family: EgressFamily, chain: &str) -> Result<(), KernelError> {
    branch(family).remove(chain)
}

/// The addresses of the pod's egress interface: what is to be released where nothing else remembers it.
pub fn addresses(netns: &Path, family: EgressFamily) -> Result<Vec<IpAddr>, KernelError> {
    let namespace = netns::open(netns)?;
    let all = netns::within(&namespace, || {
        let mut socket = Socket::route()?;
        let names = link::Names::of(&link::all(&mut socket)?);
        address::all(&mut socket, &names)
    })??;
    let of = family.family();
    Ok(all
        .into_iter()
        .filter(|address| address.device == family.interface() && Family::of_net(&address.net) == of)
        .map(|address| address.net.addr())
        .collect())
}

/// What would have to change on the node so that links and routes are as [`add`] left them.
pub fn check(egress: &Egress) -> Result<Vec<Change>, KernelError> {
    Host.plan(&desired(egress.outside()))
}
