//! Not a benchmark: a bound that a quadratic index would break.

use crate::lab::{Lab, filter};
use aws_sdk_ec2::types::InstanceType;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_thousand_instances_are_described_quickly() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/16").await;
    let launch = lab
        .ec2
        .run_instances()
        .image_id("ami-00000000000000001")
        .instance_type(InstanceType::M5Large)
        .min_count(1000)
        .max_count(1000)
        .subnet_id(&subnet);
    let made = launch.send().await.expect("instances");
    assert_eq!(made.instances().len(), 1000);
    let one = made.instances()[500].instance_id().expect("an id");
    let start = Instant::now();
    for _ in 0..20 {
        let seen = lab
            .ec2
            .describe_network_interfaces()
            .filters(filter("attachment.instance-id", one))
            .send()
            .await
            .expect("interfaces");
        assert_eq!(seen.network_interfaces().len(), 1);
    }
    // Far above what it takes unoptimised, far below what a scan of everything per call would.
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    lab.end().await;
}
