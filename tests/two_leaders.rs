//! Two replicas: one acts, the other takes over when it is killed; both live through an outage of the API server.

use crate::bed::{Bed, Operator, Wanted, owners, policy};
use std::time::Duration;
use vpc_cni_operator::lease::Timings;
use vpc_cni_operator::run::LeaseOptions;
use vpccni_testbed::scene::{NAMESPACE, SceneOptions};

const LEASE: &str = "vpc-cni-operator";

/// Shorter than the product's, so that the story is: one replica notices within seconds that the other is gone.
const TIMINGS: Timings = Timings {
    duration: Duration::from_secs(4),
    renew_deadline: Duration::from_secs(3),
    retry: Duration::from_millis(500),
};

/// Longer than the Lease lasts.
const OUTAGE: Duration = Duration::from_secs(10);

fn warm_eni_target(value: u32) -> String {
    policy(&format!(
        "managementState: Manage\nownership: {{takeOverFrom: [kubectl]}}\nipAllocation: {{warmEniTarget: {value}}}"
    ))
}

async fn replica(bed: &Bed, identity: &'static str) -> Operator {
    let lease = LeaseOptions {
        name: LEASE.to_owned(),
        timings: TIMINGS,
    };
    bed.another(Wanted {
        identity: Some(identity),
        lease: Some(lease),
        ..Wanted::default()
    })
    .await
}

async fn held_by(bed: &Bed, identity: &str) {
    bed.sees(&format!("the Lease of {identity}"), || async {
        let arguments = [
            "-n",
            NAMESPACE,
            "get",
            "lease",
            LEASE,
            "-o",
            "jsonpath={.spec.holderIdentity}",
        ];
        let output = bed.scene.plane.kubectl(&arguments, None).await.unwrap();
        let holder = String::from_utf8(output.stdout).unwrap();
        if holder == identity { Ok(()) } else { Err(holder) }
    })
    .await;
}

async fn applies(bed: &Bed, value: u32) {
    bed.apply(&warm_eni_target(value)).await;
    bed.condition("Ready", "True", "Applied").await;
    assert_eq!(bed.variable("WARM_ENI_TARGET").await, Some(value.to_string()));
    assert_eq!(
        owners(&bed.daemon_set().await, "WARM_ENI_TARGET"),
        ["vpc-cni-operator"]
    );
}

/// The sites at which a replica has written, besides the Lease.
async fn written(replica: &Operator) -> Vec<String> {
    let metrics = replica.metrics().await;
    let writes = metrics
        .lines()
        .filter(|line| line.starts_with("vpccni_operator_writes_total{"));
    writes
        .filter(|line| !line.contains("site=\"lease\""))
        .map(str::to_owned)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_replica_acts_and_the_other_takes_over() {
    let bed = Bed::without_operator(SceneOptions::default()).await;
    let first = replica(&bed, "first").await;
    held_by(&bed, "first").await;
    let second = replica(&bed, "second").await;
    applies(&bed, 2).await;
    assert!(first.metrics().await.contains("\nvpccni_operator_leader 1"));
    assert!(second.metrics().await.contains("\nvpccni_operator_leader 0"));
    assert_eq!(written(&second).await, Vec::<String>::new());

    first.kill().await;
    bed.apply(&warm_eni_target(3)).await;
    held_by(&bed, "second").await;
    applies(&bed, 3).await;
    assert!(!written(&second).await.is_empty());

    // The wait is the outage itself.
    bed.scene.plane.stop_apiserver().await;
    tokio::time::sleep(OUTAGE).await;
    bed.scene.plane.start_apiserver().await.unwrap();
    applies(&bed, 2).await;
    assert!(!second.has_ended());
    second.stop().await;
    bed.shutdown().await;
}
