//! Rules of policy routing as messages and from messages.

use crate::route::{family, known};
use crate::socket::{Request, Socket};
use ipnet::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleFlags, RuleMessage};
use netlink_packet_route::{IpProtocol, RouteNetlinkMessage};
use nix::libc::{EEXIST, ENOENT};
use std::net::IpAddr;
use vpccni_core::datapath::{Family, Mark, Rule};
use vpccni_core::ports::KernelError;

fn message(rule: &Rule) -> RuleMessage {
    let mut message = RuleMessage::default();
    message.header.family = family(rule.family);
    message.header.action = RuleAction::ToTable;
    message.attributes = vec![
        RuleAttribute::Priority(rule.priority),
        RuleAttribute::Table(rule.table),
    ];
    if let Some(from) = rule.from {
        message.header.src_len = from.prefix_len();
        message.attributes.push(RuleAttribute::Source(from.network()));
    }
    if let Some(to) = rule.to {
        message.header.dst_len = to.prefix_len();
        message.attributes.push(RuleAttribute::Destination(to.network()));
    }
    if let Some(iif) = &rule.iif {
        message.attributes.push(RuleAttribute::Iifname(iif.clone()));
    }
    if let Some(mark) = rule.mark {
        message.attributes.push(RuleAttribute::FwMark(mark.value));
        message.attributes.push(RuleAttribute::FwMask(mark.mask));
    }
    if let Some(protocol) = rule.protocol {
        message
            .attributes
            .push(RuleAttribute::IpProtocol(IpProtocol::from(i32::from(protocol))));
    }
    message
}

/// Adds a rule; one that is there is fine.
pub(crate) fn add(rule: &Rule) -> Request {
    Request {
        message: RouteNetlinkMessage::NewRule(message(rule)),
        flags: NLM_F_CREATE | NLM_F_EXCL,
        call: "add",
        object: format!("rule {rule}"),
        fine: &[EEXIST],
    }
}

/// Removes a rule; one that is not there is fine.
pub(crate) fn remove(rule: &Rule) -> Request {
    Request {
        message: RouteNetlinkMessage::DelRule(message(rule)),
        flags: 0,
        call: "remove",
        object: format!("rule {rule}"),
        fine: &[ENOENT],
    }
}

/// All rules that lead to a table.
pub(crate) fn all(socket: &mut Socket) -> Result<Vec<Rule>, KernelError> {
    let mut rules = of(socket, Family::V4)?;
    rules.extend(of(socket, Family::V6)?);
    Ok(rules)
}

/// The rules of a family that lead to a table.
pub(crate) fn of(socket: &mut Socket, of: Family) -> Result<Vec<Rule>, KernelError> {
    let mut message = RuleMessage::default();
    message.header.family = family(of);
    socket.dump(
        "list rules",
        &RouteNetlinkMessage::GetRule(message),
        |reply| match reply {
            RouteNetlinkMessage::NewRule(message) => parse(message),
            _ => None,
        },
    )
}

/// None for a rule that says more than ours do: it is somebody else's, whatever else it has in common.
fn parse(message: RuleMessage) -> Option<Rule> {
    let header = &message.header;
    let is_plain = header.tos == 0 && !header.flags.contains(RuleFlags::Invert);
    if header.action != RuleAction::ToTable || !is_plain {
        return None;
    }
    let family = known(message.header.family)?;
    let mut rule = Rule::new(family, 0, u32::from(message.header.table));
    let (mut value, mut mask) = (None, None);
    let net = |address: IpAddr, length| IpNet::new(address, length).ok();
    for attribute in message.attributes {
        match attribute {
            RuleAttribute::Priority(priority) => rule.priority = priority,
            RuleAttribute::Table(table) => rule.table = table,
            RuleAttribute::Source(address) => rule.from = net(address, message.header.src_len),
            RuleAttribute::Destination(address) => rule.to = net(address, message.header.dst_len),
            RuleAttribute::Iifname(name) => rule.iif = Some(name),
            RuleAttribute::FwMark(mark) => value = Some(mark),
            RuleAttribute::FwMask(bits) => mask = Some(bits),
            RuleAttribute::IpProtocol(protocol) => {
                rule.protocol = u8::try_from(i32::from(protocol)).ok();
            }
            RuleAttribute::SuppressPrefixLen(u32::MAX) => {}
            RuleAttribute::SuppressPrefixLen(_)
            | RuleAttribute::SuppressIfGroup(_)
            | RuleAttribute::L3MDev(true)
            | RuleAttribute::Oifname(_)
            | RuleAttribute::Realm(_)
            | RuleAttribute::TunId(_)
            | RuleAttribute::UidRange(_)
            | RuleAttribute::SourcePortRange(_)
            | RuleAttribute::DestinationPortRange(_) => return None,
            _ => {}
        }
    }
    rule.mark = value.or(mask).map(|_| Mark {
        value: value.unwrap_or_default(),
        mask: mask.unwrap_or(u32::MAX),
    });
    Some(rule)
}
