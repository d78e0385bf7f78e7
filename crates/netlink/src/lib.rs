//! The kernel of a node over netlink: links, addresses, routes, rules, sysctls, nftables and network namespaces.
//!
//! Blocking, one socket for each namespace, many messages in one send. No program is started and no shell is used,
//! but in `legacy`, which takes over what the stock agent left in iptables. What there should be comes from
//! `vpccni_core::datapath`; nothing here decides.

mod address;
mod attribute;
mod change;
mod conntrack;
pub mod egress;
mod errno;
mod host;
pub mod legacy;
mod link;
pub mod netns;
mod nfnetlink;
mod nft;
pub mod pod;
mod route;
mod rule;
mod socket;
mod state;
mod sysctl;

pub use host::Host;
