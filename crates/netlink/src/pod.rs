//! One interface of one pod: all the kernel work of the plugin.
//!
//! ADD talks to two namespaces over one socket each, and both work from one thread; another thread only enters the
//! pod's namespace to open the socket and, for IPv6, to write sysctls. The pair is made from inside the pod with its
//! peer in the host from the start: a link that moves between namespaces waits for all readers of the network, which
//! is what holds up a burst of pods.

use crate::link::{self, Pair};
use crate::netns::{self, NetNs};
use crate::socket::Socket;
use crate::{Host, route, rule, state};
use nix::libc::{EOPNOTSUPP, EPROTONOSUPPORT};
use std::os::fd::AsFd;
use std::path::Path;
use vpccni_core::datapath::{
    Branch, Change, Desired, Enforcing, Family, LinkKind, Mac, Neighbour, PodNetwork, PodState, Rule,
    priority, vlan_name,
};
use vpccni_core::ports::{Kernel, KernelError};

/// What only the kernel knows of an interface that was added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// The Ethernet address in the pod.
    pub container_mac: Option<Mac>,
    /// The index of the link in the pod.
    pub container_index: u32,
    /// The index of the link on the node.
    pub host_index: u32,
}

/// Connects a pod. A second call for the same pod succeeds: what is there of it is made anew.
///
/// If something fails the link is removed again; rules stay for [`delete`].
pub fn add(netns: &Path, pod: &PodNetwork) -> Result<Added, KernelError> {
    let namespace = netns::open(netns)?;
    let mut host = Socket::route()?;
    connect(&namespace, &mut host, pod).inspect_err(|_| {
        if let Err(error) = host.batch(vec![link::remove(&pod.host_veth)]) {
            tracing::warn!(%error, link = pod.host_veth, "a link of a failed ADD stays behind");
        }
    })
}

fn connect(namespace: &NetNs, host: &mut Socket, pod: &PodNetwork) -> Result<Added, KernelError> {
    let (inside, outside) = vpccni_core::datapath::pod(pod);
    let mut socket = netns::within(namespace, Socket::route)??;
    let own = netns::current()?;
    let pair = Pair {
        name: &pod.container_if,
        peer: &pod.host_veth,
        peer_mac: pod.host_mac,
        peer_namespace: own.as_fd(),
        mtu: pod.mtu,
    };
    let made = state::create_pair(&mut socket, host, &pair)?;
    let host_index = made.peer.as_ref().map_or(0, |peer| peer.index);
    let vlan = pod.branch.as_ref().map(|branch| vlan_name(branch.vlan));
    let mut links = vec![(pod.host_veth.as_str(), host_index)];
    if let (Some(branch), Some(vlan)) = (&pod.branch, &vlan) {
        links.push((vlan, branch_link(host, branch, vlan)?));
        purge(host, pod, branch, &outside)?;
    }
    state::write_sysctls(&outside)?;
    state::apply(host, &outside, &links)?;
    if !inside.sysctls.is_empty() {
        netns::within(namespace, || state::write_sysctls(&inside))??;
    }
    state::apply(&mut socket, &inside, &[(&pod.container_if, made.index)])?;
    if let Some(mac) = made.mac {
        let address = Neighbour {
            device: pod.host_veth.clone(),
            address: pod.address,
            mac,
        };
        state::settle(host, &mut socket, &address, host_index)?;
    }
    Ok(Added {
        container_mac: made.mac,
        container_index: made.index,
        host_index,
    })
}

/// The VLAN link of a branch. One that is there is used, unless it is of an earlier branch with the same VLAN.
fn branch_link(host: &mut Socket, branch: &Branch, name: &str) -> Result<u32, KernelError> {
    if let Some(link) = link::find(host, name)? {
        if link.kind != LinkKind::Vlan || link.mac == Some(branch.mac) {
            return Ok(link.index);
        }
        host.batch(vec![link::remove(name)])?;
    }
    let create = link::create_vlan(name, branch.trunk_index, branch.vlan, branch.mac);
    match host.batch(vec![create, link::get(name)]) {
        Ok(replies) => Ok(link::one(replies, name)?.index),
        Err(KernelError::Call {
            errno: EOPNOTSUPP | EPROTONOSUPPORT,
            ..
        }) => Err(KernelError::Unsupported { what: "VLAN links" }),
        Err(error) => Err(error),
    }
}

