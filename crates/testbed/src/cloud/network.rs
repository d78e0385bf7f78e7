//! What the CNI of a node holds for pods.

use vpccni_sandbox::world::{Want, World};

/// How the CNI of a node holds addresses for pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PodNetwork {
    /// Prefixes of sixteen addresses instead of single ones.
    pub prefixes: bool,
    /// Addresses from the pod subnet of the zone, and none from the primary interface.
    pub custom: bool,
    /// Interfaces beside the primary one.
    pub secondary_interfaces: u32,
}

impl PodNetwork {
    /// What a fresh node has under the published manifest: the primary interface and one warm one, all addresses
    /// taken.
    pub const SECONDARY: Self = Self {
        prefixes: false,
        custom: false,
        secondary_interfaces: 1,
    };
    /// An instance that no ipamd has seen: its primary interface with its primary address.
    pub const FRESH: Self = Self {
        prefixes: false,
        custom: true,
        secondary_interfaces: 0,
    };
    /// The same with custom networking.
    pub const CUSTOM: Self = Self {
        custom: true,
        ..Self::SECONDARY
    };
    /// A fresh node in prefix mode: one warm prefix on the primary interface.
    pub const PREFIX: Self = Self {
        prefixes: true,
        custom: false,
        secondary_interfaces: 0,
    };
    /// The same with custom networking: one prefix on the first interface of the pod subnet.
    pub const CUSTOM_PREFIX: Self = Self {
        custom: true,
        secondary_interfaces: 1,
        ..Self::PREFIX
    };

    /// What a fresh node has under these switches.
    pub const fn of(prefixes: bool, custom: bool) -> Self {
        match (prefixes, custom) {
            (false, false) => Self::SECONDARY,
            (false, true) => Self::CUSTOM,
            (true, false) => Self::PREFIX,
            (true, true) => Self::CUSTOM_PREFIX,
        }
    }

    /// What one interface of a type is asked to hold.
    pub(crate) fn want(self, now: &World, instance_type: &str) -> Want {
        let per_interface = now.types.get(instance_type).map_or(0, |kind| kind.ipv4_per_eni);
        if self.prefixes {
            Want {
                prefix_count: 1,
                ..Want::default()
            }
        } else {
            Want {
                count: per_interface.saturating_sub(1),
                ..Want::default()
            }
        }
    }
}
