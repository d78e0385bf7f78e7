//! The environment as settings, and whether the agent can start with them at all.

use std::time::Duration;
use vpccni_core::assign::Mode;
use vpccni_core::config::{
    Effective, Key, Place, Process, RawConfig, RawValue, StartupError, Value, read, startup_errors,
};
use vpccni_core::limits::InstanceLimits;
use vpccni_core::pool::ModePin;
use vpccni_core::version::CniVersion;

/// Why the agent does not start.
#[derive(Debug, thiserror::Error)]
#[error("failed to start with these settings: {}", list(.0))]
pub struct SettingsError(Vec<StartupError>);

fn list(errors: &[StartupError]) -> String {
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// The settings of the CNI as they stand in the environment.
#[derive(Debug, Clone)]
pub struct Settings {
    raw: RawConfig,
    /// What they mean.
    pub effective: Effective,
}

impl Settings {
    /// Reads them from variables; names that are none of the CNI's are left out.
    pub fn from_environment(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut raw = RawConfig::default();
        for (name, text) in variables {
            if Key::find(Place::AwsNode, &name).is_some() {
                raw.aws_node.push((name, RawValue::Text(text)));
            } else if Key::find(Place::Init, &name).is_some() {
                // There is no init container here: what it does to the host, this agent does.
                raw.init.push((name, RawValue::Text(text)));
            }
        }
        let read = read(&raw);
        for note in &read.notes {
            tracing::warn!(%note, "a setting is not what it says");
        }
        let effective = Effective::of(&read.config, CniVersion::REFERENCE);
        Self { raw, effective }
    }

    /// Whether the agent can start on a type with these limits; a type nobody knows is not objected to.
    pub fn check(&self, limits: Option<&InstanceLimits>) -> Result<(), SettingsError> {
        let errors = startup_errors(&self.raw, CniVersion::REFERENCE, limits);
        let (fatal, silent): (Vec<_>, Vec<_>) = errors
            .into_iter()
            .filter(|error| error.exits() != Some(Process::NodeAgent))
            .partition(|error| error.exits().is_some());
        for error in silent {
            tracing::warn!(%error, "a setting is not followed");
        }
        if fatal.is_empty() {
            Ok(())
        } else {
            Err(SettingsError(fatal))
        }
    }

    /// The same settings with the mode that the node has, whatever the environment asks for.
    #[must_use]
    pub fn pinned(mut self, pin: &ModePin) -> Self {
        let mut config = read(&self.raw).config;
        let prefix = matches!(pin.mode, Mode::Prefix | Mode::Ipv6);
        if self.effective.prefix_delegation() != prefix {
            config.set(Key::EnablePrefixDelegation, Value::Bool(prefix));
            // Targets of the other mode say nothing about this one; one prefix ahead is what the chart asks for.
            if prefix && self.effective.warm_prefix() == 0 {
                config.set(Key::WarmPrefixTarget, Value::Int(1));
            }
        }
        config.set(Key::CustomNetworkCfg, Value::Bool(pin.custom_networking));
        self.effective = Effective::of(&config, CniVersion::REFERENCE);
        self
    }

    /// Whether the agent must wait for the API server before it starts: an annotation is no reason to keep pods waiting.
    pub fn needs_kubernetes(&self) -> bool {
        let effective = &self.effective;
        effective.custom_networking() || effective.pod_eni()
    }

    /// The filter of the logs, in the words of the stock agent.
    pub fn log_filter(&self) -> &'static str {
        match self.effective.text(Key::LogLevel).to_ascii_uppercase().as_str() {
            "DEBUG" => "info,vpccni_ipamd=debug,vpccni_aws=debug",
            "WARN" => "warn",
            "ERROR" | "FATAL" => "error",
            _ => "info",
        }
    }

    /// Where the log goes: a path, `stdout` or `stderr`, where the environment says so. The stock agent's own default
    /// is a path of its container.
    pub fn log_file(&self) -> Option<&str> {
        let set = |(name, _): &&(String, RawValue)| name == Key::LogFile.field().name;
        match self.raw.aws_node.iter().rev().find(set) {
            Some((_, RawValue::Text(path))) if !path.is_empty() => Some(path),
            _ => None,
        }
    }

    /// How long one call to AWS may take.
    pub fn http_timeout(&self) -> Duration {
        let seconds = self.effective.int(Key::HttpTimeout).unwrap_or(10).max(10);
        Duration::from_secs(seconds.unsigned_abs())
    }

    /// The endpoint of EC2, where one is set. The stock agent reads this and then does not use it for EC2.
    pub fn ec2_endpoint(&self) -> Option<String> {
        Some(self.effective.text(Key::Ec2Endpoint))
            .filter(|endpoint| !endpoint.is_empty())
            .map(str::to_owned)
    }

    /// The name of the mode of network policies, as the plugin gets it; empty where there is none.
    pub fn network_policy_mode(&self) -> &str {
        match self.effective.network_policy_mode() {
            Some(_) => self.effective.text(Key::NetworkPolicyEnforcingMode),
            None => "",
        }
    }
}

/// The settings of the init container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InitSettings {
    /// Pods have IPv6 addresses, or reach IPv6 by the node.
    pub ipv6: bool,
    /// Probes of the kubelet are to reach pods with their own groups.
    pub no_early_demux: bool,
}

