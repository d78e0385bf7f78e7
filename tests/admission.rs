//! The admission policies of the chart, fed by the operator: what others may do to what it owns, and breaking the glass.

use crate::bed::{Bed, env_patch, message, policy};
use serde_json::Value;
use vpccni_testbed::cloud::PodNetwork;
use vpccni_testbed::fixtures::{AwsNode, eni_config};
use vpccni_testbed::scene::{GroupSpec, SceneOptions};

const USERS: &str = include_str!("../charts/tests/data/users.yaml");
const ZONE: &str = "us-west-2a";

/// A cluster with custom networking, so that there is an ENIConfig that nodes use. alice may edit everything, bob may
/// break the glass besides.
fn options() -> SceneOptions {
    SceneOptions {
        groups: vec![GroupSpec {
            name: "blue",
            zone: ZONE,
            instance_type: "m5.large",
            max_pods: 20,
            count: 2,
            network: PodNetwork::CUSTOM,
        }],
        aws_node: Some(AwsNode::published().custom_networking("topology.kubernetes.io/zone")),
        ..SceneOptions::default()
    }
}

fn manage(mode: &str) -> String {
    policy(&format!(
        "managementState: Manage\nownership: {{takeOverFrom: [kubectl]}}\nipAllocation: {{warmEniTarget: 2}}\n\
         admission: {{mode: {mode}}}"
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn others_are_warned_then_denied_and_the_glass_is_broken_once() {
    let bed = Bed::start(options()).await;
    for zone in [ZONE, "us-west-2b"] {
        let pods = &bed.scene.cloud.zones[zone].pods;
        bed.apply(&eni_config(zone, pods.as_str(), &[bed.scene.cloud.pod_group.as_str()]).to_string())
            .await;
    }
    bed.apply(USERS).await;
    bed.apply(&manage("Warn")).await;
    bed.condition("Ready", "True", "Applied").await;
    warned(&bed).await;
    bed.apply(&manage("Deny")).await;
    denied(&bed).await;
    break_the_glass(&bed).await;
    resume(&bed).await;
    bed.shutdown().await;
}

/// Under Warn a change of an owned key goes through, with a warning that names it.
async fn warned(bed: &Bed) {
    let change = env_patch("aws-node", "WARM_ENI_TARGET", "9", "");
    bed.sees("a warning", || async {
        let said = patch_dry(bed, "alice", &change).await?;
        if said.contains("aws-node/WARM_ENI_TARGET of kube-system/aws-node belongs to") {
            Ok(())
        } else {
            Err(said)
        }
    })
    .await;
}

/// Under Deny it does not, nor do the delete of the DaemonSet and the edit of an ENIConfig that nodes use.
async fn denied(bed: &Bed) {
    let change = env_patch("aws-node", "WARM_ENI_TARGET", "9", "");
    let said = refusal(bed, || patch_dry(bed, "alice", &change)).await;
    assert!(
        said.contains("aws-node/WARM_ENI_TARGET of kube-system/aws-node belongs to vpc-cni-operator"),
        "{said}"
    );
    assert!(said.contains("kubectl edit cnip default"), "{said}");
    let free = env_patch("aws-node", "AWS_VPC_K8S_CNI_LOGLEVEL", "INFO", "");
    patch_dry(bed, "alice", &free).await.unwrap();

    let delete = [
        "-n",
        "kube-system",
        "delete",
        "daemonset",
        "aws-node",
        "--dry-run=server",
    ];
    let said = refusal(bed, || bed.kubectl_as("alice", &delete)).await;
    assert!(said.contains("without it no new pod gets an address"), "{said}");

    let edit = |subnet| {
        [
            "patch",
            "eniconfig",
            ZONE,
            "--type=merge",
            "--dry-run=server",
            "-p",
            subnet,
        ]
    };
    let other = edit(r#"{"spec":{"subnet":"subnet-0"}}"#);
    let said = refusal(bed, || bed.kubectl_as("alice", &other)).await;
    assert!(said.contains("nodes use the ENIConfig us-west-2a"), "{said}");
    bed.kubectl_as("alice", &edit(r#"{"metadata":{"labels":{"team":"net"}}}"#))
        .await
        .unwrap();
}

/// Only who has the verb may; what was set then stands, and the status says by whom.
async fn break_the_glass(bed: &Bed) {
    let glass = r#""annotations":{"vpccni.io/break-glass":"outage 4711"}"#;
    let change = env_patch("aws-node", "WARM_ENI_TARGET", "9", glass);
    let said = patch_dry(bed, "alice", &change).await.unwrap_err();
    assert!(said.contains("this user may not use it"), "{said}");
    patch(bed, "bob", &change).await.unwrap();
    let suspended = bed.condition("ConfigApplied", "True", "Suspended").await;
    let key = &suspended["status"]["applied"]["record"]["suspended"][0];
    assert_eq!(
        (&key["key"], &key["value"]),
        (&Value::from("WARM_ENI_TARGET"), &Value::from("9")),
        "{key}"
    );
    assert!(message(&suspended, "ConfigApplied").contains("WARM_ENI_TARGET"));
    bed.event("BreakGlassUsed", "WARM_ENI_TARGET").await;
    assert_eq!(bed.variable("WARM_ENI_TARGET").await.as_deref(), Some("9"));
    // The same annotation once more opens nothing for a key that is still enforced, nor for the first after it resumes.
    let again = env_patch("aws-node", "WARM_PREFIX_TARGET", "1", glass);
    patch_dry(bed, "bob", &again).await.unwrap();
}

async fn resume(bed: &Bed) {
    let remove = [
        "-n",
        "kube-system",
        "annotate",
        "daemonset",
        "aws-node",
        "vpccni.io/break-glass-",
    ];
    bed.kubectl_as("bob", &remove).await.unwrap();
    bed.event("EnforcementResumed", "WARM_ENI_TARGET").await;
    let enforced = bed.condition("ConfigApplied", "True", "Applied").await;
    assert_eq!(
        enforced["status"]["applied"]["record"]["suspended"],
        Value::Array(Vec::new())
    );
    bed.sees("the value of the policy", || async {
        let value = bed.variable("WARM_ENI_TARGET").await;
        if value.as_deref() == Some("2") {
            Ok(())
        } else {
            Err(format!("{value:?}"))
        }
    })
    .await;
}

async fn patch(bed: &Bed, user: &str, patch: &str) -> Result<String, String> {
    bed.kubectl_as(
        user,
        &["-n", "kube-system", "patch", "daemonset", "aws-node", "-p", patch],
    )
    .await
}

async fn patch_dry(bed: &Bed, user: &str, patch: &str) -> Result<String, String> {
    let arguments = [
        "-n",
        "kube-system",
        "patch",
        "daemonset",
        "aws-node",
        "--dry-run=server",
        "-p",
        patch,
    ];
    bed.kubectl_as(user, &arguments).await
}

/// Waits until a request is denied: the API server takes a moment to see new bindings.
async fn refusal<F: Future<Output = Result<String, String>>>(
    bed: &Bed,
    mut request: impl FnMut() -> F,
) -> String {
    let denied = bed.sees("a denial", || {
        let answer = request();
        async {
            match answer.await {
                Err(said) if said.contains("denied request") => Ok(said),
                Ok(said) | Err(said) => Err(said),
            }
        }
    });
    denied.await
}
