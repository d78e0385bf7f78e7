//! The network of the host: what core says it should have, applied on a thread that may block.

use crate::interface::Interface;
use crate::node::{Node, Pace};
use crate::settings::Settings;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use vpccni_core::assign::{IpNet, Mode};
use vpccni_core::config::{Key, PodEniMode};
use vpccni_core::datapath::{
    Desired, EgressFamily, Family, Link, NoVpcCidrs, PrimaryEni, Random, Route, Rule, SecondaryEni, Snat,
    eni_gone, primary_eni, secondary_eni, service_cidrs, snat,
};
use vpccni_core::net::Mac;
use vpccni_core::ports::node::VpcCidrs;
use vpccni_core::ports::{Kernel, KernelError};

/// Looks for the link of a new interface: the driver makes it a moment after the attachment.
const LINK_ATTEMPTS: u32 = 60;

/// The host could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The kernel said no.
    #[error(transparent)]
    Kernel(KernelError),
    /// A link did not come.
    #[error("no link with the address {0} came up")]
    NoLink(Mac),
    /// Source translation cannot be made.
    #[error(transparent)]
    Snat(NoVpcCidrs),
    /// The thread that talks to the kernel ended.
    #[error("the thread that talks to the kernel ended: {0}")]
    Thread(String),
    /// An interface has no address or no subnet of the family.
    #[error("interface {0} has no address of the family that pods have")]
    NoAddress(String),
}

/// The host.
#[derive(Debug, Clone)]
pub struct Host {
    kernel: Arc<dyn Kernel>,
}

fn mtu(value: i64) -> u32 {
    u32::try_from(value).unwrap_or(9001)
}

impl Host {
    /// Over this kernel.
    pub fn new(kernel: Arc<dyn Kernel>) -> Self {
        Self { kernel }
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Kernel) -> Result<T, KernelError> + Send + 'static,
    ) -> Result<T, HostError> {
        let kernel = Arc::clone(&self.kernel);
        let asked = tokio::task::spawn_blocking(move || question(kernel.as_ref())).await;
        asked
            .map_err(|error| HostError::Thread(error.to_string()))?
            .map_err(HostError::Kernel)
    }

    /// Makes it so.
    pub async fn apply(&self, desired: Desired) -> Result<(), HostError> {
        let changes = self.ask(move |kernel| kernel.apply(&desired)).await?;
        for change in changes {
            tracing::debug!(?change, "changed the network of the host");
        }
        Ok(())
    }

    /// All links.
    pub async fn links(&self) -> Result<Vec<Link>, HostError> {
        self.ask(|kernel| kernel.links()).await
    }

    /// The rules, and the routes of the main table.
    pub async fn rules_and_routes(&self) -> Result<(Vec<Rule>, Vec<Route>), HostError> {
        self.ask(|kernel| Ok((kernel.rules()?, kernel.routes(vpccni_core::datapath::MAIN_TABLE)?)))
            .await
    }

    /// The link of an interface, which may take a moment to come.
    pub async fn link(&self, mac: Mac, pace: &Pace) -> Result<Link, HostError> {
        for _ in 0..LINK_ATTEMPTS {
            if let Some(link) = self.ask(move |kernel| kernel.link_by_mac(mac)).await? {
                return Ok(link);
            }
            tokio::time::sleep(pace.pause * 2).await;
        }
        Err(HostError::NoLink(mac))
    }

    /// Sets a secondary interface up.
    pub async fn secondary(
        &self,
        interface: &Interface,
        settings: &Settings,
        pace: &Pace,
    ) -> Result<(), HostError> {
        let link = self.link(interface.mac, pace).await?;
        let missing = || HostError::NoAddress(interface.id.to_string());
        let desired = secondary_eni(&SecondaryEni {
            device: link.name,
            mtu: mtu(settings.effective.eni_mtu()),
            address: interface.address.ok_or_else(missing)?,
            subnet: interface.subnet_net.ok_or_else(missing)?,
            table: interface.table(),
            trunk: interface.role.trunk,
        });
        self.apply(desired).await
    }

    /// Removes what an interface leaves behind that is gone.
    pub async fn gone(&self, interface: &Interface) -> Result<(), HostError> {
        match interface.address {
            Some(address) => self.apply(eni_gone(address, interface.table())).await,
            None => Ok(()),
        }
    }

    /// Removes what the stock agent left that would do once more what is ours.
    pub async fn take_over(&self) -> Result<Vec<String>, HostError> {
        self.ask(|kernel| kernel.take_over()).await
    }

    /// Forgets connections of addresses whose pods have ended.
    pub async fn forget(&self, addresses: BTreeSet<IpAddr>) -> Result<usize, HostError> {
        self.ask(move |kernel| kernel.forget(&addresses)).await
    }

    /// Sets up the primary interface and all that belongs to the node as a whole.
    pub async fn primary(&self, node: &Node, cidrs: &VpcCidrs) -> Result<(), HostError> {
        let desired = node_state(node, cidrs).map_err(HostError::Snat)?;
        self.apply(desired).await
    }
}

