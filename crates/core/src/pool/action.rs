//! What a plan of the pool asks for, each with the reason.

use crate::ids::{EniId, SubnetId};
use crate::plural::{agreeing, counted};
use ipnet::IpNet;
use std::fmt;

/// What is asked of EC2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Want {
    /// Secondary addresses.
    Addresses,
    /// /28 prefixes.
    Prefixes,
    /// A /80.
    Ipv6Prefixes,
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// So many addresses are free, and so many more addresses or prefixes are wanted.
    Low {
        /// Addresses that can be given now.
        free: i64,
        /// What is missing, in what is asked for.
        missing: i64,
    },
    /// An IPv6 node needs a /80 on each interface that serves pods.
    NoPrefix,
    /// So many more are there than the targets ask for.
    High {
        /// Addresses or prefixes too many.
        over: i64,
    },
    /// Left over from another mode, and no pod holds it any more.
    OtherMode,
    /// Its subnet is no longer for this cluster, and no pod holds it any more.
    Excluded,
    /// No pod uses the interface, and the others have enough.
    Idle,
}

/// One thing to do. The store is changed when it is done, but for what goes away: that leaves the store first, so that
/// no pod gets it meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolAction {
    /// Ask for more on an interface.
    Assign {
        /// The interface.
        eni: EniId,
        /// What.
        want: Want,
        /// How many.
        count: u32,
        /// Why.
        reason: Reason,
    },
    /// Give blocks back.
    Release {
        /// The interface.
        eni: EniId,
        /// The blocks.
        cidrs: Vec<IpNet>,
        /// Why.
        reason: Reason,
    },
    /// Make an interface and attach it.
    CreateEni {
        /// The network card.
        card: u32,
        /// The lowest device number that is free there, as far as is known.
        device: u32,
        /// Subnets to try, the best first.
        subnets: Vec<SubnetId>,
        /// What it is to come with.
        want: Want,
        /// How many of those.
        count: u32,
        /// Why.
        reason: Reason,
    },
    /// Detach an interface and delete it.
    DeleteEni {
        /// The interface.
        eni: EniId,
        /// Why.
        reason: Reason,
    },
}

impl PoolAction {
    /// Why.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Assign { reason, .. }
            | Self::Release { reason, .. }
            | Self::CreateEni { reason, .. }
            | Self::DeleteEni { reason, .. } => *reason,
        }
    }
}

impl Want {
    /// The word for one of them.
    fn one(self) -> &'static str {
        match self {
            Self::Addresses => "address",
            Self::Prefixes => "prefix",
            Self::Ipv6Prefixes => "IPv6 prefix",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Low { free, missing } => write!(
                f,
                "{} {} free, {missing} more {} wanted",
                counted(*free, "address"),
                agreeing(free, "is", "are"),
                agreeing(missing, "is", "are")
            ),
            Self::NoPrefix => f.write_str("it has no IPv6 prefix yet"),
            Self::High { over } => write!(f, "{over} more are free than the targets ask for"),
            Self::OtherMode => f.write_str("left over from another mode"),
            Self::Excluded => f.write_str("its subnet is not for this cluster"),
            Self::Idle => f.write_str("no pod uses it, and the others have enough"),
        }
    }
}

impl fmt::Display for PoolAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Assign { eni, want, count, .. } => {
                write!(f, "ask for {} on {eni}", counted(*count, want.one()))
            }
            Self::Release { eni, cidrs, .. } => write!(f, "give {} of {eni} back", Listed(cidrs)),
            Self::CreateEni {
                card, want, count, ..
            } => write!(
                f,
                "attach an interface with {} to network card {card}",
                counted(*count, want.one())
            ),
            Self::DeleteEni { eni, .. } => write!(f, "delete {eni}"),
        }?;
        write!(f, ": {}", self.reason())
    }
}

/// The first few of a list, so that a line stays a line.
struct Listed<'a>(&'a [IpNet]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 4;
        for (at, cidr) in self.0.iter().take(SHOWN).enumerate() {
            write!(f, "{}{cidr}", if at == 0 { "" } else { ", " })?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
