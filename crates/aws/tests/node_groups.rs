//! EKS managed node groups through their port.

use crate::lab::Lab;
use aws_sdk_ec2::types::RequestLaunchTemplateData;
use aws_sdk_eks::operation::create_nodegroup::builders::CreateNodegroupFluentBuilder;
use aws_sdk_eks::types::{
    NodegroupScalingConfig, NodegroupUpdateConfig, Taint, TaintEffect, VpcConfigRequest,
};
use std::collections::BTreeMap;
use vpccni_core::ids::LaunchTemplateId;
use vpccni_core::ports::CloudErrorKind;
use vpccni_core::ports::groups::{
    AtOnce, AutoScaling, GroupSize, ManagedGroup, ManagedStatus, NodeGroupCopy, NodeGroupRoll, NodeGroups,
    TemplateRef, UpdateState,
};

const ROLE: &str = "arn:aws:iam::123456789012:role/eks";

struct Groups {
    lab: Lab,
    subnets: Vec<String>,
}

impl Groups {
    /// A cluster `one` in two zones.
    async fn new() -> Self {
        let lab = Lab::new().await;
        let subnets = vec![
            lab.subnet("10.0.0.0/24", "us-west-2a").await.to_string(),
            lab.subnet("10.0.1.0/24", "us-west-2b").await.to_string(),
        ];
        let config = VpcConfigRequest::builder().set_subnet_ids(Some(subnets.clone()));
        let create = lab
            .raw_eks
            .create_cluster()
            .name("one")
            .version("1.34")
            .role_arn(ROLE);
        create
            .resources_vpc_config(config.build())
            .send()
            .await
            .expect("a cluster");
        Self { lab, subnets }
    }

    fn create(&self, nodes: i32) -> CreateNodegroupFluentBuilder {
        let size = NodegroupScalingConfig::builder();
        let size = size.min_size(1).desired_size(nodes).max_size(10).build();
        self.lab
            .raw_eks
            .create_nodegroup()
            .cluster_name("one")
            .nodegroup_name("blue")
            .node_role(ROLE)
            .set_subnets(Some(self.subnets.clone()))
            .scaling_config(size)
    }

    async fn read(&self, name: &str) -> ManagedGroup {
        let read = self.lab.aws.managed_group("one", name).await.expect("read");
        read.expect("a node group")
    }

    /// A template that gives user data and nothing else.
    async fn user_template(&self) -> TemplateRef {
        let data = RequestLaunchTemplateData::builder().user_data("dGVzdA==").build();
        let call = self
            .lab
            .raw
            .create_launch_template()
            .launch_template_name("green");
        let made = call.launch_template_data(data).send().await.expect("a template");
        let id = made
            .launch_template()
            .and_then(|t| t.launch_template_id())
            .expect("an id");
        TemplateRef {
            id: LaunchTemplateId::parse(id).expect("an id"),
            version: "1".to_owned(),
        }
    }
}

#[tokio::test]
async fn a_node_group_with_all_it_holds() {
    let groups = Groups::new().await;
    let taint = Taint::builder()
        .key("team")
        .value("net")
        .effect(TaintEffect::NoSchedule)
        .build();
    let update = NodegroupUpdateConfig::builder().max_unavailable_percentage(33);
    let update = update.build();
    let call = groups
        .create(2)
        .instance_types("m5.large")
        .disk_size(40)
        .labels("team", "net");
    let call = call.taints(taint).tags("owner", "net").update_config(update);
    call.send().await.expect("a group");
    let read = groups.read("blue").await;
    assert_eq!(read.status, ManagedStatus::Active);
    assert_eq!(
        read.size,
        GroupSize {
            min: 1,
            max: 10,
            desired: 2
        }
    );
    assert_eq!(
        (read.template.clone(), read.disk_gib, read.remote_access),
        (None, Some(40), false)
    );
    assert!(
        read.ami_type
            .as_deref()
            .is_some_and(|kind| kind.starts_with("AL2023_x86_64"))
    );
    assert_eq!(read.version.as_deref(), Some("1.34"));
    assert!(
        read.release
            .as_deref()
            .is_some_and(|release| release.starts_with("1.34."))
    );
    let types: Vec<&str> = read
        .instance_types
        .iter()
        .map(vpccni_core::ids::InstanceType::as_str)
        .collect();
    assert_eq!((types, read.subnets.len()), (vec!["m5.large"], 2));
    assert_eq!(read.at_once, Some(AtOnce::Percent(33)));
    let pair = |map: &BTreeMap<String, String>, key: &str| map.get(key).cloned();
    assert_eq!(pair(&read.labels, "team").as_deref(), Some("net"));
    assert_eq!(pair(&read.tags, "owner").as_deref(), Some("net"));
    let taint = &read.taints[0];
    assert_eq!(
        (taint.key.as_str(), taint.value.as_deref(), taint.effect.as_str()),
        ("team", Some("net"), "NO_SCHEDULE")
    );
    assert_eq!(read.issues, Vec::new());
    let scaling = groups.lab.aws.groups(&read.scaling_groups).await.expect("groups");
    assert_eq!(scaling[0].members.len(), 2);
    assert_eq!(groups.lab.aws.managed_group("one", "x").await, Ok(None));
    groups.lab.end().await;
}

