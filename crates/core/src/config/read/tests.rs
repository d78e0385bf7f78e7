//! How texts are read, reaction by reaction.

use super::*;
use crate::config::{Value, write};

fn aws_node(entries: &[(&str, &str)]) -> RawConfig {
    RawConfig {
        aws_node: entries
            .iter()
            .map(|(name, text)| ((*name).to_owned(), RawValue::Text((*text).to_owned())))
            .collect(),
        ..RawConfig::default()
    }
}

fn agent(args: &[&str]) -> RawConfig {
    RawConfig {
        node_agent_args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        ..RawConfig::default()
    }
}

/// The value and the one reaction of a text.
fn one(name: &str, text: &str) -> (Option<Value>, Option<Reaction>) {
    let seen = read(&aws_node(&[(name, text)]));
    let key = Key::find(Place::AwsNode, name).unwrap();
    assert!(seen.notes.len() <= 1, "{:?}", seen.notes);
    (
        seen.config.get(key).cloned(),
        seen.notes.into_iter().next().map(|note| note.reaction),
    )
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

#[test]
fn unset_empty_and_set_are_three_things() {
    let nothing = read(&RawConfig::default());
    assert_eq!(nothing, ReadConfig::default());
    assert_eq!(one("CLUSTER_ENDPOINT", ""), (Some(text("")), None));
    assert_eq!(one("AWS_VPC_K8S_PLUGIN_LOG_FILE", ""), (Some(text("")), None));
    assert_eq!(one("POD_MTU", ""), (None, Some(Reaction::ContainerExits)));
    assert_eq!(
        one("AWS_VPC_ENI_MTU", ""),
        (Some(Value::Int(9001)), Some(Reaction::ContainerExits))
    );
}

#[test]
fn bad_switches_and_targets_become_the_default() {
    let takes = |default| Some(Reaction::TakesDefault(default));
    assert_eq!(
        one("ENABLE_POD_ENI", "yes"),
        (Some(Value::Bool(false)), takes(Some("false")))
    );
    assert_eq!(one("ENABLE_POD_ENI", "T"), (Some(Value::Bool(true)), None));
    assert_eq!(
        one("WARM_ENI_TARGET", "-1"),
        (Some(Value::Int(1)), takes(Some("1")))
    );
    assert_eq!(one("MAX_ENI", "0"), (None, takes(None)));
    assert_eq!(
        one("HTTP_TIMEOUT", "5"),
        (Some(Value::Int(10)), takes(Some("10")))
    );
    assert_eq!(
        one("ADDITIONAL_ENI_TAGS", "{"),
        (Some(Value::Tags([].into())), takes(Some("{}")))
    );
    assert_eq!(
        one("AWS_VPC_K8S_CNI_RANDOMIZESNAT", "PRNG"),
        (Some(text("prng")), takes(Some("prng")))
    );
}

#[test]
fn the_firewall_mark_may_have_any_base() {
    let takes = Some(Reaction::TakesDefault(Some("128")));
    assert_eq!(
        one("AWS_VPC_K8S_CNI_CONNMARK", "0x100"),
        (Some(Value::Int(256)), None)
    );
    for bad in ["0", "-1", "4294967296", "mark", ""] {
        assert_eq!(
            one("AWS_VPC_K8S_CNI_CONNMARK", bad),
            (Some(Value::Int(128)), takes.clone()),
            "{bad}"
        );
    }
}

#[test]
fn some_bad_values_stop_the_container() {
    for (name, bad) in [
        ("IP_COOLDOWN_PERIOD", "-1"),
        ("IP_COOLDOWN_PERIOD", "30s"),
        ("AWS_VPC_ENI_MTU", "575"),
        ("AWS_VPC_K8S_CNI_VETHPREFIX", "abcde"),
        ("AWS_VPC_K8S_CNI_VETHPREFIX", "vlan"),
        ("AWS_VPC_K8S_PLUGIN_LOG_FILE", "stdout"),
        ("NETWORK_POLICY_ENFORCING_MODE", ""),
    ] {
        assert_eq!(one(name, bad).1, Some(Reaction::ContainerExits), "{name}={bad}");
    }
}

#[test]
fn the_least_mtu_depends_on_the_family() {
    let seen = read(&aws_node(&[("AWS_VPC_ENI_MTU", "1000"), ("ENABLE_IPv6", "true")]));
    assert_eq!(seen.notes.len(), 1);
    assert!(read(&aws_node(&[("AWS_VPC_ENI_MTU", "1000")])).notes.is_empty());
}

#[test]
fn words_are_compared_as_upstream_does() {
    assert_eq!(
        one("AWS_VPC_K8S_CNI_LOGLEVEL", "info"),
        (Some(text("INFO")), None)
    );
    assert_eq!(
        one("NETWORK_POLICY_ENFORCING_MODE", "Strict"),
        (Some(text("strict")), None)
    );
    let takes = Some(Reaction::TakesDefault(Some("strict")));
    assert_eq!(
        one("POD_SECURITY_GROUP_ENFORCING_MODE", "Standard"),
        (Some(text("strict")), takes)
    );
    let with_pod_eni = aws_node(&[
        ("POD_SECURITY_GROUP_ENFORCING_MODE", "loose"),
        ("ENABLE_POD_ENI", "true"),
    ]);
    assert_eq!(read(&with_pod_eni).notes[0].reaction, Reaction::ContainerExits);
}

#[test]
fn bad_entries_of_lists_are_skipped() {
    let (value, reaction) = one(
        "AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS",
        "10.0.0.1/8, 2001:db8::/32,x",
    );
    assert_eq!(value, Some(Value::Cidrs(vec!["10.0.0.0/8".parse().unwrap()])));
    assert_eq!(
        reaction,
        Some(Reaction::Skips(vec![" 2001:db8::/32".to_owned(), "x".to_owned()]))
    );
    let (value, reaction) = one(
        "ADDITIONAL_ENI_TAGS",
        r#"{"a":"b","node.k8s.amazonaws.com/x":"y"}"#,
    );
    assert_eq!(
        value,
        Some(Value::Tags([("a".to_owned(), "b".to_owned())].into()))
    );
    assert_eq!(
        reaction,
        Some(Reaction::Skips(vec!["node.k8s.amazonaws.com/x".to_owned()]))
    );
}

#[test]
fn the_last_of_a_name_wins() {
    let seen = read(&aws_node(&[("WARM_IP_TARGET", "3"), ("WARM_IP_TARGET", "5")]));
    assert_eq!(seen.config.get(Key::WarmIpTarget), Some(&Value::Int(5)));
    assert_eq!(
        seen.notes[0].to_string(),
        "WARM_IP_TARGET=\"3\" is overridden by a later one of the same name"
    );
}

#[test]
fn references_and_unknown_names_are_kept_apart() {
    let mut raw = aws_node(&[("MY_VARIABLE", "x")]);
    raw.aws_node
        .push(("MY_NODE_NAME".to_owned(), RawValue::FromField));
    raw.aws_node
        .push(("WARM_IP_TARGET".to_owned(), RawValue::FromField));
    raw.node_agent_env
        .push(("log-level".to_owned(), RawValue::Text("x".to_owned())));
    raw.config_map.insert("other".to_owned(), "y".to_owned());
    let seen = read(&raw);
    assert_eq!(seen.config, CniConfig::default());
    assert_eq!(seen.notes.len(), 1);
    assert_eq!(seen.notes[0].reaction, Reaction::DiffersByPod);
    let names: Vec<_> = seen
        .unknown
        .iter()
        .map(|unknown| (unknown.place, unknown.name.as_str()))
        .collect();
    assert_eq!(
        names,
        [
            (Place::AwsNode, "MY_VARIABLE"),
            (Place::NodeAgent, "log-level"),
            (Place::ConfigMap, "other")
        ]
    );
}

#[test]
fn flags_are_read_as_pflag_does() {
    let seen = read(&agent(&[
        "--enable-network-policy",
        "false",
        "--conntrack-cache-table-size",
        "0x10000",
        "--x=1",
    ]));
    assert_eq!(
        seen.config.get(Key::EnableNetworkPolicy),
        Some(&Value::Bool(true))
    );
    assert_eq!(
        seen.config.get(Key::AgentConntrackSize),
        Some(&Value::Int(65_536))
    );
    assert_eq!(seen.notes.len(), 1);
    assert_eq!(seen.notes[0].reaction, Reaction::IgnoresWord);
    assert_eq!(seen.unknown[0].name, "x");
    for bad in [
        "--conntrack-cache-table-size=1",
        "--max-concurrent-reconciles=x",
        "--enable-ipv6=yes",
        "--log-file",
    ] {
        assert_eq!(
            read(&agent(&[bad])).notes[0].reaction,
            Reaction::ContainerExits,
            "{bad}"
        );
    }
    let level = read(&agent(&["--log-level=loud"]));
    assert_eq!(level.notes[0].reaction, Reaction::TakesDefault(Some("debug")));
}

#[test]
fn notes_read_as_sentences() {
    let note = |reaction| {
        let text = "x".to_owned();
        let key = Key::WarmIpTarget;
        ReadNote { key, text, reaction }.to_string()
    };
    assert_eq!(
        note(Reaction::TakesDefault(Some("0"))),
        "WARM_IP_TARGET=\"x\" is taken as \"0\""
    );
    assert_eq!(
        note(Reaction::TakesDefault(None)),
        "WARM_IP_TARGET=\"x\" is taken as not set"
    );
    assert_eq!(
        note(Reaction::ContainerExits),
        "WARM_IP_TARGET=\"x\" makes the container exit"
    );
    assert_eq!(
        note(Reaction::Skips(vec!["y".to_owned()])),
        "WARM_IP_TARGET: y skipped"
    );
    assert_eq!(
        note(Reaction::DiffersByPod),
        "WARM_IP_TARGET is filled in for each pod and not known"
    );
    assert!(note(Reaction::IgnoresWord).contains("only after ="));
}

#[test]
fn reading_is_stable() {
    let seen = read(&aws_node(&[
        ("WARM_IP_TARGET", "-3"),
        ("ENABLE_POD_ENI", "1"),
        ("MAX_ENI", "x"),
    ]));
    let again = read(&write::raw(&seen.config));
    assert_eq!(again.config, seen.config);
    assert!(again.notes.is_empty());
}
