//! What the kernel remembers of connections of addresses, forgotten entry by entry.
//!
//! Each list is a walk through the whole table of the machine, which takes the kernel milliseconds: this is for work
//! beside the pods, of several addresses at once. Wanted are connections an address began, and those it answers, which
//! is where a service leads to it. Never is anything removed without its tuple: that would be a request to forget every
//! connection of the machine.

use crate::attribute::{Attributes, find};
use crate::errno::{answer, failed};
use crate::nfnetlink::{NFGEN, kind, message, protocol};
use crate::socket::{Raw, Socket};
use netlink_packet_core::{NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST};
use nix::libc::{ENOENT, NFNL_SUBSYS_CTNETLINK, NLMSG_ERROR};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use vpccni_core::datapath::Family;
use vpccni_core::ports::KernelError;

const GET: i32 = 1;
const DELETE: i32 = 2;
const TUPLE_ORIGINAL: u16 = 1;
/// Of both directions.
const TUPLES: [u16; 2] = [TUPLE_ORIGINAL, 2];
const ID: u16 = 12;
const ZONE: u16 = 18;
const FILTER: u16 = 25;
const TUPLE_IP: u16 = 1;
const IPV4_SOURCE: u16 = 1;
const IPV6_SOURCE: u16 = 3;
/// The source address counts, nothing else does.
const BY_SOURCE: u32 = 1;
/// Acknowledgements of one send wait in the socket's buffer, which has room for a few hundred.
const REQUESTS: usize = 64;
/// Beyond that, one walk through all entries is less than one for each direction of each address.
const FEW: usize = 3;
const LIST: &str = "list connections";
const REMOVE: &str = "remove connections";

/// Forgets the connections of these addresses in the namespace of the calling thread; gives how many there were.
pub(crate) fn forget(addresses: &BTreeSet<IpAddr>) -> Result<usize, KernelError> {
    let mut socket = Socket::netfilter()?;
    let mut removals = BTreeSet::new();
    for (family, question) in questions(addresses) {
        let found = found(&mut socket, addresses, family, &question)?;
        // A connection of one with another is listed twice.
        removals.extend(found.into_iter().map(|removal| (protocol(Some(family)), removal)));
    }
    let removals: Vec<_> = removals.into_iter().collect();
    for some in removals.chunks(REQUESTS) {
        remove(&mut socket, some)?;
    }
    Ok(removals.len())
}

/// What removes each connection of the addresses among those the question gives.
fn found(
    socket: &mut Socket,
    addresses: &BTreeSet<IpAddr>,
    family: Family,
    question: &Attributes,
) -> Result<Vec<Vec<u8>>, KernelError> {
    // The kernel may list all connections of the node: few of them are theirs.
    let theirs = |raw: &Raw| {
        let entry = raw.payload().get(NFGEN..).unwrap_or_default();
        let mut sources = TUPLES.iter().filter_map(|tuple| source(entry, *tuple));
        let is_theirs = sources.any(|source| addresses.contains(&source));
        is_theirs.then(|| removal(entry)).flatten()
    };
    let ask = |bytes: &mut Vec<u8>, sequence: u32| {
        let kind = kind(NFNL_SUBSYS_CTNETLINK, GET);
        let head = (kind, NLM_F_REQUEST | NLM_F_DUMP, sequence);
        message(bytes, head, protocol(Some(family)), question.as_bytes());
    };
    socket.list(LIST, ask, |raw| Ok(theirs(raw)))
}

/// For a few IPv4 addresses the kernel picks the entries out, since Linux 5.8; else it shows all. It compares IPv6
/// addresses the wrong way round (seen with 6.18), and would leave out the right ones.
fn questions(addresses: &BTreeSet<IpAddr>) -> Vec<(Family, Attributes)> {
    let four = addresses.iter().filter_map(|address| match address {
        IpAddr::V4(address) => Some(*address),
        IpAddr::V6(_) => None,
    });
    let four: Vec<Ipv4Addr> = four.collect();
    let mut questions = Vec::new();
    if four.len() > FEW {
        questions.push((Family::V4, Attributes::default()));
    } else {
        let each = four
            .iter()
            .flat_map(|address| TUPLES.map(|tuple| question(tuple, *address)));
        questions.extend(each.map(|question| (Family::V4, question)));
    }
    if four.len() < addresses.len() {
        questions.push((Family::V6, Attributes::default()));
    }
    questions
}

