//! `kill -9` of the agent and of the plugin while pods come and go.
//!
//! What the agent writes on a machine, and how a kill comes to it: the checkpoint (file beside it, sync, rename, sync
//! of the folder) is written for every ADD and DEL, so that kills within a burst of them fall before, between and after
//! these; kills within the first tenths of a second of a start fall on the executables, the list of plugins, the mode
//! of the node, the checkpoint of the start and the rules of interfaces. The calls of EC2 are in `crash_ec2`. The
//! plugin's writes are the batches of the kernel, and it is killed at any of its first milliseconds.

use std::thread;
use std::time::{Duration, Instant};

use vpccni_testbed::boxes::{Agent, AgentOptions, Pod};

use super::{Chance, SHORT_COOLDOWN, Scene, Traffic, agree};
use crate::bed::PATIENCE;
use crate::steady::{EACH, STEADY, add, names, nothing_left};

/// As many kills as fit.
const WHILE: Duration = Duration::from_secs(40);
const KILLS: u64 = 200;
/// Pods that come and go around a kill.
const BURST: usize = 4;

fn settings() -> [(&'static str, &'static str); 3] {
    [STEADY[0], STEADY[1], SHORT_COOLDOWN]
}

/// As a runtime does that is not sure what came of a call: DEL, then a new ADD, until it works. Addresses that were just
/// given back are in cooldown, so a quick one may find none.
fn again(pod: &mut Pod<'_>) {
    let begun = Instant::now();
    loop {
        pod.del().unwrap();
        match pod.add() {
            Ok(_) => return,
            Err(error) if begun.elapsed() > PATIENCE => panic!("{error}"),
            Err(_) => thread::sleep(Duration::from_millis(200)),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_is_killed_at_any_instant_of_a_burst() {
    let Some(scene) = Scene::start("m5.large").await else {
        return;
    };
    let mut agent = scene.agent(&settings()).await;
    scene.holds(2 * EACH, &agent).await;
    let pods = add(&scene.node, &names("pod", 3));
    let traffic = Traffic::start(&pods, &scene.other);
    let mut guests = add(&scene.node, &names("guest", BURST));
    let begun = Instant::now();
    let mut kills = 0;
    for seed in 1..=KILLS {
        if begun.elapsed() > WHILE {
            break;
        }
        println!("seed {seed}");
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let after = Duration::from_micros(chance.below(40_000));
        thread::scope(|scope| {
            for guest in &mut guests {
                scope.spawn(move || {
                    // Whether these work depends on the instant of the kill.
                    if guest.del().is_ok() {
                        guest.add().ok();
                    }
                });
            }
            thread::sleep(after);
            agent.kill();
        });
        kills += 1;
        if chance.below(3) == 0 {
            let starting = Agent::launch(&scene.node, &AgentOptions::new(&settings())).unwrap();
            thread::sleep(Duration::from_millis(chance.below(400)));
            starting.kill();
            kills += 1;
        }
        agent = scene.agent(&settings()).await;
        guests.iter_mut().for_each(again);
        let all: Vec<&Pod<'_>> = pods.iter().chain(&guests).collect();
        agree(&scene, &all).await;
    }
    println!("NOTE: the agent was killed {kills} times within bursts of ADD and DEL");
    assert!(kills >= 3, "only {kills} kills in {WHILE:?}");
    traffic.stays_unharmed();
    drop(agent);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plugin_is_killed_at_any_instant() {
    let Some(scene) = Scene::start("m5.large").await else {
        return;
    };
    let _agent = scene.agent(&settings()).await;
    let pods = add(&scene.node, &names("pod", 2));
    let traffic = Traffic::start(&pods, &scene.other);
    let before = scene.node.kernel().unwrap();
    let mut guest = scene.node.pod("default", "guest").unwrap();
    let begun = Instant::now();
    let mut killed = 0;
    for seed in 1..=KILLS {
        if begun.elapsed() > WHILE / 2 {
            break;
        }
        println!("seed {seed}");
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut at = || Duration::from_micros(chance.below(12_000));
        killed += u32::from(guest.interrupt("ADD", at()).unwrap());
        again(&mut guest);
        if seed % 10 == 1 {
            guest.check().unwrap();
            agree(&scene, &[&pods[0], &pods[1], &guest]).await;
        }
        killed += u32::from(guest.interrupt("DEL", at()).unwrap());
        guest.del().unwrap();
    }
    println!("NOTE: the plugin was killed {killed} times within ADD and DEL");
    assert!(killed >= 10, "only {killed} kills came in time");
    agree(&scene, &[&pods[0], &pods[1]]).await;
    guest.remove().unwrap();
    nothing_left(&scene.node, &before).await;
    traffic.stays_unharmed();
}
