//! What the kernel of a node should have: values, how they follow from pods and interfaces, and what is to change.
//!
//! Everything here is a pure value. `vpccni-netlink` reads the kernel into these values and writes them to it. Names,
//! tables and priorities are those of the stock agent, so that a node can go from one to the other with its pods.

mod diff;
mod egress;
mod host;
mod name;
mod nft;
mod pod;
mod snat;
#[cfg(test)]
mod tests;
mod value;

pub use diff::{Change, CleanUp, Desired, Seen, TableState, diff};
pub use egress::{EGRESS_TABLE, Egress, EgressFamily, egress_chain_name};
pub use host::{
    NodeInit, PrimaryEni, SecondaryEni, eni_gone, node_init, primary_eni, secondary_eni, service_cidrs,
};
pub use name::{
    POD_ENI_TABLE_OFFSET, container_if_name, host_mac, host_veth_name, host_veth_prefix, old_route_table_id,
    route_table_id, vlan_name,
};
pub use nft::{Action, Chain, Hook, HookKind, HookPoint, Match, NftRule, NftTable, Random};
pub use pod::{Branch, Enforcing, PodNetwork, PodState, gateway, pod};
pub use snat::{CONNMARK_TABLE, HOST_TABLE, NoVpcCidrs, Snat, snat, tables_of_ours};
pub use value::{
    Address, Family, Link, LinkKind, LinkSettings, MAIN_TABLE, Mac, Mark, Neighbour, NotAMac, Peer, Route,
    Rule, Sysctl, priority,
};
