//! Pods of our own plugin and agent, on two nodes, in two subnets, on two interfaces: who reaches whom, by which source
//! address, and what is left of them. The fabric is the witness.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use vpccni_core::ids::EniId;
use vpccni_testbed::boxes::traffic::{ByteStream, DatagramStream, Echo, seen_as};
use vpccni_testbed::boxes::{Agent, AgentOptions, Egress, Flow, INTERNET, public};
use vpccni_testbed::wait::until;

use crate::bed::{PATIENCE, ZONES, vpc};
use crate::steady::{EACH, PORT, STEADY, add, holders, names, nothing_left, steady};

fn passed(flows: &[Flow], from: IpAddr, to: IpAddr) -> Vec<&EniId> {
    let of = |flow: &&Flow| flow.source == from && flow.destination == to;
    flows.iter().filter(of).map(|flow| &flow.interface).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_reach_pods_nodes_and_the_internet_by_the_right_address() {
    let Some(vpc) = vpc(Egress::InternetGateway).await else {
        return;
    };
    let (one, _first) = steady(&vpc, ZONES[0]).await;
    let (two, _second) = steady(&vpc, ZONES[1]).await;
    let held = holders(&vpc, &one);
    // So many that both interfaces give some.
    let pods = add(&one, &names("near", EACH + 3));
    let far = add(&two, &names("far", 1));
    let near: BTreeSet<IpAddr> = pods.iter().map(|pod| pod.address().unwrap()).collect();
    assert_eq!(near.len(), pods.len(), "an address was given twice");
    let interfaces: BTreeSet<&EniId> = near.iter().map(|address| &held[address]).collect();
    assert_eq!(interfaces.len(), 2, "pods on one interface only");

    let server = Echo::start(far[0].network(), PORT).unwrap();
    let far_address = far[0].address().unwrap();
    let on_node = Echo::start(two.space().network(), PORT).unwrap();
    let outside = Echo::start(vpc.fabric().internet().network(), PORT).unwrap();
    let to = |address: IpAddr, echo: &Echo| SocketAddr::new(address, echo.port());
    let public = IpAddr::from(public(one.primary()));
    for pod in &pods {
        let own = pod.address().unwrap();
        assert_eq!(seen_as(pod.network(), to(far_address, &server)).unwrap(), own);
        assert_eq!(seen_as(pod.network(), to(two.address(), &on_node)).unwrap(), own);
        assert_eq!(
            seen_as(pod.network(), to(INTERNET.into(), &outside)).unwrap(),
            public
        );
    }
    // The other way, between pods of one node, and from a node to its own pod.
    let back = Echo::start(pods[0].network(), PORT).unwrap();
    let last = Echo::start(pods[EACH + 2].network(), PORT).unwrap();
    for (pod, echo) in [(&pods[0], &back), (&pods[EACH + 2], &last)] {
        let address = pod.address().unwrap();
        assert_eq!(seen_as(far[0].network(), to(address, echo)).unwrap(), far_address);
        assert_eq!(
            seen_as(pods[1].network(), to(address, echo)).unwrap(),
            pods[1].address().unwrap()
        );
        assert_eq!(
            seen_as(one.space().network(), to(address, echo)).unwrap(),
            one.address()
        );
    }

    let flows = vpc.fabric().flows().unwrap();
    for address in &near {
        assert_eq!(
            passed(&flows, *address, far_address),
            [&held[address]],
            "from the wrong interface"
        );
        assert!(
            passed(&flows, *address, INTERNET.into()).is_empty(),
            "{address} was not translated"
        );
    }
    assert_eq!(passed(&flows, one.address(), INTERNET.into()).len(), 1);
    assert_eq!(vpc.fabric().spoofed().unwrap(), []);
    assert_eq!(vpc.fabric().lost().unwrap(), []);
    assert_eq!(vpc.fabric().refused().unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_ends_leaves_nothing() {
    let Some(vpc) = vpc(Egress::InternetGateway).await else {
        return;
    };
    let (node, _agent) = steady(&vpc, ZONES[0]).await;
    let (other, _other_agent) = steady(&vpc, ZONES[1]).await;
    let before = node.kernel().unwrap();
    let pods = add(&node, &names("pod", EACH + 3));
    let server = Echo::start(other.space().network(), PORT).unwrap();
    let server = SocketAddr::new(other.address(), server.port());
    let mut addresses = Vec::new();
    for pod in &pods {
        let address = pod.address().unwrap();
        assert_eq!(seen_as(pod.network(), server).unwrap(), address);
        pod.check().unwrap();
        addresses.push(address);
    }
    let during = node.kernel().unwrap();
    for address in &addresses {
        assert!(
            !during.lines_with(&format!("{address}")).is_empty(),
            "{address} is nowhere"
        );
    }
    for pod in pods {
        pod.del().unwrap();
        // A runtime calls it again when it is not sure.
        pod.del().unwrap();
        pod.remove().unwrap();
    }
    nothing_left(&node, &before).await;
    // The agent forgets connections a little later, all at once: each walk through them costs milliseconds.
    let forgotten = || async {
        let left = addresses
            .iter()
            .flat_map(|address| node.connections(*address).unwrap());
        let left: Vec<String> = left.collect();
        if left.is_empty() {
            Ok(())
        } else {
            Err(left.join("\n"))
        }
    };
    until("no connections", PATIENCE, forgotten).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn traffic_does_not_notice_that_the_agent_is_killed() {
    let Some(vpc) = vpc(Egress::InternetGateway).await else {
        return;
    };
    let (one, agent) = steady(&vpc, ZONES[0]).await;
    let (two, _second) = steady(&vpc, ZONES[1]).await;
    let mut pods = add(&one, &names("near", EACH + 2));
    let far = add(&two, &names("far", 1));
    let server = Echo::start(far[0].network(), PORT).unwrap();
    let server = SocketAddr::new(far[0].address().unwrap(), server.port());
    let ends = [0, EACH + 1].map(|index| {
        let network = pods[index].network();
        (
            DatagramStream::start(network, server).unwrap(),
            ByteStream::start(network, server).unwrap(),
        )
    });
    let mut agent = agent;
    for round in 0..3 {
        agent.kill();
        // Between the kill and the start nobody answers, and the plugin says so in the words of the specification.
        let mut early = one.pod("default", &format!("early-{round}")).unwrap();
        assert!(early.add().is_err());
        agent = Agent::start(&one, &AgentOptions::new(&STEADY)).await.unwrap();
        early.add().unwrap();
        pods.push(early);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    for (datagrams, bytes) in ends {
        let (datagrams, bytes) = (datagrams.stop().unwrap(), bytes.stop());
        assert!(datagrams.lost <= 1 && datagrams.sent > 100, "{datagrams:?}");
        assert!(bytes.resets == 0 && bytes.echoed > 0, "{bytes:?}");
    }
    let addresses: BTreeSet<IpAddr> = pods.iter().map(|pod| pod.address().unwrap()).collect();
    assert_eq!(addresses.len(), pods.len(), "an address was given twice");
    assert_eq!(vpc.fabric().spoofed().unwrap(), []);
}
