//! Which pod has which address. Nothing is given twice, and a node that has no address left gives none.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

/// The addresses of all nodes.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    nodes: BTreeMap<String, Pool>,
    invented: u32,
}

#[derive(Debug, Default)]
struct Pool {
    /// What the CNI of the node has; none where addresses are invented.
    has: Option<BTreeSet<Ipv4Addr>>,
    given: BTreeMap<String, Ipv4Addr>,
}

impl Addresses {
    /// What a node has for pods; with an empty list they are invented. Pods keep theirs.
    pub(super) fn set(&mut self, node: &str, addresses: &[Ipv4Addr]) {
        let has = (!addresses.is_empty()).then(|| addresses.iter().copied().collect());
        self.nodes.entry(node.to_owned()).or_default().has = has;
    }

    /// An address for a pod, the same when asked again; none where the node has no free one.
    pub(super) fn give(&mut self, node: &str, pod: &str) -> Option<Ipv4Addr> {
        let pool = self.nodes.entry(node.to_owned()).or_default();
        if let Some(address) = pool.given.get(pod) {
            return Some(*address);
        }
        let address = if let Some(has) = &pool.has {
            let given: BTreeSet<_> = pool.given.values().copied().collect();
            *has.difference(&given).next()?
        } else {
            self.invented += 1;
            Ipv4Addr::from_bits(Ipv4Addr::new(100, 64, 0, 0).to_bits() + self.invented)
        };
        pool.given.insert(pod.to_owned(), address);
        Some(address)
    }

    /// The pod is gone.
    pub(super) fn take_back(&mut self, node: &str, pod: &str) {
        if let Some(pool) = self.nodes.get_mut(node) {
            pool.given.remove(pod);
        }
    }

    /// The node is gone.
    pub(super) fn forget(&mut self, node: &str) {
        self.nodes.remove(node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_given_twice() {
        let [a, b] = [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)];
        let mut addresses = Addresses::default();
        addresses.set("n", &[a, b]);
        assert_eq!(addresses.give("n", "p"), Some(a));
        assert_eq!(addresses.give("n", "p"), Some(a));
        assert_eq!(addresses.give("n", "q"), Some(b));
        assert_eq!(addresses.give("n", "r"), None);
        addresses.take_back("n", "p");
        assert_eq!(addresses.give("n", "r"), Some(a));
    }

    #[test]
    fn a_node_without_a_pool_invents() {
        let mut addresses = Addresses::default();
        let first = addresses.give("n", "p");
        assert!(first.is_some_and(|address| address.octets()[0] == 100));
        assert_ne!(first, addresses.give("m", "q"));
    }
}
