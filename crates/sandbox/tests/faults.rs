//! Faults, counts and the control API.

use crate::lab::{Lab, code};
use crate::protocol::{get, post, raw};
use std::time::{Duration, Instant};

#[tokio::test]
async fn an_ordered_error_has_its_code_and_status_and_ends() {
    let lab = Lab::new().await;
    let rule = r#"{"service":"ec2","action":"DescribeVpcs","times":1,
        "effect":{"error":{"code":"RequestLimitExceeded","status":503,"message":"Request limit exceeded."}}}"#;
    assert!(
        post(&lab, "/_sandbox/faults", rule)
            .await
            .starts_with("HTTP/1.1 201")
    );
    let refused = lab.ec2.describe_vpcs().send().await.expect_err("a fault");
    assert_eq!(refused.raw_response().map(|r| r.status().as_u16()), Some(503));
    assert_eq!(code(refused), "RequestLimitExceeded");
    assert!(lab.ec2.describe_vpcs().send().await.is_ok());
    assert!(get(&lab, "/_sandbox/faults").await.contains(r#""fired":1"#));
    lab.end().await;
}

#[tokio::test]
async fn a_cut_before_the_effect_changes_nothing_and_one_after_it_does() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    for (when, left) in [("before", 251), ("after", 250)] {
        let rule = format!(r#"{{"action":"CreateNetworkInterface","effect":{{"drop":"{when}"}}}}"#);
        post(&lab, "/_sandbox/faults", &rule).await;
        let cut = lab.ec2.create_network_interface().subnet_id(&subnet).send().await;
        let word = cut.map(|_| ()).map_err(code);
        assert!(
            word == Err("dispatch".to_owned()) || word == Err("response".to_owned()),
            "{word:?}"
        );
        lab.sandbox.clear_faults();
        assert_eq!(lab.available(&subnet).await, left, "{when}");
    }
    lab.end().await;
}

#[tokio::test]
async fn a_delay_is_waited_for() {
    let lab = Lab::new().await;
    post(&lab, "/_sandbox/faults", r#"{"effect":{"delay_ms":120}}"#).await;
    let start = Instant::now();
    lab.ec2.describe_vpcs().send().await.expect("VPCs");
    assert!(start.elapsed() >= Duration::from_millis(120));
    lab.end().await;
}

#[tokio::test]
async fn calls_are_counted_by_outcome() {
    let lab = Lab::new().await;
    for _ in 0..3 {
        lab.ec2.describe_subnets().send().await.expect("subnets");
    }
    let unknown = lab.ec2.describe_subnets().subnet_ids("subnet-0123").send().await;
    assert!(unknown.is_err());
    let counts: Vec<_> = lab
        .sandbox
        .calls()
        .into_iter()
        .filter(|c| c.action == "DescribeSubnets")
        .map(|c| (c.service, c.outcome, c.count))
        .collect();
    let ec2 = "ec2".to_owned();
    assert_eq!(
        counts,
        [
            (ec2.clone(), "ok".to_owned(), 3),
            (ec2, "InvalidSubnetID.NotFound".to_owned(), 1)
        ]
    );
    assert!(get(&lab, "/_sandbox/calls").await.contains("DescribeSubnets"));
    lab.end().await;
}

#[tokio::test]
async fn the_control_api_tells_resets_and_refuses() {
    let lab = Lab::new().await;
    assert!(get(&lab, "/_sandbox/health").await.contains(r#""seed":42"#));
    assert!(
        get(&lab, "/_sandbox/invariants")
            .await
            .contains(r#""violations":[]"#)
    );
    assert!(get(&lab, "/_sandbox/nothing").await.starts_with("HTTP/1.1 404"));
    let wrong = post(&lab, "/_sandbox/faults", r#"{"effect":{"explode":true}}"#).await;
    assert!(
        wrong.starts_with("HTTP/1.1 400") && wrong.contains("explode"),
        "{wrong}"
    );
    post(&lab, "/_sandbox/reset", "").await;
    let seen = lab.ec2.describe_vpcs().send().await.expect("VPCs");
    assert!(seen.vpcs().is_empty());
    assert_eq!(lab.sandbox.calls().len(), 1);
    lab.end().await;
}

#[tokio::test]
async fn an_answer_can_break_off_or_be_a_page_of_html() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    for (effect, word, left) in [
        (r#"{"drop":"midway"}"#, "response", 250),
        (r#"{"html":500}"#, "no code", 250),
        (r#"{"html":502}"#, "no code", 250),
    ] {
        let rule = format!(r#"{{"action":"CreateNetworkInterface","effect":{effect}}}"#);
        post(&lab, "/_sandbox/faults", &rule).await;
        let broken = lab.ec2.create_network_interface().subnet_id(&subnet).send().await;
        let got = broken.map(|_| ()).map_err(code);
        assert!(
            got == Err(word.to_owned()) || (word == "response" && got == Err("dispatch".to_owned())),
            "{effect}: {got:?}"
        );
        lab.sandbox.clear_faults();
        assert_eq!(lab.available(&subnet).await, left, "{effect}");
    }
    lab.end().await;
}

#[tokio::test]
async fn a_stale_read_does_not_find_what_is_young() {
    let lab = Lab::new().await;
    let rule = r#"{"action":"DescribeSubnets","times":1,"effect":{"stale_ms":60000}}"#;
    post(&lab, "/_sandbox/faults", rule).await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let describe = || lab.ec2.describe_subnets().subnet_ids(&subnet).send();
    assert_eq!(
        describe().await.map(|_| ()).map_err(code),
        Err("InvalidSubnetID.NotFound".to_owned())
    );
    assert!(describe().await.is_ok());
    lab.end().await;
}

#[tokio::test]
async fn one_fault_can_be_taken_away_and_each_firing_is_in_the_log() {
    let lab = Lab::new().await;
    let first = post(
        &lab,
        "/_sandbox/faults",
        r#"{"action":"DescribeVpcs","effect":{"deny":true}}"#,
    )
    .await;
    assert!(first.contains(r#"{"id":1}"#), "{first}");
    let rule = r#"{"service":"eks","effect":{"error":{"code":"ServerException"}}}"#;
    post(&lab, "/_sandbox/faults", rule).await;
    let denied = lab.ec2.describe_vpcs().send().await.expect_err("denied");
    assert_eq!(denied.raw_response().map(|r| r.status().as_u16()), Some(403));
    assert_eq!(code(denied), "UnauthorizedOperation");
    let log = get(&lab, "/_sandbox/requests").await;
    assert!(log.contains(r#""fault":1"#), "{log}");
    let eks = aws_sdk_eks::Client::new(&lab.config);
    let refused = eks.list_clusters().send().await.expect_err("a fault");
    assert_eq!(refused.raw_response().map(|r| r.status().as_u16()), Some(500));
    assert_eq!(code(refused), "ServerException");
    let gone = raw(
        &lab,
        "DELETE /_sandbox/faults/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert!(gone.starts_with("HTTP/1.1 200"), "{gone}");
    assert!(lab.ec2.describe_vpcs().send().await.is_ok());
    lab.end().await;
}

#[tokio::test]
async fn calls_that_change_one_interface_at_a_time_are_counted() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let mut made = Vec::new();
    for _ in 0..2 {
        let call = lab.ec2.create_network_interface().subnet_id(&subnet).send().await;
        let id = call
            .expect("an interface")
            .network_interface
            .and_then(|eni| eni.network_interface_id);
        made.push(id.expect("an id"));
    }
    post(&lab, "/_sandbox/faults", r#"{"effect":{"delay_ms":150}}"#).await;
    let assign = |eni: &str| {
        let call = lab.ec2.assign_private_ip_addresses().network_interface_id(eni);
        call.secondary_private_ip_address_count(1).send()
    };
    let look = || {
        lab.ec2
            .describe_network_interfaces()
            .network_interface_ids(&made[1])
            .send()
    };
    let (one, two, alone, seen) = tokio::join!(assign(&made[0]), assign(&made[0]), assign(&made[1]), look());
    assert!(one.is_ok() && two.is_ok() && alone.is_ok() && seen.is_ok());
    // One after the other is not at once.
    assign(&made[1]).await.expect("an address");
    let most = lab.sandbox.most_at_once();
    let of = |eni: &String| {
        most.iter()
            .find(|(id, _)| id.as_str() == eni)
            .map(|(_, most)| *most)
    };
    assert_eq!((of(&made[0]), of(&made[1])), (Some(2), Some(1)));
    lab.end().await;
}
