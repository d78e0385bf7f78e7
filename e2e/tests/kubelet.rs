//! A real kubelet and a real containerd in a box, with the reference plugins: the recipe itself.

use std::net::{IpAddr, SocketAddr};

use vpccni_testbed::boxes::Egress;
use vpccni_testbed::boxes::traffic::{Echo, seen_as};
use vpccni_testbed::wait::until;

use crate::bed::{ZONES, vpc};
use crate::cluster::{Cluster, POD_PATIENCE, Worker};
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
    let server = Echo::start(other.space().network(), 7000).unwrap();
    let echo = SocketAddr::new(other.address(), server.port());
    let worker = cluster.join(node, 20).await;
    cluster.ready(&worker).await;
    let before = worker.node.kernel().unwrap();
    cluster.create(&worker, "one").await;
    let address = cluster.running(&worker, "one").await;
    let talks = |worker: &Worker, address: IpAddr| {
        let pods = worker.node.pod_networks().unwrap();
        seen_as(&pods[&address], echo).unwrap() == address
    };
    assert!(talks(&worker, address));

    // The pod lives on when runtime and kubelet are killed.
    let worker = cluster.restart(worker).await;
    cluster.create(&worker, "two").await;
    cluster.running(&worker, "two").await;
    assert_eq!(cluster.running(&worker, "one").await, address);
    assert_eq!(cluster.restarts("one").await, 0);
    assert!(talks(&worker, address));

    // After a reboot the same pod comes back in a new sandbox.
    let worker = cluster.reboot(worker).await;
    let back = || async {
        if cluster.restarts("one").await > 0 {
            Ok(())
        } else {
            Err("not yet".to_owned())
        }
    };
    until("the pod to be started again", POD_PATIENCE, back)
        .await
        .unwrap();
    let address = cluster.running(&worker, "one").await;
    assert!(talks(&worker, address));
    cluster.delete("one").await;
    cluster.delete("two").await;
    let look = || async {
        let left = worker.node.kernel().unwrap().since(&before);
        if left.is_empty() {
            Ok(())
        } else {
            Err(left.to_string())
        }
    };
    until("nothing to be left", POD_PATIENCE, look).await.unwrap();
}
