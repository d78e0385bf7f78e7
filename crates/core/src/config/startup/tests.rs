//! One test per check of the start.

use super::*;
use crate::config::RawValue;

const V4: (&str, &str) = ("ENABLE_IPv4", "true");
const V6: (&str, &str) = ("ENABLE_IPv6", "true");
const PREFIXES: [(&str, &str); 2] = [("ENABLE_PREFIX_DELEGATION", "true"), ("WARM_PREFIX_TARGET", "1")];

fn raw(entries: &[(&str, &str)]) -> RawConfig {
    RawConfig {
        aws_node: entries
            .iter()
            .map(|(name, text)| ((*name).to_owned(), RawValue::Text((*text).to_owned())))
            .collect(),
        ..RawConfig::default()
    }
}

/// What goes wrong in an IPv4 cluster with these variables.
fn errors(entries: &[(&str, &str)]) -> Vec<StartupError> {
    startup_errors(&raw(&[&[V4], entries].concat()), CniVersion::REFERENCE, None)
}

fn type_without_prefixes() -> InstanceLimits {
    InstanceLimits {
        max_enis: 2,
        ipv4_per_eni: 10,
        prefix_delegation: false,
        nitro: false,
        bare_metal: false,
        trunk: Some(false),
        branches: Some(0),
        vcpus: Some(2),
    }
}

#[test]
fn a_good_configuration_starts() {
    assert_eq!(errors(&[]), []);
    assert_eq!(errors(&PREFIXES), []);
}

#[test]
fn the_entrypoint_checks_texts() {
    let owned = str::to_owned;
    let cases = [
        (
            ("AWS_VPC_K8S_PLUGIN_LOG_FILE", "stdout"),
            StartupError::PluginLogToStdout,
        ),
        (
            ("AWS_VPC_K8S_CNI_VETHPREFIX", "abcde"),
            StartupError::VethPrefixTooLong(owned("abcde")),
        ),
        (
            ("AWS_VPC_K8S_CNI_VETHPREFIX", "lo"),
            StartupError::VethPrefixReserved(owned("lo")),
        ),
        (("IP_COOLDOWN_PERIOD", "-1"), StartupError::Cooldown(owned("-1"))),
        (("IP_COOLDOWN_PERIOD", ""), StartupError::Cooldown(owned(""))),
        (
            ("POD_MTU", "575"),
            StartupError::Mtu {
                key: Key::PodMtu,
                text: owned("575"),
                least: 576,
            },
        ),
        (
            ("AWS_VPC_ENI_MTU", ""),
            StartupError::Mtu {
                key: Key::EniMtu,
                text: owned(""),
                least: 576,
            },
        ),
    ];
    for (entry, error) in cases {
        assert_eq!(error.exits(), Some(Process::Entrypoint));
        assert_eq!(errors(&[entry]), [error]);
    }
}

#[test]
fn the_enforcing_mode_matters_with_pod_eni_only() {
    let mode = ("POD_SECURITY_GROUP_ENFORCING_MODE", "loose");
    assert_eq!(errors(&[mode]), []);
    let seen = errors(&[mode, ("ENABLE_POD_ENI", "true")]);
    assert_eq!(seen, [StartupError::EnforcingMode("loose".to_owned())]);
    assert_eq!(seen[0].exits(), Some(Process::Entrypoint));
}

#[test]
fn warm_targets_are_compared_as_texts() {
    let on = PREFIXES[0];
    assert_eq!(errors(&[on]), [StartupError::NoWarmTarget]);
    for low in ["0", "", "-1", "+1"] {
        assert_eq!(
            errors(&[on, ("WARM_IP_TARGET", low)]),
            [StartupError::NoWarmTarget],
            "{low:?}"
        );
    }
    // "00" is above "0" as a text, and 0 as a number.
    for high in ["1", "00", "x"] {
        assert_eq!(errors(&[on, ("MINIMUM_IP_TARGET", high)]), [], "{high:?}");
    }
}

#[test]
fn ipamd_wants_exactly_one_family() {
    let start = |entries: &[(&str, &str)]| startup_errors(&raw(entries), CniVersion::REFERENCE, None);
    assert_eq!(start(&[]), [StartupError::NoIpFamily]);
    assert_eq!(
        start(&[V4, V6, PREFIXES[0], PREFIXES[1]]),
        [StartupError::BothIpFamilies]
    );
    assert_eq!(start(&[V6]), [StartupError::Ipv6WithoutPrefixes]);
    let custom = ("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", "true");
    let seen = start(&[V6, PREFIXES[0], PREFIXES[1], custom]);
    assert_eq!(seen, [StartupError::Ipv6WithCustomNetworking]);
    assert_eq!(seen[0].exits(), Some(Process::Ipamd));
    // Before v1.10.0 there was IPv4 only, and no variable for it.
    assert_eq!(startup_errors(&raw(&[]), CniVersion::new(1, 9, 3), None), []);
}

#[test]
fn a_type_without_prefixes_is_fatal_in_ipv6_only() {
    let limits = type_without_prefixes();
    let start = |family| {
        startup_errors(
            &raw(&[family, PREFIXES[0], PREFIXES[1]]),
            CniVersion::REFERENCE,
            Some(&limits),
        )
    };
    assert_eq!(start(V6), [StartupError::Ipv6WithoutNitro]);
    assert_eq!(start(V4), [StartupError::PrefixesIgnored]);
    assert_eq!(start(V4)[0].exits(), None);
}

#[test]
fn ipamd_wants_a_known_network_policy_mode() {
    let mode = |text| errors(&[("NETWORK_POLICY_ENFORCING_MODE", text)]);
    assert_eq!(mode("none"), []);
    assert_eq!(mode("Strict"), []);
    assert_eq!(mode(""), [StartupError::NetworkPolicyMode(String::new())]);
    let before = raw(&[V4, ("NETWORK_POLICY_ENFORCING_MODE", "x")]);
    assert_eq!(startup_errors(&before, CniVersion::new(1, 17, 0), None), []);
}

#[test]
fn the_node_agent_wants_flags_it_can_parse() {
    let mut config = raw(&[V4]);
    config.node_agent_args = vec!["--conntrack-cache-table-size=1".to_owned()];
    let key = Key::AgentConntrackSize;
    let error = StartupError::AgentFlag {
        key,
        text: "1".to_owned(),
    };
    assert_eq!(error.exits(), Some(Process::NodeAgent));
    assert_eq!(startup_errors(&config, CniVersion::REFERENCE, None), [error]);
}