impl InitSettings {
    /// Reads them from variables.
    pub fn from_environment(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let of_init = variables
            .into_iter()
            .filter(|(name, _)| Key::find(Place::Init, name).is_some());
        let raw = RawConfig {
            init: of_init.map(|(name, text)| (name, RawValue::Text(text))).collect(),
            ..RawConfig::default()
        };
        let read = read(&raw);
        for note in &read.notes {
            tracing::warn!(%note, "a setting is not what it says");
        }
        let effective = Effective::of(&read.config, CniVersion::REFERENCE);
        Self {
            ipv6: effective.is_on(Key::InitEnableIpv6) || effective.is_on(Key::InitEnableV6Egress),
            no_early_demux: effective.tcp_early_demux_disabled(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vpccni_core::ids::InstanceType;
    use vpccni_core::limits;

    fn settings(variables: &[(&str, &str)]) -> Settings {
        Settings::from_environment(
            variables
                .iter()
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned())),
        )
    }

    fn limits_of(name: &str) -> InstanceLimits {
        limits::find(&InstanceType::parse(name).unwrap()).unwrap()
    }

    #[test]
    fn a_family_must_be_chosen_and_only_one() {
        let error = settings(&[]).check(None).unwrap_err().to_string();
        assert!(error.contains("neither ENABLE_IPv4 nor ENABLE_IPv6"), "{error}");
        let both = settings(&[("ENABLE_IPv4", "true"), ("ENABLE_IPv6", "true")]);
        assert!(both.check(None).is_err());
        assert!(settings(&[("ENABLE_IPv4", "true")]).check(None).is_ok());
    }

    #[test]
    fn ipv6_is_only_for_types_with_prefixes() {
        let six = settings(&[
            ("ENABLE_IPv6", "true"),
            ("ENABLE_PREFIX_DELEGATION", "true"),
            ("WARM_PREFIX_TARGET", "1"),
        ]);
        assert!(six.check(Some(&limits_of("m4.large"))).is_err());
        assert!(six.check(Some(&limits_of("m5.large"))).is_ok());
    }

    #[test]
    fn a_pinned_mode_beats_the_environment() {
        let pin = |mode| ModePin {
            instance: vpccni_core::ids::InstanceId::parse("i-1").unwrap(),
            mode,
            custom_networking: false,
        };
        let secondary = settings(&[("ENABLE_IPv4", "true"), ("WARM_IP_TARGET", "2")]);
        let prefix = secondary.pinned(&pin(Mode::Prefix)).effective;
        assert!(prefix.prefix_delegation());
        assert_eq!((prefix.warm_ip(), prefix.warm_prefix()), (2, 1));
        let back = settings(&[("ENABLE_PREFIX_DELEGATION", "true")]);
        assert!(!back.pinned(&pin(Mode::Secondary)).effective.prefix_delegation());
    }

    #[test]
    fn kubernetes_is_waited_for_only_where_the_mode_needs_it() {
        assert!(!settings(&[("ENABLE_IPv4", "true")]).needs_kubernetes());
        assert!(!settings(&[("ANNOTATE_POD_IP", "true")]).needs_kubernetes());
        assert!(settings(&[("ENABLE_POD_ENI", "true")]).needs_kubernetes());
        assert!(settings(&[("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", "true")]).needs_kubernetes());
    }

    #[test]
    fn settings_of_the_init_container_are_read_too() {
        let set = settings(&[("DISABLE_TCP_EARLY_DEMUX", "true")]).effective;
        assert!(set.tcp_early_demux_disabled());
        assert!(!settings(&[]).effective.tcp_early_demux_disabled());
    }

    #[test]
    fn the_init_container_has_settings_of_its_own() {
        let of = |variables: &[(&str, &str)]| {
            let own = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
            let settings = InitSettings::from_environment(variables.iter().map(own));
            (settings.ipv6, settings.no_early_demux)
        };
        assert_eq!(of(&[("PATH", "/bin")]), (false, false));
        assert_eq!(of(&[("ENABLE_IPv6", "true")]), (true, false));
        assert_eq!(of(&[("ENABLE_V6_EGRESS", "true")]), (true, false));
        let demux = [("DISABLE_TCP_EARLY_DEMUX", "true"), ("ENABLE_IPv6", "false")];
        assert_eq!(of(&demux), (false, true));
    }

    #[test]
    fn the_log_goes_where_the_environment_says() {
        assert_eq!(settings(&[]).log_file(), None);
        let set = settings(&[("AWS_VPC_K8S_CNI_LOG_FILE", "/var/log/ipamd.log")]);
        assert_eq!(set.log_file(), Some("/var/log/ipamd.log"));
        assert_eq!(settings(&[("AWS_VPC_K8S_CNI_LOG_FILE", "")]).log_file(), None);
    }

    #[test]
    fn other_variables_are_none_of_ours() {
        let read = settings(&[("PATH", "/bin"), ("HTTP_TIMEOUT", "5"), ("AWS_EC2_ENDPOINT", "")]);
        assert_eq!(read.raw.aws_node.len(), 2);
        assert_eq!(read.http_timeout(), Duration::from_secs(10));
        assert_eq!(read.ec2_endpoint(), None);
    }
}
