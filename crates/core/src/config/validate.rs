//! What no cluster can make work: settings that cannot go together, whatever else is set. All errors, not the first.
//!
//! Absent is not owned, so an absent setting contradicts nothing, except where its only partner needs it.

use super::parse::{ParseError, Setting, check};
use super::upstream::least_mtu;
use super::{CniConfig, Key, Value};

/// Something wrong with a configuration by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum ConfigError {
    /// A value that its setting cannot have.
    #[error("{0}")]
    Value(ParseError),
    /// Neither family is on.
    #[error("ipFamily: neither ENABLE_IPv4 nor ENABLE_IPv6 is on, ipamd would exit")]
    NoIpFamily,
    /// Both families are on.
    #[error("ipFamily: ENABLE_IPv4 and ENABLE_IPv6 are both on, ipamd would exit")]
    BothIpFamilies,
    /// Two places of one setting differ.
    #[error("{}: {first} is {first_value:?} and {second} is {second_value:?}, they must be the same", first.field().path)]
    PlacesDiffer {
        /// One place.
        first: Key,
        /// Its value.
        first_value: String,
        /// The other place.
        second: Key,
        /// Its value.
        second_value: String,
    },
    /// IPv6 with custom networking.
    #[error("customNetworking.enabled: custom networking is not possible in IPv6, ipamd would exit")]
    Ipv6WithCustomNetworking,
    /// IPv6 without prefix delegation.
    #[error("ipAllocation.mode: IPv6 needs mode Prefix, ipamd would exit")]
    Ipv6WithoutPrefixes,
    /// Prefix mode with all targets 0.
    #[error(
        "ipAllocation: in mode Prefix one of warmPrefixTarget, warmIpTarget and minimumIpTarget must be above 0, \
         aws-node would exit"
    )]
    NoWarmTarget,
    /// An MTU too small for IPv6.
    #[error(
        "{setting}: {mtu} is less than {}, the least MTU of IPv6; aws-node would exit",
        least_mtu(true)
    )]
    MtuTooSmallForIpv6 {
        /// Which MTU.
        setting: Setting,
        /// What it is.
        mtu: i64,
    },
    /// CloudWatch logs without the logs themselves.
    #[error(
        "networkPolicy.agent.cloudWatchLogs: it needs networkPolicy.agent.policyEventLogs, which is not on"
    )]
    CloudwatchWithoutEventLogs,
    /// The bandwidth plugin with network policies.
    #[error("plugins.bandwidth: it cannot be combined with networkPolicy.enabled, both use traffic control")]
    BandwidthWithNetworkPolicy,
}

/// Settings that stand in two places and must agree.
const TWINS: [(Key, Key); 4] = [
    (Key::EnableIpv6, Key::InitEnableIpv6),
    (Key::EnableIpv6, Key::AgentEnableIpv6),
    (Key::EnableV6Egress, Key::InitEnableV6Egress),
    (Key::CniBinPath, Key::InitCniBinPath),
];

/// Everything that is wrong with the configuration by itself.
pub fn validate(config: &CniConfig) -> Vec<ConfigError> {
    let mut errors: Vec<ConfigError> = config
        .iter()
        .filter_map(|(key, value)| check(key, value).err())
        .map(ConfigError::Value)
        .collect();
    errors.extend(
        TWINS
            .iter()
            .filter_map(|(first, second)| differ(config, *first, *second)),
    );
    family(config, &mut errors);
    let is = |key: Key, on: bool| config.get(key) == Some(&Value::Bool(on));
    let zero = |key: Key| config.get(key) == Some(&Value::Int(0));
    if is(Key::EnablePrefixDelegation, true)
        && zero(Key::WarmPrefixTarget)
        && zero(Key::WarmIpTarget)
        && zero(Key::MinimumIpTarget)
    {
        errors.push(ConfigError::NoWarmTarget);
    }
    if is(Key::AgentCloudwatchLogs, true) && !is(Key::AgentPolicyEventLogs, true) {
        errors.push(ConfigError::CloudwatchWithoutEventLogs);
    }
    if is(Key::EnableBandwidthPlugin, true) && is(Key::EnableNetworkPolicy, true) {
        errors.push(ConfigError::BandwidthWithNetworkPolicy);
    }
    errors
}

fn differ(config: &CniConfig, first: Key, second: Key) -> Option<ConfigError> {
    let (first_value, second_value) = (config.get(first)?, config.get(second)?);
    (first_value != second_value).then(|| ConfigError::PlacesDiffer {
        first,
        first_value: first_value.to_string(),
        second,
        second_value: second_value.to_string(),
    })
}

