//! From what ipamd allocated, or what an earlier result says, to the interfaces of a pod.
//!
//! A result is the only thing a runtime keeps for a DEL, so the stock plugin hides two numbers in it, and both sides
//! of a change of plugins read them: the table of an address is the `mac` of the container's interface, and a last
//! interface, `dummy` and a hash, which does not exist, has the VLAN as its `mac` and the device number as its
//! `sandbox`.

use crate::conf::NetConf;
use crate::environment::Environment;
use crate::error::{CniError, Code};
use crate::result::{CniResult, Interface, Ip};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use vpccni_core::config::PodEniMode;
use vpccni_core::datapath::{
    Branch, Enforcing, MAIN_TABLE, Mac, PodNetwork, container_if_name, host_mac, host_veth_name,
    route_table_id,
};
use vpccni_rpc::proto::{AddNetworkReply, IpAllocationMetadata};

const DUMMY_PREFIX: &str = "dummy";

/// The pod of a call, and how it names things.
#[derive(Clone, Copy, Debug)]
pub struct Pod<'a> {
    env: &'a Environment,
    conf: &'a NetConf,
}

/// All interfaces of a pod, and what its result says besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodNetworks {
    /// One for each address.
    pub networks: Vec<PodNetwork>,
    /// The table of each; with a branch it is not the one in use, but what a result says.
    pub tables: Vec<i32>,
    /// The VLAN of the branch, 0 for a pod without groups of its own.
    pub vlan: i32,
    /// The device number of the first address.
    pub device: i32,
    /// The gateway of the branch's subnet.
    pub gateway: Option<IpAddr>,
}

impl<'a> Pod<'a> {
    /// The pod of a call.
    pub fn new(env: &'a Environment, conf: &'a NetConf) -> Self {
        Self { env, conf }
    }

    /// A link of the pod on the node. A sandbox that is for no pod goes by its id, so that two do not share a name.
    fn host_name(&self, prefix: &str, index: u32) -> String {
        let pod = &self.env.pod;
        if pod.name.is_empty() {
            host_veth_name(prefix, &pod.namespace, &self.env.container_id, index)
        } else {
            host_veth_name(prefix, &pod.namespace, &pod.name, index)
        }
    }

    fn network(&self, index: u32, address: IpAddr, table: i32, branch: Option<Branch>) -> PodNetwork {
        PodNetwork {
            container_if: container_if_name(&self.env.if_name, index),
            host_veth: self.host_name(self.conf.settings.prefix_for(branch.is_some()), index),
            host_mac: host_mac(&self.env.container_id, index),
            address,
            index,
            mtu: self.conf.settings.mtu,
            table: u32::try_from(table).unwrap_or(MAIN_TABLE),
            branch,
        }
    }

    fn enforcing(&self) -> Enforcing {
        match self.conf.settings.pod_eni_mode {
            PodEniMode::Strict => Enforcing::Strict,
            PodEniMode::Standard => Enforcing::Standard,
        }
    }

    /// What a reply of ipamd asks for.
    pub fn of_reply(&self, reply: &AddNetworkReply) -> Result<PodNetworks, CniError> {
        let branch = self.branch_of(reply)?;
        let addresses = addresses(&reply.allocations)?;
        let Some(first) = reply.allocations.first() else {
            return Err(nonsense("a success without an address"));
        };
        let networks = (0..)
            .zip(&addresses)
            .map(|(index, (address, table))| self.network(index, *address, *table, branch.clone()))
            .collect();
        Ok(PodNetworks {
            networks,
            tables: addresses.iter().map(|(_, table)| *table).collect(),
            vlan: reply.pod_vlan_id,
            device: first.device_number,
            gateway: branch.map(|branch| branch.gateway),
        })
    }

    fn branch_of(&self, reply: &AddNetworkReply) -> Result<Option<Branch>, CniError> {
        if reply.pod_vlan_id == 0 {
            return Ok(None);
        }
        let gateway = reply.pod_eni_subnet_gw.parse();
        Ok(Some(Branch {
            vlan: vlan(reply.pod_vlan_id)?,
            mac: reply.pod_eni_mac.parse().map_err(nonsense)?,
            gateway: gateway.map_err(nonsense)?,
            trunk_index: u32::try_from(reply.parent_if_index).map_err(nonsense)?,
            enforcing: self.enforcing(),
        }))
    }

