//! From the stock agent to ours and back, with pods that run and talk all the way.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde_json::Value;
use vpccni_core::ids::InstanceId;
use vpccni_testbed::boxes::traffic::{ByteStream, DatagramStream, Echo, seen_as};
use vpccni_testbed::boxes::{Agent, AgentOptions, Egress, INTERNET, NodeBox, Pod, Vpc, public};
use vpccni_testbed::cloud::PodNetwork;
use vpccni_testbed::wait::until;

use crate::bed::{PATIENCE, ZONES, vpc};
use crate::steady::{PORT, STEADY, add, names};
use crate::stock::{self, Backend, Held};

const CHECKPOINT: &str = "/var/run/aws-node/ipam.json";

/// An instance with two interfaces full of addresses, as the stock agent keeps it.
async fn launch(vpc: &Vpc) -> NodeBox {
    let launched = vpc
        .cloud()
        .launch(ZONES[0], "m5.large", PodNetwork::SECONDARY)
        .unwrap();
    let id = InstanceId::parse(&launched.instance_id).unwrap();
    NodeBox::boot(vpc, &id).await.unwrap()
}

/// Pods of the stock plugin, two on each interface, and its state of the node.
fn stock_pods<'a>(vpc: &Vpc, node: &'a NodeBox, backend: Backend) -> Vec<Pod<'a>> {
    let (second, held) = vpc.sandbox().world().read(|world| {
        let of = |device: u32| {
            let eni = &world.instances[node.instance()].interfaces[&(0, device)];
            &world.interfaces[eni]
        };
        let held = [0, 1].map(|device| {
            [2, 5].map(|index| Held {
                address: of(device).secondary[index],
                device,
            })
        });
        (of(1).primary, held.concat())
    });
    stock::set_up(node, backend, Some(second));
    let pods: Vec<Pod<'_>> = (1..)
        .zip(held)
        .map(|(number, held)| stock::connect(node, &format!("old-{number}"), held, number))
        .collect();
    fs::create_dir_all(node.path("/var/run/aws-node")).unwrap();
    fs::write(node.path(CHECKPOINT), stock::checkpoint(&pods).to_string()).unwrap();
    pods
}

/// Streams from pods to a machine of the VPC and to the internet, and from the machine to the pods.
struct Streams {
    datagrams: Vec<(String, DatagramStream)>,
    bytes: Vec<ByteStream>,
}

