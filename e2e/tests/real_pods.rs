//! The whole node: a real kubelet and a real containerd with our plugin and our agent.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::net::{IpAddr, SocketAddr};

use vpccni_testbed::boxes::traffic::{Echo, seen_as};
use vpccni_testbed::boxes::{Agent, AgentOptions, Egress, NodeBox, Vpc};
use vpccni_testbed::wait::until;

use crate::bed::{ZONES, vpc};
use crate::cluster::{Cluster, POD_PATIENCE, Worker};

const PORT: u16 = 7000;

/// A cluster with one node that runs the agent, and a machine to talk to.
struct Whole {
    agent: Agent,
    worker: Worker,
    cluster: Cluster,
    other: NodeBox,
    vpc: Vpc,
}

impl Whole {
    async fn start(instance_type: &str, env: &[(&str, &str)]) -> Option<Self> {
        let vpc = vpc(Egress::InternetGateway).await?;
        let cluster = Cluster::start().await?;
        let other = vpc.launch(ZONES[1], "m5.large").await.unwrap();
        let node = vpc.launch(ZONES[0], instance_type).await.unwrap();
        let agent = Agent::start(&node, &AgentOptions::new(env)).await.unwrap();
        let worker = cluster.join(node, 100).await;
        cluster.ready(&worker).await;
        Some(Self {
            agent,
            worker,
            cluster,
            other,
            vpc,
        })
    }

    fn networks(&self) -> BTreeMap<IpAddr, File> {
        self.worker.node.pod_networks().unwrap()
    }

    /// Whether every one of these pods reaches the other machine by its own address.
    fn all_talk(&self, addresses: &BTreeSet<IpAddr>) {
        let echo = Echo::start(self.other.space().network(), PORT).unwrap();
        let server = SocketAddr::new(self.other.address(), echo.port());
        let networks = self.networks();
        for address in addresses {
            assert_eq!(seen_as(&networks[address], server).unwrap(), *address);
        }
        assert_eq!(self.vpc.fabric().spoofed().unwrap(), []);
    }

    async fn running(&self, names: &[String]) -> BTreeSet<IpAddr> {
        let mut addresses = BTreeSet::new();
        for name in names {
            let address = self.cluster.running(&self.worker, name).await;
            assert!(addresses.insert(address), "{address} was given twice");
        }
        addresses
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_pods_start_talk_and_die() {
    let Some(whole) = Whole::start("m5.4xlarge", &[]).await else {
        return;
    };
    let names: Vec<String> = (0..60).map(|number| format!("pod-{number}")).collect();
    for name in &names {
        whole.cluster.create(&whole.worker, name).await;
    }
    let addresses = whole.running(&names).await;
    whole.all_talk(&addresses);
    whole.cluster.delete_all(&names).await;
    let look = || async {
        let kernel = whole.worker.node.kernel().unwrap();
        let left: Vec<String> = addresses
            .iter()
            .flat_map(|address| kernel.lines_with(&format!("{address} ")))
            .map(str::to_owned)
            .collect();
        if left.is_empty() {
            Ok(())
        } else {
            Err(left.join("\n"))
        }
    };
    until("nothing to be left", POD_PATIENCE, look).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_live_through_restarts_and_come_back_after_a_reboot() {
    let Some(mut whole) = Whole::start("m5.large", &[]).await else {
        return;
    };
    let names: Vec<String> = (0..6).map(|number| format!("pod-{number}")).collect();
    for name in &names {
        whole.cluster.create(&whole.worker, name).await;
    }
    let addresses = whole.running(&names).await;
    whole.all_talk(&addresses);

    whole.worker = whole.cluster.restart(whole.worker).await;
    whole.agent.kill();
    whole.agent = Agent::start(&whole.worker.node, &AgentOptions::default())
        .await
        .unwrap();
    assert_eq!(whole.running(&names).await, addresses);
    whole.all_talk(&addresses);

    whole.agent.kill();
    whole.worker = whole.cluster.reboot(whole.worker).await;
    whole.agent = Agent::start(&whole.worker.node, &AgentOptions::default())
        .await
        .unwrap();
    for name in &names {
        let again = || async {
            match whole.cluster.restarts(name).await {
                0 => Err("not started again".to_owned()),
                _ => Ok(()),
            }
        };
        until("the pod to be started again", POD_PATIENCE, again)
            .await
            .unwrap();
    }
    let addresses = whole.running(&names).await;
    whole.all_talk(&addresses);
    whole.cluster.delete_all(&names).await;
}
