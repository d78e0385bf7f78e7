//! Starting, stopping and changing instances.

use crate::lab::{Lab, code, on};
use aws_sdk_ec2::types::{
    AttributeValue, HttpTokensState, InstanceMetadataOptionsResponse, InstanceStateChange, InstanceStateName,
};
use std::time::Duration;
use vpccni_sandbox::world::Timings;

fn names(change: &InstanceStateChange) -> (Option<&str>, Option<&str>) {
    let before = change.previous_state().and_then(|s| s.name());
    let after = change.current_state().and_then(|s| s.name());
    (
        before.map(InstanceStateName::as_str),
        after.map(InstanceStateName::as_str),
    )
}

#[tokio::test]
async fn states_take_their_time_and_calls_need_the_right_one() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let second = Duration::from_secs(1);
    let slow = Timings {
        instance_start: 8 * second,
        instance_stop: 10 * second,
        ..Timings::INSTANT
    };
    let world = lab.sandbox.world();
    world.write(|world| world.timings = slow);
    let pass = || {
        world.write(|world| {
            let later = world.next_due().expect("something is due");
            world.settle(later);
        });
    };
    let id = lab.instance(&subnet, "m5.large").await;
    assert_eq!(lab.state(&id).await, InstanceStateName::Pending);
    let stop = lab.ec2.stop_instances().instance_ids(&id);
    assert_eq!(
        stop.clone().send().await.map(|_| ()).map_err(code),
        Err("IncorrectInstanceState".to_owned())
    );
    pass();
    assert_eq!(lab.state(&id).await, InstanceStateName::Running);
    let stopped = stop.send().await.expect("stopping");
    assert_eq!(
        names(&stopped.stopping_instances()[0]),
        (Some("running"), Some("stopping"))
    );
    let start = lab.ec2.start_instances().instance_ids(&id);
    assert_eq!(
        start.clone().send().await.map(|_| ()).map_err(code),
        Err("IncorrectInstanceState".to_owned())
    );
    pass();
    assert_eq!(lab.state(&id).await, InstanceStateName::Stopped);
    start.send().await.expect("starting");
    let end = lab.ec2.terminate_instances().instance_ids(&id);
    end.send().await.expect("shutting down");
    // The step from pending to running is due first, and must not wake what is to end.
    pass();
    assert_eq!(lab.state(&id).await, InstanceStateName::ShuttingDown);
    pass();
    assert_eq!(lab.state(&id).await, InstanceStateName::Terminated);
    assert_eq!(lab.available(&subnet).await, 251);
    lab.end().await;
}

#[tokio::test]
async fn options_of_the_metadata_service_can_be_changed_one_by_one() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let id = lab.instance(&subnet, "m5.large").await;
    let call = lab.ec2.modify_instance_metadata_options().instance_id(&id);
    let changed = call
        .clone()
        .http_put_response_hop_limit(5)
        .send()
        .await
        .expect("changed");
    let options = changed.instance_metadata_options().expect("options");
    assert_eq!(options.http_put_response_hop_limit(), Some(5));
    assert_eq!(
        options
            .http_tokens()
            .map(aws_sdk_ec2::types::HttpTokensState::as_str),
        Some("optional")
    );
    call.http_tokens(HttpTokensState::Required)
        .send()
        .await
        .expect("changed");
    let seen = lab
        .ec2
        .describe_instances()
        .instance_ids(&id)
        .send()
        .await
        .expect("it");
    let options: &InstanceMetadataOptionsResponse = seen.reservations()[0].instances()[0]
        .metadata_options()
        .expect("options");
    assert_eq!(options.http_put_response_hop_limit(), Some(5));
    assert_eq!(
        options
            .http_tokens()
            .map(aws_sdk_ec2::types::HttpTokensState::as_str),
        Some("required")
    );
    let status = lab.ec2.describe_instance_status().instance_ids(&id).send().await;
    let status = status.expect("a status");
    let summary = status.instance_statuses()[0]
        .instance_status()
        .and_then(|s| s.status());
    assert_eq!(summary.map(aws_sdk_ec2::types::SummaryStatus::as_str), Some("ok"));
    lab.end().await;
}

#[tokio::test]
async fn a_type_is_changed_only_while_stopped_and_must_carry_what_is_there() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let id = lab.instance(&subnet, "m5.large").await;
    for index in 1..3 {
        let eni = lab.eni(&subnet).await;
        lab.attach(&eni, &id, index).await.expect("attached");
    }
    let change = async |kind: &str| {
        let value = AttributeValue::builder().value(kind).build();
        let call = lab
            .ec2
            .modify_instance_attribute()
            .instance_id(&id)
            .instance_type(value);
        call.send().await.map(|_| ()).map_err(code)
    };
    assert_eq!(
        change("m5.xlarge").await,
        Err("IncorrectInstanceState".to_owned())
    );
    lab.ec2
        .stop_instances()
        .instance_ids(&id)
        .send()
        .await
        .expect("stopped");
    assert_eq!(
        change("t3.micro").await,
        Err("AttachmentLimitExceeded".to_owned())
    );
    assert_eq!(
        change("m6g.xlarge").await,
        Err("InvalidParameterValue".to_owned())
    );
    assert_eq!(change("m5.xlarge").await, Ok(()));
    let protect = lab.ec2.modify_instance_attribute().instance_id(&id);
    protect
        .disable_api_termination(on())
        .send()
        .await
        .expect("protected");
    let end = lab.ec2.terminate_instances().instance_ids(&id);
    assert_eq!(
        end.send().await.map(|_| ()).map_err(code),
        Err("OperationNotPermitted".to_owned())
    );
    lab.end().await;
}
