//! Brings one namespace to what a new pair of links needs, in one batch.

use crate::errno::failed;
use crate::link::{self, Pair};
use crate::socket::{Request, Socket};
use crate::{address, route, rule, sysctl};
use nix::libc::{EEXIST, ETIMEDOUT};
use std::time::{Duration, Instant};
use vpccni_core::datapath::{Link, Neighbour, PodState};
use vpccni_core::ports::KernelError;

/// As long as the stock plugin waits for an address.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_micros(500);

/// Makes the pair, seen from the namespace of the socket; gives the end that is there. What an earlier attempt that
/// died left is removed first, but only when it is in the way: removing a link is what costs milliseconds.
pub(crate) fn create_pair(
    inside: &mut Socket,
    outside: &mut Socket,
    pair: &Pair<'_>,
) -> Result<Link, KernelError> {
    let attempt = |inside: &mut Socket| {
        let replies = inside.batch(vec![link::create_pair(pair), link::get(pair.name)])?;
        link::one(replies, pair.name)
    };
    match attempt(inside) {
        Err(KernelError::Call { errno: EEXIST, .. }) => {
            outside.batch(vec![link::remove(pair.peer)])?;
            attempt(inside)
        }
        made => made,
    }
}

/// Once both ends are up: waits until node and pod reach each other, which is a matter of microseconds.
///
/// The end that came up first got its carrier from the other and takes packets only when the kernel has told everybody
/// about that, in its own time; until then it drops them. Asking for the link (since Linux 6.14) does it now. An IPv6
/// address is taken for its own by the pod, and its group joined, in the kernel's own time too, even where nobody looks
/// for duplicates. The node is told where the pod is; that is a hint and not a fixed entry, because a pod may have a
/// virtual machine with another Ethernet address behind its link.
pub(crate) fn settle(
    host: &mut Socket,
    inside: &mut Socket,
    address: &Neighbour,
    index: u32,
) -> Result<(), KernelError> {
    host.batch(vec![
        link::get(&address.device),
        address::hint_neighbour(address, index),
    ])?;
    if address.address.is_ipv4() {
        return Ok(());
    }
    let start = Instant::now();
    while !route::is_local(inside, address.address)? {
        if start.elapsed() > PATIENCE {
            return Err(failed(
                "wait for",
                format!("address {}", address.address),
                ETIMEDOUT,
            ));
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

/// Writes the values, in the namespace of the calling thread.
pub(crate) fn write_sysctls(state: &PodState) -> Result<(), KernelError> {
    state.sysctls.iter().try_for_each(sysctl::write)
}

/// Links up, then addresses, neighbours, routes and rules, in one send; the links by name and index.
pub(crate) fn apply(socket: &mut Socket, state: &PodState, links: &[(&str, u32)]) -> Result<(), KernelError> {
    let index = |name: &str| {
        links
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, index)| *index)
            .ok_or_else(|| KernelError::NoLink {
                name: name.to_owned(),
            })
    };
    let mut requests: Vec<Request> = Vec::new();
    for settings in &state.links {
        requests.push(link::set(index(&settings.name)?, settings));
    }
    for item in &state.addresses {
        requests.push(address::add(item, index(&item.device)?));
    }
    for item in &state.neighbours {
        requests.push(address::set_neighbour(item, index(&item.device)?));
    }
    for item in &state.routes {
        requests.push(route::set(item, index(&item.device)?));
    }
    requests.extend(state.rules.iter().map(rule::add));
    socket.batch(requests).map(drop)
}
