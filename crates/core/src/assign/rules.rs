//! What holds for the whole node: its mode, and how long addresses rest.

use super::cidr::Sort;
use jiff::SignedDuration;

/// How the node gives addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Secondary addresses.
    Secondary,
    /// /28 prefixes.
    Prefix,
    /// One /80 an interface.
    Ipv6,
}

impl Mode {
    pub(super) fn sort(self) -> Sort {
        match self {
            Self::Secondary => Sort::Single,
            Self::Prefix => Sort::Prefix,
            Self::Ipv6 => Sort::Six,
        }
    }
}

/// What holds for the whole node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Its mode.
    pub mode: Mode,
    /// Custom networking: the primary interface gives no addresses.
    pub skip_primary: bool,
    /// How long a released address rests.
    pub cooldown: SignedDuration,
}
