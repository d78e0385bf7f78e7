//! The IPv6 addresses of one subnet. There are too many to count: what is given is kept, the rest is free.

use super::random::Random;
use ipnet::Ipv6Net;
use std::collections::BTreeSet;
use std::net::Ipv6Addr;

/// The first four addresses and the last are never given.
const RESERVED_FIRST: u128 = 4;

/// The length of a prefix that an interface may hold.
pub(crate) const PREFIX_LENGTH: u8 = 80;
const PREFIX_SIZE: u128 = 1 << (128 - PREFIX_LENGTH);

/// Tries to hit a free place by chance; a subnet that is so full that all of them fail is called full.
const PROBES: u32 = 64;

/// Addresses and prefixes that are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Want6 {
    /// Exactly these addresses.
    pub addresses: Vec<Ipv6Addr>,
    /// So many addresses, wherever.
    pub count: u32,
    /// Exactly these prefixes.
    pub prefixes: Vec<Ipv6Net>,
    /// So many prefixes, wherever.
    pub prefix_count: u32,
}

impl Want6 {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Addresses and prefixes together.
    pub fn slots(&self) -> usize {
        self.addresses.len() + self.prefixes.len() + self.count as usize + self.prefix_count as usize
    }
}

/// Addresses and prefixes that were given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grant6 {
    /// Addresses.
    pub addresses: Vec<Ipv6Addr>,
    /// Prefixes.
    pub prefixes: Vec<Ipv6Net>,
}

/// Why the pool refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Full,
    Outside(Ipv6Addr),
    Taken(Ipv6Addr),
}

/// The pool.
#[derive(Debug, Clone)]
pub struct Pool6 {
    cidr: Ipv6Net,
    addresses: BTreeSet<u128>,
    /// First addresses of the prefixes.
    prefixes: BTreeSet<u128>,
}

impl Pool6 {
    pub(crate) fn new(cidr: Ipv6Net) -> Self {
        Self {
            cidr,
            addresses: BTreeSet::new(),
            prefixes: BTreeSet::new(),
        }
    }

    /// The network.
    pub fn cidr(&self) -> Ipv6Net {
        self.cidr
    }

    /// Addresses and prefixes that have owners.
    pub fn used(&self) -> (usize, usize) {
        (self.addresses.len(), self.prefixes.len())
    }

    /// Takes everything that is wanted or nothing at all: the explicit ones first.
    pub(crate) fn take(&mut self, want: &Want6, random: &mut Random) -> Result<Grant6, Refusal> {
        let mut grant = Grant6::default();
        match self.fill(&mut grant, want, random) {
            Ok(()) => Ok(grant),
            Err(refusal) => {
                self.release(&grant);
                Err(refusal)
            }
        }
    }

    fn fill(&mut self, grant: &mut Grant6, want: &Want6, random: &mut Random) -> Result<(), Refusal> {
        for &address in &want.addresses {
            self.take_address(u128::from(address))?;
            grant.addresses.push(address);
        }
        for &prefix in &want.prefixes {
            self.take_prefix(u128::from(prefix.network()))?;
            grant.prefixes.push(prefix);
        }
        for _ in 0..want.prefix_count {
            let first = self.choose(random, PREFIX_SIZE, Self::take_prefix)?;
            grant.prefixes.extend(net(first));
        }
        for _ in 0..want.count {
            let address = self.choose(random, 1, Self::take_address)?;
            grant.addresses.push(Ipv6Addr::from(address));
        }
        Ok(())
    }

    /// Tries places that are multiples of a step.
    fn choose(
        &mut self,
        random: &mut Random,
        step: u128,
        take: impl Fn(&mut Self, u128) -> Result<(), Refusal>,
    ) -> Result<u128, Refusal> {
        let (first, last) = self.bounds();
        let places = (last - first) / step + 1;
        for _ in 0..PROBES {
            let drawn = (u128::from(random.next()) << 64) | u128::from(random.next());
            let place = first + (drawn % places) * step;
            if take(self, place).is_ok() {
                return Ok(place);
            }
        }
        Err(Refusal::Full)
    }

    fn bounds(&self) -> (u128, u128) {
        (u128::from(self.cidr.network()), u128::from(self.cidr.broadcast()))
    }

    fn take_address(&mut self, address: u128) -> Result<(), Refusal> {
        let (first, last) = self.bounds();
        if address < first + RESERVED_FIRST || address >= last {
            return Err(Refusal::Outside(Ipv6Addr::from(address)));
        }
        let in_prefix = self.prefixes.contains(&(address & !(PREFIX_SIZE - 1)));
        if in_prefix || !self.addresses.insert(address) {
            return Err(Refusal::Taken(Ipv6Addr::from(address)));
        }
        Ok(())
    }

    fn take_prefix(&mut self, start: u128) -> Result<(), Refusal> {
        let (first, last) = self.bounds();
        let end = start + (PREFIX_SIZE - 1);
        if start < first + RESERVED_FIRST || end >= last {
            return Err(Refusal::Outside(Ipv6Addr::from(start)));
        }
        let touched = self.addresses.range(start..=end).next().is_some();
        if touched || !self.prefixes.insert(start) {
            return Err(Refusal::Taken(Ipv6Addr::from(start)));
        }
        Ok(())
    }

    /// Gives everything back.
    pub(crate) fn release(&mut self, grant: &Grant6) {
        for address in &grant.addresses {
            self.addresses.remove(&u128::from(*address));
        }
        for prefix in &grant.prefixes {
            self.prefixes.remove(&u128::from(prefix.network()));
        }
    }
}

fn net(first: u128) -> Option<Ipv6Net> {
    Ipv6Net::new(Ipv6Addr::from(first), PREFIX_LENGTH).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_prefixes_share_the_subnet() {
        let mut pool = Pool6::new("2600:1f14::/64".parse().unwrap());
        let mut random = Random::new(7);
        let want = Want6 {
            addresses: vec!["2600:1f14::1:0:0:5".parse().unwrap()],
            count: 2,
            prefix_count: 2,
            ..Want6::default()
        };
        let grant = pool.take(&want, &mut random).unwrap();
        assert_eq!((grant.addresses.len(), grant.prefixes.len()), (3, 2));
        assert!(
            grant
                .prefixes
                .iter()
                .all(|prefix| prefix.prefix_len() == PREFIX_LENGTH)
        );
        let around = Want6 {
            prefixes: vec!["2600:1f14::1:0:0:0/80".parse().unwrap()],
            ..Want6::default()
        };
        assert!(matches!(pool.take(&around, &mut random), Err(Refusal::Taken(_))));
        let router = Want6 {
            addresses: vec!["2600:1f14::1".parse().unwrap()],
            ..Want6::default()
        };
        assert!(matches!(
            pool.take(&router, &mut random),
            Err(Refusal::Outside(_))
        ));
        pool.release(&grant);
        assert_eq!(pool.used(), (0, 0));
    }
}
