//! Names of links and numbers of tables, as the stock agent makes them.

use super::Mac;
use crate::config::PodEniMode;
use sha1::{Digest, Sha1};
use std::fmt::Write;

/// The table of the default interface is main; the tables of network card 0 follow its device numbers.
const CARD_TABLES: u32 = 10_000;
/// Tables a network card has room for.
const TABLES_PER_CARD: u32 = 100;
/// The table of a branch is its VLAN plus this.
pub const POD_ENI_TABLE_OFFSET: u32 = 100;
/// An interface name has 15 characters, and the prefix up to 4 of them.
const DIGITS: usize = 11;

/// The name of a pod's link in the host: the prefix and eleven digits of a hash of namespace and pod; further
/// interfaces of the pod hash `<pod>.<index>`.
pub fn host_veth_name(prefix: &str, namespace: &str, pod: &str, index: u32) -> String {
    let mut hash = Sha1::new_with_prefix(format!("{namespace}.{pod}"));
    if index > 0 {
        hash.update(format!(".{index}"));
    }
    format!("{prefix}{}", hex(&hash.finalize(), DIGITS))
}

/// What the name of a pod's link in the host begins with, for a pod with its own groups. In strict mode it is `vlan`, so
/// that rules for links of pods (`eni+`) leave it alone.
pub fn host_veth_prefix(prefix: &str, enforcing: PodEniMode) -> &str {
    match enforcing {
        PodEniMode::Strict => "vlan",
        PodEniMode::Standard => prefix,
    }
}

/// The first digits of bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8], digits: usize) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a String does not fail.
        if write!(text, "{byte:02x}").is_err() {
            break;
        }
    }
    text.truncate(digits);
    text
}

/// The name of a pod's interface in the pod: the first is the runtime's choice.
pub fn container_if_name(first: &str, index: u32) -> String {
    if index == 0 {
        first.to_owned()
    } else {
        format!("mNicIf{index}")
    }
}

/// The Ethernet address of the node's end of a pod's link: a hash of the sandbox, so that no two share one and nobody
/// has to look which are taken.
pub fn host_mac(container: &str, index: u32) -> Mac {
    let hash = Sha1::digest(format!("{container}.{index}"));
    let mut bytes = [0; 6];
    for (byte, from) in bytes.iter_mut().zip(hash) {
        *byte = from;
    }
    Mac::local(bytes)
}

/// The name of the VLAN link of a branch interface.
pub fn vlan_name(vlan: u16) -> String {
    format!("vlan.eth.{vlan}")
}

/// The table of an interface: main for the primary one.
pub fn route_table_id(card: u32, device: u32) -> u32 {
    match (card, device) {
        (0, 0) => super::MAIN_TABLE,
        (0, device) => device + 1,
        (card, device) => CARD_TABLES + device + TABLES_PER_CARD * card,
    }
}

/// The table of an interface before v1.20 of the stock agent. A node that runs since then has rules that lead there.
pub fn old_route_table_id(card: u32, device: u32, max_enis_per_card: u32) -> u32 {
    match (card, device) {
        (0, 0) => super::MAIN_TABLE,
        (card, device) => device + 1 + card * max_enis_per_card,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_an_interface() {
        let name = host_veth_name("vlan", "kube-system", "coredns-57ff979f67-qqbdh", 0);
        assert_eq!(name, "vlanb5faff8a083");
        assert_eq!(name.len(), 15);
        assert_eq!(
            host_veth_name("eni", "a", "b", 1),
            host_veth_name("eni", "a", "b.1", 0)
        );
    }

    #[test]
    fn tables_follow_card_and_device() {
        assert_eq!(route_table_id(0, 0), 254);
        assert_eq!(route_table_id(0, 1), 2);
        assert_eq!(route_table_id(1, 0), 10_100);
        assert_eq!(route_table_id(1, 1), 10_101);
        assert_eq!(old_route_table_id(1, 0, 8), 9);
    }
}
