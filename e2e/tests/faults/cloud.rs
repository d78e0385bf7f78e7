//! EC2 and the metadata service refuse, are late, show what is old, or are gone.

use std::time::{Duration, Instant};

use vpccni_testbed::boxes::INTROSPECTION;
use vpccni_testbed::sandbox::{Effect, ErrorEffect, Rule};

use super::{Scene, Traffic, addresses, agree};
use crate::steady::{EACH, STEADY, add, names};

/// A pool that asks EC2 after every pod.
const TIGHT: [(&str, &str); 3] = [
    ("MAX_ENI", "2"),
    ("WARM_IP_TARGET", "3"),
    ("MINIMUM_IP_TARGET", "5"),
];
/// How long a fault lasts after the pods of the pool are used up.
const LASTS: Duration = Duration::from_secs(2);

fn error(code: &str) -> Effect {
    Effect {
        error: Some(ErrorEffect {
            code: code.to_owned(),
            status: None,
            message: String::new(),
        }),
        ..Effect::default()
    }
}

fn faults() -> [(&'static str, Effect); 4] {
    let denied = Effect {
        deny: true,
        ..Effect::default()
    };
    let late = Effect {
        delay_ms: 4000,
        ..Effect::default()
    };
    [
        ("throttled", error("RequestLimitExceeded")),
        ("denied", denied),
        ("late", late),
        ("full", error("InsufficientFreeAddressesInSubnet")),
    ]
}

/// Addresses that the agent has and no pod.
fn free(scene: &Scene) -> usize {
    let page = scene.node.get(INTROSPECTION, "/v1/enis").unwrap();
    let (known, assigned) = addresses(&serde_json::from_str(&page).unwrap());
    known.len() - assigned.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn ec2_refuses_and_the_pool_serves() {
    let Some(scene) = Scene::start("m5.large").await else {
        return;
    };
    let agent = scene.agent(&TIGHT).await;
    let mut pods = add(&scene.node, &names("pod", 2));
    let traffic = Traffic::start(&pods, &scene.other);
    for (name, effect) in faults() {
        scene.holds(pods.len() + 3, &agent).await;
        agree(&scene, &pods.iter().collect::<Vec<_>>()).await;
        let rule = Rule {
            service: Some("ec2".to_owned()),
            effect,
            ..Rule::default()
        };
        scene.vpc.sandbox().add_fault(rule).unwrap();
        let begun = Instant::now();
        for number in 0..2 {
            let mut pod = scene.node.pod("default", &format!("{name}-{number}")).unwrap();
            pod.add().unwrap();
            pods.push(pod);
        }
        println!("{name}: two pods in {:?}", begun.elapsed());
        tokio::time::sleep(LASTS).await;
        scene.vpc.sandbox().clear_faults();
        // A subnet that was full is left alone for two minutes; an address that comes free there is found later.
        if name == "full" {
            break;
        }
    }
    agree(&scene, &pods.iter().collect::<Vec<_>>()).await;
    traffic.stays_unharmed();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metadata_is_old_or_gone() {
    let Some(scene) = Scene::start("m5.large").await else {
        return;
    };
    let node = &scene.node;
    let mut agent = scene.agent(&STEADY).await;
    scene.holds(2 * EACH, &agent).await;
    let mut pods = add(node, &names("pod", 2));
    agree(&scene, &pods.iter().collect::<Vec<_>>()).await;
    let traffic = Traffic::start(&pods, &scene.other);
    let url = format!(
        "{}/_sandbox/instances/{}/imds/stale",
        scene.vpc.sandbox().endpoint(),
        node.instance()
    );
    let ask = |args: &[&str]| node.run("curl", &[args, &["-sf", &url]].concat()).unwrap();
    let mut serve = |name: &str| {
        let mut pod = node.pod("default", name).unwrap();
        pod.add().unwrap();
        pods.push(pod);
    };
    for (number, body) in [r#"{"mode":"partial","show":1}"#, r#"{"mode":"empty"}"#]
        .into_iter()
        .enumerate()
    {
        ask(&["-X", "POST", "-d", body]);
        tokio::time::sleep(LASTS).await;
        serve(&format!("old-{number}"));
        ask(&["-X", "DELETE"]);
    }
    let gone = ["169.254.169.254/32"];
    let hide = |word: &str| node.run("ip", &["route", word, "blackhole", gone[0]]).unwrap();
    hide("add");
    tokio::time::sleep(LASTS).await;
    serve("gone");
    hide("del");
    // A start that sees only a part must not take the addresses of the rest for lost.
    ask(&[
        "-X",
        "POST",
        "-d",
        r#"{"mode":"partial","show":1,"for_seconds":3}"#,
    ]);
    agent.kill();
    agent = scene.agent(&STEADY).await;
    serve("started");
    assert!(free(&scene) > 0);
    agree(&scene, &pods.iter().collect::<Vec<_>>()).await;
    traffic.stays_unharmed();
    drop(agent);
}
