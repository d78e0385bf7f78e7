//! Messages of nf_tables: a batch that happens as a whole or not at all, and lists.

use super::expression::{Expression, expressions};
use crate::attribute::{Attributes, find, number, parse, text};
use crate::errno::{answer, failed};
use crate::nfnetlink::{self, NFGEN, frame, protocol, short};
use crate::socket::{Raw, Socket};
use netlink_packet_core::{NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_DUMP, NLM_F_REQUEST};
use nix::libc::{NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END, NFNL_SUBSYS_NFTABLES, NLMSG_ERROR};
use vpccni_core::datapath::{Chain, Family, Hook, HookKind, HookPoint, NftRule};
use vpccni_core::ports::KernelError;

const TABLE_NAME: u16 = 1;
const CHAIN_TABLE: u16 = 1;
const CHAIN_NAME: u16 = 3;
const CHAIN_HOOK: u16 = 4;
const CHAIN_TYPE: u16 = 7;
const HOOK_NUM: u16 = 1;
const HOOK_PRIORITY: u16 = 2;
const RULE_TABLE: u16 = 1;
const RULE_CHAIN: u16 = 2;
const RULE_HANDLE: u16 = 3;
const RULE_EXPRESSIONS: u16 = 4;
const RULE_USERDATA: u16 = 7;
/// The type of a comment in the user data of a rule, as `nft` has it.
const UDATA_COMMENT: u8 = 0;
/// The length of a comment is one byte in that format, and counts the zero at its end.
const COMMENT: usize = 254;

fn kind(message: i32) -> u16 {
    nfnetlink::kind(NFNL_SUBSYS_NFTABLES, message)
}

/// Changes that take effect together.
pub(super) struct Batch {
    bytes: Vec<u8>,
    first: u32,
    last: (u32, usize),
    socket: Socket,
}

impl Batch {
    pub(super) fn begin() -> Result<Self, KernelError> {
        let mut socket = Socket::netfilter()?;
        let first = socket.next_sequence();
        let mut batch = Self {
            bytes: Vec::with_capacity(4096),
            first,
            last: (first, 0),
            socket,
        };
        batch.edge(NFNL_MSG_BATCH_BEGIN, first);
        Ok(batch)
    }

    fn edge(&mut self, message: i32, sequence: u32) {
        let resource = short(NFNL_SUBSYS_NFTABLES).to_be_bytes();
        let body = [protocol(None), 0, resource[0], resource[1]];
        frame(&mut self.bytes, short(message), NLM_F_REQUEST, sequence, &body);
    }

    /// Adds a message.
    pub(super) fn push(&mut self, message: i32, family: Family, flags: u16, attributes: &Attributes) {
        let sequence = self.socket.next_sequence();
        self.last = (sequence, self.bytes.len());
        let head = (kind(message), NLM_F_REQUEST | flags, sequence);
        nfnetlink::message(
            &mut self.bytes,
            head,
            protocol(Some(family)),
            attributes.as_bytes(),
        );
    }

    /// Sends all of it, and waits for the verdict. Only the last message asks for an acknowledgement: refusals come
    /// without being asked for, and hundreds of acknowledgements would not fit into the socket's buffer.
    pub(super) fn commit(mut self, call: &'static str, object: &str) -> Result<(), KernelError> {
        let (last, offset) = self.last;
        let flags = self.bytes.get_mut(offset + 6..offset + 8);
        if let Some([low, high]) = flags {
            let with_ack = u16::from_ne_bytes([*low, *high]) | NLM_F_ACK;
            [*low, *high] = with_ack.to_ne_bytes();
        }
        let end = self.socket.next_sequence();
        self.edge(NFNL_MSG_BATCH_END, end);
        self.socket.send(call, &self.bytes)?;
        let mut refusal = None;
        loop {
            for raw in self.socket.receive(call)? {
                if i32::from(raw.kind) != NLMSG_ERROR {
                    continue;
                }
                let errno = raw
                    .errno()
                    .ok_or_else(|| answer(call, "an error without a number"))?;
                if errno != 0 && refusal.is_none() {
                    refusal = Some(failed(call, object, errno));
                }
                // A refusal of the batch as a whole carries the number of its beginning, and nothing follows it.
                if raw.sequence == last || raw.sequence == self.first {
                    return refusal.map_or(Ok(()), Err);
                }
            }
        }
    }