impl Streams {
    fn start(pods: &[Pod<'_>], other: &NodeBox, vpc_server: SocketAddr, internet: SocketAddr) -> Self {
        let mut streams = Self {
            datagrams: Vec::new(),
            bytes: Vec::new(),
        };
        for pod in pods {
            let own = SocketAddr::new(pod.address().unwrap(), PORT);
            for (network, to) in [
                (pod.network(), vpc_server),
                (pod.network(), internet),
                (other.space().network(), own),
            ] {
                let name = format!("{} and {to}", pod.name());
                let datagrams = DatagramStream::start(network, to).unwrap();
                streams.datagrams.push((name, datagrams));
                streams.bytes.push(ByteStream::start(network, to).unwrap());
            }
        }
        streams
    }

    fn unharmed(self) {
        let counts: Vec<_> = self
            .datagrams
            .into_iter()
            .map(|(name, datagrams)| (name, datagrams.stop().unwrap()))
            .collect();
        for (name, datagrams) in &counts {
            assert!(datagrams.lost <= 1 && datagrams.sent > 50, "{name}: {counts:?}");
        }
        for bytes in self.bytes {
            let bytes = bytes.stop();
            assert!(bytes.resets == 0 && bytes.echoed > 0, "{bytes:?}");
        }
    }
}

/// What pods have on the node: their routes and rules.
fn of_pods(node: &NodeBox, pods: &[Pod<'_>]) -> BTreeMap<IpAddr, Vec<String>> {
    let text = |args: &[&str]| node.run("ip", args).unwrap();
    let all = text(&["rule"]) + &text(&["route", "show", "table", "all"]);
    let of = |address: IpAddr| {
        let name = address.to_string();
        let lines = all
            .lines()
            .filter(|line| line.split_whitespace().any(|word| word == name));
        lines
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect()
    };
    let addresses = pods.iter().map(|pod| pod.address().unwrap());
    addresses.map(|address| (address, of(address))).collect()
}

/// The checkpoint is one that the stock agent takes, and each pod in it is found the way the stock agent looks for
/// pods at its start: by the hash at the end of a link's name.
fn stock_reads(node: &NodeBox, pods: &[&Pod<'_>]) {
    let text = fs::read_to_string(node.path(CHECKPOINT)).unwrap();
    let read: Value = serde_json::from_str(&text).unwrap();
    let keys = |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    assert_eq!(read["version"], "vpc-cni-ipam/1");
    assert_eq!(keys(&read), ["allocations", "version"]);
    let links = node.run("ip", &["-br", "link"]).unwrap();
    let mut found = BTreeSet::new();
    for row in read["allocations"].as_array().unwrap() {
        let expected = [
            "allocationTimestamp",
            "containerID",
            "ifName",
            "ipv4",
            "metadata",
            "networkName",
        ];
        assert_eq!(keys(row), expected);
        let metadata = &row["metadata"];
        assert_eq!(
            keys(metadata),
            ["interfacesCount", "k8sPodName", "k8sPodNamespace"]
        );
        assert_eq!(
            (&row["networkName"], &row["ifName"]),
            (&"aws-cni".into(), &"eth0".into())
        );
        assert!(row["allocationTimestamp"].as_i64().unwrap() >= 1_700_000_000_000_000_000);
        let name = metadata["k8sPodName"].as_str().unwrap();
        let veth = stock::veth(node, name);
        assert!(links.contains(&veth), "{name} has no link {veth}:\n{links}");
        let container = row["containerID"].as_str().unwrap().to_owned();
        let address: IpAddr = row["ipv4"].as_str().unwrap().parse().unwrap();
        assert!(found.insert((container, address)), "{name} twice");
    }
    let expected = pods
        .iter()
        .map(|pod| (pod.container().to_owned(), pod.address().unwrap()));
    assert_eq!(found, expected.collect());
}

/// Waits until the agent has written what it has done.
async fn forgotten(node: &NodeBox, pod: &Pod<'_>) {
    let look = || async {
        let text = fs::read_to_string(node.path(CHECKPOINT)).unwrap_or_default();
        if text.contains(pod.container()) {
            Err(text)
        } else {
            Ok(())
        }
    };
    until("the entry to go", PATIENCE, look).await.unwrap();
}

/// Pods of the stock agent end under ours, and leave nothing.
async fn ended(node: &NodeBox, pods: &[Pod<'_>], which: &[usize]) {
    for index in which {
        pods[*index].del().unwrap();
    }
    let left = of_pods(node, pods);
    for index in which {
        let pod = &pods[*index];
        assert_eq!(left[&pod.address().unwrap()], Vec::<String>::new());
        forgotten(node, pod).await;
    }
}

async fn there_and_back(backend: Backend) {
    let Some(vpc) = vpc(Egress::InternetGateway).await else {
        return;
    };
    let node = launch(&vpc).await;
    let other = vpc.launch(ZONES[1], "m5.large").await.unwrap();
    let pods = stock_pods(&vpc, &node, backend);
    let _servers: Vec<Echo> = pods
        .iter()
        .map(|pod| Echo::start(pod.network(), PORT).unwrap())
        .collect();
    let _vpc_server = Echo::start(other.space().network(), PORT).unwrap();
    let _outside = Echo::start(vpc.fabric().internet().network(), PORT).unwrap();
    let (near, far) = (
        SocketAddr::new(other.address(), PORT),
        SocketAddr::new(INTERNET.into(), PORT),
    );
    let own_public = IpAddr::from(public(node.primary()));
    let works = |pods: &[&Pod<'_>]| {
        for pod in pods {
            assert_eq!(seen_as(pod.network(), near).unwrap(), pod.address().unwrap());
            assert_eq!(seen_as(pod.network(), far).unwrap(), own_public);
        }
    };
    works(&pods.iter().collect::<Vec<_>>());
    let before = of_pods(&node, &pods);
    let streams = Streams::start(&pods, &other, near, far);

    let agent = Agent::start(&node, &AgentOptions::new(&STEADY)).await.unwrap();
    let new = add(&node, &names("new", 3));
    tokio::time::sleep(Duration::from_secs(1)).await;
    streams.unharmed();
    let all: Vec<&Pod<'_>> = pods.iter().chain(&new).collect();
    works(&all);
    let addresses: BTreeSet<IpAddr> = all.iter().map(|pod| pod.address().unwrap()).collect();
    assert_eq!(addresses.len(), all.len(), "an address was given twice");
    assert_eq!(of_pods(&node, &pods), before, "routes and rules of pods that ran");
    let rules = node.run("ip", &["rule"]).unwrap();
    let unique: BTreeSet<&str> = rules.lines().collect();
    assert_eq!(unique.len(), rules.lines().count(), "{rules}");
    for table in ["nat", "mangle"] {
        let left = backend.list(&node, table);
        assert!(!left.contains("AWS"), "{left}");
    }
    assert!(backend.list(&node, "nat").contains("somebody else"));
    for pod in &all {
        pod.check().unwrap();
    }

    ended(&node, &pods, &[0, 2]).await;
    back(
        &vpc,
        &node,
        agent,
        backend,
        &[&pods[1], &pods[3], &new[0], &new[1], &new[2]],
    )
    .await;
}

/// The way back: the agent ends, the stock agent's state comes back, and `clean` takes away what is only ours.
async fn back(vpc: &Vpc, node: &NodeBox, agent: Agent, backend: Backend, pods: &[&Pod<'_>]) {
    assert!(agent.stop(Duration::from_secs(10)), "it did not end in time");
    stock_reads(node, pods);
    let far = SocketAddr::new(INTERNET.into(), PORT);
    let open: Vec<ByteStream> = pods
        .iter()
        .map(|pod| ByteStream::start(pod.network(), far).unwrap())
        .collect();
    // Its rule for marked packets is there already.
    stock::translate(node, backend);
    let before = node.kernel().unwrap();
    let said = node.ipamd(&["clean"], &BTreeMap::new()).unwrap();
    let change = node.kernel().unwrap().since(&before);
    assert_eq!(change.new, Vec::<String>::new());
    let other = |line: &&String| !line.starts_with("nft:");
    assert_eq!(change.gone.iter().filter(other).count(), 0, "{change}");
    assert!(said.contains("vpc-cni-host"), "{said}");
    let again = node.ipamd(&["clean"], &BTreeMap::new()).unwrap();
    assert_eq!(again.trim(), "nothing of the agent is here");

    tokio::time::sleep(Duration::from_millis(500)).await;
    for bytes in open {
        let bytes = bytes.stop();
        assert!(bytes.resets == 0 && bytes.echoed > 0, "{bytes:?}");
    }
    for pod in pods {
        assert_eq!(
            seen_as(pod.network(), far).unwrap(),
            IpAddr::from(public(node.primary()))
        );
        // Nobody serves the socket: what the result says must do.
        pod.del().unwrap();
    }
    let rules = node.run("ip", &["rule"]).unwrap();
    for priority in ["512:", "1536:"] {
        assert!(!rules.contains(priority), "{rules}");
    }
    assert_eq!(vpc.fabric().spoofed().unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_the_stock_agent_goes_over_to_ours_and_back() {
    there_and_back(Backend::Legacy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_iptables_are_those_of_nft_goes_over_to_ours_and_back() {
    there_and_back(Backend::Nft).await;
}
