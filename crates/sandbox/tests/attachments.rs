//! Attaching and detaching.

use crate::lab::{Lab, code, message};

#[tokio::test]
async fn a_type_carries_so_many_interfaces_per_card() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let instance = lab.instance(&subnet, "t3.medium").await;
    for index in 1..3 {
        let eni = lab.eni(&subnet).await;
        lab.attach(&eni, &instance, index).await.expect("attached");
    }
    let fourth = lab.eni(&subnet).await;
    let refused = lab
        .ec2
        .attach_network_interface()
        .network_interface_id(&fourth)
        .instance_id(&instance)
        .device_index(3)
        .send()
        .await
        .expect_err("three at most");
    assert_eq!(
        message(&refused),
        "Interface count 4 exceeds the limit for t3.medium"
    );
    assert_eq!(code(refused), "AttachmentLimitExceeded");
    lab.end().await;
}

#[tokio::test]
async fn place_zone_and_state_are_checked() {
    let lab = Lab::new().await;
    let (a, b) = (
        lab.subnet("10.0.0.0/24").await,
        lab.subnet_in("10.0.1.0/24", "us-west-2b").await,
    );
    let instance = lab.instance(&a, "m5.xlarge").await;
    let (eni, far) = (lab.eni(&a).await, lab.eni(&b).await);
    let value = Err("InvalidParameterValue".to_owned());
    assert_eq!(lab.attach(&far, &instance, 1).await, value);
    assert_eq!(lab.attach(&eni, &instance, 0).await, value);
    assert_eq!(
        lab.attach(&eni, "i-0123", 1).await,
        Err("InvalidInstanceID.NotFound".to_owned())
    );
    lab.attach(&eni, &instance, 1).await.expect("attached");
    assert_eq!(
        lab.attach(&eni, &instance, 2).await,
        Err("InvalidNetworkInterface.InUse".to_owned())
    );
    let delete = lab.ec2.delete_network_interface().network_interface_id(&eni);
    assert_eq!(
        delete.send().await.map(|_| ()).map_err(code),
        Err("InvalidNetworkInterface.InUse".to_owned())
    );
    let spare = lab.eni(&a).await;
    let terminate = lab.ec2.terminate_instances().instance_ids(&instance);
    terminate.send().await.expect("terminated");
    assert_eq!(
        lab.attach(&spare, &instance, 3).await,
        Err("IncorrectState".to_owned())
    );
    lab.end().await;
}

#[tokio::test]
async fn an_interface_with_too_many_addresses_does_not_fit() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let instance = lab.instance(&subnet, "t3.medium").await;
    let eni = lab.eni(&subnet).await;
    lab.assign(&eni, 6).await.expect("more than t3.medium carries");
    assert_eq!(
        lab.attach(&eni, &instance, 1).await,
        Err("PrivateIpAddressLimitExceeded".to_owned())
    );
    lab.end().await;
}

#[tokio::test]
async fn detaching_keeps_the_addresses_and_spares_the_primary() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let instance = lab.instance(&subnet, "m5.large").await;
    let eni = lab.eni(&subnet).await;
    lab.assign(&eni, 2).await.expect("addresses");
    let attachment = lab.attach(&eni, &instance, 1).await.expect("attached");
    let detach = async |attachment: &str| {
        let call = lab.ec2.detach_network_interface().attachment_id(attachment);
        call.send().await.map(|_| ()).map_err(code)
    };
    assert_eq!(detach(&attachment).await, Ok(()));
    assert_eq!(
        detach(&attachment).await,
        Err("InvalidAttachmentID.NotFound".to_owned())
    );
    assert_eq!(lab.available(&subnet).await, 251 - 4);
    let seen = lab.ec2.describe_instances().instance_ids(&instance);
    let seen = seen.send().await.expect("instances");
    let interfaces = seen.reservations()[0].instances()[0].network_interfaces();
    assert_eq!(interfaces.len(), 1);
    let primary = interfaces[0]
        .attachment()
        .and_then(|a| a.attachment_id())
        .expect("an id");
    assert_eq!(detach(primary).await, Err("OperationNotPermitted".to_owned()));
    lab.end().await;
}
