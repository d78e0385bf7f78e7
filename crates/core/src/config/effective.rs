//! What a configuration means to the version that reads it: variables, and the code's defaults where they are absent.

use super::defaults;
use super::{CniConfig, Key, Value};
use crate::limits::InstanceLimits;
use crate::net::Ipv4Net;
use crate::version::CniVersion;
use std::collections::{BTreeMap, BTreeSet};

/// How security groups for pods are enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PodEniMode {
    /// Only the pod's own groups apply.
    Strict,
    /// The node's rules apply, too.
    Standard,
}

/// How network policies are enforced on a pod that is just starting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NetworkPolicyMode {
    /// The plugin tells the agent, which enforces nothing.
    None,
    /// All is denied until the pod's policies are programmed.
    Strict,
    /// All is allowed until the pod's policies are programmed.
    Standard,
}

/// A configuration as one version of the code acts on it. Two configurations that are effectively the same need no
/// change, whatever their texts are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    values: BTreeMap<Key, Value>,
}

impl Effective {
    /// What the configuration means to that version. A variable the version does not read has no effect: what the
    /// code did without it holds.
    pub fn of(config: &CniConfig, version: CniVersion) -> Self {
        let value = |key: Key| {
            if defaults::is_read(key, version) {
                defaults::as_acted_on(key, config.get(key)).or_else(|| defaults::of(key))
            } else {
                defaults::before(key)
            }
        };
        Self {
            values: Key::all().filter_map(|key| Some((key, value(key)?))).collect(),
        }
    }

    /// The effective value; none where nothing is set and the code has no default, which switches the feature off.
    pub fn value(&self, key: Key) -> Option<&Value> {
        self.values.get(&key)
    }

    /// Keys whose effective value differs, a value against none included.
    pub fn changed(&self, other: &Self) -> BTreeSet<Key> {
        Key::all()
            .filter(|key| self.value(*key) != other.value(*key))
            .collect()
    }

    /// A switch; off where it has no value.
    pub fn is_on(&self, key: Key) -> bool {
        self.value(key) == Some(&Value::Bool(true))
    }

    /// A number.
    pub fn int(&self, key: Key) -> Option<i64> {
        match self.value(key) {
            Some(Value::Int(number)) => Some(*number),
            _ => None,
        }
    }

