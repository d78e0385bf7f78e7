//! `kill -9` of the daemon at every call that changes EC2, before and after its effect, and at any instant of a burst of
//! pods, by seed. What is acknowledged is kept, nothing is given twice, and nothing
//! is lost in EC2.
//!
//! A kill here ends every task of the daemon where it waits; what it had sent or written stays. The same with real
//! processes, a real kernel and traffic is in `e2e/tests/faults`.

use crate::lab::Lab;
use crate::wire::PATIENCE;
use aws_sdk_ec2::types::InstanceType;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;
use vpccni_sandbox::{Disconnect, Effect, Rule};

/// Seeds of the burst; `CRASH_SEEDS` says otherwise.
const SEEDS: u64 = 200;

/// Pods of a burst.
const BURST: usize = 6;

/// Every call that changes EC2, and settings under which it comes at the start or with the first pods.
const CALLS: [(&str, &[(&str, &str)]); 9] = [
    ("AssignPrivateIpAddresses", &[("WARM_IP_TARGET", "3")]),
    ("UnassignPrivateIpAddresses", &[("WARM_IP_TARGET", "1"), COOL]),
    ("CreateNetworkInterface", &TWO),
    ("AttachNetworkInterface", &TWO),
    ("ModifyNetworkInterfaceAttribute", &TWO),
    ("DetachNetworkInterface", &SHRINKS),
    ("DeleteNetworkInterface", &SHRINKS),
    ("AssignIpv6Addresses", &SIX),
    ("CreateTags", &[]),
];

/// Of these, the calls that come when pods have gone.
const GIVES_BACK: [&str; 3] = [
    "UnassignPrivateIpAddresses",
    "DetachNetworkInterface",
    "DeleteNetworkInterface",
];

const COOL: (&str, &str) = ("IP_COOLDOWN_PERIOD", "0");
const TWO: [(&str, &str); 2] = [("WARM_ENI_TARGET", "2"), ("MAX_ENI", "2")];
const SHRINKS: [(&str, &str); 2] = [("WARM_ENI_TARGET", "1"), COOL];
const SIX: [(&str, &str); 4] = [
    ("ENABLE_IPv4", "false"),
    ("ENABLE_IPv6", "true"),
    ("ENABLE_PREFIX_DELEGATION", "true"),
    ("WARM_PREFIX_TARGET", "1"),
];

type Held = BTreeMap<String, String>;

/// The call is cut before anything has happened, but only long after the kill.
const HANGS: Duration = Duration::from_mins(1);

/// An interface goes a minute after it came, at the earliest.
const SOME_TIME: Duration = Duration::from_secs(100);

fn rule(action: &str, drop: Disconnect) -> Rule {
    let hangs = u64::try_from(HANGS.as_millis()).expect("small");
    Rule {
        action: Some(action.to_owned()),
        times: Some(1),
        effect: Effect {
            delay_ms: if drop == Disconnect::Before { hangs } else { 0 },
            drop: Some(drop),
            ..Effect::default()
        },
        ..Rule::default()
    }
}

