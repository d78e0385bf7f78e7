//! IPv6: a cluster whose pods have IPv6 addresses and reach IPv4 by the node, and one whose pods have IPv4 addresses and
//! reach IPv6 by the node.

use std::net::{IpAddr, SocketAddr};

use ipnet::Ipv6Net;
use vpccni_core::ids::{EniId, InstanceId};
use vpccni_testbed::boxes::traffic::{Echo, seen_as};
use vpccni_testbed::boxes::{
    Agent, AgentOptions, Egress, INTERNET, INTERNET6, KernelState, NodeBox, Pod, Vpc, public,
};
use vpccni_testbed::cloud::PodNetwork;
use vpccni_testbed::sandbox::world::Want6;
use vpccni_testbed::wait::until;

use crate::bed::{PATIENCE, ZONES, vpc};
use crate::steady::{PORT, add, names};

/// What an IPv6 cluster sets.
const SIX: [(&str, &str); 4] = [
    ("ENABLE_IPv4", "false"),
    ("ENABLE_IPv6", "true"),
    ("ENABLE_PREFIX_DELEGATION", "true"),
    ("WARM_PREFIX_TARGET", "1"),
];
/// What an IPv4 cluster sets whose pods reach IPv6.
const OUT: [(&str, &str); 2] = [("MAX_ENI", "2"), ("ENABLE_V6_EGRESS", "true")];

/// Gives the VPC and the subnets of its nodes blocks of Amazon's.
fn with_blocks(vpc: &Vpc) {
    let (id, zones) = (&vpc.cloud().vpc, &vpc.cloud().zones);
    vpc.sandbox().world().write(|world| {
        let block = world.associate_ipv6(id).unwrap().cidr;
        for (zone, subnet) in zones.values().zip(block.subnets(64).unwrap()) {
            world.associate_subnet_ipv6(&zone.nodes, subnet).unwrap();
        }
    });
}

/// A node whose primary interface has an address of either family.
async fn launch(vpc: &Vpc, zone: &str) -> NodeBox {
    let launched = vpc.cloud().launch(zone, "m5.large", PodNetwork::FRESH).unwrap();
    let id = InstanceId::parse(&launched.instance_id).unwrap();
    vpc.sandbox().world().write(|world| {
        let eni = world.instances[&id].interfaces[&(0, 0)].clone();
        let want = Want6 {
            count: 1,
            ..Want6::default()
        };
        world.assign_ipv6(&eni, &want).unwrap();
    });
    NodeBox::boot(vpc, &id).await.unwrap()
}

/// The primary interface, its address, and its prefixes.
fn primary(vpc: &Vpc, node: &NodeBox) -> (EniId, IpAddr, Vec<Ipv6Net>) {
    vpc.sandbox().world().read(|world| {
        let eni = world.instances[node.instance()].interfaces[&(0, 0)].clone();
        let own = &world.interfaces[&eni].ipv6;
        (eni, own.addresses[0].into(), own.prefixes.clone())
    })
}

