//! The clock of the machine is stepped by hours, forwards and backwards, while the agent works: as after a boot without
//! a battery, or when somebody sets it by hand. Only the agent sees it, by a library between it and the kernel.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use vpccni_testbed::boxes::{Agent, CLOCK, NodeBox, Pod};
use vpccni_testbed::wait::until;

use super::{CHECKPOINT, Scene, Traffic, agree};
use crate::bed::{PATIENCE, is_skipped};
use crate::steady::{EACH, add, names};

/// Where the library reads by how much the clock is wrong.
const OFFSET: &str = "/var/lib/aws-node/clock";
/// Long enough that an ADD right after a DEL falls into it on a loaded machine.
const COOLDOWN: Duration = Duration::from_secs(12);
/// Several looks of the agent at its pool.
const LOOKS: Duration = Duration::from_secs(8);

/// Sets the clock of the agents of a node.
fn step(node: &NodeBox, offset: &str) {
    let (to, beside) = (node.path(OFFSET), node.path(format!("{OFFSET}.new")));
    fs::write(&beside, offset).unwrap();
    fs::rename(beside, to).unwrap();
}

/// The library, of which the program that comes with it knows where it lies.
fn library() -> String {
    let output = Command::new("faketime")
        .args(["-f", "+0h", "printenv", "LD_PRELOAD"])
        .output();
    String::from_utf8(output.unwrap().stdout)
        .unwrap()
        .trim()
        .to_owned()
}

struct Clocked {
    scene: Scene,
    library: String,
}

impl Clocked {
    async fn start() -> Option<Self> {
        if is_skipped(&CLOCK) {
            return None;
        }
        let scene = Scene::start("m5.large").await?;
        step(&scene.node, "+0h");
        let library = library();
        Some(Self { scene, library })
    }

    async fn agent(&self, settings: &[(&str, &str)]) -> Agent {
        let cooldown = COOLDOWN.as_secs().to_string();
        let clock = [
            ("LD_PRELOAD", self.library.as_str()),
            ("FAKETIME_TIMESTAMP_FILE", OFFSET),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("DONT_FAKE_MONOTONIC", "1"),
            ("IP_COOLDOWN_PERIOD", &cooldown),
        ];
        self.scene.agent(&[&clock, settings].concat()).await
    }
}

/// One address is left, which a pod has just given back: it is kept for the cooldown, and not for hours.
fn cools(node: &NodeBox, guest: &mut Pod<'_>, stepped: &str) {
    let address = guest.address().unwrap();
    guest.del().unwrap();
    let begun = Instant::now();
    step(node, stepped);
    loop {
        match guest.add() {
            Ok(_) => break,
            Err(error) if begun.elapsed() > COOLDOWN + PATIENCE => panic!("{stepped}: {error}"),
            Err(_) => std::thread::sleep(Duration::from_millis(200)),
        }
    }
    let after = begun.elapsed();
    println!("{stepped}: free again after {after:?}");
    assert!(after >= COOLDOWN, "{stepped}: given out again after {after:?}");
    assert_eq!(guest.address().unwrap(), address);
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_cool_as_long_whatever_the_clock_says() {
    let Some(clocked) = Clocked::start().await else {
        return;
    };
    let (scene, one) = (&clocked.scene, [("MAX_ENI", "1")]);
    let mut agent = clocked.agent(&one).await;
    scene.holds(EACH, &agent).await;
    let mut pods = add(&scene.node, &names("pod", EACH));
    let traffic = Traffic::start(&pods[..2], &scene.other);
    for stepped in ["+6h", "-6h"] {
        cools(&scene.node, pods.last_mut().unwrap(), stepped);
        agree(scene, &pods.iter().collect::<Vec<_>>()).await;
        // The checkpoint is of another time now: of hours ago, or of hours to come.
        agent.kill();
        step(&scene.node, if stepped == "+6h" { "-3h" } else { "+9h" });
        agent = clocked.agent(&one).await;
        agree(scene, &pods.iter().collect::<Vec<_>>()).await;
        let guest = pods.last_mut().unwrap();
        guest.check().unwrap();
    }
    traffic.stays_unharmed();
    drop(agent);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_interface_goes_because_the_clock_was_stepped() {
    let Some(clocked) = Clocked::start().await else {
        return;
    };
    let scene = &clocked.scene;
    let settings = [
        ("MAX_ENI", "2"),
        ("WARM_IP_TARGET", "1"),
        ("MINIMUM_IP_TARGET", "3"),
        // What comes back may go at once.
        ("IP_COOLDOWN_PERIOD", "0"),
    ];
    let agent = clocked.agent(&settings).await;
    scene.holds(3, &agent).await;
    let pods = add(&scene.node, &names("pod", 2));
    let traffic = Traffic::start(&pods, &scene.other);
    // By the date on the second interface the agent really sees the clock that we set.
    step(&scene.node, "+6h");
    let ours = jiff::Timestamp::now();
    let mut guests = Vec::new();
    for name in names("guest", EACH) {
        let mut guest = scene.node.pod("default", &name).unwrap();
        let begun = Instant::now();
        while let Err(error) = guest.add() {
            assert!(begun.elapsed() < PATIENCE, "{error}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        guests.push(guest);
    }
    let made = || async { second(scene).ok_or_else(|| "one interface".to_owned()) };
    let (eni, created) = until("a second interface", PATIENCE, made).await.unwrap();
    let ahead = created.duration_since(ours);
    assert!(
        ahead.as_hours() >= 5,
        "made at {created}, which is {ahead:#} ahead"
    );
    for guest in &mut guests {
        guest.del().unwrap();
    }
    // It is younger than a minute, and nobody has it: by the clock of the machine it is older than that at any time.
    for offset in ["+18h", "-6h", "+0h"] {
        step(&scene.node, offset);
        tokio::time::sleep(LOOKS).await;
        assert_eq!(second(scene).map(|(eni, _)| eni), Some(eni.clone()), "{offset}");
    }
    assert!(
        fs::read_to_string(scene.node.path(CHECKPOINT))
            .unwrap()
            .contains("pod-1")
    );
    agree(scene, &pods.iter().collect::<Vec<_>>()).await;
    traffic.stays_unharmed();
}

/// The second interface of the node, and the date that the agent has put on it.
fn second(scene: &Scene) -> Option<(String, jiff::Timestamp)> {
    scene.vpc.sandbox().world().read(|world| {
        let eni = world.instances[scene.node.instance()].interfaces.get(&(0, 1))?;
        let date = world.interfaces[eni]
            .tags
            .get("node.k8s.amazonaws.com/createdAt")?;
        Some((eni.to_string(), date.parse().unwrap()))
    })
}
