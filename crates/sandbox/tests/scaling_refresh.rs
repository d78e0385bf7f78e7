//! Lifecycle hooks and instance refreshes.

use crate::lab::code;
use crate::scaling_lab::{Groups, text, version};
use aws_sdk_autoscaling::types::{
    DesiredConfiguration, InstanceRefresh, InstanceRefreshStatus, LifecycleHookSpecification, LifecycleState,
    RefreshPreferences, ScalingActivityStatusCode,
};
use std::collections::BTreeSet;

const LAUNCHING: &str = "autoscaling:EC2_INSTANCE_LAUNCHING";
const TERMINATING: &str = "autoscaling:EC2_INSTANCE_TERMINATING";

impl Groups {
    /// A group with a hook that holds for 60 seconds.
    async fn hooked(transition: &str, default_result: &str) -> Self {
        let groups = Self::new().await;
        let hook = LifecycleHookSpecification::builder()
            .lifecycle_hook_name("hook")
            .lifecycle_transition(transition)
            .heartbeat_timeout(60)
            .default_result(default_result)
            .build();
        let call = groups.create(1, 3).lifecycle_hook_specification_list(hook);
        call.send().await.expect("a group");
        groups
    }

    async fn complete(&self, instance: &str, result: &str) -> Result<(), String> {
        let call = self.asg.complete_lifecycle_action().auto_scaling_group_name("g");
        let call = call.lifecycle_hook_name("hook").instance_id(instance);
        let done = call.lifecycle_action_result(result).send().await;
        done.map(|_| ()).map_err(|error| text(&error))
    }

    async fn refresh(&self, preferences: RefreshPreferences, to: Option<&str>) -> Result<String, String> {
        let desired = to.map(|v| {
            DesiredConfiguration::builder()
                .launch_template(version(v))
                .build()
        });
        let call = self.asg.start_instance_refresh().auto_scaling_group_name("g");
        let call = call.preferences(preferences).set_desired_configuration(desired);
        let done = call.send().await.map_err(|error| text(&error))?;
        Ok(done.instance_refresh_id().expect("an id").to_owned())
    }

    async fn newest_refresh(&self) -> InstanceRefresh {
        let seen = self
            .asg
            .describe_instance_refreshes()
            .auto_scaling_group_name("g");
        seen.send().await.expect("refreshes").instance_refreshes()[0].clone()
    }

    async fn status(&self) -> (InstanceRefreshStatus, Option<i32>) {
        let newest = self.newest_refresh().await;
        (
            newest.status().expect("a status").clone(),
            newest.percentage_complete(),
        )
    }

    /// The versions that serving members were launched from.
    async fn versions(&self) -> Vec<String> {
        let group = self.group().await;
        let versions = group
            .instances()
            .iter()
            .filter_map(|member| member.launch_template()?.version());
        let mut versions: Vec<String> = versions.map(str::to_owned).collect();
        versions.sort();
        versions
    }
}

#[tokio::test]
async fn a_launch_waits_for_its_hook() {
    let groups = Groups::hooked(LAUNCHING, "ABANDON").await;
    let held = groups.members(&LifecycleState::PendingWait).await;
    assert_eq!((held.len(), groups.serving().await.len()), (1, 0));
    groups.complete(&held[0], "CONTINUE").await.expect("said");
    assert_eq!(groups.serving().await, held);
    let again = groups
        .complete(&held[0], "CONTINUE")
        .await
        .expect_err("said already");
    assert!(again.starts_with("ValidationError: No active Lifecycle Action found with instance ID i-"));
    groups.lab.end().await;
}

#[tokio::test]
async fn an_abandoned_launch_is_ended_and_made_again() {
    let groups = Groups::hooked(LAUNCHING, "ABANDON").await;
    let first = groups.members(&LifecycleState::PendingWait).await;
    groups.complete(&first[0], "ABANDON").await.expect("said");
    let second = groups.members(&LifecycleState::PendingWait).await;
    assert_eq!(second.len(), 1);
    assert_ne!(first, second);
    // Nobody says anything: time says it.
    groups.wait(61);
    let third = groups.members(&LifecycleState::PendingWait).await;
    assert_eq!(third.len(), 1);
    assert_ne!(second, third);
    let cancelled = groups.activities().await;
    let cancelled = cancelled
        .iter()
        .filter(|(s, _)| *s == ScalingActivityStatusCode::Cancelled);
    assert_eq!(cancelled.count(), 2);
    groups.lab.end().await;
}