/// Rules by device of an earlier pod of this name, or an earlier branch of this VLAN: they outlive their links.
fn purge(host: &mut Socket, pod: &PodNetwork, branch: &Branch, wanted: &PodState) -> Result<(), KernelError> {
    if branch.enforcing == Enforcing::Standard {
        return Ok(());
    }
    let stale: Vec<_> = rule::of(host, Family::of(pod.address))?
        .into_iter()
        .filter(|rule| is_by_device(rule, pod, branch) && !wanted.rules.contains(rule))
        .collect();
    host.batch(stale.iter().map(rule::remove).collect()).map(drop)
}

fn is_by_device(rule: &Rule, pod: &PodNetwork, branch: &Branch) -> bool {
    rule.priority == priority::BRANCH
        && rule
            .iif
            .as_deref()
            .is_some_and(|iif| iif == pod.host_veth || iif == vlan_name(branch.vlan))
}

/// The rules a pod has in standard mode: the mode may have been changed since it was added.
fn rules_by_address(pod: &PodNetwork) -> Vec<Rule> {
    let mut standard = pod.clone();
    if let Some(branch) = &mut standard.branch {
        branch.enforcing = Enforcing::Standard;
    }
    vpccni_core::datapath::pod(&standard).1.rules
}

/// Whether another sandbox has the address by now: a route leads to it, and not through this one's link. The link's
/// name may be that of the pod's next sandbox, so it is known by its Ethernet address, too.
pub fn is_anothers(pod: &PodNetwork) -> Result<bool, KernelError> {
    let mut host = Socket::route()?;
    let Some(index) = route::link_of(&mut host, pod.address)? else {
        return Ok(false);
    };
    let link = link::find(&mut host, &pod.host_veth)?;
    Ok(link.is_none_or(|link| link.index != index || link.mac != Some(pod.host_mac)))
}

/// Takes away what the node has for a pod; what is gone already is fine. The pair dies with the pod's namespace.
pub fn delete(pod: &PodNetwork) -> Result<(), KernelError> {
    let (_, outside) = vpccni_core::datapath::pod(pod);
    let mut host = Socket::route()?;
    let by_address = rules_by_address(pod);
    let is_ours = |rule: &Rule| {
        let branch = pod.branch.as_ref();
        by_address.contains(rule) || branch.is_some_and(|branch| is_by_device(rule, pod, branch))
    };
    let mut requests: Vec<_> = rule::of(&mut host, Family::of(pod.address))?
        .iter()
        .filter(|rule| is_ours(rule))
        .map(rule::remove)
        .collect();
    if let Some(link) = link::find(&mut host, &pod.host_veth)? {
        let to_pod = outside
            .routes
            .iter()
            .filter(|route| route.device == pod.host_veth);
        requests.extend(to_pod.map(|to| route::remove(to, link.index)));
    }
    requests.extend(
        pod.branch
            .as_ref()
            .map(|branch| link::remove(&vlan_name(branch.vlan))),
    );
    host.batch(requests).map(drop)
}

/// What would have to change so that pod and node are as [`add`] left them: nothing, if all is well.
pub fn check(netns: &Path, pod: &PodNetwork) -> Result<Vec<Change>, KernelError> {
    let (inside, outside) = vpccni_core::datapath::pod(pod);
    let namespace = netns::open(netns)?;
    let mut changes = netns::within(&namespace, || Host.plan(&desired(inside)))??;
    changes.extend(Host.plan(&desired(outside))?);
    Ok(changes)
}

/// A pod takes nothing away from others.
pub(crate) fn desired(state: PodState) -> Desired {
    let PodState {
        sysctls,
        links,
        addresses,
        routes,
        rules,
        neighbours,
    } = state;
    Desired {
        sysctls,
        links,
        addresses,
        routes,
        rules,
        neighbours,
        ..Desired::default()
    }
}
