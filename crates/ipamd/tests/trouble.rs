//! EC2 throttled, denied and out of room; a metadata service that is behind.

use crate::lab::{Lab, pace};
use crate::wire::wait;
use aws_sdk_ec2::types::InstanceType;
use std::time::{Duration, Instant};
use vpccni_ipamd::probe::{ProbeError, probe};

#[tokio::test]
async fn throttled_and_denied_calls_are_tried_again_later() {
    for (code, status) in [("RequestLimitExceeded", 503), ("UnauthorizedOperation", 403)] {
        let mut lab = Lab::new(InstanceType::M5Large, "10.0.0.0/22", &[]).await;
        lab.fault(&format!(
            r#"{{"action":"AssignPrivateIpAddresses","times":3,"effect":{{"error":{{"code":"{code}","status":{status}}}}}}}"#
        ));
        lab.start().await;
        lab.wait_for((1, 9, 0)).await;
        assert!(lab.calls("AssignPrivateIpAddresses") >= 4, "{code}");
        lab.end().await;
    }
}

#[tokio::test]
async fn a_start_while_ec2_is_throttled_is_only_late() {
    let mut lab = Lab::new(InstanceType::M5Large, "10.0.0.0/22", &[]).await;
    lab.fault(
        r#"{"action":"DescribeNetworkInterfaces","times":3,"effect":{"error":{"code":"RequestLimitExceeded","status":503}}}"#,
    );
    lab.start().await;
    lab.wait_for((1, 9, 0)).await;
    lab.end().await;
}

#[tokio::test]
async fn a_full_subnet_is_left_alone_for_a_while() {
    // Sixteen addresses, five of them AWS's: ten are left beside the primary one.
    let mut lab = Lab::new(InstanceType::M5Large, "10.0.0.0/28", &[]).await;
    lab.start().await;
    lab.wait_for((1, 9, 0)).await;
    lab.address("web").await;
    wait("a refused interface", || {
        let calls = lab.calls("CreateNetworkInterface");
        async move { calls >= 1 }
    })
    .await;
    let before = lab.calls("CreateNetworkInterface");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let more = lab.calls("CreateNetworkInterface") - before;
    assert!(more <= 2, "{more} more calls in a moment");
    assert!(lab.add("other").await.success, "what is there is still given out");
    lab.end().await;
}

