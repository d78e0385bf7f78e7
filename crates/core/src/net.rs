//! Arithmetic on IPv4 networks and /28 prefixes, and MAC addresses.

use std::fmt;
use std::net::Ipv4Addr;

pub use ipnet::{Ipv4Net, Ipv6Net};

/// A MAC address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

/// A text that is no MAC address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a MAC address, for example 02:0a:1b:2c:3d:4e")]
pub struct InvalidMac(String);

impl std::str::FromStr for Mac {
    type Err = InvalidMac;

    fn from_str(text: &str) -> Result<Self, InvalidMac> {
        let invalid = || InvalidMac(text.to_owned());
        let mut octets = [0; 6];
        let mut parts = text.split(':');
        for octet in &mut octets {
            let part = parts
                .next()
                .filter(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit()))
                .ok_or_else(invalid)?;
            *octet = u8::from_str_radix(part, 16).map_err(|_| invalid())?;
        }
        parts.next().is_none().then_some(Self(octets)).ok_or_else(invalid)
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

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
    fn a_mac_address_is_six_octets() {
        let mac: Mac = "02:0A:1b:2c:3d:4e".parse().unwrap();
        assert_eq!(mac.to_string(), "02:0a:1b:2c:3d:4e");
        for bad in [
            "",
            "02:0a:1b:2c:3d",
            "02:0a:1b:2c:3d:4e:5f",
            "020a:1b:2c:3d:4e",
            "02:0a:1b:2c:3d:+e",
        ] {
            let read: Result<Mac, _> = bad.parse();
            assert!(read.is_err(), "{bad}");
        }
    }

    #[test]
    fn a_prefix_is_aligned() {
        let prefix = Ipv4Prefix::containing(Ipv4Addr::new(10, 0, 0, 37));
        assert_eq!(prefix.to_string(), "10.0.0.32/28");
        assert_eq!(prefix.last(), Ipv4Addr::new(10, 0, 0, 47));
        assert_eq!(prefix.addresses().count(), 16);
    }
}
