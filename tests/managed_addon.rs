//! The configuration carried by the EKS managed add-on: written by UpdateAddon alone, never in the DaemonSet.

use crate::bed::{Bed, message, policy};
use serde_json::{Value, json};
use vpccni_testbed::eks::render;
use vpccni_testbed::sandbox::world::{NewAddon, Resolve};
use vpccni_testbed::scene::SceneOptions;

const WARM: &str = "WARM_ENI_TARGET";

/// A cluster whose aws-node EKS has made from an add-on.
async fn bed() -> Bed {
    let bed = Bed::start(SceneOptions {
        aws_node: None,
        ..SceneOptions::default()
    })
    .await;
    let made = bed.scene.sandbox.world().write(|world| {
        let new = NewAddon {
            cluster: "demo".to_owned(),
            name: "vpc-cni".to_owned(),
            configuration_values: Some(r#"{"tolerations":[{"operator":"Exists"}]}"#.to_owned()),
            resolve: Resolve::Overwrite,
            ..NewAddon::default()
        };
        world.create_addon(new).map(|addon| addon.version.clone())
    });
    made.unwrap();
    bed
}

fn carried(state: &str, writer: &str, rest: &str) -> String {
    policy(&format!(
        "managementState: {state}\ntarget: {{managedAddon: {{clusterName: demo, name: vpc-cni, writer: {writer}}}}}\n{rest}"
    ))
}

fn document(bed: &Bed) -> Value {
    let text = bed.scene.cloud.addon_document("vpc-cni").unwrap_or_default();
    serde_json::from_str(&text).unwrap()
}

/// Who owns a variable of the DaemonSet.
async fn owners(bed: &Bed) -> Vec<String> {
    let managed = bed.daemon_set().await["metadata"]["managedFields"].clone();
    let entries = managed.as_array().unwrap().iter();
    let spec = entries.filter(|entry| entry["fieldsV1"].get("f:spec").is_some());
    spec.map(|entry| entry["manager"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_writes_the_document_of_the_add_on_and_nothing_else() {
    let bed = bed().await;
    let story = async {
        bed.sees("the DaemonSet of EKS", || async {
            let arguments = ["-n", "kube-system", "get", "daemonset", "aws-node"];
            let found = bed.scene.plane.kubectl_ok(&arguments, None).await;
            found.map_err(|error| error.to_string())
        })
        .await;
        observed_and_managed(&bed).await;
        refused(&bed).await;
        external(&bed).await;
    };
    tokio::select! {
        () = story => {}
        ended = render(&bed.scene.plane, &bed.scene.cloud, "vpc-cni") => panic!("{ended:?}"),
    }
    bed.shutdown().await;
}

async fn observed_and_managed(bed: &Bed) {
    bed.apply(&carried(
        "Observe",
        "Operator",
        "ipAllocation: {warmEniTarget: 2}",
    ))
    .await;
    let seen = bed.condition("Ready", "True", "Observing").await;
    assert_eq!(seen["status"]["wouldChange"][0]["key"], WARM, "{seen}");
    bed.apply(&carried(
        "Manage",
        "Operator",
        "ipAllocation: {warmEniTarget: 2}\npodSecurityGroups: {branchEniCooldownSeconds: 60}",
    ))
    .await;
    let ready = bed.condition("Ready", "True", "Applied").await;
    assert_eq!(ready["status"]["target"]["managedAddon"]["name"], "vpc-cni");
    assert_eq!(
        document(bed),
        json!({"branchENICooldown": 60, "env": {WARM: "2"}, "tolerations": [{"operator": "Exists"}]})
    );
    assert_eq!(bed.variable(WARM).await.as_deref(), Some("2"));
    bed.event("ConfigurationApplied", WARM).await;
    let owners = owners(bed).await;
    assert!(owners.iter().all(|owner| owner == "eks"), "{owners:?}");
    // A value that is no longer named stays, and one to remove goes.
    bed.apply(&carried(
        "Manage",
        "Operator",
        "unset: [amazon-vpc-cni/branch-eni-cooldown]",
    ))
    .await;
    bed.condition("Ready", "True", "Applied").await;
    assert_eq!(
        document(bed),
        json!({"env": {WARM: "2"}, "tolerations": [{"operator": "Exists"}]})
    );
}

async fn refused(bed: &Bed) {
    let before = document(bed);
    bed.apply(&carried("Manage", "Operator", "ipAllocation: {mode: Prefix}"))
        .await;
    bed.condition("Stalled", "True", "UnsafeChange").await;
    assert_eq!(document(bed), before);
}

async fn external(bed: &Bed) {
    let before = document(bed);
    bed.apply(&carried("Manage", "External", "ipAllocation: {warmEniTarget: 3}"))
        .await;
    let waiting = bed.condition("Ready", "False", "WaitingForWriter").await;
    assert!(
        message(&waiting, "Ready").contains("WARM_ENI_TARGET=3"),
        "{waiting}"
    );
    let published = waiting["status"]["target"]["addonDocument"].as_str().unwrap();
    let published: Value = serde_json::from_str(published).unwrap();
    assert_eq!(published["env"][WARM], "3");
    assert_eq!(document(bed), before, "nothing was written");
    // The pipeline does what the status says.
    bed.scene
        .cloud
        .set_addon_document("vpc-cni", &published.to_string())
        .unwrap();
    let ready = bed.condition("Ready", "True", "Applied").await;
    assert_eq!(ready["status"]["target"].get("addonDocument"), None);
}
