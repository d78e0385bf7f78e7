//! Worlds of a few nodes, folded from objects as the API server gives them.

use super::*;
use crate::inventory::Ask;
use crate::seen::{NodePoolSeen, PoolZones};
use crate::watching::{Scope, Watched};
use crate::wire;
use jiff::Timestamp;
use kube::core::DeserializeGuard;
use kube::runtime::watcher::Event;
use serde_json::{Value, json};
use vpccni_core::config::{self, CniConfig, Key};
use vpccni_core::ids::InstanceId;
use vpccni_core::ports::Nodegroup;
use vpccni_core::version::CniVersion;

fn node(name: &str, zone: &str, instance: &str, labels: &Value) -> Value {
    let mut all =
        json!({"topology.kubernetes.io/zone": zone, "node.kubernetes.io/instance-type": "m5.large"});
    all.as_object_mut()
        .unwrap()
        .extend(labels.as_object().unwrap().clone());
    json!({
        "metadata": {"name": name, "uid": name, "labels": all},
        "spec": {"providerID": format!("aws:///{zone}/{instance}")},
        "status": {"allocatable": {"pods": "29"}}
    })
}

fn stores(nodes: Vec<Value>) -> Stores {
    let stores = Stores::empty(Scope::default());
    let parse = |wire| NodeSeen::parse(wire, &Scope::default());
    for node in nodes {
        let object: DeserializeGuard<wire::Node> = serde_json::from_value(node).unwrap();
        stores.nodes.fold(Event::Apply(object), parse);
    }
    stores
}

fn inventory(stores: &Stores, interfaces: &[(&str, EniFacts)]) -> Inventory {
    let none = Inventory::not_read("AWS is off", &Ask::of(stores, None), Timestamp::UNIX_EPOCH);
    let by_instance = interfaces
        .iter()
        .map(|(id, facts)| (InstanceId::parse(id).unwrap(), facts.clone()));
    Inventory {
        interfaces: Known::Yes(by_instance.collect()),
        ..none
    }
}

fn build(stores: &Stores, inventory: &Inventory, running: Option<&Effective>) -> World {
    world(&Sources {
        stores,
        inventory,
        deep: &DeepFacts::not_read(),
        live: None,
        running,
    })
}

fn holding(secondary_ips: u32, prefixes: u32) -> EniFacts {
    EniFacts {
        secondary_ips,
        prefixes,
        ..EniFacts::default()
    }
}

#[test]
fn modes_follow_the_addresses() {
    let cases = [
        (holding(3, 0), NodeMode::SecondaryIp),
        (holding(0, 2), NodeMode::Prefix),
        (holding(1, 1), NodeMode::Mixed),
        (holding(0, 0), NodeMode::Unknown),
    ];
    for (enis, expected) in cases {
        assert_eq!(mode(&Known::Yes(enis)), expected);
    }
    assert_eq!(mode(&Known::not_read("interfaces")), NodeMode::Unknown);
}

#[test]
fn a_world_has_every_node_even_one_that_cannot_be_read() {
    let broken = json!({"metadata": {"name": "b"}, "spec": {"taints": "none"}});
    let stores = stores(vec![
        node("c", "us-west-2a", "i-03", &json!({})),
        broken,
        node("a", "us-west-2a", "i-01", &json!({})),
    ]);
    let trunk = EniFacts {
        trunk: true,
        ..holding(4, 0)
    };
    let built = build(&stores, &inventory(&stores, &[("i-01", trunk)]), None);
    assert_eq!(
        built.nodes.iter().map(|n| n.name.as_str()).collect::<Vec<_>>(),
        ["a", "b", "c"]
    );
    let [a, b, c] = built.nodes.as_slice() else {
        panic!("three nodes")
    };
    assert_eq!((a.mode, a.max_pods), (NodeMode::SecondaryIp, Some(29)));
    assert!(matches!(&b.limits, Known::Unknown(why) if why.starts_with("the Node b cannot be read")));
    assert!(b.takes_part());
    assert_eq!(c.mode, NodeMode::Unknown);
    assert_eq!(built.cluster.may_manage_branches, Known::Yes(true));
    assert_eq!(built.subnets, Known::Unknown("AWS is off".to_owned()));
}

