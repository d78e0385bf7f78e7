//! What holds for every action: dry runs, unknown actions and parameters, and bytes that are no request.

use crate::lab::{Lab, code};
use aws_sdk_ec2::error::ProvideErrorMetadata;
use aws_sdk_ec2::types::OperatorRequest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends bytes and gives what comes back.
pub(crate) async fn raw(lab: &Lab, request: &str) -> String {
    let mut stream = TcpStream::connect(lab.sandbox.address())
        .await
        .expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

pub(crate) async fn post(lab: &Lab, path: &str, body: &str) -> String {
    let length = body.len();
    raw(
        lab,
        &format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
    )
    .await
}

pub(crate) async fn get(lab: &Lab, path: &str) -> String {
    raw(
        lab,
        &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
    )
    .await
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let create = lab
        .ec2
        .create_network_interface()
        .subnet_id(&subnet)
        .dry_run(true);
    let refused = create.send().await.expect_err("a dry run");
    assert_eq!(refused.raw_response().map(|r| r.status().as_u16()), Some(412));
    assert_eq!(refused.code(), Some("DryRunOperation"));
    assert_eq!(lab.available(&subnet).await, 251);
    lab.end().await;
}

#[tokio::test]
async fn nothing_is_accepted_and_ignored() {
    let lab = Lab::new().await;
    for (body, expected) in [
        ("Action=Frobnicate&Version=2016-11-15", "InvalidAction"),
        ("Action=DescribeVpcs&Version=2015-10-01", "InvalidAction"),
        (
            "Action=AllocateAddress&Version=2016-11-15",
            "UnsupportedOperation",
        ),
        (
            "Action=DescribeVpcs&Version=2016-11-15&Bogus=1",
            "UnknownParameter",
        ),
        (
            "Action=DescribeVpcs&Version=2016-11-15&DryRun=perhaps",
            "InvalidParameterValue",
        ),
        ("", "InvalidAction"),
        ("\u{1}\u{2}=&&&=%ff%", "InvalidAction"),
    ] {
        let answer = post(&lab, "/", body).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{body}: {answer}");
        assert!(
            answer.contains(&format!("<Code>{expected}</Code>")),
            "{body}: {answer}"
        );
        assert!(answer.contains("<RequestID>"), "{body}: {answer}");
    }
    let subnet = lab.subnet("10.0.0.0/24").await;
    let operator = OperatorRequest::builder().principal("someone").build();
    let managed = lab
        .ec2
        .create_network_interface()
        .subnet_id(&subnet)
        .operator(operator);
    assert_eq!(
        managed.send().await.map(|_| ()).map_err(code),
        Err("UnsupportedOperation".to_owned())
    );
    assert_eq!(lab.available(&subnet).await, 251);
    lab.end().await;
}

#[tokio::test]
async fn nonsense_ends_its_own_connection_only() {
    let lab = Lab::new().await;
    let answer = raw(&lab, "\u{16}\u{3}\u{1} not http at all\r\n\r\n").await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
        "{answer}"
    );
    let huge = "x".repeat((1 << 20) + 1);
    let answer = post(&lab, "/", &huge).await;
    assert!(
        answer.starts_with("HTTP/1.1 413"),
        "{}",
        answer.get(..40).unwrap_or_default()
    );
    assert!(lab.ec2.describe_vpcs().send().await.is_ok());
    lab.end().await;
}
