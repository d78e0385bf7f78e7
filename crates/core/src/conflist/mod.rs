//! The list of plugins that a node's runtime calls, `10-aws.conflist`, and what `aws-cni` makes of its part of it.
//!
//! Order, keys and values are the stock agent's, so that either one's plugins can be called with either one's file.

mod json;
mod settings;

pub use settings::{DEFAULT_MTU, PluginSettings, SettingsError};

use crate::config::{Effective, Key};
use json::Json;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where the runtime looks for it.
pub const FILE_NAME: &str = "10-aws.conflist";

/// The key of ours that says where ipamd listens; absent, it is the stock path.
pub const SOCKET_KEY: &str = "ipamdSocket";

/// The version of the CNI specification that the list asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spec {
    /// What the stock list says: no GC, no STATUS, and CHECK is switched off.
    V0_4_0,
    /// For runtimes and chained plugins that know GC and STATUS.
    V1_1_0,
}

/// What the list says besides the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeFacts<'a> {
    /// The version to ask for.
    pub spec: Spec,
    /// The primary IPv4 address of the node.
    pub ipv4: Option<Ipv4Addr>,
    /// The primary IPv6 address of the node.
    pub ipv6: Option<Ipv6Addr>,
    /// Where ipamd listens, if not at the stock path.
    pub socket: Option<&'a str>,
}

/// Why there can be no list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConflistError {
    /// Egress over IPv4 leaves by an address of the node.
    #[error("an IPv6 node needs an IPv4 address of its own, for the egress of its pods")]
    NoIpv4,
}

/// The text of the list.
///
/// Egress over IPv6 on a node without an IPv6 address is switched off without an error, as the stock agent does it:
/// the setting is the cluster's, the address is the node's.
pub fn render(config: &Effective, node: &NodeFacts<'_>) -> Result<String, ConflistError> {
    let mut plugins = vec![
        aws_cni(config, node.socket),
        Egress::of(config, node)?.plugin(config),
        portmap(),
    ];
    if config.bandwidth_plugin() {
        plugins.push(Json::object([
            ("type", Json::text("bandwidth")),
            ("capabilities", Json::object([("bandwidth", Json::Bool(true))])),
        ]));
    }
    if config.is_on(Key::DisablePodV6) {
        plugins.push(tuning());
    }
    let list = Json::object([
        (
            "cniVersion",
            Json::text(match node.spec {
                Spec::V0_4_0 => "0.4.0",
                Spec::V1_1_0 => "1.1.0",
            }),
        ),
        ("name", Json::text("aws-cni")),
        ("disableCheck", Json::Bool(node.spec == Spec::V0_4_0)),
        ("plugins", Json::List(plugins)),
    ]);
    Ok(list.to_string())
}

fn aws_cni(config: &Effective, socket: Option<&str>) -> Json {
    let mut keys = vec![
        ("name", Json::text("aws-cni")),
        ("type", Json::text("aws-cni")),
        ("vethPrefix", Json::text(config.veth_prefix())),
        ("mtu", Json::text(config.pod_mtu().to_string())),
        (
            "podSGEnforcingMode",
            Json::text(config.text(Key::PodSecurityGroupEnforcingMode)),
        ),
        ("pluginLogFile", Json::text(config.text(Key::PluginLogFile))),
        ("pluginLogLevel", Json::text(config.text(Key::PluginLogLevel))),
        (
            "capabilities",
            Json::object([("io.kubernetes.cri.pod-annotations", Json::Bool(true))]),
        ),
    ];
    if let Some(socket) = socket {
        keys.push((SOCKET_KEY, Json::text(socket)));
    }
    Json::Object(keys)
}

fn portmap() -> Json {
    Json::object([
        ("type", Json::text("portmap")),
        ("capabilities", Json::object([("portMappings", Json::Bool(true))])),
        ("snat", Json::Bool(true)),
    ])
}

/// Switches IPv6 off in the pod.
fn tuning() -> Json {
    let off = || Json::text("1");
    Json::object([
        ("type", Json::text("tuning")),
        (
            "sysctl",
            Json::object([
                ("net.ipv6.conf.all.disable_ipv6", off()),
                ("net.ipv6.conf.default.disable_ipv6", off()),
                ("net.ipv6.conf.lo.disable_ipv6", off()),
            ]),
        ),
    ])
}

/// The way out by the other family: its plugin is in the list even where it does nothing.
struct Egress {
    node: Option<IpAddr>,
    subnet: &'static str,
    everything: &'static str,
    data_dir: &'static str,
    log_file: Key,
}

impl Egress {
    fn of(config: &Effective, node: &NodeFacts<'_>) -> Result<Self, ConflistError> {
        if config.ipv6() {
            let address = node.ipv4.ok_or(ConflistError::NoIpv4)?;
            return Ok(Self {
                node: config.is_on(Key::EnableV4Egress).then_some(address.into()),
                subnet: "169.254.172.0/22",
                everything: "0.0.0.0/0",
                data_dir: "/run/cni/v6pd/egress-v4-ipam",
                log_file: Key::EgressV4PluginLogFile,
            });
        }
        Ok(Self {
            node: node
                .ipv6
                .filter(|_| config.is_on(Key::EnableV6Egress))
                .map(IpAddr::V6),
            subnet: "fd00::ac:00/118",
            everything: "::/0",
            data_dir: "/run/cni/v4pd/egress-v6-ipam",
            log_file: Key::EgressV6PluginLogFile,
        })
    }

    fn plugin(&self, config: &Effective) -> Json {
        let node = self.node.map(|node| node.to_string()).unwrap_or_default();
        let range = Json::object([("subnet", Json::text(self.subnet))]);
        Json::object([
            ("name", Json::text("egress-cni")),
            ("type", Json::text("egress-cni")),
            ("mtu", Json::text(config.pod_mtu().to_string())),
            ("enabled", Json::text(self.node.is_some().to_string())),
            ("randomizeSNAT", Json::text(config.text(Key::RandomizeSnat))),
            ("nodeIP", Json::text(node)),
            (
                "ipam",
                Json::object([
                    ("type", Json::text("host-local")),
                    ("ranges", Json::List(vec![Json::List(vec![range])])),
                    (
                        "routes",
                        Json::List(vec![Json::object([("dst", Json::text(self.everything))])]),
                    ),
                    ("dataDir", Json::text(self.data_dir)),
                ]),
            ),
            ("pluginLogFile", Json::text(config.text(self.log_file))),
            ("pluginLogLevel", Json::text(config.text(Key::PluginLogLevel))),
        ])
    }
}

#[cfg(test)]
mod tests;