fn six_of(pod: &Pod<'_>) -> std::net::Ipv6Addr {
    match pod.address().unwrap() {
        IpAddr::V6(address) => address,
        IpAddr::V4(address) => panic!("{address} is of IPv4"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_of_an_ipv6_cluster_reach_each_other_and_both_internets() {
    let Some(vpc) = vpc(Egress::InternetGateway).await else {
        return;
    };
    with_blocks(&vpc);
    let (one, two) = (launch(&vpc, ZONES[0]).await, launch(&vpc, ZONES[1]).await);
    let first_agent = Agent::start(&one, &AgentOptions::new(&SIX)).await.unwrap();
    let _second = Agent::start(&two, &AgentOptions::new(&SIX)).await.unwrap();
    let before = one.kernel().unwrap();
    let (near, far) = (add(&one, &names("near", 3)), add(&two, &names("far", 2)));
    let (eni, own, prefixes) = primary(&vpc, &one);
    let [prefix] = prefixes[..] else {
        panic!("not one prefix: {prefixes:?}");
    };
    assert_eq!(prefix.prefix_len(), 80);
    for pod in &near {
        assert!(
            prefix.contains(&six_of(pod)),
            "{} is not of {prefix}",
            six_of(pod)
        );
    }

    let server = Echo::start(far[0].network(), PORT).unwrap();
    let _on_node = Echo::start(two.space().network(), PORT).unwrap();
    let _outside = Echo::start(vpc.fabric().internet().network(), PORT).unwrap();
    let back = Echo::start(near[0].network(), PORT).unwrap();
    let at = |address: IpAddr| SocketAddr::new(address, server.port());
    let (_, other, _) = primary(&vpc, &two);
    for pod in &near {
        let address = pod.address().unwrap();
        let seen = |to: IpAddr| seen_as(pod.network(), at(to)).unwrap();
        assert_eq!(seen(far[0].address().unwrap()), address);
        assert_eq!(seen(other), address);
        assert_eq!(seen(INTERNET6.into()), address, "no translation in IPv6");
        // By IPv4 a pod is its node.
        assert_eq!(seen(INTERNET.into()), IpAddr::from(public(one.primary())));
        assert_eq!(seen(two.address()), one.address());
    }
    let to_near = at(near[0].address().unwrap());
    for from in [far[1].network(), near[1].network()] {
        assert!(seen_as(from, to_near).is_ok());
    }
    assert_eq!(seen_as(one.space().network(), to_near).unwrap(), own);
    let flows = vpc.fabric().flows().unwrap();
    let first = near[0].address().unwrap();
    assert!(
        flows
            .iter()
            .any(|flow| flow.source == first && flow.interface == eni)
    );
    assert_eq!(vpc.fabric().spoofed().unwrap(), []);

    // Its sockets would keep the namespace alive.
    drop(back);
    let mut near = near;
    let _again = restarted(&one, first_agent, &mut near).await;
    for pod in &near {
        let seen = |to: IpAddr| seen_as(pod.network(), at(to)).unwrap();
        assert_eq!(seen(far[0].address().unwrap()), pod.address().unwrap());
        assert_eq!(seen(INTERNET.into()), IpAddr::from(public(one.primary())));
    }
    for pod in near {
        pod.check().unwrap();
        pod.del().unwrap();
        pod.del().unwrap();
        pod.remove().unwrap();
    }
    nothing_of_pods(&one, &before).await;
}

/// Kills the agent of a node, ends a pod without it, and starts it again: the pods keep what they have, and one that
/// comes gets what nobody has.
async fn restarted<'a>(node: &'a NodeBox, agent: Agent, pods: &mut Vec<Pod<'a>>) -> Agent {
    agent.kill();
    let ended = pods.pop().unwrap();
    ended.del().unwrap();
    ended.remove().unwrap();
    let agent = Agent::start(node, &AgentOptions::new(&SIX)).await.unwrap();
    pods.extend(add(node, &names("again", 2)));
    let all: std::collections::BTreeSet<IpAddr> = pods.iter().flat_map(Pod::addresses).collect();
    assert_eq!(all.len(), pods.len(), "{all:?}");
    for pod in pods.iter() {
        pod.check().unwrap();
    }
    agent
}

/// The table of egress stays, empty; the kernel takes links away a moment after their namespaces.
async fn nothing_of_pods(node: &NodeBox, before: &KernelState) {
    let gone = || async {
        let left = node.kernel().unwrap().since(before);
        let of_pods =
            |line: &&String| !line.starts_with("nft:") || line.contains("E4-") || line.contains("snat");
        match left.new.iter().filter(of_pods).count() + left.gone.len() {
            0 => Ok(()),
            _ => Err(left.to_string()),
        }
    };
    until("nothing of the pods to be left", PATIENCE, gone)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_of_an_ipv4_cluster_reach_ipv6_as_their_node() {
    let Some(vpc) = vpc(Egress::InternetGateway).await else {
        return;
    };
    with_blocks(&vpc);
    let node = launch(&vpc, ZONES[0]).await;
    let agent = Agent::start(&node, &AgentOptions::new(&OUT)).await.unwrap();
    let pods = add(&node, &names("pod", 3));
    let outside = Echo::start(vpc.fabric().internet().network(), PORT).unwrap();
    let (_, own, _) = primary(&vpc, &node);
    for pod in &pods {
        let seen = |to: IpAddr| seen_as(pod.network(), SocketAddr::new(to, outside.port())).unwrap();
        assert!(pod.address().unwrap().is_ipv4());
        assert_eq!(seen(INTERNET.into()), IpAddr::from(public(node.primary())));
        assert_eq!(seen(INTERNET6.into()), own);
    }
    agent.kill();
    let _agent = Agent::start(&node, &AgentOptions::new(&OUT)).await.unwrap();
    let to = SocketAddr::new(INTERNET6.into(), outside.port());
    assert_eq!(seen_as(pods[0].network(), to).unwrap(), own, "after a restart");
    for pod in pods {
        pod.del().unwrap();
        pod.remove().unwrap();
    }
    let left = node.kernel().unwrap();
    assert_eq!(left.lines_with("E6-"), Vec::<&str>::new());
    assert_eq!(vpc.fabric().spoofed().unwrap(), []);
}