#[tokio::test]
async fn a_late_answer_adds_nothing_twice() {
    let mut lab = Lab::new(InstanceType::M5Large, "10.0.0.0/22", &[]).await;
    lab.fault(r#"{"action":"AssignPrivateIpAddresses","times":1,"effect":{"error":{"code":"InternalError","status":500}}}"#);
    lab.start().await;
    lab.wait_for((1, 9, 0)).await;
    lab.end().await;
}

#[tokio::test]
async fn a_metadata_service_that_is_behind_removes_nothing() {
    for stale in [r#"{"mode":"empty"}"#, r#"{"mode":"partial","show":1}"#] {
        let lab = Lab::started(&[]).await;
        lab.address("web").await;
        lab.wait_for((2, 18, 1)).await;
        let path = format!("instances/{}/imds/stale", lab.instance);
        lab.control(&path, stale).await;
        let before = lab.calls("DescribeNetworkInterfaces");
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(lab.counts().await, (2, 18, 1), "{stale}");
        if stale.contains("partial") {
            assert!(
                lab.calls("DescribeNetworkInterfaces") > before,
                "EC2 is the judge, and was asked"
            );
        }
        lab.end().await;
    }
}

#[tokio::test]
async fn an_address_that_somebody_added_is_taken_in() {
    let lab = Lab::started(&[("WARM_IP_TARGET", "2")]).await;
    lab.wait_for((1, 2, 0)).await;
    let eni = lab
        .sandbox
        .world()
        .read(|world| world.interfaces.keys().next().map(ToString::to_string));
    let call = lab.raw.assign_private_ip_addresses();
    let call = call.network_interface_id(eni.expect("an interface"));
    call.secondary_private_ip_address_count(1)
        .send()
        .await
        .expect("assigned");
    // Taken in, found to be one too many, and given back.
    wait("the address to be given back", || {
        let calls = lab.calls("UnassignPrivateIpAddresses");
        async move { calls >= 1 }
    })
    .await;
    lab.wait_for((1, 2, 0)).await;
    lab.end().await;
}

#[tokio::test]
async fn what_an_agent_left_behind_is_deleted_when_it_is_old() {
    let lab = Lab::started(&[]).await;
    let subnet = lab
        .sandbox
        .world()
        .read(|world| world.subnets.keys().next().map(ToString::to_string));
    let tag = |key: &str, value: &str| aws_sdk_ec2::types::Tag::builder().key(key).value(value).build();
    let tags = aws_sdk_ec2::types::TagSpecification::builder()
        .resource_type(aws_sdk_ec2::types::ResourceType::NetworkInterface)
        .tags(tag("node.k8s.amazonaws.com/instance_id", "i-0123456789abcdef0"))
        .tags(tag("node.k8s.amazonaws.com/createdAt", "2020-01-01T00:00:00Z"))
        .build();
    let call = lab
        .raw
        .create_network_interface()
        .subnet_id(subnet.expect("a subnet"));
    let made = call
        .description("aws-K8S-i-0123456789abcdef0")
        .tag_specifications(tags)
        .send()
        .await;
    let made = made.expect("made");
    let id = made
        .network_interface()
        .and_then(|eni| eni.network_interface_id())
        .expect("an id");
    let begun = Instant::now();
    wait("the left-over interface to go", || {
        let world = lab.sandbox.world();
        let there = world.read(|world| world.interfaces.keys().any(|eni| eni.as_str() == id));
        async move { !there }
    })
    .await;
    // By a clock that is hours ahead all interfaces are old, also one that is about to be attached.
    assert!(begun.elapsed() >= pace().left_over_age, "{:?}", begun.elapsed());
    lab.end().await;
}

#[tokio::test]
async fn new_groups_of_the_primary_interface_reach_the_others() {
    let lab = Lab::started(&[]).await;
    lab.address("web").await;
    lab.wait_for((2, 18, 1)).await;
    let vpc = lab
        .sandbox
        .world()
        .read(|world| world.vpcs.keys().next().map(ToString::to_string));
    let call = lab.raw.create_security_group().vpc_id(vpc.expect("a VPC"));
    let made = call
        .group_name("pods")
        .description("pods")
        .send()
        .await
        .expect("a group");
    let group = made.group_id().expect("an id").to_owned();
    let primary = lab.sandbox.world().read(|world| {
        let instance = world.instances.get(&lab.instance).expect("an instance");
        instance.interfaces.get(&(0, 0)).map(ToString::to_string)
    });
    let call = lab.raw.modify_network_interface_attribute();
    let call = call
        .network_interface_id(primary.expect("a primary interface"))
        .groups(&group);
    call.send().await.expect("modified");
    wait("all interfaces to have the group", || {
        let world = lab.sandbox.world();
        let all = world.read(|world| {
            let mut enis = world.interfaces.values();
            enis.all(|eni| eni.groups.iter().any(|id| id.to_string() == group))
        });
        async move { all }
    })
    .await;
    lab.end().await;
}

#[tokio::test]
async fn the_probe_says_what_the_agent_says() {
    let mut lab = Lab::new(InstanceType::M5Large, "10.0.0.0/22", &[]).await;
    let patience = Duration::from_secs(5);
    let early = probe(&lab.socket(), patience).await.expect_err("nobody is there");
    assert!(matches!(early, ProbeError::Connect(_)), "{early}");
    lab.start().await;
    probe(&lab.socket(), patience).await.expect("it serves");
    // Somebody who takes connections and says nothing must not hold the kubelet up.
    let silent = lab.socket().with_extension("silent");
    let _listener = std::os::unix::net::UnixListener::bind(&silent).expect("binds");
    let start = std::time::Instant::now();
    probe(&silent, Duration::from_millis(300))
        .await
        .expect_err("silence");
    assert!(start.elapsed() < patience);
    lab.end().await;
}
