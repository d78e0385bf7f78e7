//! How a node gives addresses, decided once: at its first start, and from then on as it was pinned. A node that changes
//! its mode in place mixes both, gives out fewer addresses than it says, and leaves slots blocked.

use super::reconcile::EniSeen;
use crate::assign::{Entry, Mode};
use crate::config::Effective;
use crate::ids::InstanceId;
use crate::limits::InstanceLimits;
use ipnet::IpNet;

/// What a node is pinned to. It counts for one instance: the disk of a golden image must not pin a fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModePin {
    /// The instance.
    pub instance: InstanceId,
    /// Its mode.
    pub mode: Mode,
    /// Whether pods are in the subnet of an ENIConfig.
    pub custom_networking: bool,
}

/// What the interfaces of a node hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Secondary addresses.
    pub addresses: usize,
    /// /28 prefixes.
    pub prefixes: usize,
    /// Pods on secondary addresses.
    pub pods_on_addresses: usize,
    /// Pods on addresses of prefixes.
    pub pods_on_prefixes: usize,
}

/// What is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeDecision {
    /// What the node is pinned to.
    pub pin: ModePin,
    /// Whether that must be written down.
    pub write: bool,
    /// What the configuration asks for instead, which waits for the node's replacement.
    pub differs: Option<(Mode, bool)>,
}

impl Holdings {
    /// What interfaces hold, and what pods hold of it.
    pub fn of(enis: &[EniSeen], pods: &[Entry]) -> Self {
        let all = || enis.iter().flat_map(|eni| &eni.cidrs);
        let is_address = |net: &&IpNet| matches!(net, IpNet::V4(net) if net.prefix_len() == 32);
        let is_prefix = |net: &&IpNet| matches!(net, IpNet::V4(net) if net.prefix_len() == 28);
        let on = |sort: &dyn Fn(&&IpNet) -> bool| {
            let of_sort = |pod: &&Entry| all().filter(sort).any(|net| net.contains(&pod.address));
            pods.iter().filter(of_sort).count()
        };
        Self {
            addresses: all().filter(is_address).count(),
            prefixes: all().filter(is_prefix).count(),
            pods_on_addresses: on(&is_address),
            pods_on_prefixes: on(&is_prefix),
        }
    }

    /// The mode they speak for: that of the pods, else that of the blocks; none where both or neither are there.
    fn mode(&self) -> Option<Mode> {
        let only = |addresses: usize, prefixes: usize| match (addresses, prefixes) {
            (0, 0) => None,
            (_, 0) => Some(Mode::Secondary),
            (0, _) => Some(Mode::Prefix),
            (_, _) => None,
        };
        only(self.pods_on_addresses, self.pods_on_prefixes).or_else(|| only(self.addresses, self.prefixes))
    }
}

/// The mode the configuration asks for. A type that cannot carry prefixes gives secondary addresses.
pub fn wanted_mode(effective: &Effective, limits: &InstanceLimits) -> Mode {
    if effective.ipv6() {
        Mode::Ipv6
    } else if effective.prefix_delegation() && limits.prefix_delegation {
        Mode::Prefix
    } else {
        Mode::Secondary
    }
}

/// Decides. A pin of this instance holds; else what its interfaces hold speaks, and where that says nothing the
/// configuration does. The IP family of a cluster never changes, so the interfaces have no say in it.
pub fn decide_mode(
    pinned: Option<&ModePin>,
    instance: &InstanceId,
    wanted: (Mode, bool),
    holdings: &Holdings,
) -> ModeDecision {
    let old = pinned.filter(|pin| pin.instance == *instance);
    let pin = old.cloned().unwrap_or_else(|| ModePin {
        instance: instance.clone(),
        mode: match wanted.0 {
            Mode::Ipv6 => Mode::Ipv6,
            Mode::Secondary | Mode::Prefix => holdings.mode().unwrap_or(wanted.0),
        },
        custom_networking: wanted.1,
    });
    ModeDecision {
        write: old.is_none(),
        differs: ((pin.mode, pin.custom_networking) != wanted).then_some(wanted),
        pin,
    }
}
