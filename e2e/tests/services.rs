//! Services and node ports, for pods on the primary and on a secondary interface. Rules of the kind that kube-proxy
//! writes stand in for it: what is tried is the way of the packets, not the choice of the endpoint.

use std::net::{IpAddr, SocketAddr};

use vpccni_core::ids::EniId;
use vpccni_testbed::boxes::traffic::{Echo, seen_as};
use vpccni_testbed::boxes::{Egress, INTERNET, NodeBox, Pod, public};

use crate::bed::{ZONES, vpc};
use crate::steady::{EACH, PORT, add, holders, names, steady};

/// A cluster address: of no VPC.
const SERVICE: &str = "10.96.0.50";
/// The first node port; each pod has one.
const NODE_PORT: u16 = 30080;

/// The destination is changed to a pod's; nobody changes the source, as under `externalTrafficPolicy: Local`.
fn serve(node: &NodeBox, service: &Pod, ports: &[&Pod]) {
    let to = |pod: &Pod| format!("{}:{PORT}", pod.address().unwrap());
    let local: Vec<String> = ports
        .iter()
        .zip(NODE_PORT..)
        .map(|(pod, port)| format!("fib daddr type local tcp dport {port} dnat to {}", to(pod)))
        .collect();
    let service = format!("ip daddr {SERVICE} tcp dport 80 dnat to {}", to(service));
    let text = format!(
        "table ip services {{
            chain arriving {{ type nat hook prerouting priority -100; {service}; {local}; }}
            chain own {{ type nat hook output priority -100; {service}; }}
        }}",
        local = local.join("; ")
    );
    node.space().run("nft", &["-f", "-"], &text).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn services_and_node_ports_answer_by_the_way_they_were_asked() {
    let Some(vpc) = vpc(Egress::InternetGateway).await else {
        return;
    };
    let (one, _first) = steady(&vpc, ZONES[0]).await;
    let (two, _second) = steady(&vpc, ZONES[1]).await;
    let held = holders(&vpc, &one);
    let pods = add(&one, &names("near", EACH + 3));
    let far = add(&two, &names("far", 1));
    let primary = vpc
        .sandbox()
        .world()
        .read(|world| world.instances[one.instance()].interfaces[&(0, 0)].clone());
    let on = |wanted: &dyn Fn(&EniId) -> bool| {
        pods.iter()
            .find(|pod| wanted(&held[&pod.address().unwrap()]))
            .unwrap()
    };
    let (first, second) = (on(&|eni| *eni == primary), on(&|eni| *eni != primary));
    serve(&one, &far[0], &[first, second]);
    let _servers = [&far[0], first, second].map(|pod| Echo::start(pod.network(), PORT).unwrap());

    let service: SocketAddr = format!("{SERVICE}:80").parse().unwrap();
    for pod in [first, second] {
        assert_eq!(seen_as(pod.network(), service).unwrap(), pod.address().unwrap());
    }
    assert_eq!(seen_as(one.space().network(), service).unwrap(), one.address());

    let internet = vpc.fabric().internet();
    for port in NODE_PORT..NODE_PORT + 2 {
        // From another node, from a pod there, and from the internet.
        let node_port = SocketAddr::new(one.address(), port);
        assert_eq!(seen_as(two.space().network(), node_port).unwrap(), two.address());
        assert_eq!(
            seen_as(far[0].network(), node_port).unwrap(),
            far[0].address().unwrap()
        );
        let outside = SocketAddr::new(public(one.primary()).into(), port);
        let seen = seen_as(internet.network(), outside).unwrap();
        assert_eq!(seen, IpAddr::from(INTERNET));
    }
    assert_eq!(vpc.fabric().spoofed().unwrap(), []);
}
