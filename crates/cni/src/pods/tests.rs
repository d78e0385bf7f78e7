//! What a result hides, written and read back, and results of others.

use super::*;
use crate::conf;
use crate::environment::Command;
use crate::spec::Spec;
use serde_json::json;

fn env() -> Environment {
    Environment {
        command: Command::Add,
        container_id: "c1".to_owned(),
        netns: "/run/netns/x".to_owned(),
        if_name: "eth0".to_owned(),
        pod: crate::args::PodArgs {
            name: "b".to_owned(),
            namespace: "a".to_owned(),
            ..Default::default()
        },
        path: String::new(),
        raw_args: String::new(),
    }
}

fn conf() -> conf::NetConf {
    conf::NetConf::read(br#"{"name": "aws-cni"}"#, Spec::V1_1_0).unwrap()
}

fn allocation(v4: &str, v6: &str, device: i32, table: i32) -> IpAllocationMetadata {
    IpAllocationMetadata {
        ipv4_addr: v4.to_owned(),
        ipv6_addr: v6.to_owned(),
        device_number: device,
        route_table_id: table,
    }
}

fn reply(allocations: Vec<IpAllocationMetadata>) -> AddNetworkReply {
    AddNetworkReply {
        success: true,
        allocations,
        ..Default::default()
    }
}

#[test]
fn what_is_in_a_result_is_read_back() {
    let (env, conf) = (env(), conf());
    let pod = Pod::new(&env, &conf);
    let two = vec![
        allocation("10.0.0.5", "", 3, 4),
        allocation("", "2001:db8::5", 0, 10_100),
    ];
    let made = pod.of_reply(&reply(two)).unwrap();
    assert_eq!(pod.of_result(&pod.result(&made)), Some(made.clone()));
    let [first, second] = &made.networks[..] else {
        panic!("{made:?}")
    };
    assert_ne!(first.host_mac, second.host_mac);
    assert_eq!(first.host_mac.0[0] & 3, 2, "local and unicast");
}

#[test]
fn an_old_result_has_its_table_by_the_device() {
    let (env, conf) = (env(), conf());
    let old = |device: &str| {
        CniResult::read(&json!({
            "interfaces": [
                {"name": "eni0"},
                {"name": "eth0", "mac": "", "sandbox": "/run/netns/x"},
                {"name": "dummy0", "mac": "0", "sandbox": device}
            ],
            "ips": [{"interface": 1, "address": "10.0.0.5/32"}]
        }))
        .unwrap()
    };
    let table = |device| Pod::new(&env, &conf).of_result(&old(device)).unwrap().networks[0].table;
    assert_eq!([table("0"), table("2")], [254, 3]);
}

#[test]
fn a_result_of_somebody_else_says_nothing() {
    let (env, conf) = (env(), conf());
    for value in [
        json!({}),
        json!({"ip4": {"ip": "10.0.0.5/32"}}),
        json!({"interfaces": [{"name": "eth1", "sandbox": "/x"}], "ips": [{"interface": 0, "address": "10.0.0.5/32"}]}),
        json!({"interfaces": [{"name": "eth0", "sandbox": "/x"}], "ips": []}),
        json!({"interfaces": [{"name": "eth0", "sandbox": "/x"}, {"name": "dummy1", "mac": "70000"}],
               "ips": [{"interface": 0, "address": "10.0.0.5/32"}]}),
    ] {
        let result = CniResult::read(&value).unwrap();
        assert_eq!(Pod::new(&env, &conf).of_result(&result), None, "{value}");
    }
}

#[test]
fn a_reply_without_an_address_is_refused() {
    let (env, conf) = (env(), conf());
    let pod = Pod::new(&env, &conf);
    for reply in [
        reply(vec![]),
        reply(vec![allocation("", "", 0, 254)]),
        reply(vec![allocation("2001:db8::5", "", 0, 254)]),
    ] {
        assert_eq!(pod.of_reply(&reply).unwrap_err().code, Code::Refused, "{reply:?}");
    }
}
