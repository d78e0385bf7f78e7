//! An instance with two network cards: pods that ask for it have an interface on each.

use std::fs;
use std::net::{IpAddr, SocketAddr};

use serde_json::json;
use vpccni_core::ids::EniId;
use vpccni_testbed::boxes::traffic::{Echo, seen_as};
use vpccni_testbed::boxes::{Agent, AgentOptions, Egress, NodeBox, Vpc};
use vpccni_testbed::sandbox::world::NewInterface;
use vpccni_testbed::wait::until;

use crate::bed::{PATIENCE, ZONES, vpc};
use crate::steady::PORT;

/// The smallest type with two cards.
const TYPE: &str = "c6in.32xlarge";
const SETTINGS: [(&str, &str); 4] = [
    ("ENABLE_MULTI_NIC", "true"),
    ("MAX_ENI", "2"),
    ("WARM_IP_TARGET", "3"),
    ("MINIMUM_IP_TARGET", "3"),
];

/// Who makes such nodes attaches the first interface of each card.
fn on_second_card(vpc: &Vpc, node: &NodeBox) -> EniId {
    vpc.sandbox().world().write(|world| {
        let subnet = vpc.cloud().zones[ZONES[0]].nodes.clone();
        let eni = world.create_interface(NewInterface::in_subnet(subnet)).unwrap();
        world.attach(&eni, node.instance(), 1, 1).unwrap();
        eni
    })
}

/// Addresses that the checkpoint of each card gives to pods.
fn kept(node: &NodeBox) -> [usize; 2] {
    ["ipam.json", "ipam-nic-1.json"].map(|name| {
        let text = fs::read_to_string(node.path(format!("/var/run/aws-node/{name}"))).unwrap();
        let file: serde_json::Value = serde_json::from_str(&text).unwrap();
        file["allocations"].as_array().map_or(0, Vec::len)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_asks_for_it_has_an_interface_on_each_card() {
    let Some(vpc) = vpc(Egress::InternetGateway).await else {
        return;
    };
    let node = vpc.launch(ZONES[0], TYPE).await.unwrap();
    let other = vpc.launch(ZONES[1], "m5.large").await.unwrap();
    let second = on_second_card(&vpc, &node);
    let agent = Agent::start(&node, &AgentOptions::new(&SETTINGS)).await.unwrap();
    let held = || -> Vec<IpAddr> {
        vpc.sandbox().world().read(|world| {
            let addresses = world.interfaces[&second].secondary.iter();
            addresses.map(|address| IpAddr::from(*address)).collect()
        })
    };
    let before = node.kernel().unwrap();
    let mut pod = node.pod("default", "wide").unwrap();
    pod.runtime(
        "io.kubernetes.cri.pod-annotations",
        json!({"k8s.amazonaws.com/nicConfig": "multi-nic-attachment"}),
    );
    let mut narrow = node.pod("default", "narrow").unwrap();
    let ready = || async {
        if held().is_empty() {
            Err(agent.log())
        } else {
            Ok(())
        }
    };
    until("addresses on the second card", PATIENCE, ready)
        .await
        .unwrap();
    pod.add().unwrap();
    narrow.add().unwrap();
    assert_eq!(narrow.addresses().len(), 1, "it did not ask");
    let [first, further] = pod.addresses()[..] else {
        panic!("{:?}", pod.result());
    };
    assert!(held().contains(&further) && !held().contains(&first));

    let server = Echo::start(other.space().network(), PORT).unwrap();
    let to = SocketAddr::new(other.address(), server.port());
    assert_eq!(seen_as(pod.network(), to).unwrap(), first);
    let (from, at) = (further.to_string(), other.address().to_string());
    pod.run("ping", &["-c1", "-W2", "-I", &from, &at]).unwrap();
    other.run("ping", &["-c1", "-W2", &from]).unwrap();
    let flows = vpc.fabric().flows().unwrap();
    let passed = flows.iter().find(|flow| flow.source == further).unwrap();
    assert_eq!(passed.interface, second, "by the card that holds the address");
    assert_eq!(vpc.fabric().spoofed().unwrap(), []);

    // A new agent finds what pods hold on either card.
    agent.kill();
    let _agent = Agent::start(&node, &AgentOptions::new(&SETTINGS)).await.unwrap();
    pod.check().unwrap();
    other.run("ping", &["-c1", "-W2", &from]).unwrap();
    let mut later = node.pod("default", "later").unwrap();
    later.runtime(
        "io.kubernetes.cri.pod-annotations",
        json!({"k8s.amazonaws.com/nicConfig": "multi-nic-attachment"}),
    );
    later.add().unwrap();
    let [primary, second] = later.addresses()[..] else {
        panic!("{:?}", later.result());
    };
    assert!(![first, narrow.address().unwrap()].contains(&primary) && second != further);
    assert_eq!(kept(&node), [3, 2]);
    later.del().unwrap();
    later.remove().unwrap();

    pod.del().unwrap();
    narrow.del().unwrap();
    assert_eq!(
        kept(&node),
        [0, 0],
        "what is given back is given back on every card"
    );
    pod.remove().unwrap();
    narrow.remove().unwrap();
    let left = node.kernel().unwrap().since(&before);
    let of_pods = |line: &&String| {
        [first, further]
            .iter()
            .any(|own| line.contains(&format!("{own} ")))
    };
    assert_eq!(left.new.iter().filter(of_pods).count(), 0, "{left}");
}
