//! Faults under traffic: processes that are killed, a disk that is full, a cloud that refuses, a clock that is stepped. Pods that run notice
//! nothing, no address is lost or given twice, and what was refused works again by itself.

mod clock;
mod cloud;
mod crash;
mod crash_ec2;
mod disk;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use vpccni_testbed::boxes::traffic::{ByteStream, DatagramStream, Echo};
use vpccni_testbed::boxes::{Agent, AgentOptions, Egress, INTROSPECTION, NodeBox, Pod, Vpc};
use vpccni_testbed::wait::until;

use crate::bed::{PATIENCE, ZONES, vpc};
use crate::steady::{PORT, holders};

/// Where the agents of these stories keep their checkpoint.
const CHECKPOINT: &str = "/var/run/aws-node/ipam.json";
/// An address that was given back is free again at once, so that one given twice is likely to be seen.
const SHORT_COOLDOWN: (&str, &str) = ("IP_COOLDOWN_PERIOD", "1");

/// A node of this type with its agent, and another machine that its pods talk to.
struct Scene {
    vpc: Vpc,
    node: NodeBox,
    other: NodeBox,
}

impl Scene {
    async fn start(instance_type: &str) -> Option<Self> {
        let vpc = vpc(Egress::InternetGateway).await?;
        let node = vpc.launch(ZONES[0], instance_type).await.unwrap();
        let other = vpc.launch(ZONES[1], "m5.large").await.unwrap();
        Some(Self { vpc, node, other })
    }

    async fn agent(&self, settings: &[(&str, &str)]) -> Agent {
        let mut options = AgentOptions::new(&[SHORT_COOLDOWN]);
        options.env.extend(AgentOptions::new(settings).env);
        Agent::start(&self.node, &options).await.unwrap()
    }

    /// Waits until AWS has given the node so many addresses for pods.
    async fn holds(&self, wanted: usize, agent: &Agent) {
        let look = || async {
            let held = holders(&self.vpc, &self.node).len();
            (held >= wanted)
                .then_some(())
                .ok_or_else(|| format!("{held}\n{}", crate::cluster::tail(&agent.log())))
        };
        let what = format!("{wanted} addresses");
        until(&what, PATIENCE, look).await.unwrap();
    }
}

/// Traffic of pods with each other and with another machine.
struct Traffic {
    streams: Vec<(DatagramStream, ByteStream)>,
    _servers: [Echo; 2],
}

impl Traffic {
    /// From the first and the last pod to the machine, and from the first to the last.
    fn start(pods: &[Pod<'_>], other: &NodeBox) -> Self {
        let (first, last) = (&pods[0], &pods[pods.len() - 1]);
        let outside = Echo::start(other.space().network(), PORT).unwrap();
        let inside = Echo::start(last.network(), PORT).unwrap();
        let outside_at = SocketAddr::new(other.address(), PORT);
        let inside_at = SocketAddr::new(last.address().unwrap(), PORT);
        let pairs = [(first, outside_at), (last, outside_at), (first, inside_at)];
        let streams = pairs.map(|(pod, to)| {
            (
                DatagramStream::start(pod.network(), to).unwrap(),
                ByteStream::start(pod.network(), to).unwrap(),
            )
        });
        Self {
            streams: streams.into(),
            _servers: [outside, inside],
        }
    }

    fn stays_unharmed(self) {
        // Long enough to say something, also where a story was quick.
        thread::sleep(Duration::from_millis(1500));
        for (datagrams, bytes) in self.streams {
            let (datagrams, bytes) = (datagrams.stop().unwrap(), bytes.stop());
            assert!(datagrams.lost <= 1 && datagrams.sent > 100, "{datagrams:?}");
            assert!(bytes.resets == 0 && bytes.echoed > 0, "{bytes:?}");
        }
    }
}

/// Waits until AWS, the agent, its checkpoint, the kernel and the pods tell the same of who has which address.
async fn agree(scene: &Scene, pods: &[&Pod<'_>]) {
    let look = || async { compare(scene, pods) };
    if let Err(error) = until("all to agree", PATIENCE, look).await {
        panic!("{error}");
    }
    assert_eq!(scene.vpc.fabric().spoofed().unwrap(), []);
    assert_eq!(scene.vpc.sandbox().world().violations(), Vec::<String>::new());
}

fn compare(scene: &Scene, pods: &[&Pod<'_>]) -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let told: BTreeSet<IpAddr> = pods.iter().flat_map(|pod| pod.addresses()).collect();
    if told.len() != pods.len() {
        return Err(format!(
            "{} pods have {} addresses: {told:?}",
            pods.len(),
            told.len()
        ));
    }
    let aws: BTreeSet<IpAddr> = holders(&scene.vpc, &scene.node).into_keys().collect();
    let page = scene
        .node
        .get(INTROSPECTION, "/v1/enis")
        .map_err(|error| text(&error))?;
    let page: Value = serde_json::from_str(&page).map_err(|error| text(&error))?;
    let (known, assigned) = addresses(&page);
    let file = std::fs::read_to_string(scene.node.path(CHECKPOINT)).map_err(|error| text(&error))?;
    let file: Value = serde_json::from_str(&file).map_err(|error| text(&error))?;
    let rows = file["allocations"].as_array().into_iter().flatten();
    let kept: BTreeSet<IpAddr> = rows
        .filter_map(|row| row["ipv4"].as_str()?.parse().ok())
        .collect();
    let rules = scene.node.run("ip", &["rule", "show", "priority", "512"]);
    let rules = rules.map_err(|error| text(&error))?;
    // `512: from all to ADDRESS lookup main`
    let ruled: BTreeSet<IpAddr> = rules
        .lines()
        .filter_map(|line| line.split_whitespace().nth(4)?.parse().ok())
        .collect();
    let same = [("agent", &assigned), ("checkpoint", &kept), ("rules", &ruled)];
    if let Some((who, other)) = same.into_iter().find(|(_, other)| **other != told) {
        return Err(format!(
            "the pods have {told:?}, by the {who} they have {other:?}"
        ));
    }
    if known != aws {
        return Err(format!("the node has {aws:?}, the agent knows {known:?}"));
    }
    Ok(())
}

/// What the agent shows: the addresses of its interfaces, and those that pods have.
fn addresses(page: &Value) -> (BTreeSet<IpAddr>, BTreeSet<IpAddr>) {
    let (mut known, mut assigned) = (BTreeSet::new(), BTreeSet::new());
    let objects = |value: &Value| value.as_object().cloned().unwrap_or_default();
    for card in objects(page).values() {
        for eni in objects(&card["ENIs"]).values() {
            for (block, shown) in objects(&eni["AvailableIPv4Cidrs"]) {
                known.extend(
                    block
                        .split('/')
                        .next()
                        .and_then(|text| text.parse::<IpAddr>().ok()),
                );
                let given = objects(&shown["IPAddresses"]);
                assigned.extend(given.keys().filter_map(|text| text.parse::<IpAddr>().ok()));
            }
        }
    }
    (known, assigned)
}

/// Numbers that look like chance and are the same for the same seed.
struct Chance(u64);

impl Chance {
    /// A number below a bound.
    fn below(&mut self, bound: u64) -> u64 {
        // xorshift64*: enough to spread instants.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }
}
