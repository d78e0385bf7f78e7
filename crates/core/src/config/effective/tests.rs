//! Defaults by version, accessors, and what counts as changed.

use super::*;
use crate::config::arbitrary::any_config;
use proptest::prelude::*;

fn of(settings: &[(Key, Value)], version: CniVersion) -> Effective {
    let mut config = CniConfig::default();
    for (key, value) in settings {
        config.set(*key, value.clone());
    }
    Effective::of(&config, version)
}

fn now(settings: &[(Key, Value)]) -> Effective {
    of(settings, CniVersion::REFERENCE)
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

#[test]
fn absent_settings_have_the_codes_defaults() {
    let bare = now(&[]);
    // The manifest says true, the code says false.
    assert!(!bare.ipv4());
    assert!(!bare.ipv6() && !bare.prefix_delegation() && !bare.custom_networking() && !bare.pod_eni());
    assert_eq!(
        (
            bare.warm_eni(),
            bare.warm_ip(),
            bare.minimum_ip(),
            bare.warm_prefix()
        ),
        (1, 0, 0, 0)
    );
    assert_eq!(bare.max_eni(), None);
    assert_eq!(bare.ip_cooldown(), 30);
    assert_eq!(bare.pod_eni_mode(), PodEniMode::Strict);
    assert_eq!(bare.network_policy_mode(), None);
    assert!(!bare.network_policy_enabled() && !bare.tcp_early_demux_disabled() && !bare.bandwidth_plugin());
    assert!(!bare.multi_nic() && !bare.external_snat() && !bare.provisioning_disabled());
    assert!(bare.subnet_discovery() && bare.node_port_support());
    assert_eq!((bare.eni_mtu(), bare.pod_mtu()), (9001, 9001));
    assert_eq!(bare.veth_prefix(), "eni");
    assert_eq!(bare.eni_config_label(), "k8s.amazonaws.com/eniConfig");
    assert_eq!(bare.eni_config_annotation(), "k8s.amazonaws.com/eniConfig");
    assert_eq!(bare.cluster_name(), None);
    assert_eq!(bare.cidrs(Key::ExcludeSnatCidrs), []);
}

#[test]
fn what_is_set_counts() {
    let set = now(&[
        (Key::PodSecurityGroupEnforcingMode, text("standard")),
        (Key::NetworkPolicyEnforcingMode, text("strict")),
        (Key::EniMtu, Value::Int(1500)),
        (Key::ClusterName, text("prod")),
        (Key::EniConfigLabelDef, text("topology.kubernetes.io/zone")),
        (Key::WarmIpTarget, Value::Int(4)),
        (Key::MaxEni, Value::Int(2)),
    ]);
    assert_eq!(set.pod_eni_mode(), PodEniMode::Standard);
    assert_eq!(set.network_policy_mode(), Some(NetworkPolicyMode::Strict));
    assert_eq!(set.pod_mtu(), 1500);
    assert_eq!(set.cluster_name(), Some("prod"));
    assert_eq!(set.eni_config_label(), "topology.kubernetes.io/zone");
    assert!(set.warm_ip_targets_set());
    assert_eq!(set.max_eni(), Some(2));
}

#[test]
fn an_empty_text_is_what_its_reader_makes_of_it() {
    let empty = now(&[
        (Key::EniConfigLabelDef, text("")),
        (Key::ClusterEndpoint, text("")),
        (Key::PluginLogFile, text("")),
        (Key::LogFile, text("")),
    ]);
    assert_eq!(empty.eni_config_label(), "k8s.amazonaws.com/eniConfig");
    assert_eq!(empty.text(Key::LogFile), "/host/var/log/aws-routed-eni/ipamd.log");
    assert_eq!(empty.value(Key::ClusterEndpoint), Some(&text("")));
    assert_eq!(empty.value(Key::PluginLogFile), Some(&text("")));
}

#[test]
fn a_value_of_the_wrong_type_has_no_effect() {
    assert_eq!(now(&[(Key::WarmEniTarget, Value::Bool(true))]).warm_eni(), 1);
}

#[test]
fn one_switch_implies_others() {
    let on = Value::Bool(true);
    let imds = now(&[(Key::EnableImdsOnlyMode, on.clone())]);
    assert!(imds.provisioning_disabled() && imds.leaked_eni_cleanup_disabled());
    assert!(now(&[(Key::EnableIpv6, on.clone())]).leaked_eni_cleanup_disabled());
    assert!(!now(&[]).leaked_eni_cleanup_disabled());
    assert!(now(&[(Key::EnablePrefixDelegation, on)]).warm_prefix_target_counts());
    assert!(!now(&[(Key::WarmPrefixTarget, Value::Int(1))]).warm_prefix_target_counts());
}

#[test]
fn a_variable_the_version_does_not_read_has_no_effect() {
    let on = Value::Bool(true);
    let before = |key, value, version| of(&[(key, value)], version);
    let discovery = (Key::EnableSubnetDiscovery, on.clone());
    assert!(!of(std::slice::from_ref(&discovery), CniVersion::new(1, 17, 1)).subnet_discovery());
    assert!(of(&[], CniVersion::new(1, 18, 0)).subnet_discovery());
    assert!(!before(Key::EnablePrefixDelegation, on.clone(), CniVersion::new(1, 8, 0)).prefix_delegation());
    assert!(!before(Key::EnableMultiNic, on.clone(), CniVersion::new(1, 19, 6)).multi_nic());
    assert_eq!(
        before(Key::IpCooldownPeriod, Value::Int(5), CniVersion::new(1, 14, 0)).ip_cooldown(),
        30
    );
    assert_eq!(
        before(Key::PodMtu, Value::Int(1500), CniVersion::new(1, 16, 3)).pod_mtu(),
        9001
    );
    assert!(before(Key::EnableIpv4, Value::Bool(false), CniVersion::new(1, 9, 3)).ipv4());
    let mode = before(
        Key::NetworkPolicyEnforcingMode,
        text("strict"),
        CniVersion::new(1, 17, 0),
    );
    assert_eq!(mode.network_policy_mode(), None);
    // Read from v1.12.1 until v1.13.2.
    for (version, read) in [((1, 12, 0), false), ((1, 13, 0), true), ((1, 13, 2), false)] {
        let version = CniVersion::new(version.0, version.1, version.2);
        assert_eq!(
            before(Key::EnableNftables, on.clone(), version).is_on(Key::EnableNftables),
            read,
            "{version}"
        );
    }
}

#[test]
fn an_upgrade_whose_default_changes_is_a_change() {
    let old = of(&[], CniVersion::new(1, 17, 1));
    let new = of(&[], CniVersion::new(1, 18, 0));
    assert_eq!(old.changed(&new), [Key::EnableSubnetDiscovery].into());
}

#[test]
fn changed_compares_what_is_acted_on() {
    let bare = now(&[]);
    assert!(
        bare.changed(&now(&[(Key::WarmEniTarget, Value::Int(1))]))
            .is_empty()
    );
    let other = now(&[(Key::WarmEniTarget, Value::Int(2)), (Key::MaxEni, Value::Int(4))]);
    let keys: BTreeSet<Key> = [Key::WarmEniTarget, Key::MaxEni].into();
    assert_eq!(bare.changed(&other), keys);
    assert_eq!(other.changed(&bare), keys);
}

#[test]
fn the_type_limits_max_eni() {
    let limits = InstanceLimits {
        max_enis: 3,
        ipv4_per_eni: 10,
        prefix_delegation: true,
        nitro: true,
        bare_metal: false,
        trunk: None,
        branches: None,
        vcpus: None,
    };
    let max = |max| now(&[(Key::MaxEni, Value::Int(max))]).max_enis_on(&limits);
    assert_eq!((max(1), max(2), max(9), max(0)), (1, 2, 3, 3));
    assert_eq!(now(&[]).max_enis_on(&limits), 3);
}

proptest! {
    #[test]
    fn nothing_changes_against_itself(config in any_config()) {
        let effective = Effective::of(&config, CniVersion::REFERENCE);
        prop_assert!(effective.changed(&effective).is_empty());
    }

    #[test]
    fn changed_is_symmetric(one in any_config(), other in any_config()) {
        let one = Effective::of(&one, CniVersion::REFERENCE);
        let other = Effective::of(&other, CniVersion::REFERENCE);
        prop_assert_eq!(one.changed(&other), other.changed(&one));
    }
}