#[tokio::test]
async fn what_is_wrong_has_the_code_of_eks() {
    let groups = Groups::new().await;
    let full = [
        groups.lab.subnet("10.0.8.0/28", "us-west-2a").await,
        groups.lab.subnet("10.0.9.0/28", "us-west-2b").await,
    ];
    for subnet in &full {
        let instances = groups
            .lab
            .instances(subnet, aws_sdk_ec2::types::InstanceType::M5Large, 11)
            .await;
        assert_eq!(instances.len(), 11);
    }
    let full = full.map(|subnet| subnet.to_string()).to_vec();
    groups
        .create(2)
        .set_subnets(Some(full))
        .send()
        .await
        .expect("begun");
    let read = groups.read("blue").await;
    assert_eq!(read.status, ManagedStatus::CreateFailed);
    assert_eq!(read.issues[0].code, "InsufficientFreeAddresses");
    assert!(read.issues[0].message.contains("free addresses"));
    groups.lab.end().await;
}

#[tokio::test]
async fn a_successor_has_the_settings_of_the_old_one() {
    let groups = Groups::new().await;
    let call = groups
        .create(2)
        .instance_types("m5.large")
        .labels("team", "net")
        .tags("owner", "net");
    call.disk_size(40).send().await.expect("a group");
    let template = groups.user_template().await;
    let copy = NodeGroupCopy {
        cluster: "one".to_owned(),
        like: "blue".to_owned(),
        name: "green".to_owned(),
        template: Some(template.clone()),
        size: GroupSize {
            min: 0,
            max: 7,
            desired: 1,
        },
        tags: BTreeMap::from([("vpccni.io/migration".to_owned(), "m1".to_owned())]),
        token: "green-1".to_owned(),
    };
    groups.lab.aws.create_like(&copy).await.expect("begun");
    let (old, new) = (groups.read("blue").await, groups.read("green").await);
    assert_eq!((new.status.clone(), new.size), (ManagedStatus::Active, copy.size));
    assert_eq!(new.template, Some(template));
    assert_eq!(
        (
            &new.instance_types,
            &new.subnets,
            &new.labels,
            &new.ami_type,
            &new.release
        ),
        (
            &old.instance_types,
            &old.subnets,
            &old.labels,
            &old.ami_type,
            &old.release
        )
    );
    let mut tags = old.tags;
    tags.extend(copy.tags.clone());
    assert_eq!(new.tags, tags);
    copied_once(&groups, copy).await;
    for _ in 0..2 {
        groups.lab.aws.delete_group("one", "green").await.expect("gone");
    }
    assert_eq!(groups.lab.aws.managed_group("one", "green").await, Ok(None));
    groups.lab.end().await;
}

/// The same token is the same request; another one meets the group that is there.
async fn copied_once(groups: &Groups, copy: NodeGroupCopy) {
    assert_eq!(groups.lab.aws.create_like(&copy).await, Ok(()));
    let again = NodeGroupCopy {
        token: "green-2".to_owned(),
        ..copy.clone()
    };
    let error = groups.lab.aws.create_like(&again).await.expect_err("it is there");
    assert_eq!(error.code, "ResourceInUseException");
    let nowhere = NodeGroupCopy {
        like: "x".to_owned(),
        ..copy
    };
    let error = groups
        .lab
        .aws
        .create_like(&nowhere)
        .await
        .expect_err("nothing to copy");
    assert_eq!(error.kind, CloudErrorKind::NotFound);
}

#[tokio::test]
async fn a_new_size_is_an_update() {
    let groups = Groups::new().await;
    groups.create(2).send().await.expect("a group");
    let size = GroupSize {
        min: 0,
        max: 5,
        desired: 3,
    };
    let id = groups.lab.aws.resize("one", "blue", size).await.expect("begun");
    let update = groups
        .lab
        .aws
        .group_update("one", "blue", &id)
        .await
        .expect("read")
        .expect("an update");
    assert_eq!(
        (update.state, update.issues),
        (UpdateState::Successful, Vec::new())
    );
    assert_eq!(groups.read("blue").await.size, size);
    assert_eq!(
        groups
            .lab
            .aws
            .group_update("one", "blue", "00000000-0000-0000-0000-000000000000")
            .await,
        Ok(None)
    );
    groups.lab.end().await;
}

#[tokio::test]
async fn eks_rolls_a_group_to_a_new_version() {
    let groups = Groups::new().await;
    let template = groups.user_template().await;
    let at = aws_sdk_eks::types::LaunchTemplateSpecification::builder();
    let at = at.id(template.id.as_str()).version("1").build();
    groups
        .create(2)
        .launch_template(at)
        .send()
        .await
        .expect("a group");
    let data = RequestLaunchTemplateData::builder().user_data("bmV3").build();
    let call = groups
        .lab
        .raw
        .create_launch_template_version()
        .launch_template_id(template.id.as_str());
    call.launch_template_data(data).send().await.expect("a version");
    let before: Vec<_> = groups
        .lab
        .aws
        .groups(&groups.read("blue").await.scaling_groups)
        .await
        .expect("groups");
    let second = TemplateRef {
        version: "2".to_owned(),
        ..template
    };
    let roll = NodeGroupRoll {
        cluster: "one".to_owned(),
        name: "blue".to_owned(),
        template: Some(second.clone()),
        token: "roll-1".to_owned(),
    };
    let id = groups.lab.aws.roll(&roll).await.expect("begun");
    let update = groups
        .lab
        .aws
        .group_update("one", "blue", &id)
        .await
        .expect("read")
        .expect("an update");
    assert_eq!(update.state, UpdateState::Successful);
    let read = groups.read("blue").await;
    assert_eq!(read.template, Some(second));
    let after = groups.lab.aws.groups(&read.scaling_groups).await.expect("groups");
    let old: Vec<_> = before[0].members.iter().map(|member| &member.id).collect();
    assert_eq!(after[0].members.len(), 2);
    assert!(after[0].members.iter().all(|member| !old.contains(&&member.id)));
    groups.lab.end().await;
}
