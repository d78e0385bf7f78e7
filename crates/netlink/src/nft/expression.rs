//! Rules of `core::datapath` as the expressions of nf_tables, and expressions back from the kernel.
//!
//! A test loads something into a register and compares it; the rule goes on where that holds. One register is enough.

use crate::attribute::{Attributes, find, number, text};
use ipnet::IpNet;
use nix::libc::{
    NFPROTO_IPV4, NFPROTO_IPV6, NFT_CMP_EQ, NFT_CMP_NEQ, NFT_JUMP, NFT_META_IIFNAME, NFT_META_MARK,
    NFT_META_OIFNAME, NFT_PAYLOAD_NETWORK_HEADER, NFT_REG_1, NFT_RETURN,
};
use std::net::IpAddr;
use vpccni_core::datapath::{Action, Match, NftRule, Random};

const IFNAMSIZ: usize = 16;
const RTN_LOCAL: u32 = 2;
const NF_ACCEPT: i32 = 1;
const FIB_DADDR: u32 = 1 << 1;
const FIB_IIF: u32 = 1 << 3;
const FIB_RESULT_ADDRTYPE: u32 = 3;
const CT_STATE: u32 = 0;
const CT_MARK: u32 = 3;
/// The bit of a connection that has one packet so far.
const CT_STATE_NEW: u32 = 1 << 3;
const NAT_SNAT: u32 = 0;
/// The kernel sets this itself where there is an address.
const NAT_MAP_IPS: u32 = 1;
const NAT_RANDOM: u32 = 1 << 2;
const NAT_RANDOM_FULLY: u32 = 1 << 4;
const REJECT_ICMP_UNREACH: u32 = 0;
const PORT_UNREACH_V4: u8 = 3;
const PORT_UNREACH_V6: u8 = 4;

const EXPR_NAME: u16 = 1;
const EXPR_DATA: u16 = 2;
const LIST_ELEM: u16 = 1;

/// An expression, with everything in register 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expression {
    Payload {
        offset: u32,
        length: u32,
    },
    Meta(u32),
    SetMeta(u32),
    Ct(u32),
    SetCt(u32),
    Fib {
        flags: u32,
    },
    Bitwise {
        mask: Vec<u8>,
        xor: Vec<u8>,
    },
    Cmp {
        op: u32,
        data: Vec<u8>,
    },
    Data(Vec<u8>),
    Verdict {
        code: i32,
        chain: Option<String>,
    },
    Snat {
        family: u32,
        flags: u32,
    },
    Reject {
        code: u8,
    },
    /// One we never write.
    Other(String),
}

fn constant(value: i32) -> u32 {
    value.unsigned_abs()
}

fn equal(data: impl Into<Vec<u8>>) -> Expression {
    Expression::Cmp {
        op: constant(NFT_CMP_EQ),
        data: data.into(),
    }
}

fn unequal(data: impl Into<Vec<u8>>) -> Expression {
    Expression::Cmp {
        op: constant(NFT_CMP_NEQ),
        data: data.into(),
    }
}