/// The node is killed at the first call of `action`, started again, and is as it would have been.
async fn killed_at(action: &str, settings: &[(&str, &str)], drop: Disconnect) {
    let mut lab = Lab::new(InstanceType::M5Large, "10.0.0.0/22", settings).await;
    let fault = lab.sandbox.add_fault(rule(action, drop)).expect("a rule");
    let mut held = Held::new();
    if GIVES_BACK.contains(&action) {
        lab.start().await;
        for pod in ["a", "b", "c"] {
            held.insert(pod.to_owned(), lab.address(pod).await);
        }
        if settings == SHRINKS {
            lab.wait_for((2, 18, 3)).await;
        }
        for pod in ["a", "b", "c"] {
            released(&lab, pod, &mut held).await;
        }
    } else {
        lab.launch().await;
    }
    let begun = std::time::Instant::now();
    while lab.sandbox.fired(fault) == 0 {
        assert!(begun.elapsed() < SOME_TIME, "{action} was not called");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    lab.kill().await;
    lab.sandbox.clear_faults();
    lab.start().await;
    if settings != SIX {
        held.insert("after".to_owned(), lab.address("after").await);
        agree(&lab, &held).await;
    }
    lab.end().await;
}

async fn released(lab: &Lab, pod: &str, held: &mut Held) {
    lab.del(pod).await.expect("released");
    lab.kernel.kill_pod(&crate::lab::link(pod));
    lab.kernel.forget_pod(&held.remove(pod).expect("held"));
}

/// Interfaces that nobody uses and the clean-up would not find: it goes by these two tags, once they are old enough.
fn lost(lab: &Lab) -> usize {
    let marks = [
        "node.k8s.amazonaws.com/instance_id",
        "node.k8s.amazonaws.com/createdAt",
    ];
    let world = lab.sandbox.world();
    world.read(|world| {
        let enis = world.interfaces.values();
        enis.filter(|eni| eni.attachment.is_none())
            .filter(|eni| !marks.iter().all(|mark| eni.tags.contains_key(*mark)))
            .count()
    })
}

/// Addresses of the node for pods, as EC2 has them.
fn in_ec2(lab: &Lab) -> BTreeSet<Ipv4Addr> {
    lab.sandbox.world().read(|world| {
        let enis = world.interfaces.values();
        enis.filter(|eni| eni.attachment.is_some())
            .flat_map(|eni| eni.secondary.iter().copied())
            .collect()
    })
}

/// EC2, the daemon and the pods tell the same of who has which address, and nothing is lost.
async fn agree(lab: &Lab, held: &Held) {
    let distinct: BTreeSet<&String> = held.values().collect();
    assert_eq!(distinct.len(), held.len(), "given twice: {held:?}");
    for (pod, address) in held {
        assert_eq!(lab.address(pod).await, *address, "{pod} has another address");
    }
    let begun = std::time::Instant::now();
    loop {
        let ec2 = in_ec2(lab);
        let (_, total, assigned) = lab.counts().await;
        let mut held_in_ec2 = held.values().map(|address| address.parse().expect("an address"));
        let seen = (ec2.len(), held.len(), lost(lab));
        let told = (usize::try_from(total), usize::try_from(assigned), 0);
        if (Ok(seen.0), Ok(seen.1), seen.2) == told && held_in_ec2.all(|address| ec2.contains(&address)) {
            return;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "addresses, pods, lost interfaces: EC2 {seen:?}, the daemon {told:?}"
        );
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

async fn killed_at_every_call(drop: Disconnect) {
    futures::future::join_all(
        CALLS
            .iter()
            .map(|(action, settings)| Box::pin(killed_at(action, settings, drop))),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_any_change_of_ec2_it_ends_in_the_same_state() {
    killed_at_every_call(Disconnect::Before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_any_change_of_ec2_it_ends_in_the_same_state() {
    killed_at_every_call(Disconnect::After).await;
}

#[test]
fn no_call_that_changes_ec2_is_left_out() {
    let source = include_str!("../../aws/src/node_ec2.rs");
    let called: BTreeSet<&str> = source
        .split("\"ec2:")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter(|action| !action.starts_with("Describe"))
        .collect();
    let tried: BTreeSet<&str> = CALLS.iter().map(|(action, _)| *action).collect();
    assert_eq!(tried, called);
}

/// What the pods of a burst came to: an answer that was not heard says nothing.
async fn burst(lab: &Lab, held: &Held, seed: u64) -> (Held, BTreeSet<String>) {
    let calls = (0..BURST).map(|number| async move {
        let pod = format!("pod-{number}");
        let is_there = held.contains_key(&pod);
        if is_there && (seed >> number) & 1 == 1 {
            let gone = lab.del(&pod).await;
            (pod, None, gone.is_ok_and(|reply| reply.success))
        } else {
            let reply = lab.try_add(&pod).await;
            let address = reply.ok().filter(|reply| reply.success);
            (
                pod,
                address.map(|reply| reply.allocations[0].ipv4_addr.clone()),
                false,
            )
        }
    });
    let (mut given, mut freed) = (Held::new(), BTreeSet::new());
    for (pod, address, gone) in futures::future::join_all(calls).await {
        if let Some(address) = address {
            given.insert(pod, address);
        } else if gone {
            freed.insert(pod);
        }
    }
    (given, freed)
}

#[tokio::test]
async fn killed_at_any_instant_of_a_burst_it_keeps_what_it_acknowledged() {
    let seeds = std::env::var("CRASH_SEEDS").map_or(SEEDS, |text| text.parse().expect("a number"));
    let mut lab = Lab::started(&[("WARM_IP_TARGET", "4"), ("MINIMUM_IP_TARGET", "8"), COOL]).await;
    let mut held = Held::new();
    for seed in 1..=seeds {
        println!("seed {seed}");
        let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let after = Duration::from_micros(mixed % 12_000);
        let doomed = lab.doom();
        let kill = async {
            tokio::time::sleep(after).await;
            doomed.abort();
        };
        let ((given, freed), ()) = tokio::join!(burst(&lab, &held, mixed >> 40), kill);
        lab.kill().await;
        lab.start().await;
        for (pod, address) in given {
            if let Some(before) = held.insert(pod.clone(), address.clone()) {
                assert_eq!(before, address, "{pod} got another address");
            }
            lab.kernel.add_pod(&crate::lab::link(&pod), &address);
        }
        // As a runtime does that is not sure: DEL until it is, then ADD anew.
        for number in 0..BURST {
            let pod = format!("pod-{number}");
            if freed.contains(&pod) || !held.contains_key(&pod) {
                lab.del(&pod).await.ok();
                lab.kernel.kill_pod(&crate::lab::link(&pod));
                if let Some(address) = held.remove(&pod) {
                    lab.kernel.forget_pod(&address);
                }
                held.insert(pod.clone(), lab.address(&pod).await);
            }
        }
        agree(&lab, &held).await;
    }
    lab.end().await;
}