/// What the host should have whatever its pods and secondary interfaces are.
fn node_state(node: &Node, cidrs: &VpcCidrs) -> Result<Desired, NoVpcCidrs> {
    let effective = &node.settings.effective;
    let family = if node.mode == Mode::Ipv6 {
        Family::V6
    } else {
        Family::V4
    };
    let six = family == Family::V6;
    let external = six || effective.external_snat();
    let node_port = !six && effective.node_port_support();
    let mark = mark(node);
    let primary = primary_eni(&PrimaryEni {
        device: node.primary_device.clone(),
        mtu: mtu(effective.eni_mtu()),
        family,
        mark: (!external || node_port).then_some(mark),
        strict: effective.pod_eni() && effective.pod_eni_mode() == PodEniMode::Strict,
    });
    let services: Vec<IpNet> = effective
        .cidrs(Key::ExternalServiceCidrs)
        .iter()
        .copied()
        .map(IpNet::V4)
        .collect();
    let tables = snat(&Snat {
        primary: node.primary_device.clone(),
        primary_ip: node.identity.local_ipv4.unwrap_or(Ipv4Addr::UNSPECIFIED),
        veth_prefix: effective.veth_prefix().to_owned(),
        vpc_cidrs: cidrs.ipv4.clone(),
        excluded: effective.cidrs(Key::ExcludeSnatCidrs).to_vec(),
        external,
        node_port,
        random: random(effective.text(Key::RandomizeSnat)),
        mark,
        egress: egress(node),
    })?;
    Ok(primary.and(service_cidrs(family, &services)).with_nft(tables))
}

fn mark(node: &Node) -> u32 {
    let mark = node.settings.effective.int(Key::Connmark);
    mark.and_then(|mark| u32::try_from(mark).ok())
        .filter(|mark| *mark != 0)
        .unwrap_or(0x80)
}

fn egress(node: &Node) -> Option<EgressFamily> {
    let effective = &node.settings.effective;
    if node.mode == Mode::Ipv6 {
        effective.is_on(Key::EnableV4Egress).then_some(EgressFamily::V4)
    } else {
        effective.is_on(Key::EnableV6Egress).then_some(EgressFamily::V6)
    }
}

fn random(word: &str) -> Random {
    match word {
        "none" => Random::None,
        "hashrandom" => Random::Hash,
        _ => Random::Full,
    }
}

/// Addresses of pods that the rules of the kernel tell, with the name of the pod's link.
pub fn pods_of_rules(rules: &[Rule], routes: &[Route]) -> Vec<(IpAddr, String)> {
    let targets: BTreeSet<IpAddr> = rules
        .iter()
        .filter(|rule| rule.priority == vpccni_core::datapath::priority::TO_POD)
        .filter_map(|rule| rule.to)
        .filter(is_single)
        .map(|net| net.addr())
        .collect();
    routes
        .iter()
        .filter(|route| route.via.is_none() && is_single(&route.to) && targets.contains(&route.to.addr()))
        .map(|route| (route.to.addr(), route.device.clone()))
        .collect()
}

fn is_single(net: &IpNet) -> bool {
    net.prefix_len() == net.max_prefix_len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vpccni_core::datapath::{MAIN_TABLE, priority};

    #[test]
    fn pods_are_told_by_a_rule_and_a_route_together() {
        let to = |net: &str, priority| Rule::to(net.parse().unwrap(), priority, MAIN_TABLE);
        let route = |net: &str, device: &str| Route {
            table: MAIN_TABLE,
            to: net.parse().unwrap(),
            via: None,
            device: device.to_owned(),
        };
        let rules = [
            to("10.0.0.5/32", priority::TO_POD),
            to("10.0.0.6/32", priority::TO_POD),
            to("172.20.0.0/16", priority::SERVICE),
        ];
        let routes = [
            route("10.0.0.5/32", "eni1"),
            route("10.0.0.9/32", "eni9"),
            route("10.0.0.0/24", "eth0"),
        ];
        let address: IpAddr = "10.0.0.5".parse().unwrap();
        assert_eq!(pods_of_rules(&rules, &routes), [(address, "eni1".to_owned())]);
    }
}
