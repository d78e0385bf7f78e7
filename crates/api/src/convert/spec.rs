//! The settings of a policy as a `CniConfig`. The keys it holds are the keys the policy owns.

use crate::policy::{CniPolicySpec, IpFamily};
use crate::setting::{Collector, ConvertError, Settings};
use vpccni_core::config::CniConfig;
use vpccni_core::safety;

/// What the policy sets, or everything that is wrong with it.
pub fn config(spec: &CniPolicySpec) -> Result<CniConfig, Vec<ConvertError>> {
    let CniPolicySpec {
        management_state: _,
        target: _,
        cluster: _,
        version: _,
        ownership: _,
        apply_mode: _,
        ip_family,
        ip_allocation,
        custom_networking,
        pod_security_groups,
        network_policy,
        egress,
        interfaces,
        plugins,
        logging,
        observability,
        aws,
        host,
        windows,
        extra_env: _,
        unset: _,
        safety: _,
        rollout: _,
        migration: _,
        admission: _,
    } = spec;
    let mut into = Collector::default();
    if let Some(family) = ip_family {
        family.collect(&mut into);
    }
    let groups: [Option<&dyn Settings>; 12] = [
        ip_allocation.as_ref().map(as_settings),
        custom_networking.as_ref().map(as_settings),
        pod_security_groups.as_ref().map(as_settings),
        network_policy.as_ref().map(as_settings),
        egress.as_ref().map(as_settings),
        interfaces.as_ref().map(as_settings),
        plugins.as_ref().map(as_settings),
        logging.as_ref().map(as_settings),
        observability.as_ref().map(as_settings),
        aws.as_ref().map(as_settings),
        host.as_ref().map(as_settings),
        windows.as_ref().map(as_settings),
    ];
    for group in groups.into_iter().flatten() {
        group.collect(&mut into);
    }
    into.finish()
}

fn as_settings<S: Settings>(group: &S) -> &dyn Settings {
    group
}

/// The family as the API spells it.
pub fn ip_family(family: safety::IpFamily) -> IpFamily {
    match family {
        safety::IpFamily::V4 => IpFamily::IPv4,
        safety::IpFamily::V6 => IpFamily::IPv6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::*;
    use std::collections::BTreeSet;
    use vpccni_core::config::{Key, Value};

    fn policy() -> CniPolicySpec {
        CniPolicySpec::new(ManagementState::Manage)
    }

    #[test]
    fn a_policy_without_settings_owns_no_key() {
        assert_eq!(config(&policy()).map(|config| config.iter().count()), Ok(0));
    }

    #[test]
    fn one_field_may_be_several_keys() {
        let mut spec = policy();
        spec.ip_family = Some(IpFamily::IPv6);
        spec.egress = Some(Egress {
            v6_egress: Some(true),
            ..Egress::default()
        });
        spec.host = Some(Host {
            cni_bin_path: Some("/host/bin".to_owned()),
            ..Host::default()
        });
        let config = config(&spec).unwrap();
        assert_eq!(config.get(Key::EnableIpv4), Some(&Value::Bool(false)));
        for key in [
            Key::EnableIpv6,
            Key::InitEnableIpv6,
            Key::AgentEnableIpv6,
            Key::EnableV6Egress,
            Key::InitEnableV6Egress,
        ] {
            assert_eq!(config.get(key), Some(&Value::Bool(true)), "{key}");
        }
        for key in [Key::CniBinPath, Key::InitCniBinPath] {
            assert_eq!(config.get(key), Some(&Value::Text("/host/bin".to_owned())));
        }
        assert_eq!(config.iter().count(), 8);
    }

    #[test]
    fn words_become_the_words_of_upstream() {
        let mut spec = policy();
        spec.ip_allocation = Some(IpAllocation {
            mode: Some(AllocationMode::Prefix),
            ..IpAllocation::default()
        });
        spec.egress = Some(Egress {
            randomize_snat: Some(RandomizeSnat::HashRandom),
            exclude_snat_cidrs: Some(vec!["10.2.0.0/16".to_owned(), "10.1.0.0/16".to_owned()]),
            ..Egress::default()
        });
        spec.logging = Some(Logging {
            level: Some(LogLevel::Warn),
            ..Logging::default()
        });
        let config = config(&spec).unwrap();
        assert_eq!(config.get(Key::EnablePrefixDelegation), Some(&Value::Bool(true)));
        assert_eq!(
            config.get(Key::RandomizeSnat),
            Some(&Value::Text("hashrandom".to_owned()))
        );
        assert_eq!(config.get(Key::LogLevel), Some(&Value::Text("WARN".to_owned())));
        let nets = ["10.1.0.0/16", "10.2.0.0/16"].map(|net| net.parse().unwrap());
        assert_eq!(
            config.get(Key::ExcludeSnatCidrs),
            Some(&Value::Cidrs(nets.to_vec()))
        );
    }

    #[test]
    fn every_error_is_told_with_field_value_and_range() {
        let mut spec = policy();
        spec.ip_allocation = Some(IpAllocation {
            warm_eni_target: Some(-1),
            max_enis: Some(0),
            ..IpAllocation::default()
        });
        spec.egress = Some(Egress {
            external_service_cidrs: Some(vec!["10.0.0.0/8".to_owned(), "10.0.0.0/33".to_owned()]),
            ..Egress::default()
        });
        let errors: Vec<String> = config(&spec)
            .unwrap_err()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            errors,
            [
                "spec.ipAllocation.warmEniTarget: \"-1\" is not a whole number from 0 to 16384",
                "spec.ipAllocation.maxEnis: \"0\" is not a whole number from 1 to 64",
                "spec.egress.externalServiceCidrs: \"10.0.0.0/33\" is not an IPv4 network such as 10.0.0.0/8",
            ]
        );
    }

    #[test]
    fn every_word_of_an_enumeration_is_a_word_of_the_table() {
        fn check<S: Setting + Copy>(key: Key, words: &[S]) {
            let seen: BTreeSet<String> = words
                .iter()
                .map(|word| match word.value() {
                    Ok(Value::Text(text)) => text,
                    other => panic!("{key}: {other:?}"),
                })
                .collect();
            let vpccni_core::config::Kind::Enum(table) = key.field().kind else {
                panic!("{key} is no enumeration");
            };
            assert_eq!(
                seen,
                table.iter().map(|word| (*word).to_owned()).collect(),
                "{key}"
            );
        }
        use crate::setting::Setting;
        check(Key::PodSecurityGroupEnforcingMode, PodSecurityGroupMode::ALL);
        check(Key::NetworkPolicyEnforcingMode, NetworkPolicyMode::ALL);
        check(Key::RandomizeSnat, RandomizeSnat::ALL);
        check(Key::LogLevel, LogLevel::ALL);
        check(Key::PluginLogLevel, LogLevel::ALL);
        check(Key::AgentLogLevel, AgentLogLevel::ALL);
    }
}
