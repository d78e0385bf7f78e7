//! Auto Scaling groups through their port.

use crate::lab::Lab;
use aws_sdk_autoscaling::operation::create_auto_scaling_group::builders::CreateAutoScalingGroupFluentBuilder;
use aws_sdk_autoscaling::types::{
    InstancesDistribution, LaunchTemplate, LaunchTemplateOverrides, LaunchTemplateSpecification,
    MixedInstancesPolicy, Tag,
};
use aws_sdk_ec2::types::{InstanceType as WireType, RequestLaunchTemplateData};
use std::collections::{BTreeMap, BTreeSet};
use vpccni_core::ids::{InstanceId, LaunchTemplateId};
use vpccni_core::ports::CloudErrorKind;
use vpccni_core::ports::groups::{
    AutoScaling, GroupSize, LaunchSource, MemberState, ScalingGroup, TemplateRef,
};

impl Lab {
    /// A launch template with so many versions that say nothing but image and type.
    pub(crate) async fn template(&self, name: &str, versions: u32) -> LaunchTemplateId {
        let data = RequestLaunchTemplateData::builder()
            .image_id("ami-00000000000000001")
            .instance_type(WireType::M5Large)
            .build();
        let call = self.raw.create_launch_template().launch_template_name(name);
        let made = call
            .launch_template_data(data.clone())
            .send()
            .await
            .expect("a template");
        let id = made
            .launch_template()
            .and_then(|t| t.launch_template_id())
            .expect("an id");
        for _ in 1..versions {
            let call = self.raw.create_launch_template_version().launch_template_id(id);
            call.launch_template_data(data.clone())
                .send()
                .await
                .expect("a version");
        }
        LaunchTemplateId::parse(id).expect("an id")
    }

    /// A group of m5.large over two zones, to be completed with what it launches from.
    async fn group(&self, name: &str, desired: i32, max: i32) -> CreateAutoScalingGroupFluentBuilder {
        let third = u32::from(name.as_bytes()[0] - b'a') * 2;
        let a = self.subnet(&format!("10.0.{third}.0/24"), "us-west-2a").await;
        let b = self
            .subnet(&format!("10.0.{}.0/24", third + 1), "us-west-2b")
            .await;
        self.raw_scaling
            .create_auto_scaling_group()
            .auto_scaling_group_name(name)
            .vpc_zone_identifier(format!("{a},{b}"))
            .min_size(1)
            .max_size(max)
            .desired_capacity(desired)
    }

    async fn read(&self, name: &str) -> ScalingGroup {
        let read = self.aws.groups(&[name.to_owned()]).await.expect("groups");
        read.into_iter().next().expect("the group")
    }
}

fn at(id: &LaunchTemplateId, version: &str) -> LaunchTemplateSpecification {
    let template = LaunchTemplateSpecification::builder().launch_template_id(id.as_str());
    template.version(version).build()
}

fn of(id: &LaunchTemplateId, version: &str) -> TemplateRef {
    TemplateRef {
        id: id.clone(),
        version: version.to_owned(),
    }
}

fn size(min: u32, max: u32, desired: u32) -> GroupSize {
    GroupSize { min, max, desired }
}

#[tokio::test]
async fn a_group_with_all_it_holds() {
    let lab = Lab::new().await;
    let template = lab.template("nodes", 2).await;
    let tag = Tag::builder()
        .key("k8s.io/cluster-autoscaler/enabled")
        .value("true")
        .build();
    let call = lab.group("a", 2, 5).await.launch_template(at(&template, "1"));
    call.tags(tag).send().await.expect("a group");
    let read = lab.read("a").await;
    assert_eq!((read.name.as_str(), read.size), ("a", size(1, 5, 2)));
    assert_eq!(read.launch, LaunchSource::Template(of(&template, "1")));
    assert_eq!(read.launch.template(), Some(&of(&template, "1")));
    assert_eq!(read.subnets.len(), 2);
    assert_eq!(
        read.tags
            .get("k8s.io/cluster-autoscaler/enabled")
            .map(String::as_str),
        Some("true")
    );
    assert!(!read.deleting && !read.protects_new && read.suspended.is_empty());
    let zones: BTreeSet<&str> = read.members.iter().map(|m| m.zone.as_str()).collect();
    assert_eq!(zones, BTreeSet::from(["us-west-2a", "us-west-2b"]));
    for member in &read.members {
        assert_eq!(
            (member.state, member.healthy, member.protected),
            (MemberState::InService, true, false)
        );
        assert_eq!(
            member
                .instance_type
                .as_ref()
                .map(vpccni_core::ids::InstanceType::as_str),
            Some("m5.large")
        );
        assert_eq!(member.template, Some(of(&template, "1")));
    }
    let gone = lab.aws.groups(&["x".to_owned(), "a".to_owned()]).await;
    assert_eq!(gone.map(|all| all.len()), Ok(1));
    assert_eq!(lab.aws.groups(&[]).await, Ok(Vec::new()));
    lab.end().await;
}