    pub(super) fn chain(&mut self, family: Family, table: &str, chain: &Chain) {
        let mut attributes = Attributes::default();
        attributes.text(CHAIN_TABLE, table).text(CHAIN_NAME, &chain.name);
        if let Some(hook) = &chain.hook {
            attributes.nest(CHAIN_HOOK, |nest| {
                nest.number(HOOK_NUM, number_of(hook.point))
                    .bytes(HOOK_PRIORITY, &hook.priority.to_be_bytes());
            });
            attributes.text(CHAIN_TYPE, type_of(hook.kind));
        }
        self.push(nix::libc::NFT_MSG_NEWCHAIN, family, NLM_F_CREATE, &attributes);
    }

    pub(super) fn rule(&mut self, family: Family, table: &str, chain: &str, rule: &NftRule) {
        let mut attributes = Attributes::default();
        attributes.text(RULE_TABLE, table).text(RULE_CHAIN, chain);
        attributes.nest(RULE_EXPRESSIONS, |list| {
            for expression in expressions(rule, family == Family::V4) {
                expression.write(list);
            }
        });
        attributes.bytes(RULE_USERDATA, &user_data(&rule.comment));
        self.push(
            nix::libc::NFT_MSG_NEWRULE,
            family,
            NLM_F_CREATE | NLM_F_APPEND,
            &attributes,
        );
    }

    pub(super) fn table(&mut self, message: i32, family: Family, name: &str) {
        let mut attributes = Attributes::default();
        attributes.text(TABLE_NAME, name);
        let flags = if message == nix::libc::NFT_MSG_NEWTABLE {
            NLM_F_CREATE
        } else {
            0
        };
        self.push(message, family, flags, &attributes);
    }

    pub(super) fn remove_rule(&mut self, family: Family, table: &str, chain: &str, handle: &[u8]) {
        let mut attributes = Attributes::default();
        attributes
            .text(RULE_TABLE, table)
            .text(RULE_CHAIN, chain)
            .bytes(RULE_HANDLE, handle);
        self.push(nix::libc::NFT_MSG_DELRULE, family, 0, &attributes);
    }

    /// Empties a chain.
    pub(super) fn flush_chain(&mut self, family: Family, table: &str, chain: &str) {
        let mut attributes = Attributes::default();
        attributes.text(RULE_TABLE, table).text(RULE_CHAIN, chain);
        self.push(nix::libc::NFT_MSG_DELRULE, family, 0, &attributes);
    }

    pub(super) fn remove_chain(&mut self, family: Family, table: &str, chain: &str) {
        let mut attributes = Attributes::default();
        attributes.text(CHAIN_TABLE, table).text(CHAIN_NAME, chain);
        self.push(nix::libc::NFT_MSG_DELCHAIN, family, 0, &attributes);
    }
}

fn number_of(point: HookPoint) -> u32 {
    match point {
        HookPoint::Prerouting => 0,
        HookPoint::Forward => 2,
        HookPoint::Postrouting => 4,
    }
}

fn type_of(kind: HookKind) -> &'static str {
    match kind {
        HookKind::Filter => "filter",
        HookKind::Nat => "nat",
    }
}

fn user_data(comment: &str) -> Vec<u8> {
    let mut end = comment.len().min(COMMENT);
    while !comment.is_char_boundary(end) {
        end -= 1;
    }
    let mut bytes = vec![UDATA_COMMENT, u8::try_from(end + 1).unwrap_or(u8::MAX)];
    bytes.extend_from_slice(&comment.as_bytes()[..end]);
    bytes.push(0);
    bytes
}

/// Everything of a kind in a family: the attributes of each.
fn dump(
    message: i32,
    family: Option<Family>,
    filter: &Attributes,
) -> Result<Vec<(u8, Vec<u8>)>, KernelError> {
    const CALL: &str = "list nftables";
    let mut socket = Socket::netfilter()?;
    let question = |bytes: &mut Vec<u8>, sequence| {
        let head = (kind(message), NLM_F_REQUEST | NLM_F_DUMP, sequence);
        nfnetlink::message(bytes, head, protocol(family), filter.as_bytes());
    };
    let split = |raw: &Raw| {
        let (head, attributes) = raw.payload().split_at_checked(NFGEN)?;
        Some((*head.first()?, attributes.to_vec()))
    };
    socket.list(CALL, question, |raw| Ok(split(raw)))
}

