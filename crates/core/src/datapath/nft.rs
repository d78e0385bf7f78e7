//! Rules of nftables in the few words we need. `vpccni-netlink` turns a word into the kernel's expressions.

use super::value::Family;
use ipnet::IpNet;
use std::net::IpAddr;

/// What decides about the source port of a translated connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Random {
    /// The kernel keeps the port where it can.
    None,
    /// A hash of the connection (`hashrandom`).
    Hash,
    /// A random number (`prng`): two connections that begin at once are unlikely to want the same port.
    #[default]
    Full,
}

impl Random {
    /// What `AWS_VPC_K8S_CNI_RANDOMIZESNAT` says; like the stock agent, anything unknown is `prng`.
    pub fn parse(text: &str) -> Self {
        match text {
            "none" => Self::None,
            "hashrandom" => Self::Hash,
            _ => Self::Full,
        }
    }
}

/// Something a packet is tested for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// Its source is in the network.
    From(IpNet),
    /// Its destination is in the network.
    To(IpNet),
    /// Its destination is an address of this node.
    ToThisNode,
    /// Its destination is an address of the device it came in by.
    ToIncomingDevice,
    /// Its destination is no address of this node.
    NotToThisNode,
    /// It came in by this device.
    In(String),
    /// It came in by a device whose name begins so.
    InPrefix(String),
    /// It does not leave by a device whose name begins so.
    NotOutPrefix(String),
    /// The bits of the mark are set on its connection.
    ConnectionMarked(u32),
    /// The bits of the mark are not set on its connection.
    ConnectionNotMarked(u32),
    /// It begins a connection.
    NewConnection,
}

/// What is done with a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing more in this chain.
    Return,
    /// Nothing more at this hook.
    Accept,
    /// The rules of that chain come next.
    Jump(String),
    /// Sets bits of the mark of the connection.
    MarkConnection(u32),
    /// Sets bits of the mark of the packet.
    MarkPacket(u32),
    /// Clears bits of the mark of the packet.
    UnmarkPacket(u32),
    /// Gives the connection this source.
    Snat(IpAddr, Random),
    /// Refuses with "port unreachable".
    Reject,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NftRule {
    /// All of these must hold.
    pub matches: Vec<Match>,
    /// Then this is done.
    pub action: Action,
    /// What a person reads beside it.
    pub comment: String,
}

impl NftRule {
    /// A rule with its comment.
    pub fn new(matches: impl Into<Vec<Match>>, action: Action, comment: impl Into<String>) -> Self {
        Self {
            matches: matches.into(),
            action,
            comment: comment.into(),
        }
    }
}

/// What a chain at a hook may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookKind {
    /// Accept, refuse, mark.
    Filter,
    /// Translate the first packet of a connection.
    Nat,
}

/// Where a chain is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookPoint {
    /// Before routing.
    Prerouting,
    /// Between two devices.
    Forward,
    /// Before a packet leaves.
    Postrouting,
}

/// How a chain is called by the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hook {
    /// What it may do.
    pub kind: HookKind,
    /// Where.
    pub point: HookPoint,
    /// In which order among others.
    pub priority: i32,
}

/// A chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Its name.
    pub name: String,
    /// Where the kernel calls it; none for a chain that others jump to.
    pub hook: Option<Hook>,
    /// Its rules in order.
    pub rules: Vec<NftRule>,
}

/// A table, which is always written and replaced as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NftTable {
    /// Its family.
    pub family: Family,
    /// Its name.
    pub name: String,
    /// Its chains; a chain stands before those that jump to it.
    pub chains: Vec<Chain>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_word_is_prng() {
        assert_eq!(Random::parse("none"), Random::None);
        assert_eq!(Random::parse("hashrandom"), Random::Hash);
        assert_eq!(Random::parse("prng"), Random::Full);
        assert_eq!(Random::parse(""), Random::Full);
    }
}
