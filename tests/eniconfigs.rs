//! ENIConfigs: written from the policy, by id and by tags, not rewritten while nodes use them, and validated where
//! they are the user's.

use crate::bed::{Bed, message, policy};
use serde_json::{Value, json};
use vpccni_testbed::cloud::PodNetwork;
use vpccni_testbed::fixtures::{AwsNode, eni_config};
use vpccni_testbed::scene::{GroupSpec, SceneOptions};

const A: &str = "us-west-2a";
const B: &str = "us-west-2b";

fn options() -> SceneOptions {
    let group = |name, zone| GroupSpec {
        name,
        zone,
        instance_type: "m5.large",
        max_pods: 20,
        count: 1,
        network: PodNetwork::CUSTOM,
    };
    SceneOptions {
        groups: vec![group("blue", A), group("green", B)],
        aws_node: Some(AwsNode::published().custom_networking("topology.kubernetes.io/zone")),
        ..SceneOptions::default()
    }
}

/// A policy with these ENIConfigs, each as a zone and a selector of its subnet.
fn manage(bed: &Bed, entries: &[(&str, String)]) -> String {
    let group = &bed.scene.cloud.pod_group;
    let mut spec = "managementState: Manage\nownership: {takeOverFrom: [kubectl]}\ncustomNetworking:\n  \
                    labelKey: topology.kubernetes.io/zone\n  eniConfigs:\n"
        .to_owned();
    for (zone, subnet) in entries {
        let entry =
            format!("{{name: {zone}, zone: {zone}, subnet: {subnet}, securityGroups: [{{id: {group}}}]}}");
        spec.extend(["  - ", entry.as_str(), "\n"]);
    }
    policy(&spec)
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_written_from_the_policy_and_not_rewritten_while_in_use() {
    let bed = Bed::start(options()).await;
    let (pods_a, pods_b) = (
        bed.scene.cloud.zones[A].pods.clone(),
        bed.scene.cloud.zones[B].pods.clone(),
    );
    let tags = [("use".to_owned(), "pods".to_owned())].into_iter().collect();
    bed.scene
        .sandbox
        .world()
        .write(|world| world.create_tags(&[pods_b.to_string()], &tags))
        .unwrap();
    let by_id = (A, format!("{{id: {pods_a}}}"));
    let by_tags = (B, "{tags: {use: pods}}".to_owned());
    bed.apply(&manage(&bed, &[by_id.clone(), by_tags.clone()])).await;
    let valid = bed.condition("EniConfigsValid", "True", "Valid").await;
    for (zone, subnet) in [(A, &pods_a), (B, &pods_b)] {
        let object = bed.get(&["eniconfig", zone]).await;
        let groups = [bed.scene.cloud.pod_group.as_str()];
        assert_eq!(
            object["spec"],
            json!({"subnet": subnet.as_str(), "securityGroups": groups})
        );
        assert_eq!(object["metadata"]["ownerReferences"], Value::Null);
    }
    let rows = valid["status"]["eniConfigs"].as_array().unwrap();
    let row = |row: &Value| (row["name"].clone(), row["valid"].clone(), row["nodes"].clone());
    let expected = [
        (A.into(), true.into(), 1.into()),
        (B.into(), true.into(), 1.into()),
    ];
    assert_eq!(rows.iter().map(row).collect::<Vec<_>>(), expected);
    bed.event("EniConfigWritten", "").await;
    not_rewritten(&bed, &by_tags).await;
    subnet_of_another_zone(&bed, &[by_id, by_tags]).await;
    bed.shutdown().await;
}

/// Another subnet of the same zone would be valid, but nodes use the ENIConfig.
async fn not_rewritten(bed: &Bed, other: &(&str, String)) {
    let before = bed.get(&["eniconfig", A]).await["spec"].clone();
    let elsewhere = (A, format!("{{id: {}}}", bed.scene.cloud.zones[A].nodes));
    bed.apply(&manage(bed, &[elsewhere, other.clone()])).await;
    let refused = bed.condition("EniConfigsValid", "False", "Invalid").await;
    let said = message(&refused, "EniConfigsValid");
    assert!(said.contains("ENIConfig us-west-2a is not rewritten"), "{said}");
    assert_eq!(bed.get(&["eniconfig", A]).await["spec"], before);
}

/// A zone whose subnet is another zone's: found before a node is there, and not written.
async fn subnet_of_another_zone(bed: &Bed, entries: &[(&str, String)]) {
    let wrong = ("us-west-2c", format!("{{id: {}}}", bed.scene.cloud.zones[A].pods));
    let mut entries = entries.to_vec();
    entries.push(wrong);
    bed.apply(&manage(bed, &entries)).await;
    let invalid = bed.condition("EniConfigsValid", "False", "Invalid").await;
    let said = message(&invalid, "EniConfigsValid");
    assert!(
        said.contains("us-west-2c") && said.contains("is in zone us-west-2a"),
        "{said}"
    );
    assert!(!said.contains("not rewritten"), "{said}");
    let event = bed.event("EniConfigInvalid", "is in zone us-west-2a").await;
    assert_eq!(
        (&event["regarding"]["kind"], &event["regarding"]["name"]),
        (&"ENIConfig".into(), &"us-west-2c".into())
    );
    let all = bed.get(&["eniconfigs"]).await;
    let names: Vec<&str> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, [A, B]);
}

#[tokio::test(flavor = "multi_thread")]
async fn those_of_the_user_are_validated_and_left_alone() {
    let bed = Bed::start(options()).await;
    let cloud = &bed.scene.cloud;
    let of = |name, zone: &str| {
        eni_config(name, cloud.zones[zone].pods.as_str(), &[cloud.pod_group.as_str()]).to_string()
    };
    bed.apply(&of(A, A)).await;
    bed.apply(&policy("managementState: Manage\nlogging: {level: Debug}"))
        .await;
    let missing = bed.condition("EniConfigsValid", "False", "Invalid").await;
    let said = message(&missing, "EniConfigsValid");
    assert!(
        said.contains("zone us-west-2b can receive a node but has no ENIConfig"),
        "{said}"
    );

    bed.apply(&of(B, A)).await;
    let said = invalid(&bed, "interfaces cannot be attached across zones").await;
    assert!(
        said.contains("ENIConfig us-west-2b") && said.contains("is in zone us-west-2a"),
        "{said}"
    );
    let event = bed.event("EniConfigInvalid", "across zones").await;
    let object = bed.get(&["eniconfig", B]).await;
    assert_eq!(event["regarding"]["uid"], object["metadata"]["uid"]);
    let managers = object["metadata"]["managedFields"].as_array().unwrap();
    assert!(
        managers
            .iter()
            .all(|entry| entry["manager"] == "kubectl-client-side-apply"),
        "{managers:?}"
    );

    let mut foreign = eni_config(B, cloud.zones[B].pods.as_str(), &["sg-0123456789abcdef0"]);
    bed.apply(&foreign.to_string()).await;
    invalid(&bed, "security group sg-0123456789abcdef0 does not exist").await;
    foreign["spec"]["securityGroups"] = json!([cloud.pod_group.as_str()]);
    bed.apply(&foreign.to_string()).await;
    bed.condition("EniConfigsValid", "True", "Valid").await;
    bed.shutdown().await;
}

/// Waits until the condition says this of the ENIConfigs.
async fn invalid(bed: &Bed, text: &str) -> String {
    bed.sees(text, || async {
        let said = message(&bed.policy().await, "EniConfigsValid");
        if said.contains(text) { Ok(said) } else { Err(said) }
    })
    .await
}
