//! What happens when aws-node starts with a configuration: the entrypoint's own checks, those of ipamd and of the
//! node agent's flags. They are reproduced as they are, a comparison of texts where numbers are meant included.

use super::raw::RawConfig;
use super::upstream::{self, Context, GREATEST_MTU, Reaction, least_mtu, veth_prefix_is_free};
use super::{Effective, Key, args, defaults, go, read};
use crate::limits::InstanceLimits;
use crate::version::CniVersion;

/// The process that exits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Process {
    /// The entrypoint of the container `aws-node`.
    Entrypoint,
    /// ipamd.
    Ipamd,
    /// The node agent.
    NodeAgent,
}

/// Why a process does not start, or starts as if it had been configured otherwise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum StartupError {
    /// Standard output is the plugin's answer.
    #[error("AWS_VPC_K8S_PLUGIN_LOG_FILE is stdout")]
    PluginLogToStdout,
    /// More than four bytes.
    #[error("AWS_VPC_K8S_CNI_VETHPREFIX {0:?} is longer than 4 characters")]
    VethPrefixTooLong(String),
    /// A prefix of other links.
    #[error("AWS_VPC_K8S_CNI_VETHPREFIX {0:?} is reserved")]
    VethPrefixReserved(String),
    /// An unknown mode while ENABLE_POD_ENI is on.
    #[error("POD_SECURITY_GROUP_ENFORCING_MODE {0:?} is not strict or standard")]
    EnforcingMode(String),
    /// Not a whole number of seconds.
    #[error("IP_COOLDOWN_PERIOD {0:?} is not a whole number of 0 or more")]
    Cooldown(String),
    /// An MTU that is no number or out of the family's range.
    #[error("{key} {text:?} is not a whole number from {least} to 9001")]
    Mtu {
        /// Which MTU.
        key: Key,
        /// Its text.
        text: String,
        /// The least of the family.
        least: i64,
    },
    /// Prefix mode without a target above "0", as texts.
    #[error(
        "prefix delegation is on and none of WARM_PREFIX_TARGET, WARM_IP_TARGET, MINIMUM_IP_TARGET is above 0"
    )]
    NoWarmTarget,
    /// Neither family.
    #[error("neither ENABLE_IPv4 nor ENABLE_IPv6 is on")]
    NoIpFamily,
    /// Both families.
    #[error("ENABLE_IPv4 and ENABLE_IPv6 are both on")]
    BothIpFamilies,
    /// IPv6 in secondary mode.
    #[error("ENABLE_IPv6 is on and ENABLE_PREFIX_DELEGATION is off")]
    Ipv6WithoutPrefixes,
    /// IPv6 with custom networking.
    #[error("ENABLE_IPv6 is on and so is custom networking")]
    Ipv6WithCustomNetworking,
    /// IPv6 on a type without prefixes.
    #[error("ENABLE_IPv6 is on and the instance type cannot carry prefixes")]
    Ipv6WithoutNitro,
    /// An unknown mode; a text that is empty, too.
    #[error("NETWORK_POLICY_ENFORCING_MODE {0:?} is not none, strict or standard")]
    NetworkPolicyMode(String),
    /// A flag the node agent cannot use.
    #[error("{key} {text:?} is not a value the node agent takes")]
    AgentFlag {
        /// The flag.
        key: Key,
        /// Its text.
        text: String,
    },
    /// Prefix mode on a type without prefixes: ipamd goes on with secondary addresses and says nothing.
    #[error(
        "ENABLE_PREFIX_DELEGATION is on and the instance type cannot carry prefixes: secondary addresses are used"
    )]
    PrefixesIgnored,
}

impl StartupError {
    /// The process that exits; none where the setting is silently not followed.
    pub fn exits(&self) -> Option<Process> {
        match self {
            Self::PluginLogToStdout
            | Self::VethPrefixTooLong(_)
            | Self::VethPrefixReserved(_)
            | Self::EnforcingMode(_)
            | Self::Cooldown(_)
            | Self::Mtu { .. }
            | Self::NoWarmTarget => Some(Process::Entrypoint),
            Self::NoIpFamily
            | Self::BothIpFamilies
            | Self::Ipv6WithoutPrefixes
            | Self::Ipv6WithCustomNetworking
            | Self::Ipv6WithoutNitro
            | Self::NetworkPolicyMode(_) => Some(Process::Ipamd),
            Self::AgentFlag { .. } => Some(Process::NodeAgent),
            Self::PrefixesIgnored => None,
        }
    }
}