    /// What a DEL takes away, of what ipamd says the sandbox had.
    pub fn of_released(
        &self,
        allocations: &[IpAllocationMetadata],
        vlan_id: i32,
    ) -> Result<Vec<PodNetwork>, CniError> {
        let branch = match vlan_id {
            0 => None,
            id => Some(self.gone_branch(vlan(id)?, None)),
        };
        let addresses = addresses(allocations)?;
        Ok((0..)
            .zip(addresses)
            .map(|(index, (address, table))| self.network(index, address, table, branch.clone()))
            .collect())
    }

    /// A branch of which only the parts that leave traces are known.
    fn gone_branch(&self, vlan: u16, gateway: Option<IpAddr>) -> Branch {
        Branch {
            vlan,
            mac: Mac([0; 6]),
            gateway: gateway.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            trunk_index: 0,
            enforcing: self.enforcing(),
        }
    }

    /// What an earlier result says. None where it is of a version, or of a plugin, that says nothing of use.
    pub fn of_result(&self, result: &CniResult) -> Option<PodNetworks> {
        let dummy = result
            .interfaces
            .iter()
            .find(|i| i.name.starts_with(DUMMY_PREFIX));
        let number = |text: Option<&String>| text.and_then(|text| text.parse::<i32>().ok()).unwrap_or(0);
        let vlan_id = number(dummy.map(|dummy| &dummy.mac));
        let device = number(dummy.map(|dummy| &dummy.sandbox));
        let mut found = PodNetworks {
            networks: Vec::new(),
            tables: Vec::new(),
            vlan: vlan_id,
            device,
            gateway: None,
        };
        for index in 0.. {
            let name = container_if_name(&self.env.if_name, index);
            let Some(place) = result
                .interfaces
                .iter()
                .position(|i| i.name == name && !i.sandbox.is_empty())
            else {
                break;
            };
            let ip = result
                .ips
                .iter()
                .find(|ip| ip.interface.unwrap_or(place) == place)?;
            let table = table_of(&result.interfaces[place], device);
            let branch = match vlan(vlan_id).ok()? {
                0 => None,
                id => Some(self.gone_branch(id, ip.gateway)),
            };
            let mut network = self.network(index, ip.address.addr(), table, branch);
            // The prefix may be another today; the name of then is in the result, before the container's.
            let host = place
                .checked_sub(1)
                .and_then(|before| result.interfaces.get(before));
            if let Some(host) = host.filter(|host| host.sandbox.is_empty()) {
                network.host_veth.clone_from(&host.name);
            }
            found.networks.push(network);
            found.tables.push(table);
            found.gateway = found.gateway.or(ip.gateway);
        }
        (!found.networks.is_empty()).then_some(found)
    }

    /// The result that says all that.
    pub fn result(&self, pod: &PodNetworks) -> CniResult {
        let mut result = CniResult::default();
        for (network, table) in pod.networks.iter().zip(&pod.tables) {
            result.interfaces.push(Interface {
                name: network.host_veth.clone(),
                ..Interface::default()
            });
            result.ips.push(Ip {
                interface: Some(result.interfaces.len()),
                address: IpNet::from(network.address),
                gateway: pod.gateway,
            });
            result.interfaces.push(Interface {
                name: network.container_if.clone(),
                mac: table.to_string(),
                sandbox: self.env.netns.clone(),
            });
        }
        result.interfaces.push(Interface {
            name: self.host_name(DUMMY_PREFIX, 0),
            mac: pod.vlan.to_string(),
            sandbox: pod.device.to_string(),
        });
        result
    }
}

/// The table of a container's interface; results from before v1.20 of the stock plugin only have the device.
fn table_of(interface: &Interface, device: i32) -> i32 {
    interface.mac.parse().unwrap_or_else(|_| {
        let table = route_table_id(0, u32::try_from(device).unwrap_or(0));
        i32::try_from(table).unwrap_or_default()
    })
}

fn addresses(allocations: &[IpAllocationMetadata]) -> Result<Vec<(IpAddr, i32)>, CniError> {
    allocations
        .iter()
        .map(|allocation| {
            let address = if allocation.ipv4_addr.is_empty() {
                allocation.ipv6_addr.parse::<Ipv6Addr>().map(IpAddr::V6)
            } else {
                allocation.ipv4_addr.parse::<Ipv4Addr>().map(IpAddr::V4)
            };
            Ok((address.map_err(nonsense)?, allocation.route_table_id))
        })
        .collect()
}

fn vlan(id: i32) -> Result<u16, CniError> {
    u16::try_from(id).map_err(nonsense)
}

fn nonsense(why: impl std::fmt::Display) -> CniError {
    CniError::because(Code::Refused, "ipamd answered what makes no sense", why)
}

#[cfg(test)]
mod tests;
