//! Who holds an address: the key of the container runtime, the pod, and the entry of the checkpoint.

use jiff::Timestamp;
use std::net::IpAddr;

/// Network and interface that checkpoints carry for pods that were there before there were checkpoints.
const UNKNOWN_NETWORK: &str = "_migrated-from-cri";
const UNKNOWN_INTERFACE: &str = "unknown";

/// What makes an attachment unique: the same key always gets the same address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    // First because it alone tells nearly all keys apart.
    /// The sandbox, by the runtime's id.
    pub container: String,
    /// The interface in the sandbox.
    pub interface: String,
    /// The network of the conflist.
    pub network: String,
}

impl Key {
    /// The key the same sandbox has in a checkpoint that was filled from the runtime.
    pub(super) fn migrated(&self) -> Self {
        Self {
            container: self.container.clone(),
            interface: UNKNOWN_INTERFACE.to_owned(),
            network: UNKNOWN_NETWORK.to_owned(),
        }
    }
}

/// A pod by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodRef {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// One held address, as a checkpoint has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Who holds it.
    pub key: Key,
    /// The address.
    pub address: IpAddr,
    /// Since when.
    pub since: Timestamp,
    /// The pod; none in entries from before pods were written down.
    pub pod: Option<PodRef>,
    /// Addresses the pod has in all, one a network card.
    pub interfaces: u32,
}

impl Entry {
    /// The same, borrowed.
    pub fn lease(&self) -> Lease<'_> {
        Lease {
            key: &self.key,
            address: self.address,
            since: self.since,
            pod: self.pod.as_ref(),
            interfaces: self.interfaces,
        }
    }
}

/// The same, borrowed from the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease<'a> {
    /// Who holds it.
    pub key: &'a Key,
    /// The address.
    pub address: IpAddr,
    /// Since when.
    pub since: Timestamp,
    /// The pod.
    pub pod: Option<&'a PodRef>,
    /// Addresses the pod has in all.
    pub interfaces: u32,
}

impl Lease<'_> {
    /// An entry of its own.
    pub fn to_entry(self) -> Entry {
        Entry {
            key: self.key.clone(),
            address: self.address,
            since: self.since,
            pod: self.pod.cloned(),
            interfaces: self.interfaces,
        }
    }
}

/// The checkpoint file of a network card, by that of the default card.
pub fn checkpoint_file(base: &str, card: u32) -> String {
    if card == 0 {
        return base.to_owned();
    }
    let (stem, extension) = match base.rsplit_once('.') {
        Some((stem, extension)) if !extension.contains('/') => (stem, format!(".{extension}")),
        _ => (base, String::new()),
    };
    format!("{stem}-nic-{card}{extension}")
}