#[tokio::test]
async fn heartbeats_hold_a_termination_up() {
    let groups = Groups::hooked(TERMINATING, "CONTINUE").await;
    let id = groups.serving().await[0].clone();
    groups.set_desired(0).await.expect("none");
    assert_eq!(
        groups.members(&LifecycleState::TerminatingWait).await,
        [id.as_str()]
    );
    for _ in 0..3 {
        groups.wait(50);
        let beat = groups
            .asg
            .record_lifecycle_action_heartbeat()
            .auto_scaling_group_name("g");
        let beat = beat.lifecycle_hook_name("hook").instance_id(&id);
        beat.send().await.expect("held on");
    }
    assert_eq!(
        groups.members(&LifecycleState::TerminatingWait).await,
        [id.as_str()]
    );
    groups.wait(61);
    assert_eq!(groups.group().await.instances().len(), 0);
    assert_eq!(groups.lab.state(&id).await.as_str(), "terminated");
    groups.lab.end().await;
}

#[tokio::test]
async fn hooks_are_made_changed_and_taken_away() {
    let groups = Groups::hooked(TERMINATING, "CONTINUE").await;
    let put = groups
        .asg
        .put_lifecycle_hook()
        .auto_scaling_group_name("g")
        .lifecycle_hook_name("hook");
    put.clone().heartbeat_timeout(600).send().await.expect("changed");
    let seen = groups.asg.describe_lifecycle_hooks().auto_scaling_group_name("g");
    let hooks = seen.send().await.expect("hooks");
    let hook = &hooks.lifecycle_hooks()[0];
    assert_eq!(
        (hook.heartbeat_timeout(), hook.global_timeout()),
        (Some(600), Some(60_000))
    );
    assert_eq!(
        (hook.default_result(), hook.lifecycle_transition()),
        (Some("CONTINUE"), Some(TERMINATING))
    );
    let short = put.heartbeat_timeout(29).send().await.map(|_| ()).map_err(code);
    assert_eq!(short, Err("ValidationError".to_owned()));
    // Whom the hook holds goes on when it goes.
    groups.set_desired(0).await.expect("none");
    assert_eq!(groups.members(&LifecycleState::TerminatingWait).await.len(), 1);
    let delete = groups
        .asg
        .delete_lifecycle_hook()
        .auto_scaling_group_name("g")
        .lifecycle_hook_name("hook");
    delete.send().await.expect("deleted");
    assert_eq!(groups.group().await.instances().len(), 0);
    groups.lab.end().await;
}

#[tokio::test]
async fn a_refresh_replaces_every_member_and_keeps_enough_of_them() {
    let groups = Groups::with(4, 4).await;
    groups.new_version().await;
    let before: BTreeSet<String> = groups.serving().await.into_iter().collect();
    let preferences = RefreshPreferences::builder()
        .min_healthy_percentage(50)
        .instance_warmup(60);
    let id = groups
        .refresh(preferences.build(), Some("2"))
        .await
        .expect("started");
    // Two of four may be gone until the new ones are warm.
    let now: BTreeSet<String> = groups.serving().await.into_iter().collect();
    assert_eq!((now.len(), now.intersection(&before).count()), (4, 2));
    assert_eq!(
        groups.status().await,
        (InstanceRefreshStatus::InProgress, Some(0))
    );
    let blocked = groups
        .refresh(RefreshPreferences::builder().build(), None)
        .await
        .expect_err("one at a time");
    assert!(blocked.starts_with("InstanceRefreshInProgress: "), "{blocked}");
    groups.wait(61);
    assert_eq!(
        groups.status().await,
        (InstanceRefreshStatus::InProgress, Some(50))
    );
    groups.wait(61);
    assert_eq!(
        groups.status().await,
        (InstanceRefreshStatus::Successful, Some(100))
    );
    assert_eq!(
        groups.newest_refresh().await.instance_refresh_id(),
        Some(id.as_str())
    );
    assert_eq!(groups.versions().await, ["2", "2", "2", "2"]);
    let source = groups.group().await;
    assert_eq!(source.launch_template().and_then(|t| t.version()), Some("2"));
    groups.lab.end().await;
}

