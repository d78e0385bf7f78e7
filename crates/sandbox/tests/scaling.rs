//! Auto Scaling groups: sizes, zones, launches, and what is refused.

use crate::lab::code;
use crate::scaling_lab::{Groups, text, version};
use aws_sdk_autoscaling::types::{
    Filter, InstancesDistribution, LaunchTemplate, LaunchTemplateOverrides, MixedInstancesPolicy,
    ScalingActivityStatusCode, Tag,
};
use std::collections::BTreeMap;

#[tokio::test]
async fn a_group_spreads_over_its_zones_and_marks_its_instances() {
    let groups = Groups::new().await;
    let tag = |key: &str, propagate| {
        let tag = Tag::builder().key(key).value("v").propagate_at_launch(propagate);
        tag.build()
    };
    let call = groups.create(5, 6).tags(tag("on", true)).tags(tag("off", false));
    call.send().await.expect("a group");
    assert_eq!(groups.serving().await.len(), 5);
    let zones: Vec<usize> = groups.by_zone().await.into_values().collect();
    assert_eq!(zones, [3, 2]);
    let group = groups.group().await;
    assert_eq!(group.availability_zones(), ["us-west-2a", "us-west-2b"]);
    let first = group.instances()[0].instance_id().expect("an id");
    let seen = groups.lab.ec2.describe_instances().instance_ids(first);
    let seen = seen.send().await.expect("instances");
    let tags: BTreeMap<_, _> = seen.reservations()[0].instances()[0]
        .tags()
        .iter()
        .filter_map(|tag| Some((tag.key()?, tag.value()?)))
        .collect();
    assert_eq!(tags.get("aws:autoscaling:groupName"), Some(&"g"));
    assert_eq!(tags.get("aws:ec2launchtemplate:version"), Some(&"1"));
    assert_eq!((tags.get("on"), tags.get("off")), (Some(&"v"), None));
    groups.lab.end().await;
}

#[tokio::test]
async fn the_desired_capacity_keeps_to_its_bounds() {
    let groups = Groups::with(1, 3).await;
    assert_eq!(
        groups.set_desired(5).await,
        Err(
            "ValidationError: New SetDesiredCapacity value 5 is above max value 3 for the AutoScalingGroup."
                .to_owned()
        )
    );
    groups.set_desired(3).await.expect("three");
    assert_eq!(groups.serving().await.len(), 3);
    groups.set_desired(1).await.expect("one");
    assert_eq!(groups.serving().await.len(), 1);
    let update = groups
        .asg
        .update_auto_scaling_group()
        .auto_scaling_group_name("g");
    update.clone().min_size(2).send().await.expect("a higher floor");
    assert_eq!(groups.group().await.desired_capacity(), Some(2));
    let refused = update.min_size(4).send().await.expect_err("min above max");
    assert_eq!(
        text(&refused),
        "ValidationError: Max bound, 3, must be greater than or equal to min bound, 4"
    );
    let missing = groups
        .asg
        .set_desired_capacity()
        .auto_scaling_group_name("x")
        .desired_capacity(1);
    let missing = missing.send().await.expect_err("no group");
    assert!(text(&missing).starts_with("ValidationError: AutoScalingGroup name not found - "));
    groups.lab.end().await;
}

#[tokio::test]
async fn zones_are_made_even_again() {
    let groups = Groups::with(4, 4).await;
    groups.suspend("AZRebalance").await;
    let update = groups
        .asg
        .update_auto_scaling_group()
        .auto_scaling_group_name("g");
    let one = update.clone().vpc_zone_identifier(&groups.subnets[0]);
    one.send().await.expect("one zone");
    assert_eq!(
        groups.by_zone().await.values().copied().collect::<Vec<_>>(),
        [2, 2]
    );
    groups.resume("AZRebalance").await;
    assert_eq!(
        groups.by_zone().await.into_iter().collect::<Vec<_>>(),
        [("us-west-2a".to_owned(), 4)]
    );
    let both = update.vpc_zone_identifier(groups.subnets.join(","));
    both.send().await.expect("two zones");
    assert_eq!(
        groups.by_zone().await.values().copied().collect::<Vec<_>>(),
        [2, 2]
    );
    assert_eq!(groups.serving().await.len(), 4);
    groups.lab.end().await;
}

#[tokio::test]
async fn a_full_subnet_fails_the_launch_and_is_tried_again() {
    let groups = Groups::new().await;
    let tiny = groups.lab.subnet_in("10.0.2.0/28", "us-west-2c").await;
    let call = groups.create(13, 20).vpc_zone_identifier(&tiny);
    call.send().await.expect("a group");
    assert_eq!(groups.serving().await.len(), 11);
    let (status, _) = groups.activities().await.remove(0);
    assert_eq!(status, ScalingActivityStatusCode::Failed);
    let failed = |activities: &[(ScalingActivityStatusCode, String)]| {
        activities
            .iter()
            .filter(|(s, _)| *s == ScalingActivityStatusCode::Failed)
            .count()
    };
    let first = failed(&groups.activities().await);
    // One second, two, four, eight: not every second.
    groups.wait(16);
    let later = failed(&groups.activities().await) - first;
    assert_eq!(later, 4);
    let seen = groups
        .asg
        .describe_scaling_activities()
        .send()
        .await
        .expect("activities");
    let told = seen.activities()[0].status_message().unwrap_or_default();
    assert!(told.starts_with("InsufficientFreeAddressesInSubnet - "), "{told}");
    assert!(told.ends_with("Launching EC2 instance failed."));
    let both = groups
        .asg
        .update_auto_scaling_group()
        .auto_scaling_group_name("g");
    let both = both.vpc_zone_identifier(format!("{tiny},{}", groups.subnets[0]));
    both.send().await.expect("more room");
    assert_eq!(groups.serving().await.len(), 13);
    groups.lab.end().await;
}

