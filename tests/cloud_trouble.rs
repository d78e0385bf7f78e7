//! AWS that refuses, throttles, does not answer or is not there: it is said, and holds nothing that does not need it.

use crate::bed::{Bed, Wanted, message, policy};
use serde_json::Value;
use std::time::Duration;
use vpc_cni_operator::run::Cloud;
use vpccni_aws::Limits;
use vpccni_testbed::sandbox::{Effect, ErrorEffect, Rule};
use vpccni_testbed::scene::SceneOptions;

const NO_REGION: &str = "no region: set AWS_REGION";

fn warm_eni_target(value: u32) -> String {
    policy(&format!(
        "managementState: Manage\nownership: {{takeOverFrom: [kubectl]}}\nipAllocation: {{warmEniTarget: {value}}}"
    ))
}

fn refusing(action: &str, code: &str, status: u16) -> Rule {
    let message = format!("the sandbox answers {code}");
    effect(
        action,
        Effect {
            error: Some(ErrorEffect {
                code: code.to_owned(),
                status: Some(status),
                message,
            }),
            ..Effect::default()
        },
    )
}

fn effect(action: &str, effect: Effect) -> Rule {
    Rule {
        service: Some("ec2".to_owned()),
        action: Some(action.to_owned()),
        effect,
        ..Rule::default()
    }
}

/// Applies a value that is safe whatever AWS says, and waits until every node runs it.
async fn goes_on(bed: &Bed, value: u32) -> Value {
    bed.apply(&warm_eni_target(value)).await;
    let ready = bed.condition("Ready", "True", "Applied").await;
    assert_eq!(bed.variable("WARM_ENI_TARGET").await, Some(value.to_string()));
    ready
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_said_and_holds_nothing_else() {
    let mut bed = Bed::without_operator(SceneOptions::default()).await;
    // Short, so that a time-out is over soon; two attempts, so that throttling shows as such.
    let limits = Limits {
        attempt: Duration::from_secs(2),
        operation: Duration::from_secs(5),
        attempts: 2,
        ..Limits::default()
    };
    let aws = bed.aws_within(limits).await;
    bed.restart_operator(Wanted {
        cloud: Some(aws),
        ..Wanted::default()
    })
    .await;
    goes_on(&bed, 2).await;
    bed.condition("CloudObserved", "True", "Observed").await;
    let sandbox = &bed.scene.sandbox;

    sandbox
        .add_fault(refusing("DescribeSubnets", "UnauthorizedOperation", 403))
        .unwrap();
    let denied = bed.condition("CloudObserved", "False", "AccessDenied").await;
    let said = message(&denied, "CloudObserved");
    assert!(said.contains("ec2:DescribeSubnets"), "{said}");
    assert_eq!(
        denied["status"]["cloud"]["denied"],
        Value::from(vec!["ec2:DescribeSubnets"])
    );
    bed.event("CloudNotObserved", "ec2:DescribeSubnets").await;
    bed.condition("CapacityAvailable", "Unknown", "NotChecked").await;
    goes_on(&bed, 3).await;

    sandbox.clear_faults();
    bed.condition("CloudObserved", "True", "Observed").await;
    sandbox
        .add_fault(refusing("DescribeNetworkInterfaces", "RequestLimitExceeded", 503))
        .unwrap();
    let throttled = bed.condition("CloudObserved", "False", "Throttled").await;
    assert!(message(&throttled, "CloudObserved").contains("ec2:DescribeNetworkInterfaces"));
    goes_on(&bed, 2).await;

    sandbox.clear_faults();
    bed.condition("CloudObserved", "True", "Observed").await;
    sandbox
        .add_fault(effect(
            "DescribeInstances",
            Effect {
                delay_ms: 20_000,
                ..Effect::default()
            },
        ))
        .unwrap();
    let late = bed.condition("CloudObserved", "False", "TimedOut").await;
    assert!(message(&late, "CloudObserved").contains("ec2:DescribeInstances"));
    goes_on(&bed, 3).await;
    sandbox.clear_faults();
    bed.condition("CloudObserved", "True", "Observed").await;
    bed.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_aws_the_operator_works_on_what_kubernetes_knows() {
    let mut bed = Bed::without_operator(SceneOptions::default()).await;
    bed.restart_operator(Wanted {
        cloud: Some(Cloud::none(NO_REGION)),
        ..Wanted::default()
    })
    .await;
    let ready = goes_on(&bed, 2).await;
    assert_eq!(ready["status"]["nodes"]["total"], 3);
    let blind = bed.condition("CloudObserved", "False", "AccessDenied").await;
    assert!(
        message(&blind, "CloudObserved").contains(NO_REGION),
        "{}",
        message(&blind, "CloudObserved")
    );
    let unchecked = bed.condition("CapacityAvailable", "Unknown", "NotChecked").await;
    assert!(message(&unchecked, "CapacityAvailable").contains(NO_REGION));
    // What nodes and subnets decide on is refused, because it cannot be checked.
    let prefix =
        "managementState: Manage\nownership: {takeOverFrom: [kubectl]}\nipAllocation: {mode: Prefix}";
    bed.apply(&policy(prefix)).await;
    bed.condition("Stalled", "True", "UnsafeChange").await;
    assert_eq!(
        bed.variable("ENABLE_PREFIX_DELEGATION").await.as_deref(),
        Some("false")
    );
    bed.shutdown().await;
}
