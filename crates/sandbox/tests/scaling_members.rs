//! Members of Auto Scaling groups: how they die, are spared, stand by and are let go.

use crate::scaling_lab::{Groups, text, version};
use aws_sdk_autoscaling::types::LifecycleState;

#[tokio::test]
async fn what_dies_outside_is_replaced() {
    let groups = Groups::with(2, 3).await;
    let before = groups.serving().await;
    let kill = groups.lab.ec2.terminate_instances().instance_ids(&before[0]);
    kill.send().await.expect("terminated");
    let after = groups.serving().await;
    assert_eq!(after.len(), 2);
    assert!(!after.contains(&before[0]) && after.contains(&before[1]));
    let causes: Vec<String> = groups
        .activities()
        .await
        .into_iter()
        .map(|(_, cause)| cause)
        .collect();
    assert!(
        causes[0].contains("in response to an unhealthy instance needing to be replaced"),
        "{causes:?}"
    );
    assert!(causes[1].contains("EC2 health check indicating it has been terminated or stopped"));
    let stop = groups
        .lab
        .ec2
        .stop_instances()
        .instance_ids(&after[0])
        .send()
        .await;
    if stop.is_ok() {
        assert!(!groups.serving().await.contains(&after[0]));
    }
    groups.lab.end().await;
}

#[tokio::test]
async fn unhealthy_members_are_replaced_after_their_grace() {
    let groups = Groups::new().await;
    let call = groups.create(1, 2).health_check_grace_period(60);
    call.send().await.expect("a group");
    let id = groups.serving().await[0].clone();
    let ill = |respect| {
        groups
            .asg
            .set_instance_health()
            .instance_id(&id)
            .health_status("Unhealthy")
            .should_respect_grace_period(respect)
            .send()
    };
    ill(true).await.expect("said");
    assert_eq!(groups.serving().await, [id.as_str()]);
    groups.wait(61);
    ill(true).await.expect("said");
    let after = groups.serving().await;
    assert_eq!(after.len(), 1);
    assert_ne!(after[0], id);
    assert_eq!(groups.lab.state(&id).await.as_str(), "terminated");
    groups.lab.end().await;
}

#[tokio::test]
async fn terminating_in_the_group_replaces_or_shrinks() {
    let groups = Groups::with(2, 2).await;
    let before = groups.serving().await;
    let terminate = |id: &str, decrement| {
        groups
            .asg
            .terminate_instance_in_auto_scaling_group()
            .instance_id(id)
            .should_decrement_desired_capacity(decrement)
            .send()
    };
    let done = terminate(&before[0], false).await.expect("terminated");
    let cause = done.activity().and_then(|a| a.cause()).expect("a cause");
    assert!(
        cause.contains("was taken out of service in response to a user request"),
        "{cause}"
    );
    let after = groups.serving().await;
    assert_eq!((after.len(), after.contains(&before[0])), (2, false));
    terminate(&after[0], true).await.expect("terminated");
    assert_eq!(groups.serving().await, [after[1].clone()]);
    assert_eq!(groups.group().await.desired_capacity(), Some(1));
    let update = groups
        .asg
        .update_auto_scaling_group()
        .auto_scaling_group_name("g");
    update.min_size(1).send().await.expect("a floor");
    let refused = terminate(&after[1], true).await.expect_err("at the floor");
    assert!(text(&refused).starts_with("ValidationError: Currently, desiredSize equals minSize (1)."));
    let unknown = terminate("i-0123", false).await.expect_err("unknown");
    assert!(text(&unknown).contains("No managed instance found for instance ID: i-0123"));
    groups.lab.end().await;
}

#[tokio::test]
async fn scale_in_spares_the_protected_and_takes_from_the_fullest_zone() {
    let groups = Groups::with(3, 3).await;
    let fullest = groups.group().await;
    let in_a: Vec<String> = fullest
        .instances()
        .iter()
        .filter(|m| m.availability_zone() == Some("us-west-2a"))
        .filter_map(|m| m.instance_id().map(str::to_owned))
        .collect();
    assert_eq!(in_a.len(), 2);
    let protect = groups.asg.set_instance_protection().auto_scaling_group_name("g");
    let protect = protect.instance_ids(&in_a[0]).protected_from_scale_in(true);
    protect.send().await.expect("protected");
    groups.set_desired(2).await.expect("two");
    let left = groups.serving().await;
    assert!(left.contains(&in_a[0]) && !left.contains(&in_a[1]), "{left:?}");
    groups.set_desired(0).await.expect("none");
    assert_eq!(groups.serving().await, [in_a[0].clone()]);
    groups.lab.end().await;
}

#[tokio::test]
async fn who_stands_by_does_not_count() {
    let groups = Groups::with(2, 2).await;
    let before = groups.serving().await;
    let stand = groups
        .asg
        .enter_standby()
        .auto_scaling_group_name("g")
        .instance_ids(&before[0]);
    stand
        .should_decrement_desired_capacity(true)
        .send()
        .await
        .expect("stands by");
    assert_eq!(
        groups.members(&LifecycleState::Standby).await,
        [before[0].clone()]
    );
    assert_eq!(
        (
            groups.serving().await.len(),
            groups.group().await.desired_capacity()
        ),
        (1, Some(1))
    );
    let back = groups
        .asg
        .exit_standby()
        .auto_scaling_group_name("g")
        .instance_ids(&before[0]);
    back.send().await.expect("serves again");
    assert_eq!(
        (
            groups.serving().await.len(),
            groups.group().await.desired_capacity()
        ),
        (2, Some(2))
    );
    groups.lab.end().await;
}

