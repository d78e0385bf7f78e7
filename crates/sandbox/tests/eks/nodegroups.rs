//! Node groups: made over an Auto Scaling group, changed and deleted.

use super::{Eks, ROLE, put};
use crate::lab::{code, filter, message};
use aws_sdk_ec2::types::{RequestLaunchTemplateData, ResponseLaunchTemplateData};
use aws_sdk_eks::operation::create_nodegroup::builders::CreateNodegroupFluentBuilder;
use aws_sdk_eks::types::{
    LaunchTemplateSpecification, Nodegroup, NodegroupScalingConfig, NodegroupStatus, NodegroupUpdateConfig,
};
use std::collections::BTreeMap;

pub(super) fn sizes(min: i32, desired: i32, max: i32) -> NodegroupScalingConfig {
    NodegroupScalingConfig::builder()
        .min_size(min)
        .desired_size(desired)
        .max_size(max)
        .build()
}

impl Eks {
    /// A node group `blue` of so many nodes, one at least and ten at most, to be completed.
    pub(super) fn create_group(&self, nodes: i32) -> CreateNodegroupFluentBuilder {
        self.eks
            .create_nodegroup()
            .cluster_name("one")
            .nodegroup_name("blue")
            .node_role(ROLE)
            .set_subnets(Some(self.subnets.clone()))
            .scaling_config(sizes(nodes.min(1), nodes, 10))
    }

    pub(super) async fn group(&self) -> Nodegroup {
        let describe = self
            .eks
            .describe_nodegroup()
            .cluster_name("one")
            .nodegroup_name("blue");
        let seen = describe.send().await.expect("a node group");
        seen.nodegroup().expect("a node group").clone()
    }

    /// Instances of the node group that are not terminated: id, zone and image.
    pub(super) async fn instances(&self) -> Vec<(String, String, String)> {
        let seen = self
            .lab
            .ec2
            .describe_instances()
            .filters(filter("tag:eks:nodegroup-name", "blue"))
            .filters(filter("instance-state-name", "running"))
            .send()
            .await
            .expect("instances");
        let text = |text: Option<&str>| text.expect("a text").to_owned();
        seen.reservations()
            .iter()
            .flat_map(aws_sdk_ec2::types::Reservation::instances)
            .map(|instance| {
                let zone = instance.placement().and_then(|p| p.availability_zone());
                (
                    text(instance.instance_id()),
                    text(zone),
                    text(instance.image_id()),
                )
            })
            .collect()
    }

    /// A launch template with a type, and the way to name it.
    pub(super) async fn template(&self, data: RequestLaunchTemplateData) -> LaunchTemplateSpecification {
        let create = self.lab.ec2.create_launch_template().launch_template_name("mine");
        let made = create
            .launch_template_data(data)
            .send()
            .await
            .expect("a template");
        let id = made.launch_template().and_then(|t| t.launch_template_id());
        LaunchTemplateSpecification::builder()
            .set_id(id.map(str::to_owned))
            .version("$Latest")
            .build()
    }
}

#[tokio::test]
async fn a_node_group_has_real_instances_over_its_zones() {
    let lab = Eks::with_cluster().await;
    let made = lab
        .create_group(4)
        .labels("team", "net")
        .send()
        .await
        .expect("a group");
    assert_eq!(
        made.nodegroup().and_then(|g| g.status()),
        Some(&NodegroupStatus::Creating)
    );
    let group = lab.group().await;
    assert_eq!(group.status(), Some(&NodegroupStatus::Active));
    assert_eq!(group.version(), Some("1.34"));
    assert!(group.release_version().is_some_and(|r| r.starts_with("1.34.")));
    assert_eq!(group.instance_types(), ["t3.medium"]);
    assert_eq!(group.disk_size(), Some(20));
    let instances = lab.instances().await;
    let mut zones = BTreeMap::new();
    for (_, zone, image) in &instances {
        *zones.entry(zone.as_str()).or_insert(0) += 1;
        assert!(image.starts_with("ami-0"));
    }
    assert_eq!(zones, BTreeMap::from([("us-west-2a", 2), ("us-west-2b", 2)]));
    let scaling = &group.resources().expect("resources").auto_scaling_groups()[0];
    let name = scaling.name().expect("a name");
    assert!(name.starts_with("eks-blue-"));
    let tags = lab.world(|world| world.scaling.groups[name].tags.clone());
    for (key, value) in [
        ("eks:cluster-name", "one"),
        ("eks:nodegroup-name", "blue"),
        ("kubernetes.io/cluster/one", "owned"),
        ("k8s.io/cluster-autoscaler/one", "owned"),
        ("k8s.io/cluster-autoscaler/enabled", "true"),
    ] {
        assert_eq!(tags.get(key).map(String::as_str), Some(value), "{key}");
    }
    // Nodes are in the group of the cluster, and so reach its API server.
    let cluster_group = lab.world(|world| world.clusters["one"].cluster_group.clone());
    assert!(lab.world(|world| {
        let mut primaries = world.interfaces.values();
        primaries.all(|interface| interface.groups == [cluster_group.clone()])
    }));
    lab.end().await;
}