fn bits(mask: u32, xor: u32) -> Expression {
    Expression::Bitwise {
        mask: mask.to_ne_bytes().to_vec(),
        xor: xor.to_ne_bytes().to_vec(),
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// Source addresses begin at 12 and 8, destinations follow them.
fn address_in(net: &IpNet, is_destination: bool) -> Vec<Expression> {
    let network = octets(net.network());
    let length = if net.addr().is_ipv4() { 4 } else { 16 };
    let source = if net.addr().is_ipv4() { 12 } else { 8 };
    let load = Expression::Payload {
        offset: source + if is_destination { length } else { 0 },
        length,
    };
    if net.prefix_len() == net.max_prefix_len() {
        return vec![load, equal(network)];
    }
    let mask = Expression::Bitwise {
        mask: octets(net.netmask()),
        xor: vec![0; network.len()],
    };
    vec![load, mask, equal(network)]
}

fn whole_name(name: &str) -> Vec<u8> {
    let mut bytes = name.as_bytes().to_vec();
    bytes.resize(IFNAMSIZ, 0);
    bytes
}

fn test(test: &Match) -> Vec<Expression> {
    let local = RTN_LOCAL.to_ne_bytes();
    let iif = constant(NFT_META_IIFNAME);
    match test {
        Match::From(net) => address_in(net, false),
        Match::To(net) => address_in(net, true),
        Match::ToThisNode => vec![Expression::Fib { flags: FIB_DADDR }, equal(local)],
        Match::NotToThisNode => vec![Expression::Fib { flags: FIB_DADDR }, unequal(local)],
        Match::ToIncomingDevice => {
            let flags = FIB_DADDR | FIB_IIF;
            vec![Expression::Fib { flags }, equal(local)]
        }
        Match::In(name) => vec![Expression::Meta(iif), equal(whole_name(name))],
        Match::InPrefix(prefix) => vec![Expression::Meta(iif), equal(prefix.as_bytes())],
        Match::NotOutPrefix(prefix) => {
            vec![
                Expression::Meta(constant(NFT_META_OIFNAME)),
                unequal(prefix.as_bytes()),
            ]
        }
        Match::ConnectionMarked(mark) => {
            vec![Expression::Ct(CT_MARK), bits(*mark, 0), equal(mark.to_ne_bytes())]
        }
        Match::ConnectionNotMarked(mark) => {
            vec![Expression::Ct(CT_MARK), bits(*mark, 0), equal(0u32.to_ne_bytes())]
        }
        Match::NewConnection => vec![
            Expression::Ct(CT_STATE),
            bits(CT_STATE_NEW, 0),
            unequal(0u32.to_ne_bytes()),
        ],
    }
}

fn verdict(code: i32, chain: Option<&str>) -> Expression {
    Expression::Verdict {
        code,
        chain: chain.map(str::to_owned),
    }
}

fn done(action: &Action, is_v4: bool) -> Vec<Expression> {
    let meta_mark = constant(NFT_META_MARK);
    match action {
        Action::Return => vec![verdict(NFT_RETURN, None)],
        Action::Accept => vec![verdict(NF_ACCEPT, None)],
        Action::Jump(chain) => vec![verdict(NFT_JUMP, Some(chain))],
        Action::MarkConnection(mark) => vec![
            Expression::Ct(CT_MARK),
            bits(!mark, *mark),
            Expression::SetCt(CT_MARK),
        ],
        Action::MarkPacket(mark) => vec![
            Expression::Meta(meta_mark),
            bits(!mark, *mark),
            Expression::SetMeta(meta_mark),
        ],
        Action::UnmarkPacket(mark) => vec![
            Expression::Meta(meta_mark),
            bits(!mark, 0),
            Expression::SetMeta(meta_mark),
        ],
        Action::Snat(to, random) => {
            let flags = match random {
                Random::None => 0,
                Random::Hash => NAT_RANDOM,
                Random::Full => NAT_RANDOM_FULLY,
            };
            let family = constant(if to.is_ipv4() { NFPROTO_IPV4 } else { NFPROTO_IPV6 });
            vec![Expression::Data(octets(*to)), Expression::Snat { family, flags }]
        }
        Action::Reject => vec![Expression::Reject {
            code: if is_v4 { PORT_UNREACH_V4 } else { PORT_UNREACH_V6 },
        }],
    }
}

/// The expressions of a rule in a table of the family.
pub(super) fn expressions(rule: &NftRule, is_v4: bool) -> Vec<Expression> {
    let mut all: Vec<_> = rule.matches.iter().flat_map(test).collect();
    all.extend(done(&rule.action, is_v4));
    all
}

fn value(attributes: &mut Attributes, kind: u16, value: &[u8]) {
    attributes.nest(kind, |data| {
        data.bytes(1, value);
    });
}

impl Expression {
    fn name(&self) -> &str {
        match self {
            Self::Payload { .. } => "payload",
            Self::Meta(_) | Self::SetMeta(_) => "meta",
            Self::Ct(_) | Self::SetCt(_) => "ct",
            Self::Fib { .. } => "fib",
            Self::Bitwise { .. } => "bitwise",
            Self::Cmp { .. } => "cmp",
            Self::Data(_) | Self::Verdict { .. } => "immediate",
            Self::Snat { .. } => "nat",
            Self::Reject { .. } => "reject",
            Self::Other(name) => name,
        }
    }

    fn fill(&self, to: &mut Attributes) {
        let register = constant(NFT_REG_1);
        match self {
            Self::Payload { offset, length } => {
                to.number(1, register)
                    .number(2, constant(NFT_PAYLOAD_NETWORK_HEADER));
                to.number(3, *offset).number(4, *length);
            }
            Self::Meta(key) | Self::Ct(key) => {
                to.number(1, register).number(2, *key);
            }
            Self::SetMeta(key) => {
                to.number(2, *key).number(3, register);
            }
            Self::SetCt(key) => {
                to.number(2, *key).number(4, register);
            }
            Self::Fib { flags } => {
                to.number(1, register)
                    .number(2, FIB_RESULT_ADDRTYPE)
                    .number(3, *flags);
            }
            Self::Bitwise { mask, xor } => {
                let length = u32::try_from(mask.len()).unwrap_or_default();
                to.number(1, register).number(2, register).number(3, length);
                value(to, 4, mask);
                value(to, 5, xor);
            }
            Self::Cmp { op, data } => {
                to.number(1, register).number(2, *op);
                value(to, 3, data);
            }
            Self::Data(data) => {
                to.number(1, register);
                value(to, 2, data);
            }
            Self::Verdict { code, chain } => {
                to.number(1, 0).nest(2, |data| {
                    data.nest(2, |verdict| {
                        verdict.bytes(1, &code.to_be_bytes());
                        if let Some(chain) = chain {
                            verdict.text(2, chain);
                        }
                    });
                });
            }
            Self::Snat { family, flags } => {
                to.number(1, NAT_SNAT).number(2, *family).number(3, register);
                if *flags != 0 {
                    to.number(7, *flags);
                }
            }
            Self::Reject { code } => {
                to.number(1, REJECT_ICMP_UNREACH).bytes(2, &[*code]);
            }
            Self::Other(_) => {}
        }
    }

    /// As an element of a rule's list.
    pub(super) fn write(&self, list: &mut Attributes) {
        list.nest(LIST_ELEM, |element| {
            element
                .text(EXPR_NAME, self.name())
                .nest(EXPR_DATA, |data| self.fill(data));
        });
    }

    /// From an element of a rule's list.
    pub(super) fn read(element: &[u8]) -> Self {
        let name = text(element, EXPR_NAME).unwrap_or_default();
        let data = find(element, EXPR_DATA).unwrap_or_default();
        Self::understand(&name, &data).unwrap_or(Self::Other(name))
    }

    fn understand(name: &str, data: &[u8]) -> Option<Self> {
        let register = constant(NFT_REG_1);
        let is_in = |kind| number(data, kind) == Some(register);
        let key = || number(data, 2);
        let value = |kind| find(data, kind).and_then(|value| find(&value, 1));
        Some(match name {
            "payload" if is_in(1) && number(data, 2) == Some(constant(NFT_PAYLOAD_NETWORK_HEADER)) => {
                Self::Payload {
                    offset: number(data, 3)?,
                    length: number(data, 4)?,
                }
            }
            "meta" if is_in(1) => Self::Meta(key()?),
            "meta" if is_in(3) => Self::SetMeta(key()?),
            "ct" if is_in(1) => Self::Ct(key()?),
            "ct" if is_in(4) => Self::SetCt(key()?),
            "fib" if is_in(1) && number(data, 2) == Some(FIB_RESULT_ADDRTYPE) => Self::Fib {
                flags: number(data, 3)?,
            },
            "bitwise" if is_in(1) && is_in(2) => Self::Bitwise {
                mask: value(4)?,
                xor: value(5)?,
            },
            "cmp" if is_in(1) => Self::Cmp {
                op: number(data, 2)?,
                data: value(3)?,
            },
            "immediate" if is_in(1) => Self::Data(value(2)?),
            "immediate" => {
                let verdict = find(&find(data, 2)?, 2)?;
                Self::Verdict {
                    code: number(&verdict, 1)?.cast_signed(),
                    chain: text(&verdict, 2),
                }
            }
            "nat" if is_in(3) && number(data, 1) == Some(NAT_SNAT) && number(data, 5).is_none() => {
                Self::Snat {
                    family: number(data, 2)?,
                    flags: number(data, 7).unwrap_or_default() & !NAT_MAP_IPS,
                }
            }
            "reject" if number(data, 1) == Some(REJECT_ICMP_UNREACH) => Self::Reject {
                code: *find(data, 2)?.first()?,
            },
            _ => return None,
        })
    }
}