#[tokio::test]
async fn a_detached_instance_is_replaced_and_can_come_back() {
    let groups = Groups::with(2, 2).await;
    let before = groups.serving().await;
    let detach = groups
        .asg
        .detach_instances()
        .auto_scaling_group_name("g")
        .instance_ids(&before[0]);
    let detached = detach
        .should_decrement_desired_capacity(false)
        .send()
        .await
        .expect("detached");
    assert_eq!(detached.activities().len(), 1);
    let after = groups.serving().await;
    assert_eq!((after.len(), after.contains(&before[0])), (2, false));
    let attach = groups
        .asg
        .attach_instances()
        .auto_scaling_group_name("g")
        .instance_ids(&before[0]);
    let refused = attach.clone().send().await.expect_err("at the maximum");
    assert_eq!(
        text(&refused),
        "ValidationError: AutoScalingGroup g has min-size=0, max-size=2, and desired-size=2. To attach 1 instance, \
         please update the AutoScalingGroup sizes appropriately."
    );
    let update = groups
        .asg
        .update_auto_scaling_group()
        .auto_scaling_group_name("g");
    update.max_size(3).send().await.expect("more");
    attach.send().await.expect("attached");
    assert!(groups.serving().await.contains(&before[0]));
    groups.lab.end().await;
}

#[tokio::test]
async fn suspended_processes_do_not_happen() {
    let groups = Groups::with(2, 4).await;
    groups.suspend("Launch").await;
    groups.set_desired(3).await.expect("three");
    assert_eq!(groups.serving().await.len(), 2);
    groups.resume("Launch").await;
    assert_eq!(groups.serving().await.len(), 3);
    groups.suspend("Terminate").await;
    groups.set_desired(1).await.expect("one");
    assert_eq!(groups.serving().await.len(), 3);
    groups.resume("Terminate").await;
    assert_eq!(groups.serving().await.len(), 1);
    groups.suspend("ReplaceUnhealthy").await;
    let id = groups.serving().await[0].clone();
    let kill = groups.lab.ec2.terminate_instances().instance_ids(&id);
    kill.send().await.expect("terminated");
    let group = groups.group().await;
    assert_eq!(group.instances()[0].health_status(), Some("Unhealthy"));
    groups.resume("ReplaceUnhealthy").await;
    assert_ne!(groups.serving().await, [id]);
    groups.lab.end().await;
}

#[tokio::test]
async fn a_member_past_its_lifetime_is_replaced() {
    let groups = Groups::new().await;
    let call = groups.create(2, 2).max_instance_lifetime(86_400);
    call.send().await.expect("a group");
    let before = groups.serving().await;
    groups.wait(86_399);
    assert_eq!(groups.serving().await, before);
    groups.wait(2);
    let after = groups.serving().await;
    assert_eq!(after.len(), 2);
    assert!(!before.iter().any(|id| after.contains(id)));
    groups.lab.end().await;
}

#[tokio::test]
async fn termination_policies_name_who_goes() {
    let groups = Groups::new().await;
    let one_subnet = groups.create(1, 3).vpc_zone_identifier(&groups.subnets[0]);
    let call = one_subnet.launch_template(version("$Latest"));
    call.send().await.expect("a group");
    let first = groups.serving().await[0].clone();
    groups.wait(60);
    groups.new_version().await;
    groups.set_desired(2).await.expect("two");
    let both = groups.serving().await;
    let second = both.iter().find(|id| **id != first).expect("another").clone();
    let policy = async |name: &str| {
        let update = groups
            .asg
            .update_auto_scaling_group()
            .auto_scaling_group_name("g");
        update
            .termination_policies(name)
            .send()
            .await
            .expect("another policy");
    };
    policy("NewestInstance").await;
    groups.set_desired(1).await.expect("one");
    assert_eq!(groups.serving().await, [first.as_str()]);
    assert!(!groups.serving().await.contains(&second));
    groups.wait(60);
    groups.set_desired(2).await.expect("two");
    policy("OldestLaunchTemplate").await;
    groups.set_desired(1).await.expect("one");
    let left = groups.serving().await;
    assert!(left.len() == 1 && !left.contains(&first), "{left:?}");
    groups.lab.end().await;
}

#[tokio::test]
async fn twenty_instances_may_be_detached_at_a_time() {
    let groups = Groups::with(21, 21).await;
    let ids = groups.serving().await;
    let detach = groups.asg.detach_instances().auto_scaling_group_name("g");
    let detach = detach.should_decrement_desired_capacity(true);
    let refused = detach.clone().set_instance_ids(Some(ids.clone())).send().await;
    let refused = text(&refused.expect_err("too many"));
    assert!(
        refused.starts_with("ValidationError: List exceeds the maximum number"),
        "{refused}"
    );
    let fewer = detach.set_instance_ids(Some(ids[..20].to_vec()));
    fewer.send().await.expect("detached");
    assert_eq!(groups.serving().await, ids[20..]);
    groups.lab.end().await;
}