fn question(tuple: u16, address: Ipv4Addr) -> Attributes {
    let mut question = Attributes::default();
    question
        .nest(tuple, |tuple| {
            tuple.nest(TUPLE_IP, |ip| {
                ip.bytes(IPV4_SOURCE, &address.octets());
            });
        })
        .nest(FILTER, |filter| {
            // The flags of a direction have the number of its tuple, and the machine's order of bytes.
            filter.bytes(tuple, &BY_SOURCE.to_ne_bytes());
        });
    question
}

fn source(entry: &[u8], tuple: u16) -> Option<IpAddr> {
    let ip = find(&find(entry, tuple)?, TUPLE_IP)?;
    let four = || Some(IpAddr::from(<[u8; 4]>::try_from(find(&ip, IPV4_SOURCE)?).ok()?));
    let six = || Some(IpAddr::from(<[u8; 16]>::try_from(find(&ip, IPV6_SOURCE)?).ok()?));
    four().or_else(six)
}

/// What names one connection: its tuple, and its number, because a new one may have the tuple by then.
fn removal(entry: &[u8]) -> Option<Vec<u8>> {
    let tuple = find(entry, TUPLE_ORIGINAL).filter(|tuple| !tuple.is_empty())?;
    let mut attributes = Attributes::default();
    attributes.nest(TUPLE_ORIGINAL, |nest| nest.raw(&tuple));
    for kind in [ZONE, ID] {
        if let Some(value) = find(entry, kind) {
            attributes.bytes(kind, &value);
        }
    }
    Some(attributes.as_bytes().to_vec())
}

/// Removes each in one send; those that ended meanwhile are fine.
fn remove(socket: &mut Socket, removals: &[(u8, Vec<u8>)]) -> Result<(), KernelError> {
    let mut bytes = Vec::with_capacity(removals.len() * 128);
    let mut open = BTreeSet::new();
    for (family, removal) in removals {
        let sequence = socket.next_sequence();
        let head = (
            kind(NFNL_SUBSYS_CTNETLINK, DELETE),
            NLM_F_REQUEST | NLM_F_ACK,
            sequence,
        );
        message(&mut bytes, head, *family, removal);
        open.insert(sequence);
    }
    socket.send(REMOVE, &bytes)?;
    let mut outcome = Ok(());
    while !open.is_empty() {
        for raw in socket.receive(REMOVE)? {
            if i32::from(raw.kind) != NLMSG_ERROR || !open.remove(&raw.sequence) {
                continue;
            }
            let errno = raw
                .errno()
                .ok_or_else(|| answer(REMOVE, "an error without a number"))?;
            if errno != 0 && errno != ENOENT && outcome.is_ok() {
                outcome = Err(failed(REMOVE, "of addresses", errno));
            }
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(original: [u8; 4], reply: [u8; 4]) -> Vec<u8> {
        let mut entry = Attributes::default();
        for (tuple, source) in TUPLES.into_iter().zip([original, reply]) {
            entry.nest(tuple, |tuple| {
                tuple.nest(TUPLE_IP, |ip| {
                    ip.bytes(IPV4_SOURCE, &source);
                });
            });
        }
        entry.number(ID, 7);
        entry.as_bytes().to_vec()
    }

    #[test]
    fn an_entry_has_a_source_in_each_direction() {
        let (own, other) = ([10, 0, 1, 5], [10, 0, 1, 50]);
        let entry = entry(own, other);
        let sources = TUPLES.map(|tuple| source(&entry, tuple).unwrap().to_string());
        assert_eq!(sources, ["10.0.1.5", "10.0.1.50"]);
    }

    #[test]
    fn nothing_is_removed_without_its_tuple() {
        let mut without = Attributes::default();
        without.number(ID, 7);
        assert_eq!(removal(without.as_bytes()), None);
        let mut empty = Attributes::default();
        empty.nest(TUPLE_ORIGINAL, |_| {}).number(ID, 7);
        assert_eq!(removal(empty.as_bytes()), None);
        let whole = entry([10, 0, 1, 5], [10, 0, 1, 50]);
        let removal = removal(&whole).unwrap();
        assert_eq!(find(&removal, TUPLE_ORIGINAL), find(&whole, TUPLE_ORIGINAL));
        assert_eq!(find(&removal, ID), Some(vec![0, 0, 0, 7]));
    }
}
