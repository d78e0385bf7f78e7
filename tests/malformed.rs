//! Objects that cannot be read: they are left out and said, the rest goes on; a policy that cannot be read changes nothing.

use crate::bed::{Bed, message, policy};
use serde_json::{Value, json};
use vpccni_testbed::scene::SceneOptions;

fn warm_eni_target(value: u32) -> String {
    policy(&format!(
        "managementState: Manage\nownership: {{takeOverFrom: [kubectl]}}\nipAllocation: {{warmEniTarget: {value}}}"
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_left_out_and_nothing_else_stops() {
    let bed = Bed::start(SceneOptions::default()).await;
    bed.apply(&warm_eni_target(2)).await;
    bed.condition("Ready", "True", "Applied").await;
    // The schema of upstream asks for a string, not for the id of a subnet; a kubelet may say what it likes.
    let broken = json!({
        "apiVersion": "crd.k8s.amazonaws.com/v1alpha1", "kind": "ENIConfig",
        "metadata": {"name": "broken"}, "spec": {"subnet": "not a subnet"},
    });
    bed.apply(&broken.to_string()).await;
    let node = json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": "odd"},
        "spec": {"providerID": "aws:///not-a-zone/not an instance"},
        "status": {"capacity": {"pods": "0"}},
    });
    bed.apply(&node.to_string()).await;
    bed.sees("the ENIConfig that cannot be read", || async {
        let said = message(&bed.policy().await, "EniConfigsValid");
        if said.contains("ENIConfig broken") {
            Ok(())
        } else {
            Err(said)
        }
    })
    .await;
    bed.kubectl(&["delete", "node", "odd"]).await;
    bed.apply(&warm_eni_target(3)).await;
    bed.condition("Ready", "True", "Applied").await;
    assert_eq!(bed.variable("WARM_ENI_TARGET").await.as_deref(), Some("3"));
    unreadable_policy(&bed).await;
    bed.shutdown().await;
}

/// A definition of another version lets through what this operator cannot read.
async fn unreadable_policy(bed: &Bed) {
    let definition = bed.get(&["crd", "cnipolicies.vpccni.io"]).await;
    let schema = |schema: &Value| {
        let patch =
            json!([{"op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema", "value": schema}]);
        patch.to_string()
    };
    let loose = schema(&json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}));
    let strict = schema(&definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]);
    let patch_crd = |patch: String| async move {
        bed.kubectl(&[
            "patch",
            "crd",
            "cnipolicies.vpccni.io",
            "--type=json",
            "-p",
            &patch,
        ])
        .await;
    };
    patch_crd(loose).await;
    let before = bed.daemon_set().await["metadata"]["resourceVersion"].clone();
    bed.sees("the unreadable policy stored", || async {
        let patch = r#"{"spec":{"managementState":42,"ipAllocation":{"warmEniTarget":1}}}"#;
        let arguments = ["patch", "cnip", "default", "--type=merge", "-p", patch];
        bed.scene
            .plane
            .kubectl_ok(&arguments, None)
            .await
            .map_err(|error| error.to_string())
    })
    .await;
    unreadable(bed, 1).await;
    bed.sees("the Event on the policy", || async {
        let events = bed
            .get(&[
                "events",
                "-n",
                "default",
                "--field-selector",
                "reason=ObjectUnreadable",
            ])
            .await;
        let regarding = &events["items"][0]["involvedObject"];
        if regarding["kind"] == "CniPolicy" && regarding["name"] == "default" {
            Ok(())
        } else {
            Err(events.to_string())
        }
    })
    .await;
    assert_eq!(bed.daemon_set().await["metadata"]["resourceVersion"], before);
    assert_eq!(bed.variable("WARM_ENI_TARGET").await.as_deref(), Some("3"));
    patch_crd(strict).await;
    bed.apply(&warm_eni_target(2)).await;
    unreadable(bed, 0).await;
    bed.condition("Ready", "True", "Applied").await;
    assert_eq!(bed.variable("WARM_ENI_TARGET").await.as_deref(), Some("2"));
}

async fn unreadable(bed: &Bed, value: u8) {
    let line = format!("\nvpccni_policy_unreadable {value}");
    bed.sees(line.trim(), || async {
        let metrics = bed.operator().metrics().await;
        if metrics.contains(&line) {
            Ok(())
        } else {
            Err(metrics)
        }
    })
    .await;
}