#[tokio::test]
async fn a_refresh_launches_first_where_all_must_serve() {
    let groups = Groups::with(1, 1).await;
    let before = groups.serving().await;
    let preferences = RefreshPreferences::builder()
        .min_healthy_percentage(100)
        .max_healthy_percentage(200)
        .instance_warmup(60);
    groups.refresh(preferences.build(), None).await.expect("started");
    let both = groups.serving().await;
    assert_eq!((both.len(), both.contains(&before[0])), (2, true));
    groups.wait(61);
    let after = groups.serving().await;
    assert_eq!((after.len(), after.contains(&before[0])), (1, false));
    assert_eq!(groups.status().await.0, InstanceRefreshStatus::Successful);
    groups.lab.end().await;
}

#[tokio::test]
async fn a_refresh_skips_what_matches_and_pauses_at_checkpoints() {
    let groups = Groups::with(4, 4).await;
    let skip = RefreshPreferences::builder().skip_matching(true).build();
    let before = groups.serving().await;
    groups.refresh(skip, Some("1")).await.expect("started");
    assert_eq!(
        groups.status().await,
        (InstanceRefreshStatus::Successful, Some(100))
    );
    assert_eq!(groups.serving().await, before);
    let preferences = RefreshPreferences::builder()
        .min_healthy_percentage(75)
        .checkpoint_percentages(50)
        .checkpoint_percentages(100)
        .checkpoint_delay(600);
    groups.refresh(preferences.build(), None).await.expect("started");
    assert_eq!(
        groups.status().await,
        (InstanceRefreshStatus::InProgress, Some(50))
    );
    groups.wait(599);
    assert_eq!(
        groups.status().await,
        (InstanceRefreshStatus::InProgress, Some(50))
    );
    groups.wait(2);
    assert_eq!(
        groups.status().await,
        (InstanceRefreshStatus::Successful, Some(100))
    );
    groups.lab.end().await;
}

#[tokio::test]
async fn a_refresh_is_cancelled_or_rolled_back() {
    let groups = Groups::with(2, 2).await;
    groups.new_version().await;
    let none = groups.asg.cancel_instance_refresh().auto_scaling_group_name("g");
    let none = none.clone().send().await.map(|_| ()).map_err(code);
    assert_eq!(none, Err("ActiveInstanceRefreshNotFound".to_owned()));
    let half = || {
        RefreshPreferences::builder()
            .min_healthy_percentage(50)
            .instance_warmup(600)
            .build()
    };
    groups.refresh(half(), None).await.expect("started");
    let fixed = groups
        .asg
        .rollback_instance_refresh()
        .auto_scaling_group_name("g");
    let refused = fixed.clone().send().await.map(|_| ()).map_err(code);
    assert_eq!(refused, Err("IrreversibleInstanceRefresh".to_owned()));
    let cancel = groups.asg.cancel_instance_refresh().auto_scaling_group_name("g");
    cancel.send().await.expect("cancelled");
    assert_eq!(groups.status().await.0, InstanceRefreshStatus::Cancelled);
    groups.refresh(half(), Some("2")).await.expect("started");
    assert_eq!(groups.versions().await, ["1", "2"]);
    fixed.send().await.expect("rolled back");
    groups.wait(601);
    assert_eq!(groups.status().await.0, InstanceRefreshStatus::RollbackSuccessful);
    assert_eq!(groups.versions().await, ["1", "1"]);
    let details = groups.newest_refresh().await;
    assert!(
        details
            .rollback_details()
            .and_then(|d| d.rollback_reason())
            .is_some()
    );
    groups.lab.end().await;
}

#[tokio::test]
async fn a_refresh_that_waits_for_a_protected_member_fails_after_an_hour() {
    let groups = Groups::with(2, 2).await;
    let id = groups.serving().await[0].clone();
    let protect = groups
        .asg
        .set_instance_protection()
        .auto_scaling_group_name("g")
        .instance_ids(&id);
    protect
        .protected_from_scale_in(true)
        .send()
        .await
        .expect("protected");
    groups
        .refresh(RefreshPreferences::builder().build(), None)
        .await
        .expect("started");
    assert_eq!(
        groups.status().await,
        (InstanceRefreshStatus::InProgress, Some(50))
    );
    groups.wait(3601);
    assert_eq!(groups.status().await.0, InstanceRefreshStatus::Failed);
    assert!(groups.serving().await.contains(&id));
    groups.lab.end().await;
}
