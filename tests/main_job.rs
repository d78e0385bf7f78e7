//! The main job: a CniPolicy configures aws-node, and an unsafe change is refused.

use crate::bed::{Bed, policy};
use vpccni_testbed::scene::SceneOptions;

const TAKE_OVER: &str = "managementState: Manage\nownership: {takeOverFrom: [kubectl]}";

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_observes_then_configures_then_refuses() {
    let bed = Bed::start(SceneOptions::default()).await;
    bed.apply(&policy(
        "managementState: Observe\nipAllocation: {warmEniTarget: 2}",
    ))
    .await;
    let seen = bed.condition("Ready", "True", "Observing").await;
    let would = &seen["status"]["wouldChange"][0];
    assert_eq!(
        (&would["key"], &would["from"], &would["to"]),
        (&"WARM_ENI_TARGET".into(), &"1".into(), &"2".into())
    );
    assert_eq!(would["owner"], "kubectl-client-side-apply");
    assert_eq!(bed.variable("WARM_ENI_TARGET").await.as_deref(), Some("1"));

    bed.apply(&policy(&format!(
        "{TAKE_OVER}\nipAllocation: {{warmEniTarget: 2}}"
    )))
    .await;
    let applied = bed.condition("Ready", "True", "Applied").await;
    assert_eq!(bed.variable("WARM_ENI_TARGET").await.as_deref(), Some("2"));
    assert_eq!(applied["status"]["applied"]["state"], "Verified");
    assert_eq!(applied["status"]["summary"]["rolledOut"], "3/3");

    bed.apply(&policy(&format!(
        "{TAKE_OVER}\nipAllocation: {{warmEniTarget: 2, mode: Prefix}}"
    )))
    .await;
    let refused = bed.condition("Stalled", "True", "UnsafeChange").await;
    assert_eq!(
        bed.variable("ENABLE_PREFIX_DELEGATION").await.as_deref(),
        Some("false")
    );
    let rules: Vec<&str> = refused["status"]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["rule"].as_str().unwrap())
        .collect();
    assert!(rules.contains(&"prefix-mode-in-place"), "{rules:?}");
    bed.shutdown().await;
}