#[tokio::test]
async fn a_group_goes_with_its_members_or_not_at_all() {
    let groups = Groups::with(2, 2).await;
    let twice = groups.create(1, 1).send().await.map(|_| ()).map_err(code);
    assert_eq!(twice, Err("AlreadyExists".to_owned()));
    let delete = groups
        .asg
        .delete_auto_scaling_group()
        .auto_scaling_group_name("g");
    let refused = delete.clone().send().await.map(|_| ()).map_err(code);
    assert_eq!(refused, Err("ResourceInUse".to_owned()));
    delete.force_delete(true).send().await.expect("deleted");
    let seen = groups
        .asg
        .describe_auto_scaling_groups()
        .send()
        .await
        .expect("groups");
    assert_eq!(seen.auto_scaling_groups().len(), 0);
    assert_eq!(groups.lab.available(&groups.subnets[0]).await, 251);
    let past = groups
        .asg
        .describe_scaling_activities()
        .auto_scaling_group_name("g");
    let past = past
        .include_deleted_groups(true)
        .send()
        .await
        .expect("activities");
    assert_eq!(past.activities().len(), 4);
    groups.lab.end().await;
}

#[tokio::test]
async fn mixed_instances_take_the_first_type_and_mix_spot() {
    let groups = Groups::new().await;
    let way = |name: &str| LaunchTemplateOverrides::builder().instance_type(name).build();
    let launch = LaunchTemplate::builder()
        .launch_template_specification(version("$Latest"))
        .overrides(way("c5.large"))
        .overrides(way("m5.large"));
    let how = InstancesDistribution::builder()
        .on_demand_base_capacity(1)
        .on_demand_percentage_above_base_capacity(0);
    let policy = MixedInstancesPolicy::builder()
        .launch_template(launch.build())
        .instances_distribution(how.build());
    let call = groups
        .asg
        .create_auto_scaling_group()
        .auto_scaling_group_name("g");
    let call = call
        .mixed_instances_policy(policy.build())
        .vpc_zone_identifier(groups.subnets.join(","));
    call.min_size(3).max_size(3).send().await.expect("a group");
    let group = groups.group().await;
    assert!(
        group
            .instances()
            .iter()
            .all(|m| m.instance_type() == Some("c5.large"))
    );
    let seen = groups
        .lab
        .ec2
        .describe_instances()
        .send()
        .await
        .expect("instances");
    let instances = seen
        .reservations()
        .iter()
        .flat_map(aws_sdk_ec2::types::Reservation::instances);
    let spot = instances.filter(|i| i.instance_lifecycle().is_some_and(|l| l.as_str() == "spot"));
    assert_eq!(spot.count(), 2);
    let policy = group.mixed_instances_policy().expect("the policy");
    let distribution = policy.instances_distribution().expect("the distribution");
    assert_eq!(distribution.on_demand_percentage_above_base_capacity(), Some(0));
    groups.lab.end().await;
}

#[tokio::test]
async fn pages_and_filters() {
    let groups = Groups::new().await;
    for number in 0..5 {
        let tag = Tag::builder().key("odd").value((number % 2).to_string()).build();
        let call = groups.create(1, 1).auto_scaling_group_name(format!("g{number}"));
        call.tags(tag).send().await.expect("a group");
    }
    let pages = groups
        .asg
        .describe_auto_scaling_groups()
        .max_records(2)
        .into_paginator();
    let all: Vec<_> = pages.items().send().try_collect().await.expect("all pages");
    let names: Vec<_> = all.iter().filter_map(|g| g.auto_scaling_group_name()).collect();
    assert_eq!(names, ["g0", "g1", "g2", "g3", "g4"]);
    let odd = Filter::builder().name("tag:odd").values("1").build();
    let seen = groups
        .asg
        .describe_auto_scaling_groups()
        .filters(odd)
        .send()
        .await
        .expect("groups");
    assert_eq!(seen.auto_scaling_groups().len(), 2);
    let pages = groups
        .asg
        .describe_auto_scaling_instances()
        .max_records(2)
        .into_paginator();
    let all: Vec<_> = pages.items().send().try_collect().await.expect("all pages");
    assert_eq!(all.len(), 5);
    let pages = groups
        .asg
        .describe_scaling_activities()
        .max_records(2)
        .into_paginator();
    let all: Vec<_> = pages.items().send().try_collect().await.expect("all pages");
    assert_eq!(all.len(), 5);
    let pages = groups.asg.describe_tags().max_records(2).into_paginator();
    let all: Vec<_> = pages.items().send().try_collect().await.expect("all pages");
    assert_eq!(all.len(), 5);
    let bad = groups
        .asg
        .describe_auto_scaling_groups()
        .next_token("zz")
        .send()
        .await;
    assert_eq!(bad.map(|_| ()).map_err(code), Err("InvalidNextToken".to_owned()));
    groups.lab.end().await;
}