#[tokio::test]
async fn who_follows_the_events_hears_of_nodes_and_their_pods() {
    let lab = Eks::with_cluster().await;
    let said = r#"{"maxPods":110}"#;
    assert!(
        put(&lab, "clusters/one/max-pods", said)
            .await
            .starts_with("HTTP/1.1 200")
    );
    lab.create_group(2).send().await.expect("a group");
    let events: Vec<serde_json::Value> = lab.world(|world| {
        let events = world.events_after(0).map(serde_json::to_value);
        events.collect::<Result<_, _>>().expect("JSON")
    });
    let joined: Vec<_> = events
        .iter()
        .filter(|event| event["kind"] == "node-joins")
        .collect();
    assert_eq!(joined.len(), 2);
    for event in joined {
        assert_eq!(
            (&event["nodegroup"], &event["max_pods"]),
            (&"blue".into(), &110.into())
        );
    }
    lab.end().await;
}

#[tokio::test]
async fn without_a_word_of_the_cni_pods_are_reckoned_by_the_smallest_type() {
    let lab = Eks::with_cluster().await;
    // 3 x (10 - 1) + 2 for m5.large; m5.24xlarge would take 250.
    let create = lab
        .create_group(1)
        .instance_types("m5.24xlarge")
        .instance_types("m5.large");
    create.send().await.expect("a group");
    assert_eq!(
        lab.world(|world| world.clusters["one"].nodegroups["blue"].max_pods),
        29
    );
    lab.end().await;
}

#[tokio::test]
async fn what_cannot_be_a_node_group_is_refused() {
    let lab = Eks::with_cluster().await;
    for refused in [
        lab.create_group(1).scaling_config(sizes(3, 2, 4)),
        lab.create_group(1).scaling_config(sizes(1, 5, 4)),
        lab.create_group(1).instance_types("m5.huge"),
        lab.create_group(1).version("1.35"),
        lab.create_group(1).release_version("1.34.0-20200101"),
        lab.create_group(1).ami_type("WINDOWS_FULL_2022_x86_64".into()),
        lab.create_group(1).ami_type("AL2_x86_64".into()),
        lab.create_group(1).instance_types("m7g.large"),
        lab.create_group(1)
            .set_subnets(Some(vec!["subnet-00000000000000000".to_owned()])),
        lab.create_group(1).update_config(
            NodegroupUpdateConfig::builder()
                .max_unavailable(1)
                .max_unavailable_percentage(10)
                .build(),
        ),
        lab.create_group(1)
            .remote_access(aws_sdk_eks::types::RemoteAccessConfig::builder().build()),
    ] {
        let refused = refused.send().await.expect_err("refused");
        assert_eq!(code(refused), "InvalidParameterException");
    }
    let nowhere = lab.create_group(1).cluster_name("two").send().await;
    assert_eq!(
        nowhere.map(|_| ()).map_err(code),
        Err("ResourceNotFoundException".to_owned())
    );
    assert!(lab.world(|world| world.templates.is_empty() && world.scaling.groups.is_empty()));
    lab.create_group(1).send().await.expect("a group");
    let again = lab.create_group(1).send().await;
    assert_eq!(
        again.map(|_| ()).map_err(code),
        Err("ResourceInUseException".to_owned())
    );
    lab.end().await;
}

#[tokio::test]
async fn a_launch_template_says_what_the_request_does_not() {
    let lab = Eks::with_cluster().await;
    let data = RequestLaunchTemplateData::builder()
        .instance_type("m5.large".into())
        .image_id("ami-00000000000000001");
    let template = lab.template(data.build()).await;
    for refused in [
        lab.create_group(1).instance_types("c5.large"),
        lab.create_group(1).disk_size(50),
        lab.create_group(1).version("1.34"),
        lab.create_group(1).ami_type("AL2023_x86_64_STANDARD".into()),
    ] {
        let refused = refused.launch_template(template.clone()).send().await;
        assert_eq!(
            refused.map(|_| ()).map_err(code),
            Err("InvalidParameterException".to_owned())
        );
    }
    lab.create_group(2)
        .launch_template(template)
        .send()
        .await
        .expect("a group");
    let group = lab.group().await;
    assert_eq!(
        group.ami_type().map(aws_sdk_eks::types::AmiTypes::as_str),
        Some("CUSTOM")
    );
    assert_eq!(group.launch_template().and_then(|t| t.version()), Some("1"));
    assert_eq!(group.launch_template().and_then(|t| t.name()), Some("mine"));
    for (_, _, image) in lab.instances().await {
        assert_eq!(image, "ami-00000000000000001");
    }
    // EKS launches from a template of its own.
    let all = lab
        .lab
        .ec2
        .describe_launch_templates()
        .send()
        .await
        .expect("templates");
    assert_eq!(all.launch_templates().len(), 2);
    let own = all
        .launch_templates()
        .iter()
        .find(|t| t.launch_template_name() != Some("mine"));
    let own = own.and_then(|t| t.launch_template_id()).expect("an id");
    let versions = lab
        .lab
        .ec2
        .describe_launch_template_versions()
        .launch_template_id(own);
    let versions = versions.send().await.expect("versions");
    let data = versions.launch_template_versions()[0].launch_template_data();
    let image = data.and_then(ResponseLaunchTemplateData::image_id);
    assert_eq!(image, Some("ami-00000000000000001"));
    lab.end().await;
}