fn subnet(id: &str) -> SubnetId {
    SubnetId::parse(id).unwrap()
}

fn nodegroup(name: &str, max_size: u32, ids: &[&str]) -> Nodegroup {
    Nodegroup {
        name: name.to_owned(),
        subnets: ids.iter().map(|id| subnet(id)).collect(),
        max_size,
    }
}

#[test]
fn zones_have_reasons() {
    let stores = stores(vec![
        node(
            "a",
            "us-west-2a",
            "i-01",
            &json!({"eks.amazonaws.com/nodegroup": "blue"}),
        ),
        node(
            "b",
            "us-west-2a",
            "i-02",
            &json!({"eks.amazonaws.com/nodegroup": "blue"}),
        ),
        node("w", "us-west-2d", "i-03", &json!({"kubernetes.io/os": "windows"})),
    ]);
    let pool = |name: &str, zones| {
        std::sync::Arc::new(NodePoolSeen {
            name: name.to_owned(),
            zones,
        })
    };
    let zone = |name: &str| Zone::parse(name).unwrap();
    let subnets = [
        ("subnet-0a", "us-west-2a"),
        ("subnet-0b", "us-west-2b"),
        ("subnet-0e", "us-west-2e"),
    ];
    let subnets = subnets.map(|(id, name)| (subnet(id), zone(name))).into();
    let nodegroups = [
        nodegroup("blue", 3, &["subnet-0a", "subnet-0e"]),
        nodegroup("parked", 0, &["subnet-0b"]),
    ];
    let not_all = [
        pool("some", PoolZones::Only([zone("us-west-2c")].into())),
        pool(
            "any",
            PoolZones::AnyBut([zone("us-west-2a"), zone("us-west-2e")].into()),
        ),
    ];
    let makers = Makers {
        nodes: &stores.nodes.all(),
        pools: &not_all,
        nodegroups: &nodegroups,
        subnets: &subnets,
    };
    let found: Vec<_> = zones::zones(makers)
        .into_iter()
        .map(|z| (z.zone.to_string(), z.nodes, z.because.join("; ")))
        .collect();
    let row = |name: &str, nodes, because: &str| (name.to_owned(), nodes, because.to_owned());
    let expected = [
        row("us-west-2a", 2, "nodes of nodegroup blue"),
        row("us-west-2b", 0, "NodePool any, which names no zones"),
        row("us-west-2c", 0, "NodePool some"),
        row("us-west-2e", 0, "nodegroup blue"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn eni_configs_are_in_use_only_under_custom_networking() {
    let stores = stores(vec![
        node("a", "us-west-2a", "i-01", &json!({})),
        node(
            "b",
            "us-west-2b",
            "i-02",
            &json!({"vpc.amazonaws.com/externalEniConfig": "special"}),
        ),
        node(
            "f",
            "us-west-2b",
            "i-03",
            &json!({"eks.amazonaws.com/compute-type": "fargate"}),
        ),
    ]);
    let mut set = CniConfig::default();
    set.set(Key::EnableIpv4, config::Value::Bool(true));
    set.set(
        Key::EniConfigLabelDef,
        config::Value::Text("topology.kubernetes.io/zone".to_owned()),
    );
    let off = Effective::of(&set, CniVersion::REFERENCE);
    set.set(Key::CustomNetworkCfg, config::Value::Bool(true));
    let on = Effective::of(&set, CniVersion::REFERENCE);
    let inventory = inventory(&stores, &[]);
    assert!(
        build(&stores, &inventory, Some(&off))
            .eni_configs_in_use
            .is_empty()
    );
    let built = build(&stores, &inventory, Some(&on));
    let in_use: Vec<_> = built
        .eni_configs_in_use
        .iter()
        .map(|(n, count)| (n.as_str(), *count))
        .collect();
    assert_eq!(in_use, [("special", 1), ("us-west-2a", 1)]);
    assert_eq!(built.cluster.ip_family, Known::Yes(IpFamily::V4));
    assert!(
        build(&stores, &inventory, None)
            .cluster
            .ip_family
            .as_option()
            .is_none()
    );
}