fn family(config: &CniConfig, errors: &mut Vec<ConfigError>) {
    let is = |key: Key, on: bool| config.get(key) == Some(&Value::Bool(on));
    if is(Key::EnableIpv4, false) && is(Key::EnableIpv6, false) {
        errors.push(ConfigError::NoIpFamily);
    }
    if is(Key::EnableIpv4, true) && is(Key::EnableIpv6, true) {
        errors.push(ConfigError::BothIpFamilies);
    }
    if !is(Key::EnableIpv6, true) {
        return;
    }
    if is(Key::CustomNetworkCfg, true) {
        errors.push(ConfigError::Ipv6WithCustomNetworking);
    }
    if is(Key::EnablePrefixDelegation, false) {
        errors.push(ConfigError::Ipv6WithoutPrefixes);
    }
    for key in [Key::EniMtu, Key::PodMtu] {
        if let Some(Value::Int(mtu)) = config.get(key)
            && *mtu < least_mtu(true)
        {
            let (setting, mtu) = (Setting(key), *mtu);
            errors.push(ConfigError::MtuTooSmallForIpv6 { setting, mtu });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(settings: &[(Key, Value)]) -> Vec<ConfigError> {
        let mut config = CniConfig::default();
        for (key, value) in settings {
            config.set(*key, value.clone());
        }
        validate(&config)
    }

    const ON: Value = Value::Bool(true);
    const OFF: Value = Value::Bool(false);

    #[test]
    fn exactly_one_family() {
        assert_eq!(
            errors(&[(Key::EnableIpv4, OFF), (Key::EnableIpv6, OFF)]),
            [ConfigError::NoIpFamily]
        );
        assert_eq!(
            errors(&[(Key::EnableIpv4, ON), (Key::EnableIpv6, ON)]),
            [ConfigError::BothIpFamilies]
        );
        assert_eq!(errors(&[(Key::EnableIpv4, ON), (Key::EnableIpv6, OFF)]), []);
        assert_eq!(errors(&[(Key::EnableIpv4, OFF)]), []);
    }

    #[test]
    fn ipv6_needs_prefixes_and_no_custom_networking() {
        let six = (Key::EnableIpv6, ON);
        assert_eq!(
            errors(&[six.clone(), (Key::CustomNetworkCfg, ON)]),
            [ConfigError::Ipv6WithCustomNetworking]
        );
        assert_eq!(
            errors(&[six.clone(), (Key::EnablePrefixDelegation, OFF)]),
            [ConfigError::Ipv6WithoutPrefixes]
        );
        let small = errors(&[
            six,
            (Key::PodMtu, Value::Int(1279)),
            (Key::EniMtu, Value::Int(1280)),
        ]);
        assert_eq!(small.len(), 1);
        assert_eq!(
            small[0].to_string(),
            "interfaces.podMtu (POD_MTU): 1279 is less than 1280, the least MTU of IPv6; aws-node would exit"
        );
        assert_eq!(errors(&[(Key::PodMtu, Value::Int(1279))]), []);
    }

    #[test]
    fn places_of_one_setting_agree() {
        let seen = errors(&[(Key::EnableIpv6, OFF), (Key::InitEnableIpv6, ON)]);
        assert_eq!(seen.len(), 1);
        assert_eq!(
            seen[0].to_string(),
            "ipFamily: ENABLE_IPv6 is \"false\" and init ENABLE_IPv6 is \"true\", they must be the same"
        );
    }

    #[test]
    fn prefix_mode_needs_a_target() {
        let zero = Value::Int(0);
        let mut settings = vec![
            (Key::EnablePrefixDelegation, ON),
            (Key::WarmPrefixTarget, zero.clone()),
            (Key::WarmIpTarget, zero.clone()),
        ];
        assert_eq!(errors(&settings), []);
        settings.push((Key::MinimumIpTarget, zero));
        assert_eq!(errors(&settings), [ConfigError::NoWarmTarget]);
        settings[0].1 = OFF;
        assert_eq!(errors(&settings), []);
    }

    #[test]
    fn partners_that_need_or_exclude_each_other() {
        let cloud = (Key::AgentCloudwatchLogs, ON);
        assert_eq!(
            errors(std::slice::from_ref(&cloud)),
            [ConfigError::CloudwatchWithoutEventLogs]
        );
        assert_eq!(errors(&[cloud, (Key::AgentPolicyEventLogs, ON)]), []);
        assert_eq!(
            errors(&[(Key::EnableBandwidthPlugin, ON), (Key::EnableNetworkPolicy, ON)]),
            [ConfigError::BandwidthWithNetworkPolicy]
        );
    }

    #[test]
    fn all_errors_are_collected() {
        let seen = errors(&[
            (Key::WarmIpTarget, Value::Int(-1)),
            (Key::PluginLogFile, Value::Text("stdout".to_owned())),
            (Key::EnableIpv6, ON),
            (Key::CustomNetworkCfg, ON),
        ]);
        assert_eq!(seen.len(), 3);
        assert!(matches!(
            &seen[0],
            ConfigError::Value(ParseError::NotInRange { .. })
        ));
        assert!(matches!(
            &seen[1],
            ConfigError::Value(ParseError::Forbidden { .. })
        ));
    }
}