#[tokio::test]
async fn a_node_group_that_finds_no_addresses_fails_with_their_code() {
    let lab = Eks::with_cluster().await;
    let full = [
        lab.lab.subnet("10.0.8.0/28").await,
        lab.lab.subnet_in("10.0.9.0/28", "us-west-2b").await,
    ];
    // Eleven addresses each.
    for subnet in &full {
        let eni = lab.lab.eni(subnet).await;
        lab.lab.assign(&eni, 10).await.expect("assigned");
    }
    let create = lab.create_group(2).set_subnets(Some(full.to_vec()));
    create.send().await.expect("begun");
    let group = lab.group().await;
    assert_eq!(group.status(), Some(&NodegroupStatus::CreateFailed));
    let issue = &group.health().expect("health").issues()[0];
    assert_eq!(
        issue.code().map(aws_sdk_eks::types::NodegroupIssueCode::as_str),
        Some("InsufficientFreeAddresses")
    );
    assert!(
        issue
            .message()
            .is_some_and(|m| m.contains("does not have enough free addresses"))
    );
    lab.end().await;
}

#[tokio::test]
async fn instances_that_never_become_nodes_fail_the_group_after_a_time() {
    let lab = Eks::with_cluster().await;
    lab.world(|world| world.timings.nodegroup_patience = std::time::Duration::from_mins(15));
    lab.create_group(2).send().await.expect("begun");
    let other = lab.create_group(2).nodegroup_name("green");
    lab.world(|world| world.timings.instance_start = std::time::Duration::from_mins(1));
    other.send().await.expect("begun");
    let said = r#"{"join":false,"evict":true}"#;
    let path = "clusters/one/nodegroups/green/nodes";
    assert!(put(&lab, path, said).await.starts_with("HTTP/1.1 200"));
    assert_eq!(lab.group().await.status(), Some(&NodegroupStatus::Active));
    let green = || async {
        let describe = lab
            .eks
            .describe_nodegroup()
            .cluster_name("one")
            .nodegroup_name("green");
        let seen = describe.send().await.expect("a node group");
        seen.nodegroup().expect("a node group").clone()
    };
    assert_eq!(green().await.status(), Some(&NodegroupStatus::Creating));
    lab.world(|world| {
        while let Some(due) = world.next_due() {
            world.settle(due);
        }
    });
    let failed = green().await;
    assert_eq!(failed.status(), Some(&NodegroupStatus::CreateFailed));
    let issue = &failed.health().expect("health").issues()[0];
    assert_eq!(
        issue.code().map(aws_sdk_eks::types::NodegroupIssueCode::as_str),
        Some("NodeCreationFailure")
    );
    assert_eq!(
        issue.message(),
        Some("Instances failed to join the kubernetes cluster")
    );
    assert_eq!(issue.resource_ids().len(), 2);
    lab.end().await;
}

#[tokio::test]
async fn a_node_group_goes_with_its_instances_and_before_its_cluster() {
    let lab = Eks::with_cluster().await;
    lab.create_group(3).send().await.expect("a group");
    let delete_cluster = || lab.eks.delete_cluster().name("one").send();
    let refused = delete_cluster().await.expect_err("refused");
    assert_eq!(message(&refused), "Cluster has nodegroups attached");
    assert_eq!(code(refused), "ResourceInUseException");
    let list = || lab.eks.list_nodegroups().cluster_name("one").send();
    assert_eq!(list().await.expect("groups").nodegroups(), ["blue"]);
    let delete = lab
        .eks
        .delete_nodegroup()
        .cluster_name("one")
        .nodegroup_name("blue");
    let gone = delete.send().await.expect("deleted");
    assert_eq!(
        gone.nodegroup().and_then(|g| g.status()),
        Some(&NodegroupStatus::Deleting)
    );
    assert!(list().await.expect("groups").nodegroups().is_empty());
    assert!(lab.instances().await.is_empty());
    assert!(lab.world(|world| world.templates.is_empty() && world.scaling.groups.is_empty()));
    delete_cluster().await.expect("deleted");
    lab.end().await;
}

#[tokio::test]
async fn an_auto_scaling_group_that_somebody_deletes_is_missed() {
    let lab = Eks::with_cluster().await;
    lab.create_group(1).send().await.expect("a group");
    lab.world(|world| {
        let name = world.clusters["one"].nodegroups["blue"].scaling_group.clone();
        world.delete_scaling_group(&name, true).expect("deleted");
    });
    let group = lab.group().await;
    assert_eq!(group.status(), Some(&NodegroupStatus::Degraded));
    let issue = &group.health().expect("health").issues()[0];
    assert_eq!(
        issue.code().map(aws_sdk_eks::types::NodegroupIssueCode::as_str),
        Some("AutoScalingGroupNotFound")
    );
    lab.end().await;
}
