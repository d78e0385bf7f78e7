//! Links as messages and from messages.

use crate::errno::answer;
use crate::socket::{Request, Socket};
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVeth, InfoVlan, LinkAttribute, LinkExtentMask, LinkFlags, LinkInfo, LinkMessage,
};
use nix::libc::{EEXIST, ENODEV};
use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, BorrowedFd};
use vpccni_core::datapath::{Link, LinkKind, LinkSettings, Mac, Peer};
use vpccni_core::ports::KernelError;

/// Makes a pair: one end here, the other in the namespace of the descriptor from the start, because moving a link
/// waits for every reader of the network in the kernel.
pub(crate) struct Pair<'a> {
    /// The end here.
    pub name: &'a str,
    /// The other end.
    pub peer: &'a str,
    /// The other end's Ethernet address.
    pub peer_mac: Mac,
    /// Where the other end is.
    pub peer_namespace: BorrowedFd<'a>,
    /// The MTU of both.
    pub mtu: u32,
}

/// A pair has one queue in use whether that is asked for or not. Without asking, the kernel makes one for each processor,
/// shows them all, takes all but the first away again, and waits twice for every reader of the network meanwhile.
const QUEUES: u32 = 1;

pub(crate) fn create_pair(pair: &Pair<'_>) -> Request {
    let mut peer = LinkMessage::default();
    peer.attributes = vec![
        LinkAttribute::IfName(pair.peer.to_owned()),
        LinkAttribute::Mtu(pair.mtu),
        LinkAttribute::NumTxQueues(QUEUES),
        LinkAttribute::NumRxQueues(QUEUES),
        LinkAttribute::NetNsFd(pair.peer_namespace.as_raw_fd()),
        LinkAttribute::Address(pair.peer_mac.0.to_vec()),
    ];
    let mut message = LinkMessage::default();
    message.attributes = vec![
        LinkAttribute::IfName(pair.name.to_owned()),
        LinkAttribute::Mtu(pair.mtu),
        LinkAttribute::NumTxQueues(QUEUES),
        LinkAttribute::NumRxQueues(QUEUES),
        LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Veth),
            LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
        ]),
    ];
    Request {
        message: RouteNetlinkMessage::NewLink(message),
        flags: NLM_F_CREATE | NLM_F_EXCL,
        call: "make",
        object: format!("link {} with {}", pair.name, pair.peer),
        fine: &[],
    }
}

/// Makes a VLAN of a link; one that is there is fine.
pub(crate) fn create_vlan(name: &str, parent: u32, vlan: u16, mac: Mac) -> Request {
    let mut message = LinkMessage::default();
    message.attributes = vec![
        LinkAttribute::IfName(name.to_owned()),
        LinkAttribute::Link(parent),
        LinkAttribute::Address(mac.0.to_vec()),
        LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Vlan),
            LinkInfo::Data(InfoData::Vlan(vec![InfoVlan::Id(vlan)])),
        ]),
    ];
    Request {
        message: RouteNetlinkMessage::NewLink(message),
        flags: NLM_F_CREATE | NLM_F_EXCL,
        call: "make",
        object: format!("link {name}"),
        fine: &[EEXIST],
    }
}

/// Brings a link up, with its MTU.
pub(crate) fn set(index: u32, settings: &LinkSettings) -> Request {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    message.attributes.extend(settings.mtu.map(LinkAttribute::Mtu));
    Request {
        message: RouteNetlinkMessage::SetLink(message),
        flags: 0,
        call: "bring up",
        object: format!("link {}", settings.name),
        fine: &[],
    }
}

/// Removes a link; one that is not there is fine.
pub(crate) fn remove(name: &str) -> Request {
    Request {
        message: RouteNetlinkMessage::DelLink(named(name)),
        flags: 0,
        call: "remove",
        object: format!("link {name}"),
        fine: &[ENODEV],
    }
}

/// Asks for a link; without one of the name there is no answer.
pub(crate) fn get(name: &str) -> Request {
    Request {
        message: RouteNetlinkMessage::GetLink(bare(named(name))),
        flags: 0,
        call: "find",
        object: format!("link {name}"),
        fine: &[ENODEV],
    }
}

fn named(name: &str) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.attributes = vec![LinkAttribute::IfName(name.to_owned())];
    message
}

/// A question for a link without its counters: they are a third of the answer, and the kernel adds each of them up over
/// all processors.
fn bare(mut question: LinkMessage) -> LinkMessage {
    question
        .attributes
        .push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
    question
}

/// The links among answers.
pub(crate) fn links_in(replies: Vec<RouteNetlinkMessage>) -> Vec<Link> {
    replies.into_iter().filter_map(link_in).collect()
}

fn link_in(reply: RouteNetlinkMessage) -> Option<Link> {
    match reply {
        RouteNetlinkMessage::NewLink(message) => parse(message),
        _ => None,
    }
}

/// One link by name.
pub(crate) fn find(socket: &mut Socket, name: &str) -> Result<Option<Link>, KernelError> {
    Ok(links_in(socket.batch(vec![get(name)])?).pop())
}

/// All links.
pub(crate) fn all(socket: &mut Socket) -> Result<Vec<Link>, KernelError> {
    let question = RouteNetlinkMessage::GetLink(bare(LinkMessage::default()));
    socket.dump("list links", &question, link_in)
}

/// Names by index and back, for the other messages.
#[derive(Debug, Default)]
pub(crate) struct Names {
    by_index: BTreeMap<u32, String>,
    by_name: BTreeMap<String, u32>,
}

impl Names {
    pub(crate) fn of(links: &[Link]) -> Self {
        let mut names = Self::default();
        for link in links {
            names.by_index.insert(link.index, link.name.clone());
            names.by_name.insert(link.name.clone(), link.index);
        }
        names
    }

    /// The name of an index; a link that came and went meanwhile has none.
    pub(crate) fn name(&self, index: u32) -> Option<&str> {
        self.by_index.get(&index).map(String::as_str)
    }

    pub(crate) fn index(&self, name: &str) -> Result<u32, KernelError> {
        self.by_name
            .get(name)
            .copied()
            .ok_or_else(|| KernelError::NoLink {
                name: name.to_owned(),
            })
    }
}

fn parse(message: LinkMessage) -> Option<Link> {
    let mut link = Link {
        name: String::new(),
        index: message.header.index,
        mac: None,
        mtu: 0,
        up: message.header.flags.contains(LinkFlags::Up),
        kind: LinkKind::Plain,
        peer: None,
    };
    let (mut other, mut namespace) = (None, None);
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name = name,
            LinkAttribute::Address(bytes) => link.mac = bytes.try_into().ok().map(Mac),
            LinkAttribute::Mtu(mtu) => link.mtu = mtu,
            LinkAttribute::Link(index) => other = Some(index),
            LinkAttribute::LinkNetNsId(id) => namespace = Some(id),
            LinkAttribute::LinkInfo(infos) => {
                for info in infos {
                    if let LinkInfo::Kind(kind) = info {
                        link.kind = match kind {
                            InfoKind::Veth => LinkKind::Veth,
                            InfoKind::Vlan => LinkKind::Vlan,
                            other => LinkKind::Other(other.to_string()),
                        };
                    }
                }
            }
            _ => {}
        }
    }
    link.peer = other.map(|index| Peer { index, namespace });
    (!link.name.is_empty()).then_some(link)
}

/// The one link an answer must have.
pub(crate) fn one(replies: Vec<RouteNetlinkMessage>, name: &str) -> Result<Link, KernelError> {
    links_in(replies)
        .pop()
        .ok_or_else(|| answer("find", format!("no link {name}")))
}