#[tokio::test]
async fn the_groups_of_instances_in_batches_of_fifty() {
    let lab = Lab::new().await;
    let template = lab.template("nodes", 1).await;
    for (name, count) in [("a", 60), ("b", 3)] {
        let call = lab
            .group(name, count, 100)
            .await
            .launch_template(at(&template, "1"));
        call.send().await.expect("a group");
    }
    let mut ids = Vec::new();
    for name in ["a", "b"] {
        ids.extend(lab.read(name).await.members.into_iter().map(|member| member.id));
    }
    ids.push(InstanceId::parse("i-0123").expect("an id"));
    let groups = lab.aws.groups_of(&ids).await.expect("groups");
    let count = |name: &str| groups.values().filter(|group| *group == name).count();
    assert_eq!((count("a"), count("b"), groups.len()), (60, 3, 63));
    assert_eq!(lab.answered("DescribeAutoScalingInstances"), 2);
    lab.end().await;
}

#[tokio::test]
async fn sizes_and_bounds() {
    let lab = Lab::new().await;
    let template = lab.template("nodes", 1).await;
    let call = lab.group("a", 2, 4).await.launch_template(at(&template, "1"));
    call.send().await.expect("a group");
    for _ in 0..2 {
        lab.aws.set_desired("a", 3).await.expect("three");
        assert_eq!(lab.read("a").await.size, size(1, 4, 3));
    }
    assert_eq!(lab.read("a").await.members.len(), 3);
    let error = lab.aws.set_desired("a", 5).await.expect_err("past the maximum");
    assert_eq!(
        (error.kind, error.action, error.code.as_str()),
        (
            CloudErrorKind::Invalid,
            "autoscaling:SetDesiredCapacity",
            "ValidationError"
        )
    );
    lab.aws
        .set_bounds("a", Some(0), None)
        .await
        .expect("a lower floor");
    assert_eq!(lab.read("a").await.size, size(0, 4, 3));
    lab.aws
        .set_bounds("a", None, Some(3))
        .await
        .expect("a lower ceiling");
    assert_eq!(lab.read("a").await.size, size(0, 3, 3));
    assert!(lab.aws.set_desired("x", 1).await.is_err());
    lab.end().await;
}

#[tokio::test]
async fn one_very_instance_goes_and_the_group_is_one_smaller_or_not() {
    let lab = Lab::new().await;
    let template = lab.template("nodes", 1).await;
    let call = lab.group("a", 3, 4).await.launch_template(at(&template, "1"));
    call.send().await.expect("a group");
    let first = lab.read("a").await.members[0].id.clone();
    lab.aws.terminate(&first, true).await.expect("on its way");
    let read = lab.read("a").await;
    assert_eq!(read.size.desired, 2);
    let serving = read
        .members
        .iter()
        .filter(|member| member.state == MemberState::InService);
    assert!(serving.clone().all(|member| member.id != first));
    let second = read
        .members
        .iter()
        .map(|member| &member.id)
        .find(|id| **id != first)
        .expect("another");
    lab.aws.terminate(second, false).await.expect("on its way");
    let read = lab.read("a").await;
    assert_eq!(read.size.desired, 2);
    assert!(
        lab.aws
            .terminate(&InstanceId::parse("i-0123").expect("an id"), true)
            .await
            .is_err()
    );
    lab.end().await;
}

