//! What was given, as the plugin is told.

use super::Service;
use vpccni_core::assign::{Given, Mode};
use vpccni_core::datapath::route_table_id;
use vpccni_core::node_enis::untranslated;
use vpccni_rpc::proto::{AddNetworkReply, DelNetworkReply, IpAllocationMetadata};

fn number(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

fn allocations(given: &[Given]) -> Vec<IpAllocationMetadata> {
    given
        .iter()
        .map(|given| {
            let text = given.address.to_string();
            let (four, six) = if given.address.is_ipv4() {
                (text, String::new())
            } else {
                (String::new(), text)
            };
            IpAllocationMetadata {
                ipv4_addr: four,
                ipv6_addr: six,
                device_number: number(given.device),
                route_table_id: number(route_table_id(given.card, given.device)),
            }
        })
        .collect()
}

impl Service {
    /// What holds for every pod of the node.
    pub(super) fn common(&self) -> AddNetworkReply {
        let settings = &self.node.settings;
        let facts = self.facts.borrow();
        let six = self.node.mode == Mode::Ipv6;
        let v4 = untranslated(&settings.effective, &facts.networks.ipv4);
        let v6 = &facts.networks.ipv6;
        AddNetworkReply {
            success: true,
            use_external_snat: settings.effective.external_snat(),
            vpc_v4_cidrs: if six {
                Vec::new()
            } else {
                v4.iter().map(ToString::to_string).collect()
            },
            vpc_v6_cidrs: if six {
                v6.iter().map(ToString::to_string).collect()
            } else {
                Vec::new()
            },
            network_policy_mode: settings.network_policy_mode().to_owned(),
            ..AddNetworkReply::default()
        }
    }

    /// For a pod that got these.
    pub(super) fn reply(&self, given: &[Given]) -> AddNetworkReply {
        AddNetworkReply {
            allocations: allocations(given),
            ..self.common()
        }
    }

    /// For a pod that had these.
    pub(super) fn freed(&self, given: &[Given]) -> DelNetworkReply {
        DelNetworkReply {
            success: true,
            allocations: allocations(given),
            pod_vlan_id: 0,
            network_policy_mode: self.node.settings.network_policy_mode().to_owned(),
        }
    }
}
