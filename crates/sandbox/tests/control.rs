//! The control API: limits, clocks, events, books, and what it changes in the world.

use crate::wire::{Wire, send};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use vpccni_sandbox::world::Timings;
use vpccni_sandbox::{Options, Rate, Sandbox, StartError};

fn throttled() -> Options {
    Options {
        throttle: Rate::On,
        ..Options::default()
    }
}

#[tokio::test]
async fn who_calls_too_fast_is_refused_until_the_bucket_fills() {
    let wire = Wire::manual(throttled()).await;
    for _ in 0..50 {
        assert_eq!(wire.ec2("DescribeNetworkInterfaces").await.status, 200);
    }
    let refused = wire.ec2("DescribeNetworkInterfaces").await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.text("Code"), "RequestLimitExceeded");
    assert_eq!(refused.text("Message"), "Request limit exceeded.");
    // Another action and another account have buckets of their own.
    assert_eq!(
        wire.ec2("DescribeNetworkInterfaces&MaxResults=5").await.status,
        200
    );
    let other = wire.ec2_as("210987654321", "DescribeNetworkInterfaces").await;
    assert_eq!(other.status, 200);
    let report = wire.control("GET", "throttle", "").await;
    assert_eq!(report["refused"][0]["caller"], "key");
    assert_eq!(report["refused"][0]["count"], 1);
    wire.advance(1.0).await;
    for _ in 0..10 {
        assert_eq!(wire.ec2("DescribeNetworkInterfaces").await.status, 200);
    }
    assert_eq!(wire.ec2("DescribeNetworkInterfaces").await.status, 503);
    wire.control("PUT", "throttle", r#"{"rate":"off"}"#).await;
    assert_eq!(wire.ec2("DescribeNetworkInterfaces").await.status, 200);
    assert_eq!(wire.ask("PUT", "throttle", r#"{"rate":-1}"#).await.status, 400);
    wire.end().await;
}

#[tokio::test]
async fn what_is_due_happens_without_a_request() {
    let wire = Wire::with(Options {
        timings: Timings {
            instance_start: Duration::from_millis(150),
            ..Timings::INSTANT
        },
        ..Options::default()
    })
    .await;
    let subnet = wire.subnet("10.0.0.0/24").await;
    wire.launch(&subnet).await;
    let world = wire.sandbox.world();
    let (events, missed) = world.events_after(0);
    assert_eq!(missed, 0);
    let last = events.last().map_or(0, |event| event.number);
    // Nobody asks anything: the sandbox itself must notice that it is time.
    let waited = tokio::time::timeout(Duration::from_secs(5), world.wait_for_event_after(last)).await;
    assert!(waited.is_ok());
    let (events, _) = world.events_after(last);
    let text = serde_json::to_string(&events).expect("JSON");
    assert!(text.contains(r#""state":"running""#), "{text}");
    wire.end().await;
}

#[tokio::test]
async fn events_are_waited_for_and_streamed() {
    let wire = Wire::manual(Options::default()).await;
    let subnet = wire.subnet("10.0.0.0/24").await;
    let begun = Instant::now();
    let none = wire.control("GET", "events?after=0&wait=0.1", "").await;
    assert!(begun.elapsed() >= Duration::from_millis(100));
    assert_eq!(none["events"], serde_json::json!([]));
    let address = wire.sandbox.address();
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = b"GET /_sandbox/events?after=0&follow HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.write_all(request).await.expect("sent");
    let poll = tokio::time::timeout(
        Duration::from_secs(10),
        send(address, "GET", "/_sandbox/events?after=0&wait=60", "", ""),
    );
    let (told, launched) = tokio::join!(poll, wire.launch(&subnet));
    assert_eq!(launched.status, 200);
    let told = told.expect("woken by the launch").json();
    assert_eq!(told["missed"], 0);
    assert!(told["last"].as_u64() >= Some(1));
    let mut lines = BufReader::new(stream).lines();
    let mut seen = String::new();
    while !seen.contains("interface-attached") {
        let line = tokio::time::timeout(Duration::from_secs(10), lines.next_line()).await;
        seen += &line.expect("in time").expect("read").expect("more");
    }
    // A reader of a world that began anew is told so.
    wire.control("POST", "reset", "").await;
    let reset = wire.control("GET", "events?after=99&wait=5", "").await;
    assert_eq!(reset["reset"], true);
    wire.end().await;
}

#[tokio::test]
async fn requests_are_kept_and_counted_by_caller() {
    let wire = Wire::manual(Options::default()).await;
    wire.ec2_as("alice", "DescribeVpcs").await;
    wire.ec2_as("bob", "DescribeVpcs").await;
    wire.ec2_as("bob", "Frobnicate").await;
    let counts = wire.control("GET", "calls", "").await.to_string();
    assert!(
        counts.contains(r#""action":"DescribeVpcs","count":2"#),
        "{counts}"
    );
    let by_caller = wire.sandbox.calls_by_caller();
    let bob: Vec<_> = by_caller.iter().filter(|count| count.caller == "bob").collect();
    assert_eq!(bob.len(), 2);
    let log = wire.control("GET", "requests?after=1", "").await;
    assert_eq!(log["last"], 3);
    assert_eq!(log["requests"][1]["outcome"], "InvalidAction");
    assert_eq!(log["requests"][1]["caller"], "bob");
    wire.end().await;
}

#[tokio::test]
async fn a_zone_can_be_out_of_capacity_for_a_while() {
    let wire = Wire::manual(Options::default()).await;
    let subnet = wire.subnet("10.0.0.0/24").await;
    let short = r#"{"available":false,"instance_type":"m5.large","for_seconds":60}"#;
    wire.control("PUT", "zones/us-west-2a/capacity", short).await;
    let refused = wire.launch(&subnet).await;
    assert_eq!(refused.status, 500);
    assert_eq!(refused.text("Code"), "InsufficientInstanceCapacity");
    assert!(
        refused
            .text("Message")
            .contains("choosing us-west-2b, us-west-2c.")
    );
    wire.advance(60.0).await;
    assert_eq!(wire.launch(&subnet).await.status, 200);
    let wrong = wire.ask("PUT", "zones/us-west-2z/capacity", short).await;
    assert_eq!(wrong.status, 400);
    wire.end().await;
}

#[tokio::test]
async fn a_subnet_can_be_fragmented_or_filled() {
    let wire = Wire::manual(Options::default()).await;
    let subnet = wire.subnet("10.0.0.0/24").await;
    let path = format!("subnets/{subnet}/occupy");
    let told = wire.control("POST", &path, r#"{"every_block":{}}"#).await;
    // Sixteen blocks, of which the first and the last hold no prefix anyway.
    assert_eq!(told["available"], 251 - 14);
    let eni = wire
        .ec2(&format!("CreateNetworkInterface&SubnetId={subnet}"))
        .await;
    let eni = eni.text("networkInterfaceId");
    let assign = format!("AssignPrivateIpAddresses&NetworkInterfaceId={eni}");
    let prefix = wire.ec2(&format!("{assign}&Ipv4PrefixCount=1")).await;
    assert_eq!(prefix.text("Code"), "InsufficientCidrBlocks");
    let told = wire.control("POST", &path, r#"{"all_but":2}"#).await;
    assert_eq!(told["available"], 2);
    let three = wire
        .ec2(&format!("{assign}&SecondaryPrivateIpAddressCount=3"))
        .await;
    assert_eq!(three.text("Code"), "InsufficientFreeAddressesInSubnet");
    let taken = wire.ask("POST", &path, r#"{"addresses":["10.0.0.1"]}"#).await;
    assert_eq!(taken.status, 400);
    wire.end().await;
}

#[tokio::test]
async fn a_describe_may_see_the_world_of_a_moment_ago() {
    let wire = Wire::manual(Options::default()).await;
    let subnet = wire.subnet("10.0.0.0/24").await;
    wire.control("PUT", "timings", r#"{"describe_lag":5}"#).await;
    let old = wire
        .ec2(&format!("CreateNetworkInterface&SubnetId={subnet}"))
        .await;
    let old = old.text("networkInterfaceId");
    wire.advance(6.0).await;
    let young = wire
        .ec2(&format!("CreateNetworkInterface&SubnetId={subnet}"))
        .await;
    let young = young.text("networkInterfaceId");
    // Each describe draws an age between 0 and 5 s; no time has passed, so all of them are too old for it.
    let mut unseen = 0;
    for _ in 0..20 {
        let describe = format!("DescribeNetworkInterfaces&NetworkInterfaceId.1={young}");
        let seen = wire.ec2(&describe).await;
        unseen += u32::from(seen.status == 400 && seen.text("Code") == "InvalidNetworkInterfaceID.NotFound");
        let describe = format!("DescribeNetworkInterfaces&NetworkInterfaceId.1={old}");
        assert_eq!(wire.ec2(&describe).await.status, 200);
    }
    assert!(unseen >= 15, "{unseen}");
    // What it could not see is there all the same, and changes are not made on old states.
    let assign =
        format!("AssignPrivateIpAddresses&NetworkInterfaceId={young}&SecondaryPrivateIpAddressCount=1");
    assert_eq!(wire.ec2(&assign).await.status, 200);
    wire.advance(6.0).await;
    let seen = wire
        .ec2(&format!("DescribeNetworkInterfaces&NetworkInterfaceId.1={young}"))
        .await;
    assert_eq!(seen.status, 200);
    let wrong = wire.ask("PUT", "timings", r#"{"describe_lagg":5}"#).await;
    assert_eq!(wrong.status, 400);
    wire.end().await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_with_what_to_do() {
    let wire = Wire::with(Options::default()).await;
    let listen = wire.sandbox.address();
    let second = Sandbox::start(Options {
        listen,
        ..Options::default()
    })
    .await;
    let error = second.expect_err("refused");
    assert!(matches!(error, StartError::PortTaken { .. }));
    assert!(error.to_string().contains("--listen"), "{error}");
    wire.end().await;
}

#[tokio::test]
async fn a_manual_clock_goes_neither_back_nor_beyond_the_calendar() {
    let wire = Wire::manual(Options::default()).await;
    for (body, status) in [
        (r#"{"seconds":-1}"#, 400),
        (r#"{"seconds":1e300}"#, 400),
        (r#"{"seconds":1e15}"#, 400),
        (r#"{"seconds":86400}"#, 200),
    ] {
        assert_eq!(
            wire.ask("POST", "clock/advance", body).await.status,
            status,
            "{body}"
        );
    }
    let real = Wire::with(Options::default()).await;
    assert_eq!(
        real.ask("POST", "clock/advance", r#"{"seconds":1}"#).await.status,
        400
    );
    real.end().await;
    wire.end().await;
}

#[tokio::test]
async fn the_quota_of_interfaces_can_be_set() {
    let wire = Wire::manual(Options::default()).await;
    let subnet = wire.subnet("10.0.0.0/24").await;
    wire.control("PUT", "quotas", r#"{"interfaces":1}"#).await;
    let create = format!("CreateNetworkInterface&SubnetId={subnet}");
    assert_eq!(wire.ec2(&create).await.status, 200);
    let refused = wire.ec2(&create).await;
    assert_eq!(refused.text("Code"), "NetworkInterfaceLimitExceeded");
    let set = wire.control("PUT", "quotas", r#"{"interfaces":2}"#).await;
    assert_eq!(set["interfaces"], 2);
    assert_eq!(wire.ec2(&create).await.status, 200);
    wire.end().await;
}
