//! UpdateNodegroupVersion: every node is replaced, so many at a time.

use super::nodegroups::sizes;
use super::{Eks, put};
use crate::lab::{code, filter};
use aws_sdk_ec2::types::RequestLaunchTemplateData;
use aws_sdk_eks::operation::update_nodegroup_version::builders::UpdateNodegroupVersionFluentBuilder;
use aws_sdk_eks::types::{
    ErrorCode, NodegroupStatus, NodegroupUpdateConfig, NodegroupUpdateStrategies, Update, UpdateStatus,
    UpdateType,
};
use std::collections::BTreeSet;
use std::time::Duration;

const NEWER: &str = "1.34.6-20260901";

impl Eks {
    fn roll(&self) -> UpdateNodegroupVersionFluentBuilder {
        let update = self.eks.update_nodegroup_version();
        update.cluster_name("one").nodegroup_name("blue")
    }

    /// AWS publishes a newer image.
    async fn publish(&self) {
        let answer = put(self, "ami-releases/1.34", r#"{"date":"20260901"}"#).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    async fn last_roll(&self) -> Update {
        let list = self.eks.list_updates().name("one").nodegroup_name("blue");
        let listed = list.send().await.expect("updates");
        let id = listed.update_ids().last().expect("an update");
        let describe = self.eks.describe_update().name("one").nodegroup_name("blue");
        let seen = describe.update_id(id).send().await.expect("an update");
        seen.update().expect("an update").clone()
    }

    fn ids(&self) -> BTreeSet<String> {
        self.world(|world| {
            let name = &world.clusters["one"].nodegroups["blue"].scaling_group;
            let members = world.scaling.groups[name].active();
            members.map(|member| member.id.to_string()).collect()
        })
    }

    /// Everything that happened so far, by its kind.
    fn told(&self, kind: &str) -> Vec<serde_json::Value> {
        self.world(|world| {
            let events = world.events_after(0).map(serde_json::to_value);
            let events: Vec<_> = events.collect::<Result<_, _>>().expect("JSON");
            events.into_iter().filter(|event| event["kind"] == kind).collect()
        })
    }
}

#[tokio::test]
async fn nothing_newer_is_refused() {
    let lab = Eks::with_cluster().await;
    lab.create_group(2).send().await.expect("a group");
    for refused in [
        lab.roll(),
        lab.roll().version("1.34"),
        lab.roll().version("1.33"),
        lab.roll().version("1.35"),
        lab.roll().release_version("1.34.0-20200101"),
    ] {
        let refused = refused.send().await.expect_err("refused");
        assert_eq!(code(refused), "InvalidParameterException");
    }
    assert_eq!(lab.group().await.status(), Some(&NodegroupStatus::Active));
    lab.end().await;
}

#[tokio::test]
async fn a_newer_image_replaces_every_node_and_the_sizes_are_what_they_were() {
    let lab = Eks::with_cluster().await;
    lab.create_group(3).send().await.expect("a group");
    let before = lab.ids();
    let images: BTreeSet<_> = lab
        .instances()
        .await
        .into_iter()
        .map(|(_, _, image)| image)
        .collect();
    lab.publish().await;
    let begun = lab.roll().send().await.expect("an update");
    let begun = begun.update().expect("an update");
    assert_eq!(begun.r#type(), Some(&UpdateType::VersionUpdate));
    assert_eq!(begun.status(), Some(&UpdateStatus::InProgress));
    let group = lab.group().await;
    assert_eq!(group.status(), Some(&NodegroupStatus::Active));
    assert_eq!(group.release_version(), Some(NEWER));
    let sizes = group.scaling_config().expect("sizes");
    assert_eq!((sizes.desired_size(), sizes.max_size()), (Some(3), Some(10)));
    let after = lab.instances().await;
    assert_eq!(after.len(), 3);
    for (id, _, image) in &after {
        assert!(!before.contains(id) && !images.contains(image));
    }
    let (desired, max) = lab.world(|world| {
        let name = &world.clusters["one"].nodegroups["blue"].scaling_group;
        let scaling = &world.scaling.groups[name];
        (scaling.desired, scaling.max)
    });
    assert_eq!((desired, max), (3, 10));
    assert_eq!(lab.last_roll().await.status(), Some(&UpdateStatus::Successful));
    // Three old nodes are cordoned and drained; twice two zones come beforehand.
    assert_eq!(lab.told("node-cordoned").len(), 3);
    assert_eq!(lab.told("node-drain-requested").len(), 3);
    let phases: Vec<_> = lab
        .told("nodegroup-phase")
        .iter()
        .map(|e| e["phase"].clone())
        .collect();
    assert_eq!(phases, ["scale-up", "upgrade", "scale-down"]);
    lab.end().await;
}

#[tokio::test]
async fn a_cluster_update_lets_the_nodes_follow() {
    let lab = Eks::with_cluster().await;
    lab.create_group(1).send().await.expect("a group");
    let update = lab.eks.update_cluster_version().name("one").version("1.35");
    update.send().await.expect("an update");
    lab.roll().version("1.35").send().await.expect("an update");
    let group = lab.group().await;
    assert_eq!(group.version(), Some("1.35"));
    assert!(group.release_version().is_some_and(|r| r.starts_with("1.35.")));
    lab.end().await;
}

#[tokio::test]
async fn more_nodes_come_first_and_no_more_than_allowed_go_at_once() {
    let lab = Eks::with_cluster().await;
    let rules = NodegroupUpdateConfig::builder()
        .max_unavailable_percentage(50)
        .build();
    lab.create_group(4)
        .update_config(rules)
        .send()
        .await
        .expect("a group");
    let before = lab.ids();
    lab.publish().await;
    lab.world(|world| {
        world.timings.instance_start = Duration::from_secs(10);
        world.timings.instance_stop = Duration::from_secs(10);
        world.timings.node_drain = Duration::from_mins(1);
        world.timings.node_eviction = Duration::from_mins(15);
        world.timings.nodegroup_patience = Duration::from_mins(15);
    });
    lab.roll().send().await.expect("an update");
    assert_eq!(lab.group().await.status(), Some(&NodegroupStatus::Updating));
    assert_eq!(lab.ids().len(), 8, "four nodes, and twice two zones");
    assert_eq!(lab.told("node-drain-requested").len(), 0);
    let in_use = lab.roll().send().await;
    assert_eq!(
        in_use.map(|_| ()).map_err(code),
        Err("ResourceInUseException".to_owned())
    );
    let (mut most, mut serving_least) = (0, usize::MAX);
    while lab.group().await.status() == Some(&NodegroupStatus::Updating) {
        lab.pass();
        let old = lab.ids().intersection(&before).count();
        let drained = lab.told("node-drain-requested").len();
        // Those that are told to go and have not gone yet.
        most = most.max(drained - (before.len() - old));
        serving_least = serving_least.min(lab.instances().await.len());
    }
    assert_eq!(most, 2, "half of four");
    assert!(serving_least >= 4, "never fewer than there were: {serving_least}");
    assert_eq!(lab.ids().len(), 4);
    assert!(lab.ids().is_disjoint(&before));
    lab.end().await;
}

#[tokio::test]
async fn minimal_launches_no_more_than_there_were() {
    let lab = Eks::with_cluster().await;
    let rules = NodegroupUpdateConfig::builder()
        .max_unavailable(1)
        .update_strategy(NodegroupUpdateStrategies::Minimal);
    lab.create_group(3)
        .update_config(rules.build())
        .send()
        .await
        .expect("a group");
    let before = lab.ids();
    lab.publish().await;
    lab.world(|world| {
        world.timings.instance_start = Duration::from_secs(10);
        world.timings.nodegroup_patience = Duration::from_mins(15);
    });
    lab.roll().send().await.expect("an update");
    while lab.group().await.status() == Some(&NodegroupStatus::Updating) {
        assert!(lab.ids().len() <= 3);
        lab.pass();
    }
    assert_eq!(lab.last_roll().await.status(), Some(&UpdateStatus::Successful));
    assert!(lab.ids().is_disjoint(&before));
    assert_eq!(lab.ids().len(), 3);
    lab.end().await;
}

#[tokio::test]
async fn pods_that_do_not_go_fail_the_update_and_the_old_nodes_stay() {
    let lab = Eks::with_cluster().await;
    lab.create_group(2).send().await.expect("a group");
    let before = lab.ids();
    lab.publish().await;
    let stay = r#"{"join":true,"evict":false}"#;
    put(&lab, "clusters/one/nodegroups/blue/nodes", stay).await;
    lab.roll().send().await.expect("begun");
    let failed = lab.last_roll().await;
    assert_eq!(failed.status(), Some(&UpdateStatus::Failed));
    assert_eq!(
        failed.errors()[0].error_code(),
        Some(&ErrorCode::PodEvictionFailure)
    );
    let group = lab.group().await;
    assert_eq!(group.status(), Some(&NodegroupStatus::Active));
    assert_ne!(group.release_version(), Some(NEWER));
    assert_eq!(lab.ids(), before);
    let again = lab.told("node-cordoned");
    let open = again.iter().filter(|event| event["cordoned"] == false).count();
    assert_eq!(open, 2, "they take pods again");
    let limits = lab.world(|world| {
        let name = &world.clusters["one"].nodegroups["blue"].scaling_group;
        let scaling = &world.scaling.groups[name];
        (scaling.min, scaling.desired, scaling.max)
    });
    assert_eq!(limits, (1, 2, 10));
    lab.roll().force(true).send().await.expect("begun");
    assert_eq!(lab.last_roll().await.status(), Some(&UpdateStatus::Successful));
    assert!(lab.ids().is_disjoint(&before), "with force they end all the same");
    lab.end().await;
}

#[tokio::test]
async fn an_update_without_room_for_more_nodes_fails_with_their_code() {
    let lab = Eks::with_cluster().await;
    let small = [
        lab.lab.subnet("10.0.8.0/28").await,
        lab.lab.subnet_in("10.0.9.0/28", "us-west-2b").await,
    ];
    let create = lab.create_group(2).set_subnets(Some(small.to_vec()));
    create.send().await.expect("a group");
    let before = lab.ids();
    // Eleven addresses each, and one node in each.
    for subnet in &small {
        let eni = lab.lab.eni(subnet).await;
        lab.lab.assign(&eni, 9).await.expect("assigned");
    }
    lab.publish().await;
    lab.roll().send().await.expect("begun");
    let failed = lab.last_roll().await;
    assert_eq!(failed.status(), Some(&UpdateStatus::Failed));
    assert_eq!(
        failed.errors()[0].error_code(),
        Some(&ErrorCode::InsufficientFreeAddresses)
    );
    assert_eq!(lab.ids(), before);
    lab.end().await;
}

#[tokio::test]
async fn nodes_that_do_not_join_fail_the_update() {
    let lab = Eks::with_cluster().await;
    lab.create_group(2).send().await.expect("a group");
    let before = lab.ids();
    lab.publish().await;
    put(
        &lab,
        "clusters/one/nodegroups/blue/nodes",
        r#"{"join":false,"evict":true}"#,
    )
    .await;
    lab.roll().send().await.expect("begun");
    let failed = lab.last_roll().await;
    assert_eq!(
        failed.errors()[0].error_code(),
        Some(&ErrorCode::NodeCreationFailure)
    );
    assert_eq!(lab.ids(), before);
    lab.end().await;
}

/// The data of a launch template that says nothing but a type.
fn of_type(instance_type: &str) -> RequestLaunchTemplateData {
    RequestLaunchTemplateData::builder()
        .instance_type(instance_type.into())
        .build()
}

#[tokio::test]
async fn a_newer_version_of_the_template_replaces_nodes_too() {
    let lab = Eks::with_cluster().await;
    let template = lab.template(of_type("m5.large")).await;
    let group = lab.create_group(2).launch_template(template.clone());
    group.send().await.expect("a group");
    let release = lab.group().await.release_version().map(str::to_owned);
    let version = lab.lab.ec2.create_launch_template_version();
    version
        .launch_template_id(template.id().expect("an id"))
        .launch_template_data(of_type("c5.large"))
        .send()
        .await
        .expect("a version");
    let roll = lab.roll().launch_template(template);
    roll.send().await.expect("begun");
    let group = lab.group().await;
    assert_eq!(group.launch_template().and_then(|t| t.version()), Some("2"));
    assert_eq!(
        group.release_version().map(str::to_owned),
        release,
        "the image stays"
    );
    let seen = lab.lab.ec2.describe_instances();
    let seen = seen.filters(filter("instance-type", "c5.large"));
    let seen = seen
        .filters(filter("instance-state-name", "running"))
        .send()
        .await;
    let count: usize = seen
        .expect("instances")
        .reservations()
        .iter()
        .map(|r| r.instances().len())
        .sum();
    assert_eq!(count, 2);
    lab.end().await;
}

#[tokio::test]
async fn a_template_that_is_the_same_or_not_the_groups_is_refused() {
    let lab = Eks::with_cluster().await;
    let template = lab.template(of_type("m5.large")).await;
    let group = lab.create_group(2).launch_template(template.clone());
    group.send().await.expect("a group");
    let same = lab.roll().launch_template(template.clone()).send().await;
    assert_eq!(
        same.map(|_| ()).map_err(code),
        Err("InvalidParameterException".to_owned())
    );
    let without = lab
        .create_group(1)
        .nodegroup_name("plain")
        .scaling_config(sizes(0, 0, 1));
    without.send().await.expect("a group");
    let foreign = lab.roll().nodegroup_name("plain");
    let named = aws_sdk_eks::types::LaunchTemplateSpecification::builder()
        .id(template.id().expect("an id"))
        .version("1");
    let refused = foreign.launch_template(named.build()).send().await;
    assert_eq!(
        refused.map(|_| ()).map_err(code),
        Err("InvalidParameterException".to_owned())
    );
    lab.end().await;
}
