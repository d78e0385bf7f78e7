//! What the agent tells the plugin and the network-policy agent besides addresses of pods.

use crate::config::{Effective, Key};
use crate::net::Ipv4Net;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Networks that pods reach under their own addresses: those of the VPC, and, where the node translates sources, those
/// that are left out of it.
pub fn untranslated(effective: &Effective, vpc: &[Ipv4Net]) -> Vec<Ipv4Net> {
    let mut nets = vpc.to_vec();
    if !effective.external_snat() {
        nets.extend_from_slice(effective.cidrs(Key::ExcludeSnatCidrs));
    }
    nets
}

/// The node's address in the family of its pods; the other one is not told.
pub fn node_addresses(
    ipv6: bool,
    v4: Option<Ipv4Addr>,
    v6: Option<Ipv6Addr>,
) -> (Option<Ipv4Addr>, Option<Ipv6Addr>) {
    if ipv6 { (None, v6) } else { (v4, None) }
}
