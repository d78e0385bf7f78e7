//! The state file: what it brings back, and what it refuses.

use crate::wire::Wire;
use std::path::{Path, PathBuf};
use vpccni_sandbox::world::Timings;
use vpccni_sandbox::{Keep, Options, Sandbox};

/// A file of its own for a test, away with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let file = format!("aws-sandbox-{}-{name}.jsonl", std::process::id());
        Self(std::env::temp_dir().join(file))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        }
    }
}

fn options(path: &Path) -> Options {
    Options {
        journal: Keep::File(path.to_owned()),
        timings: Timings::USUAL,
        seed: 7,
        ..Options::default()
    }
}

/// Makes something of everything; gives what is to be seen of it.
async fn make(wire: &Wire) -> String {
    let subnet = wire.subnet("10.0.0.0/24").await;
    wire.launch(&subnet).await;
    wire.advance(10.0).await;
    let eni = wire
        .ec2(&format!("CreateNetworkInterface&SubnetId={subnet}"))
        .await;
    let eni = eni.text("networkInterfaceId");
    let assign = format!("AssignPrivateIpAddresses&NetworkInterfaceId={eni}");
    wire.ec2(&format!("{assign}&Ipv4PrefixCount=2")).await;
    wire.ec2(&format!("{assign}&SecondaryPrivateIpAddressCount=900"))
        .await;
    let occupy = format!("subnets/{subnet}/occupy");
    wire.control("POST", &occupy, r#"{"all_but":50}"#).await;
    wire.control("PUT", "timings", r#"{"instance_stop":1}"#).await;
    seen(wire).await
}

async fn seen(wire: &Wire) -> String {
    let mut text = String::new();
    for action in [
        "DescribeInstances",
        "DescribeNetworkInterfaces",
        "DescribeSubnets",
    ] {
        let body = wire.ec2(action).await.body;
        // The id of the request is its own.
        let (_, rest) = body.split_once("</requestId>").expect("a request id");
        text += rest;
    }
    text
}

#[tokio::test]
async fn a_world_comes_back_as_it_was() {
    let file = Scratch::new("back");
    let wire = Wire::manual(options(&file.0)).await;
    let before = make(&wire).await;
    wire.end().await;
    let wire = Wire::manual(options(&file.0)).await;
    assert_eq!(seen(&wire).await, before);
    // It goes on from there, and that comes back too.
    let vpc = wire.ec2("CreateVpc&CidrBlock=10.9.0.0/16").await.text("vpcId");
    let journal = wire.ask("GET", "state", "").await.body;
    wire.end().await;
    let wire = Wire::manual(options(&file.0)).await;
    assert!(wire.ec2("DescribeVpcs").await.body.contains(&vpc));
    wire.end().await;
    // Another sandbox loads it over the control API.
    let wire = Wire::manual(Options {
        journal: Keep::Memory,
        seed: 7,
        ..Options::default()
    })
    .await;
    let told = wire.control("POST", "state", &journal).await;
    assert!(told["replayed"].as_u64() >= Some(8), "{told}");
    assert_eq!(seen(&wire).await, before);
    assert_eq!(wire.ask("GET", "state", "").await.body, journal);
    wire.end().await;
}

#[tokio::test]
async fn half_a_line_is_dropped_and_anything_else_is_named() {
    let file = Scratch::new("broken");
    let wire = Wire::manual(options(&file.0)).await;
    wire.subnet("10.0.0.0/24").await;
    wire.end().await;
    let whole = std::fs::read_to_string(&file.0).expect("a journal");
    let half = format!("{whole}{{\"time\":\"2026");
    std::fs::write(&file.0, half).expect("written");
    let wire = Wire::manual(options(&file.0)).await;
    assert!(wire.ec2("DescribeSubnets").await.body.contains("10.0.0.0/24"));
    wire.end().await;
    assert_eq!(std::fs::read_to_string(&file.0).expect("a journal"), whole);
    for (from, to, line, says) in [
        ("\"seed\":7", "\"seed\":8", 1, "--seed 8 and this is --seed 7"),
        ("us-west-2", "eu-west-1", 1, "--region eu-west-1"),
        ("\"version\":1", "\"version\":99", 1, "form 99"),
        ("10.0.0.0/16", "10.1.0.0/16", 2, "otherwise"),
        ("10.0.0.0/24", "10.0.0.0/25", 3, "otherwise"),
    ] {
        let changed = whole.replacen(from, to, 1);
        assert_ne!(changed, whole, "{from}");
        std::fs::write(&file.0, changed).expect("written");
        let error = Sandbox::start(options(&file.0)).await.expect_err("refused");
        let text = error.to_string();
        assert!(
            text.contains(&format!("line {line} ")) && text.contains(says),
            "{text}"
        );
    }
}

#[tokio::test]
async fn one_file_has_one_sandbox() {
    let file = Scratch::new("shared");
    let wire = Wire::manual(options(&file.0)).await;
    let second = Sandbox::start(options(&file.0)).await;
    assert!(second.expect_err("refused").to_string().contains("state file"));
    wire.end().await;
}

#[tokio::test]
async fn what_is_no_file_is_no_state_file() {
    for path in ["/dev/full", "/"] {
        let refused = Sandbox::start(options(Path::new(path)))
            .await
            .expect_err("refused");
        assert!(
            refused.to_string().contains("failed to open the state file"),
            "{refused}"
        );
    }
}
