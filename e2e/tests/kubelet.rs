//! A real kubelet and a real containerd in a box, with the reference plugins: the recipe itself.

use std::net::SocketAddr;

use vpccni_testbed::boxes::Egress;
use vpccni_testbed::boxes::traffic::{Echo, seen_as};

use crate::bed::{ZONES, vpc};
use crate::cluster::Cluster;
use crate::stand_in;

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_of_the_api_server_runs_talks_and_dies() {
    let Some(vpc) = vpc(Egress::NatGateway).await else {
        return;
    };
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    let node = vpc.launch(ZONES[0], "m5.large").await.unwrap();
    if !stand_in::install(&vpc, &node) {
        return;
    }
    let other = vpc.launch(ZONES[1], "m5.large").await.unwrap();
    let before = node.kernel().unwrap();
    let worker = cluster.join(node, 20).await;
    cluster.ready(&worker).await;
    cluster.create(&worker, "one").await;
    let address = cluster.running(&worker, "one").await;
    let pods = worker.node.pod_networks().unwrap();
    let pod = &pods[&address];
    let echo = Echo::start(other.space().network(), 7000).unwrap();
    let seen = seen_as(pod, SocketAddr::new(other.address(), echo.port())).unwrap();
    assert_eq!(seen, address);
    cluster.delete("one").await;
    let left = worker.node.kernel().unwrap().since(&before);
    let ours = left.new.iter().filter(|line| !line.contains("KUBE-"));
    assert_eq!(ours.collect::<Vec<_>>(), Vec::<&String>::new());
}