/// Everything that goes wrong at the start of a version with this configuration, on a type with these limits.
///
/// Without limits nothing is said about the type. A variable that Kubernetes fills in for each pod counts as absent. For a
/// typed configuration pass `write::raw` of it.
pub fn startup_errors(
    raw: &RawConfig,
    version: CniVersion,
    limits: Option<&InstanceLimits>,
) -> Vec<StartupError> {
    let effective = Effective::of(&read(raw).config, version);
    let start = Start {
        raw,
        version,
        effective,
    };
    let mut errors = Vec::new();
    start.entrypoint(&mut errors);
    start.ipamd(limits, &mut errors);
    start.node_agent(&mut errors);
    errors
}

struct Start<'a> {
    raw: &'a RawConfig,
    version: CniVersion,
    effective: Effective,
}

impl Start<'_> {
    /// The text of a variable the version reads.
    fn text(&self, key: Key) -> Option<&str> {
        self.raw
            .last_text(key)
            .filter(|_| defaults::is_read(key, self.version))
    }

    fn entrypoint(&self, errors: &mut Vec<StartupError>) {
        if self.text(Key::PluginLogFile) == Some("stdout") {
            errors.push(StartupError::PluginLogToStdout);
        }
        let prefix = self.text(Key::VethPrefix).unwrap_or_default();
        if prefix.len() > 4 {
            errors.push(StartupError::VethPrefixTooLong(prefix.to_owned()));
        } else if !veth_prefix_is_free(prefix) {
            errors.push(StartupError::VethPrefixReserved(prefix.to_owned()));
        }
        let mode = self.text(Key::PodSecurityGroupEnforcingMode).unwrap_or("strict");
        if self.effective.pod_eni() && !matches!(mode, "strict" | "standard") {
            errors.push(StartupError::EnforcingMode(mode.to_owned()));
        }
        let cooldown = self.text(Key::IpCooldownPeriod).unwrap_or("30");
        if go::atoi(cooldown).is_none_or(|seconds| seconds < 0) {
            errors.push(StartupError::Cooldown(cooldown.to_owned()));
        }
        errors.extend(
            [Key::EniMtu, Key::PodMtu]
                .into_iter()
                .filter_map(|key| self.mtu(key)),
        );
        // A comparison of texts: "-1" is not above "0", and every unset target counts as "0".
        let above_zero = |key| self.text(key).unwrap_or("0") > "0";
        let targets = [Key::WarmIpTarget, Key::WarmPrefixTarget, Key::MinimumIpTarget];
        if self.effective.prefix_delegation() && !targets.into_iter().any(above_zero) {
            errors.push(StartupError::NoWarmTarget);
        }
    }

    fn mtu(&self, key: Key) -> Option<StartupError> {
        let text = self.text(key)?;
        let least = least_mtu(self.effective.ipv6());
        let valid = go::atoi(text).is_some_and(|mtu| (least..=GREATEST_MTU).contains(&mtu));
        (!valid).then(|| StartupError::Mtu {
            key,
            text: text.to_owned(),
            least,
        })
    }

    fn ipamd(&self, limits: Option<&InstanceLimits>, errors: &mut Vec<StartupError>) {
        let (v4, v6) = (self.effective.ipv4(), self.effective.ipv6());
        let prefixes = self.effective.prefix_delegation();
        match (v4, v6) {
            (false, false) => errors.push(StartupError::NoIpFamily),
            (true, true) => errors.push(StartupError::BothIpFamilies),
            _ => {}
        }
        if v6 && !prefixes {
            errors.push(StartupError::Ipv6WithoutPrefixes);
        }
        if v6 && self.effective.custom_networking() {
            errors.push(StartupError::Ipv6WithCustomNetworking);
        }
        if prefixes && limits.is_some_and(|limits| !limits.prefix_delegation) {
            errors.push(if v6 {
                StartupError::Ipv6WithoutNitro
            } else {
                StartupError::PrefixesIgnored
            });
        }
        let mode = self.text(Key::NetworkPolicyEnforcingMode);
        if let Some(mode) = mode
            && upstream::read(Key::NetworkPolicyEnforcingMode, mode, Context::default())
                .0
                .is_none()
        {
            errors.push(StartupError::NetworkPolicyMode(mode.to_owned()));
        }
    }

    fn node_agent(&self, errors: &mut Vec<StartupError>) {
        for flag in args::scan(&self.raw.node_agent_args) {
            let (Some(key), text) = (flag.key, flag.text) else {
                continue;
            };
            let reaction = text.as_deref().map_or(Some(Reaction::ContainerExits), |text| {
                upstream::read(key, text, Context::default()).1
            });
            if reaction == Some(Reaction::ContainerExits) {
                let text = text.unwrap_or_default();
                errors.push(StartupError::AgentFlag { key, text });
            }
        }
    }
}

#[cfg(test)]
mod tests;
