//! Every class of error, provoked in the sandbox.

use crate::lab::{Lab, overrides};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use std::time::Duration;
use vpccni_aws::{Aws, Limits};
use vpccni_core::ids::{SubnetId, VpcId};
use vpccni_core::ports::{CloudError, CloudErrorKind, Ec2, Eks};
use vpccni_sandbox::Rule;

fn rule(text: &str) -> Rule {
    let rule: Result<Rule, _> = serde_json::from_str(text);
    rule.expect("a rule")
}

async fn failed(lab: &Lab, rule_text: &str) -> CloudError {
    lab.sandbox.add_fault(rule(rule_text)).expect("a rule");
    let error = lab.aws.subnets(&lab.vpc).await.expect_err("a fault");
    lab.sandbox.clear_faults();
    error
}

fn attempts(lab: &Lab, outcome: &str) -> u64 {
    let calls = lab.sandbox.calls();
    let of = calls
        .iter()
        .filter(|c| c.action == "DescribeSubnets" && c.outcome == outcome);
    of.map(|c| c.count).sum()
}

#[tokio::test]
async fn throttling_is_tried_three_times() {
    let lab = Lab::new().await;
    let error = failed(
        &lab,
        r#"{"effect":{"error":{"code":"RequestLimitExceeded","status":503,"message":"Request limit exceeded."}}}"#,
    )
    .await;
    assert_eq!(error.kind, CloudErrorKind::Throttled);
    assert_eq!(
        (error.action, error.code.as_str()),
        ("ec2:DescribeSubnets", "RequestLimitExceeded")
    );
    assert_eq!(error.message, "Request limit exceeded.");
    assert_eq!(attempts(&lab, "RequestLimitExceeded"), 3);
    lab.end().await;
}

#[tokio::test]
async fn a_fault_that_passes_is_not_seen() {
    let lab = Lab::new().await;
    let passing = r#"{"times":2,"effect":{"error":{"code":"InternalError","status":500}}}"#;
    lab.sandbox.add_fault(rule(passing)).expect("a rule");
    assert!(lab.aws.subnets(&lab.vpc).await.is_ok());
    lab.end().await;
}

#[tokio::test]
async fn a_missing_permission_is_denied_at_once() {
    let lab = Lab::new().await;
    let error = failed(
        &lab,
        r#"{"effect":{"error":{"code":"UnauthorizedOperation","status":403,"message":"You are not authorized."}}}"#,
    )
    .await;
    assert_eq!(error.kind, CloudErrorKind::Denied);
    assert_eq!(attempts(&lab, "UnauthorizedOperation"), 1);
    let eks = r#"{"service":"eks","effect":{"error":{"code":"AccessDeniedException","status":403,"message":"no"}}}"#;
    lab.sandbox.add_fault(rule(eks)).expect("a rule");
    let error = lab.aws.addon("one", "vpc-cni").await.expect_err("denied");
    assert_eq!(
        (error.kind, error.action),
        (CloudErrorKind::Denied, "eks:DescribeAddon")
    );
    lab.end().await;
}

#[tokio::test]
async fn an_internal_error_is_theirs() {
    let lab = Lab::new().await;
    let error = failed(
        &lab,
        r#"{"effect":{"error":{"code":"InternalError","status":500}}}"#,
    )
    .await;
    assert_eq!(
        (error.kind, error.code.as_str()),
        (CloudErrorKind::Internal, "InternalError")
    );
    lab.end().await;
}

#[tokio::test]
async fn what_does_not_exist_is_not_found_and_what_is_wrong_is_invalid() {
    let lab = Lab::new().await;
    let gone = SubnetId::parse("subnet-0123").expect("an id");
    let error = lab.aws.reservations(&gone).await.expect_err("no such subnet");
    assert_eq!(
        (error.kind, error.code.as_str()),
        (CloudErrorKind::NotFound, "InvalidSubnetID.NotFound")
    );
    assert_eq!(
        error.to_string(),
        "failed to call ec2:GetSubnetCidrReservations: InvalidSubnetID.NotFound: The subnet ID 'subnet-0123' does \
         not exist"
    );
    let wrong = r#"{"effect":{"error":{"code":"InvalidParameterValue","status":400,"message":"wrong"}}}"#;
    let error = failed(&lab, wrong).await;
    assert_eq!(error.kind, CloudErrorKind::Invalid);
    lab.end().await;
}

#[tokio::test]
async fn no_answer_in_time_is_a_time_out() {
    let lab = Lab::new().await;
    let mut given = overrides(lab.sandbox.endpoint());
    given.limits = Limits {
        attempt: Duration::from_millis(100),
        operation: Duration::from_millis(400),
        attempts: 1,
        ..given.limits
    };
    let aws = Aws::from_environment(given).await.expect("ports");
    let slow = r#"{"effect":{"delay_ms":700}}"#;
    lab.sandbox.add_fault(rule(slow)).expect("a rule");
    let error = aws.subnets(&lab.vpc).await.expect_err("too slow");
    assert_eq!(
        (error.kind, error.code.as_str()),
        (CloudErrorKind::TimedOut, "Timeout")
    );
    lab.end().await;
}

#[tokio::test]
async fn a_cut_connection_is_unreachable() {
    let lab = Lab::new().await;
    for when in ["before", "after"] {
        let error = failed(&lab, &format!(r#"{{"effect":{{"drop":"{when}"}}}}"#)).await;
        assert_eq!(error.kind, CloudErrorKind::Unreachable, "{error}");
    }
    lab.end().await;
}

#[tokio::test]
async fn nobody_listening_is_unreachable() {
    let lab = Lab::new().await;
    let endpoint = lab.sandbox.endpoint();
    let vpc = lab.vpc.clone();
    lab.end().await;
    let aws = Aws::from_environment(overrides(endpoint)).await.expect("ports");
    let error = aws.subnets(&vpc).await.expect_err("nobody there");
    assert_eq!(error.kind, CloudErrorKind::Unreachable, "{error}");
    assert!(error.message.contains("refused"), "{error}");
}

#[derive(Debug)]
struct NoCredentials;

impl ProvideCredentials for NoCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err::<Credentials, _>(CredentialsError::not_loaded("nothing set")))
    }
}

#[tokio::test]
async fn missing_credentials_are_denied_and_say_what_to_set() {
    let lab = Lab::new().await;
    let mut given = overrides(lab.sandbox.endpoint());
    given.credentials = Some(SharedCredentialsProvider::new(NoCredentials));
    let aws = Aws::from_environment(given).await.expect("ports");
    let error = aws.subnets(&lab.vpc).await.expect_err("no credentials");
    assert_eq!(
        (error.kind, error.code.as_str()),
        (CloudErrorKind::Denied, "NoCredentials")
    );
    assert!(error.message.contains("AWS_ACCESS_KEY_ID"), "{error}");
    assert_eq!(attempts(&lab, "ok"), 0);
    lab.end().await;
}

#[tokio::test]
async fn an_unknown_vpc_has_nothing() {
    let lab = Lab::new().await;
    let other = VpcId::parse("vpc-0123").expect("an id");
    assert_eq!(lab.aws.subnets(&other).await, Ok(Vec::new()));
    assert_eq!(lab.aws.interfaces(&other).await, Ok(Vec::new()));
    lab.end().await;
}
