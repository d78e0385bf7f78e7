//! The list against the stock one, as a whole.

use super::*;
use crate::config::{CniConfig, parse};
use crate::version::CniVersion;
use serde_json::{Value, json};

fn rendered(variables: &[(Key, &str)], node: &NodeFacts<'_>) -> Result<Value, ConflistError> {
    let config = variables
        .iter()
        .fold(CniConfig::default(), |mut config, (key, text)| {
            config.set(*key, parse(*key, text).unwrap());
            config
        });
    let text = render(
        &Effective::of(&config, CniVersion::parse("v1.23.0").unwrap()),
        node,
    )?;
    Ok(serde_json::from_str(&text).unwrap())
}

const V4: NodeFacts<'_> = NodeFacts {
    spec: Spec::V0_4_0,
    ipv4: Some(Ipv4Addr::new(10, 0, 0, 9)),
    ipv6: None,
    socket: None,
};

#[test]
fn the_list_of_an_ipv4_node_is_the_stock_one() {
    let list = rendered(&[(Key::PodMtu, "1500")], &V4).unwrap();
    assert_eq!(
        list,
        json!({
            "cniVersion": "0.4.0",
            "name": "aws-cni",
            "disableCheck": true,
            "plugins": [
                {
                    "name": "aws-cni", "type": "aws-cni", "vethPrefix": "eni", "mtu": "1500",
                    "podSGEnforcingMode": "strict",
                    "pluginLogFile": "/var/log/aws-routed-eni/plugin.log", "pluginLogLevel": "DEBUG",
                    "capabilities": {"io.kubernetes.cri.pod-annotations": true}
                },
                {
                    "name": "egress-cni", "type": "egress-cni", "mtu": "1500", "enabled": "false",
                    "randomizeSNAT": "prng", "nodeIP": "",
                    "ipam": {
                        "type": "host-local", "ranges": [[{"subnet": "fd00::ac:00/118"}]],
                        "routes": [{"dst": "::/0"}], "dataDir": "/run/cni/v4pd/egress-v6-ipam"
                    },
                    "pluginLogFile": "/var/log/aws-routed-eni/egress-v6-plugin.log", "pluginLogLevel": "DEBUG"
                },
                {"type": "portmap", "capabilities": {"portMappings": true}, "snat": true}
            ]
        })
    );
}

#[test]
fn an_ipv6_node_has_egress_over_ipv4_and_needs_an_address_for_it() {
    let ipv6 = [(Key::EnableIpv6, "true"), (Key::EnableIpv4, "false")];
    let list = rendered(&ipv6, &V4).unwrap();
    let egress = &list["plugins"][1];
    assert_eq!(
        (&egress["enabled"], &egress["nodeIP"]),
        (&json!("true"), &json!("10.0.0.9"))
    );
    assert_eq!(
        egress["ipam"]["ranges"],
        json!([[{"subnet": "169.254.172.0/22"}]])
    );
    assert_eq!(egress["ipam"]["dataDir"], "/run/cni/v6pd/egress-v4-ipam");
    let without = NodeFacts { ipv4: None, ..V4 };
    assert_eq!(rendered(&ipv6, &without), Err(ConflistError::NoIpv4));
}

#[test]
fn egress_over_ipv6_is_off_where_the_node_has_no_address() {
    let on = [(Key::EnableV6Egress, "true")];
    let with = NodeFacts {
        ipv6: Some("2001:db8::9".parse().unwrap()),
        ..V4
    };
    let enabled = |node: &NodeFacts<'_>| rendered(&on, node).unwrap()["plugins"][1]["enabled"].clone();
    assert_eq!([enabled(&with), enabled(&V4)], [json!("true"), json!("false")]);
}

#[test]
fn plugins_are_chained_where_asked_for() {
    let both = [(Key::EnableBandwidthPlugin, "true"), (Key::DisablePodV6, "true")];
    let list = rendered(&both, &V4).unwrap();
    let last = &list["plugins"].as_array().unwrap()[3..];
    assert_eq!(
        last,
        [
            json!({"type": "bandwidth", "capabilities": {"bandwidth": true}}),
            json!({"type": "tuning", "sysctl": {
                "net.ipv6.conf.all.disable_ipv6": "1",
                "net.ipv6.conf.default.disable_ipv6": "1",
                "net.ipv6.conf.lo.disable_ipv6": "1"
            }})
        ]
    );
}

#[test]
fn what_is_ours_is_said_only_where_it_differs() {
    let other = NodeFacts {
        spec: Spec::V1_1_0,
        socket: Some("/run/\"other\".sock"),
        ..V4
    };
    let list = rendered(&[], &other).unwrap();
    assert_eq!(list["plugins"][0][SOCKET_KEY], "/run/\"other\".sock");
    assert_eq!(
        (&list["cniVersion"], &list["disableCheck"]),
        (&json!("1.1.0"), &json!(false))
    );
    assert_eq!(rendered(&[], &V4).unwrap()["plugins"][0].get(SOCKET_KEY), None);
}