/// Names of all tables of IPv4 and IPv6.
pub(super) fn tables() -> Result<Vec<(Family, String)>, KernelError> {
    let all = dump(nix::libc::NFT_MSG_GETTABLE, None, &Attributes::default())?;
    let parse = |(of, attributes): (u8, Vec<u8>)| {
        let family = [Family::V4, Family::V6]
            .into_iter()
            .find(|family| protocol(Some(*family)) == of)?;
        Some((family, text(&attributes, TABLE_NAME)?))
    };
    Ok(all.into_iter().filter_map(parse).collect())
}

/// A chain as the kernel has it: its name and its hook's number, priority and type.
pub(super) type SeenChain = (String, Option<(u32, i32, String)>);

/// The hook of a chain in the same form.
pub(super) fn hook_of(hook: Hook) -> (u32, i32, String) {
    (
        number_of(hook.point),
        hook.priority,
        type_of(hook.kind).to_owned(),
    )
}

/// The chains of a table, in the order they were made.
pub(super) fn chains(family: Family, table: &str) -> Result<Vec<SeenChain>, KernelError> {
    let mut filter = Attributes::default();
    filter.text(CHAIN_TABLE, table);
    let all = dump(nix::libc::NFT_MSG_GETCHAIN, Some(family), &filter)?;
    let parse = |(_, attributes): (u8, Vec<u8>)| {
        // Older kernels do not filter.
        let is_here = text(&attributes, CHAIN_TABLE).as_deref() == Some(table);
        let hook = find(&attributes, CHAIN_HOOK).and_then(|hook| {
            let priority = number(&hook, HOOK_PRIORITY)?.cast_signed();
            Some((number(&hook, HOOK_NUM)?, priority, text(&attributes, CHAIN_TYPE)?))
        });
        is_here
            .then(|| text(&attributes, CHAIN_NAME))
            .flatten()
            .map(|name| (name, hook))
    };
    Ok(all.into_iter().filter_map(parse).collect())
}

/// A rule as the kernel has it.
#[derive(Debug)]
pub(super) struct SeenRule {
    pub(super) chain: String,
    pub(super) handle: Vec<u8>,
    pub(super) expressions: Vec<Expression>,
    pub(super) user_data: Vec<u8>,
}

impl SeenRule {
    /// Whether it is this one, in a table of the family.
    pub(super) fn is(&self, rule: &NftRule, family: Family) -> bool {
        self.expressions == expressions(rule, family == Family::V4)
            && self.user_data == user_data(&rule.comment)
    }
}

/// The rules of a table, chain by chain and in order.
pub(super) fn rules(family: Family, table: &str) -> Result<Vec<SeenRule>, KernelError> {
    let mut filter = Attributes::default();
    filter.text(RULE_TABLE, table);
    let all = dump(nix::libc::NFT_MSG_GETRULE, Some(family), &filter)?;
    let understand = |(_, attributes): (u8, Vec<u8>)| {
        let is_here = text(&attributes, RULE_TABLE).as_deref() == Some(table);
        let list = find(&attributes, RULE_EXPRESSIONS).unwrap_or_default();
        is_here.then_some(SeenRule {
            chain: text(&attributes, RULE_CHAIN)?,
            handle: find(&attributes, RULE_HANDLE)?,
            expressions: parse(&list)
                .map(|(_, element)| Expression::read(&element))
                .collect(),
            user_data: find(&attributes, RULE_USERDATA).unwrap_or_default(),
        })
    };
    Ok(all.into_iter().filter_map(understand).collect())
}

impl SeenRule {
    /// Whether it jumps to the chain.
    pub(super) fn leads_to(&self, chain: &str) -> bool {
        self.expressions.iter().any(
            |expression| matches!(expression, Expression::Verdict { chain: Some(name), .. } if name == chain),
        )
    }
}
