//! How the pool of a node grows and shrinks, told by the calls that the sandbox counts.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use vpccni_testbed::boxes::traffic::{Echo, seen_as};
use vpccni_testbed::boxes::{Agent, AgentOptions, Egress, NodeBox, Pod, Vpc};
use vpccni_testbed::sandbox::{Effect, Rule};
use vpccni_testbed::wait::until;

use crate::bed::{PATIENCE, ZONES, vpc};
use crate::cluster::tail;
use crate::steady::{PORT, add, names};

/// Blocks go back every half a minute, and an interface goes when it is a minute old.
const SHRINK_PATIENCE: Duration = Duration::from_mins(3);
/// The agent looks at its pool every 2.5 seconds.
const A_LOOK: Duration = Duration::from_secs(4);

/// A node alone in its VPC: all calls are its own.
struct Alone {
    agent: Agent,
    node: NodeBox,
    vpc: Vpc,
}

impl Alone {
    async fn start(instance_type: &str, env: &[(&str, &str)]) -> Option<Self> {
        let vpc = vpc(Egress::InternetGateway).await?;
        let node = vpc.launch(ZONES[0], instance_type).await.unwrap();
        // The clean-up of left-over interfaces asks EC2 at a random time.
        let env: Vec<_> = env
            .iter()
            .copied()
            .chain([("DISABLE_LEAKED_ENI_CLEANUP", "true")])
            .collect();
        let agent = Agent::start(&node, &AgentOptions::new(&env)).await.unwrap();
        Some(Self { agent, node, vpc })
    }

    /// What the interfaces hold for pods, by device: addresses and prefixes.
    fn held(&self) -> Vec<(usize, usize)> {
        self.vpc.sandbox().world().read(|world| {
            let all = world.instances[self.node.instance()].interfaces.values();
            all.map(|eni| {
                (
                    world.interfaces[eni].secondary.len(),
                    world.interfaces[eni].prefixes.len(),
                )
            })
            .collect()
        })
    }

    async fn until_held(&self, wanted: &[(usize, usize)], within: Duration) {
        let look = || async {
            let held = self.held();
            if held == wanted {
                Ok(())
            } else {
                Err(format!("{held:?}"))
            }
        };
        let held = until(&format!("the pool to hold {wanted:?}"), within, look).await;
        held.unwrap_or_else(|error| panic!("{error}\n{}", tail(&self.agent.log())));
    }

    /// Waits until an interface is set up, which is after the last call for it.
    async fn until_set_up(&self, device: usize) {
        let route = format!("dev eth{device} table {}", device + 1);
        let look = || async {
            let routes = self.node.run("ip", &["route", "show", "table", "all"]);
            let routes = routes.map_err(|error| error.to_string())?;
            if routes.contains(&route) {
                Ok(())
            } else {
                Err(routes)
            }
        };
        until(&route, PATIENCE, look).await.unwrap();
    }
}

/// What was called until the last look.
struct Books<'a> {
    vpc: &'a Vpc,
    told: BTreeMap<String, u64>,
}

impl<'a> Books<'a> {
    fn of(alone: &'a Alone) -> Self {
        let told = BTreeMap::new();
        Self {
            vpc: &alone.vpc,
            told,
        }
    }

    /// Calls to EC2 since the last time. One that was refused fails the story.
    fn calls(&mut self) -> BTreeMap<String, u64> {
        let mut new = BTreeMap::new();
        for call in self.vpc.sandbox().calls() {
            if call.service != "ec2" {
                continue;
            }
            assert_eq!(call.outcome, "ok", "{call:?}");
            let before = self.told.insert(call.action.clone(), call.count).unwrap_or(0);
            if call.count > before {
                new.insert(call.action, call.count - before);
            }
        }
        new
    }

    /// Those that change something.
    fn changes(&mut self) -> BTreeMap<String, u64> {
        let mut calls = self.calls();
        calls.retain(|action, _| !action.starts_with("Describe"));
        calls
    }
}

