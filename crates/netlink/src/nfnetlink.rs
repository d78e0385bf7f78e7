//! What messages of nf_tables and of connection tracking have in common: their frame and their small header.

use nix::libc::{NFPROTO_IPV4, NFPROTO_IPV6, NFPROTO_UNSPEC};
use vpccni_core::datapath::Family;

/// The header of nfnetlink: family, version, resource.
pub(crate) const NFGEN: usize = 4;

pub(crate) fn short(value: i32) -> u16 {
    u16::try_from(value).unwrap_or_default()
}

/// The number of a family; none asks for all.
pub(crate) fn protocol(family: Option<Family>) -> u8 {
    let protocol = match family {
        None => NFPROTO_UNSPEC,
        Some(Family::V4) => NFPROTO_IPV4,
        Some(Family::V6) => NFPROTO_IPV6,
    };
    u8::try_from(protocol).unwrap_or_default()
}

/// The type of a message of a part of netfilter.
pub(crate) fn kind(subsystem: i32, message: i32) -> u16 {
    short(subsystem) << 8 | short(message)
}

/// Appends a message: the header of netlink, the header of nfnetlink, attributes.
pub(crate) fn message(
    bytes: &mut Vec<u8>,
    (kind, flags, sequence): (u16, u16, u32),
    protocol: u8,
    attributes: &[u8],
) {
    let mut body = vec![protocol, 0, 0, 0];
    body.extend_from_slice(attributes);
    frame(bytes, kind, flags, sequence, &body);
}

/// Appends a message with a body of its own.
pub(crate) fn frame(bytes: &mut Vec<u8>, kind: u16, flags: u16, sequence: u32, body: &[u8]) {
    let length = u32::try_from(16 + body.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&length.to_ne_bytes());
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(&flags.to_ne_bytes());
    bytes.extend_from_slice(&sequence.to_ne_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(body);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}
