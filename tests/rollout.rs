//! A new revision that does not come up is stopped at its first crash loop, and goes on once the policy is set back.

use crate::bed::{Bed, message, policy};
use serde_json::{Value, json};
use vpccni_testbed::nodes::{Conduct, env_is};
use vpccni_testbed::scene::SceneOptions;

const UNDO: &str = "vpccni.io/undo-update-strategy";

fn warm_eni_target(value: u32) -> String {
    policy(&format!(
        "managementState: Manage\nownership: {{takeOverFrom: [kubectl]}}\nipAllocation: {{warmEniTarget: {value}}}"
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_loop_stops_the_rollout_and_the_way_back_resumes_it() {
    let bed = Bed::start(SceneOptions::default()).await;
    bed.scene.kubelets.conduct(|pod| {
        env_is(pod, "aws-node", "WARM_ENI_TARGET", "7").then(|| Conduct::CrashLoop {
            container: "aws-node".to_owned(),
            message: "ipamd ends".to_owned(),
        })
    });
    bed.apply(&warm_eni_target(2)).await;
    bed.condition("Ready", "True", "Applied").await;
    let before = strategy(&bed).await;
    assert_eq!(before["type"], "RollingUpdate");

    bed.apply(&warm_eni_target(7)).await;
    let stalled = bed.condition("Stalled", "True", "RolloutStalled").await;
    let said = message(&stalled, "Stalled");
    assert!(
        said.contains("CrashLoopBackOff") && said.contains("aws-node"),
        "{said}"
    );
    bed.condition("RolledOut", "False", "RolloutStalled").await;
    bed.condition("Ready", "False", "RolloutStalled").await;
    bed.event("RolloutStalled", "OnDelete").await;
    assert_eq!(strategy(&bed).await, json!({"type": "OnDelete"}));
    let kept: Value = serde_json::from_str(annotation(&bed).await.as_str().unwrap()).unwrap();
    assert_eq!(kept["type"], "RollingUpdate");
    assert_eq!(
        kept["rollingUpdate"]["maxUnavailable"],
        before["rollingUpdate"]["maxUnavailable"]
    );
    let (old, new) = pods(&bed).await;
    assert_eq!(
        (old, new),
        (2, 1),
        "one node met the bad revision, the others were kept from it"
    );

    bed.apply(&warm_eni_target(2)).await;
    let ready = bed.condition("Ready", "True", "Applied").await;
    assert_eq!(ready["status"]["summary"]["rolledOut"], "3/3");
    bed.event("RolloutResumed", "").await;
    assert_eq!(strategy(&bed).await, before);
    assert_eq!(annotation(&bed).await, Value::Null);
    assert_eq!(pods(&bed).await, (3, 0));
    bed.shutdown().await;
}

async fn strategy(bed: &Bed) -> Value {
    bed.daemon_set().await["spec"]["updateStrategy"].clone()
}

async fn annotation(bed: &Bed) -> Value {
    bed.daemon_set().await["metadata"]["annotations"][UNDO].clone()
}

/// How many pods run the good value, and how many the bad one.
async fn pods(bed: &Bed) -> (usize, usize) {
    let pods = bed
        .get(&["-n", "kube-system", "pods", "-l", "k8s-app=aws-node"])
        .await;
    let with = |value: &str| {
        let variable = json!({"name": "WARM_ENI_TARGET", "value": value});
        let has = |pod: &&Value| {
            pod["spec"]["containers"][0]["env"]
                .as_array()
                .unwrap()
                .contains(&variable)
        };
        pods["items"].as_array().unwrap().iter().filter(has).count()
    };
    (with("2"), with("7"))
}