    /// A text; empty where it has no value.
    pub fn text(&self, key: Key) -> &str {
        match self.value(key) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    /// Networks; none where it has no value.
    pub fn cidrs(&self, key: Key) -> &[Ipv4Net] {
        match self.value(key) {
            Some(Value::Cidrs(cidrs)) => cidrs,
            _ => &[],
        }
    }

    /// IPv4 addresses for pods.
    pub fn ipv4(&self) -> bool {
        self.is_on(Key::EnableIpv4)
    }

    /// IPv6 addresses for pods.
    pub fn ipv6(&self) -> bool {
        self.is_on(Key::EnableIpv6)
    }

    /// Prefixes instead of single addresses, on types that can.
    pub fn prefix_delegation(&self) -> bool {
        self.is_on(Key::EnablePrefixDelegation)
    }

    /// Pods in the subnet of an ENIConfig.
    pub fn custom_networking(&self) -> bool {
        self.is_on(Key::CustomNetworkCfg)
    }

    /// Security groups for pods.
    pub fn pod_eni(&self) -> bool {
        self.is_on(Key::EnablePodEni)
    }

    /// Free interfaces kept ready.
    pub fn warm_eni(&self) -> i64 {
        self.int(Key::WarmEniTarget).unwrap_or(1)
    }

    /// Free addresses kept ready; 0 is off.
    pub fn warm_ip(&self) -> i64 {
        self.int(Key::WarmIpTarget).unwrap_or(0)
    }

    /// Addresses kept in all; 0 is off.
    pub fn minimum_ip(&self) -> i64 {
        self.int(Key::MinimumIpTarget).unwrap_or(0)
    }

    /// Free prefixes kept ready.
    pub fn warm_prefix(&self) -> i64 {
        self.int(Key::WarmPrefixTarget).unwrap_or(0)
    }

    /// Whether one of the address targets is set: WARM_ENI_TARGET and WARM_PREFIX_TARGET then count for nothing.
    pub fn warm_ip_targets_set(&self) -> bool {
        self.warm_ip() != 0 || self.minimum_ip() != 0
    }

    /// Whether WARM_PREFIX_TARGET is read at all: in prefix mode, where any value counts, 0 included.
    pub fn warm_prefix_target_counts(&self) -> bool {
        self.prefix_delegation() && self.warm_prefix() >= 0
    }

    /// The most interfaces the configuration allows; none where only the type limits them.
    pub fn max_eni(&self) -> Option<i64> {
        self.int(Key::MaxEni)
    }

    /// The most interfaces on a type: its limit, or MAX_ENI where that is less.
    pub fn max_enis_on(&self, limits: &InstanceLimits) -> u32 {
        self.max_eni()
            .and_then(|max| u32::try_from(max).ok())
            .filter(|max| *max >= 1)
            .map_or(limits.max_enis, |max| max.min(limits.max_enis))
    }

    /// Seconds before a released address is given out again.
    pub fn ip_cooldown(&self) -> i64 {
        self.int(Key::IpCooldownPeriod).unwrap_or(30)
    }

    /// How security groups for pods are enforced; ipamd takes an unknown word as strict.
    pub fn pod_eni_mode(&self) -> PodEniMode {
        match self.text(Key::PodSecurityGroupEnforcingMode) {
            "standard" => PodEniMode::Standard,
            _ => PodEniMode::Strict,
        }
    }

    /// How network policies are enforced; none where the plugin does not call the agent at all.
    pub fn network_policy_mode(&self) -> Option<NetworkPolicyMode> {
        match self.text(Key::NetworkPolicyEnforcingMode) {
            "none" => Some(NetworkPolicyMode::None),
            "strict" => Some(NetworkPolicyMode::Strict),
            "standard" => Some(NetworkPolicyMode::Standard),
            _ => None,
        }
    }

    /// Whether the node agent enforces network policies.
    pub fn network_policy_enabled(&self) -> bool {
        self.is_on(Key::EnableNetworkPolicy)
    }

    /// Whether the init container switches TCP early demux off.
    pub fn tcp_early_demux_disabled(&self) -> bool {
        self.is_on(Key::DisableTcpEarlyDemux)
    }

    /// Whether the bandwidth plugin is chained.
    pub fn bandwidth_plugin(&self) -> bool {
        self.is_on(Key::EnableBandwidthPlugin)
    }

    /// Whether pods can have an address on each network card.
    pub fn multi_nic(&self) -> bool {
        self.is_on(Key::EnableMultiNic)
    }

    /// Whether new interfaces go to tagged subnets. Custom networking by-passes it.
    pub fn subnet_discovery(&self) -> bool {
        self.is_on(Key::EnableSubnetDiscovery)
    }

    /// Whether ipamd leaves the pool alone: it neither attaches interfaces nor takes addresses.
    pub fn provisioning_disabled(&self) -> bool {
        self.is_on(Key::DisableResourceProvisioning) || self.is_on(Key::EnableImdsOnlyMode)
    }

    /// Whether leaked interfaces stay: IPv6 and disabled provisioning imply it.
    pub fn leaked_eni_cleanup_disabled(&self) -> bool {
        self.ipv6() || self.provisioning_disabled() || self.is_on(Key::DisableLeakedEniCleanup)
    }

    /// MTU of the interfaces.
    pub fn eni_mtu(&self) -> i64 {
        self.int(Key::EniMtu).unwrap_or(9001)
    }

    /// MTU of pods: that of the interfaces where POD_MTU is absent.
    pub fn pod_mtu(&self) -> i64 {
        self.int(Key::PodMtu).unwrap_or_else(|| self.eni_mtu())
    }

    /// Prefix of the host side of pod links.
    pub fn veth_prefix(&self) -> &str {
        self.text(Key::VethPrefix)
    }

    /// The node label that names the ENIConfig.
    pub fn eni_config_label(&self) -> &str {
        self.text(Key::EniConfigLabelDef)
    }

    /// The node annotation that names the ENIConfig.
    pub fn eni_config_annotation(&self) -> &str {
        self.text(Key::EniConfigAnnotationDef)
    }

    /// The cluster interfaces are tagged with; none where CLUSTER_NAME is absent or empty.
    pub fn cluster_name(&self) -> Option<&str> {
        Some(self.text(Key::ClusterName)).filter(|name| !name.is_empty())
    }

    /// Whether the node does no SNAT.
    pub fn external_snat(&self) -> bool {
        self.is_on(Key::ExternalSnat)
    }

    /// Whether connections to node ports are marked.
    pub fn node_port_support(&self) -> bool {
        self.is_on(Key::NodePortSupport)
    }
}

#[cfg(test)]
mod tests;