#[tokio::test]
async fn protection_processes_and_tags_come_and_go() {
    let lab = Lab::new().await;
    let template = lab.template("nodes", 1).await;
    let call = lab.group("a", 2, 4).await.launch_template(at(&template, "1"));
    call.send().await.expect("a group");
    let ids: Vec<InstanceId> = lab
        .read("a")
        .await
        .members
        .into_iter()
        .map(|member| member.id)
        .collect();
    let protected = |group: &ScalingGroup| group.members.iter().filter(|member| member.protected).count();
    for on in [true, true, false] {
        lab.aws.protect("a", &ids[..1], on).await.expect("protected");
        assert_eq!(protected(&lab.read("a").await), usize::from(on));
    }
    let processes = ["AZRebalance".to_owned()];
    for _ in 0..2 {
        lab.aws.suspend("a", &processes).await.expect("suspended");
    }
    assert_eq!(lab.read("a").await.suspended, BTreeSet::from(processes.clone()));
    lab.aws.resume("a", &processes).await.expect("resumed");
    assert_eq!(lab.read("a").await.suspended, BTreeSet::new());
    let tags = BTreeMap::from([("vpccni.io/undo-max".to_owned(), "4".to_owned())]);
    lab.aws.tag("a", &tags).await.expect("a tag");
    assert_eq!(lab.read("a").await.tags, tags);
    let keys: Vec<String> = tags.into_keys().collect();
    for _ in 0..2 {
        lab.aws.untag("a", &keys).await.expect("no tag");
        assert!(lab.read("a").await.tags.is_empty());
    }
    lab.end().await;
}

#[tokio::test]
async fn a_group_launches_from_another_version() {
    let lab = Lab::new().await;
    let (template, other) = (lab.template("nodes", 2).await, lab.template("other", 1).await);
    let call = lab.group("a", 1, 4).await.launch_template(at(&template, "1"));
    call.send().await.expect("a group");
    lab.aws
        .use_template("a", &of(&template, "2"))
        .await
        .expect("another version");
    assert_eq!(lab.read("a").await.launch.template(), Some(&of(&template, "2")));
    let error = lab
        .aws
        .use_template("a", &of(&other, "1"))
        .await
        .expect_err("not its own");
    assert_eq!(error.code, "NotItsTemplate");
    assert!(lab.aws.use_template("x", &of(&template, "1")).await.is_err());
    lab.end().await;
}

#[tokio::test]
async fn a_mixed_policy_keeps_everything_but_the_version() {
    let lab = Lab::new().await;
    let (template, arm) = (lab.template("nodes", 2).await, lab.template("arm", 1).await);
    let way = LaunchTemplateOverrides::builder();
    let launch = LaunchTemplate::builder()
        .launch_template_specification(at(&template, "1"))
        .overrides(way.clone().instance_type("m5.large").build())
        .overrides(
            way.clone()
                .instance_type("c5.large")
                .launch_template_specification(at(&template, "1"))
                .build(),
        )
        .overrides(
            way.instance_type("r5.large")
                .launch_template_specification(at(&arm, "1"))
                .build(),
        );
    let how = InstancesDistribution::builder()
        .on_demand_base_capacity(1)
        .on_demand_percentage_above_base_capacity(25)
        .spot_allocation_strategy("price-capacity-optimized");
    let policy = MixedInstancesPolicy::builder()
        .launch_template(launch.build())
        .instances_distribution(how.build());
    let call = lab.group("a", 1, 4).await.mixed_instances_policy(policy.build());
    call.send().await.expect("a group");
    let wire = || async {
        let call = lab.raw_scaling.describe_auto_scaling_groups();
        let seen = call.send().await.expect("groups");
        seen.auto_scaling_groups()[0]
            .mixed_instances_policy()
            .expect("a policy")
            .clone()
    };
    let before = wire().await;
    lab.aws
        .use_template("a", &of(&template, "2"))
        .await
        .expect("another version");
    let LaunchSource::Mixed {
        template: main,
        types,
        own,
    } = lab.read("a").await.launch
    else {
        panic!("the policy is gone");
    };
    assert_eq!(
        (main, own),
        (of(&template, "2"), vec![of(&template, "2"), of(&arm, "1")])
    );
    let types: Vec<&str> = types.iter().map(vpccni_core::ids::InstanceType::as_str).collect();
    assert_eq!(types, ["m5.large", "c5.large", "r5.large"]);
    let after = wire().await;
    assert_eq!(after.instances_distribution(), before.instances_distribution());
    lab.end().await;
}