fn counts(calls: &[(&str, u64)]) -> BTreeMap<String, u64> {
    let own = |(action, count): &(&str, u64)| ((*action).to_owned(), *count);
    calls.iter().map(own).collect()
}

/// Whether none of these is more than its allowance.
fn assert_within(calls: &BTreeMap<String, u64>, allowed: &[(&str, u64)]) {
    let allowed = counts(allowed);
    for (action, count) in calls {
        let most = allowed.get(action).copied().unwrap_or(0);
        assert!(
            *count <= most,
            "{action}: {count}, and {most} are allowed; all: {calls:?}"
        );
    }
}

const ASSIGN: (&str, u64) = ("AssignPrivateIpAddresses", 1);
const CREATE: (&str, u64) = ("CreateNetworkInterface", 1);
const ATTACH: (&str, u64) = ("AttachNetworkInterface", 1);
const MODIFY: (&str, u64) = ("ModifyNetworkInterfaceAttribute", 1);

fn addresses(pods: &[Pod<'_>]) -> BTreeSet<IpAddr> {
    pods.iter().map(|pod| pod.address().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn twelve_addresses_at_first_and_two_ahead_from_the_eleventh_pod_on() {
    let env = [("MINIMUM_IP_TARGET", "12"), ("WARM_IP_TARGET", "2")];
    let Some(alone) = Alone::start("m5.large", &env).await else {
        return;
    };
    let mut books = Books::of(&alone);
    alone.until_held(&[(9, 0), (3, 0)], PATIENCE).await;
    alone.until_set_up(1).await;
    assert_eq!(books.changes(), counts(&[ASSIGN, CREATE, ATTACH, MODIFY]));

    // Two of the twelve are free then: nothing is asked of EC2.
    let mut pods = add(&alone.node, &names("of-the-first-ten", 10));
    tokio::time::sleep(A_LOOK).await;
    assert_eq!(
        (books.changes(), alone.held()),
        (counts(&[]), vec![(9, 0), (3, 0)])
    );

    for number in 11..=16 {
        pods.extend(add(&alone.node, &[format!("number-{number}")]));
        alone.until_held(&[(9, 0), (number - 7, 0)], PATIENCE).await;
        assert_eq!(books.changes(), counts(&[ASSIGN]), "pod {number}");
    }
    // A third interface comes for the one address that is missing, and with no more.
    pods.extend(add(&alone.node, &["number-17".to_owned()]));
    alone.until_held(&[(9, 0), (9, 0), (1, 0)], PATIENCE).await;
    alone.until_set_up(2).await;
    assert_eq!(books.changes(), counts(&[CREATE, ATTACH, MODIFY]));
    assert_eq!(addresses(&pods).len(), pods.len(), "an address was given twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn prefixes_fill_the_primary_interface_then_a_new_one_and_go_back_when_empty() {
    // Three slots an interface, so three prefixes on each.
    let env = [
        ("ENABLE_PREFIX_DELEGATION", "true"),
        ("WARM_PREFIX_TARGET", "1"),
        ("IP_COOLDOWN_PERIOD", "5"),
    ];
    let Some(alone) = Alone::start("t3.small", &env).await else {
        return;
    };
    let mut books = Books::of(&alone);
    alone.until_held(&[(0, 1)], PATIENCE).await;
    assert_eq!(books.changes(), counts(&[ASSIGN]));
    let stays = add(&alone.node, &["stays".to_owned()]);
    alone.until_held(&[(0, 2)], PATIENCE).await;
    assert_eq!(books.changes(), counts(&[ASSIGN]));
    let mut pods = add(&alone.node, &names("second", 16));
    alone.until_held(&[(0, 3)], PATIENCE).await;
    assert_eq!(books.changes(), counts(&[ASSIGN]));
    // With 33 of 48 addresses in use fewer than a prefix is free, and the slots are full.
    pods.extend(add(&alone.node, &names("third", 16)));
    alone.until_held(&[(0, 3), (0, 1)], PATIENCE).await;
    alone.until_set_up(1).await;
    assert_eq!(books.changes(), counts(&[CREATE, ATTACH, MODIFY]));
    assert_eq!(addresses(&pods).len(), 32, "an address was given twice");

    for pod in pods {
        pod.del().unwrap();
        pod.remove().unwrap();
    }
    // One prefix with a pod, one ahead, and no second interface.
    alone.until_held(&[(0, 2)], SHRINK_PATIENCE).await;
    let mut away = books.changes();
    assert_eq!(away.remove("DetachNetworkInterface"), Some(1), "{away:?}");
    assert_within(
        &away,
        &[("UnassignPrivateIpAddresses", 2), ("DeleteNetworkInterface", 1)],
    );
    let server = Echo::start(alone.vpc.fabric().internet().network(), PORT).unwrap();
    let server = SocketAddr::new(vpccni_testbed::boxes::INTERNET.into(), server.port());
    assert!(seen_as(stays[0].network(), server).is_ok());
    assert_eq!(alone.vpc.fabric().spoofed().unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_and_growth_cost_no_more_calls_than_the_reference() {
    let Some(alone) = Alone::start("m5.large", &[]).await else {
        return;
    };
    let mut books = Books::of(&alone);
    alone.until_held(&[(9, 0)], PATIENCE).await;
    let start = [
        ("DescribeNetworkInterfaces", 1),
        ("DescribeSubnets", 1),
        ("CreateTags", 1),
        ASSIGN,
    ];
    assert_within(&books.calls(), &start);

    let mut pods = add(&alone.node, &names("first", 1));
    alone.until_set_up(1).await;
    let growth = [
        CREATE,
        ATTACH,
        MODIFY,
        ("DescribeInstances", 1),
        ("DescribeSubnets", 2),
    ];
    assert_within(&books.calls(), &growth);
    assert_eq!(alone.held(), [(9, 0), (9, 0)]);

    // A pod that comes and goes while the pool is warm costs nothing at all.
    for name in names("short", 20) {
        let mut pod = alone.node.pod("default", &name).unwrap();
        pod.add().unwrap();
        pod.del().unwrap();
        pod.remove().unwrap();
    }
    tokio::time::sleep(A_LOOK).await;
    assert_eq!(books.calls(), counts(&[]));

    pods.extend(add(&alone.node, &names("more", 9)));
    alone.until_held(&[(9, 0), (9, 0), (9, 0)], PATIENCE).await;
    alone.until_set_up(2).await;
    assert_within(&books.calls(), &growth);
    assert_eq!(addresses(&pods).len(), 10, "an address was given twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_interface_has_two_calls_under_way_however_slow_ec2_is() {
    let env = [("WARM_IP_TARGET", "2"), ("IP_COOLDOWN_PERIOD", "1")];
    let Some(alone) = Alone::start("m5.large", &env).await else {
        return;
    };
    alone.until_held(&[(2, 0)], PATIENCE).await;
    let slow = Rule {
        service: Some("ec2".to_owned()),
        effect: Effect {
            delay_ms: 700,
            ..Effect::default()
        },
        ..Rule::default()
    };
    alone.vpc.sandbox().add_fault(slow).unwrap();
    // Every pod makes the pool look again, while the calls for those before it are under way.
    let mut pods = Vec::new();
    for name in names("pod", 20) {
        let mut pod = alone.node.pod("default", &name).unwrap();
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while let Err(error) = pod.add() {
            assert!(tokio::time::Instant::now() < deadline, "{name}: {error}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        pods.push(pod);
    }
    assert_eq!(addresses(&pods).len(), 20, "an address was given twice");
    for pod in &pods[4..] {
        pod.del().unwrap();
    }
    alone.until_held(&[(6, 0)], SHRINK_PATIENCE).await;
    let most = alone.vpc.sandbox().most_at_once();
    assert!(most.len() >= 3, "{most:?}");
    assert!(most.values().all(|calls| *calls == 1), "{most:?}");
}
