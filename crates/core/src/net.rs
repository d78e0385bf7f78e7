//! Arithmetic on IPv4 networks and /28 prefixes.

use std::fmt;
use std::net::Ipv4Addr;

pub use crate::mac::{Mac, NotAMac};
pub use ipnet::{Ipv4Net, Ipv6Net};

/// A /28 block of 16 addresses, the unit of prefix delegation; its first address is a multiple of 16.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ipv4Prefix(u32);

impl Ipv4Prefix {
    /// Addresses in a prefix.
    pub const SIZE: u32 = 16;

    /// The block that holds the address.
    pub fn containing(address: Ipv4Addr) -> Self {
        Self(u32::from(address) & !(Self::SIZE - 1))
    }

    /// A network of length 28, or none.
    pub fn from_net(net: Ipv4Net) -> Option<Self> {
        (net.prefix_len() == 28).then(|| Self::containing(net.network()))
    }

    /// The first address.
    pub fn first(self) -> Ipv4Addr {
        Ipv4Addr::from(self.0)
    }

    /// The last address.
    pub fn last(self) -> Ipv4Addr {
        Ipv4Addr::from(self.0 + (Self::SIZE - 1))
    }

    /// As a network of length 28.
    pub fn net(self) -> Ipv4Net {
        Ipv4Net::new_assert(self.first(), 28)
    }

    /// Its sixteen addresses in order.
    pub fn addresses(self) -> impl Iterator<Item = Ipv4Addr> {
        (self.0..=self.0 + (Self::SIZE - 1)).map(Ipv4Addr::from)
    }
}

impl fmt::Display for Ipv4Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/28", self.first())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_aligned() {
        let prefix = Ipv4Prefix::containing(Ipv4Addr::new(10, 0, 0, 37));
        assert_eq!(prefix.to_string(), "10.0.0.32/28");
        assert_eq!(prefix.last(), Ipv4Addr::new(10, 0, 0, 47));
        assert_eq!(prefix.addresses().count(), 16);
    }
}
