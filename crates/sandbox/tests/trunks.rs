//! Trunk and branch interfaces, and interfaces that take their time.

use crate::lab::{Lab, code};
use aws_sdk_ec2::types::{ConnectionTrackingSpecificationRequest, NetworkInterfaceCreationType};
use std::time::Duration;
use vpccni_sandbox::world::Timings;

async fn made(lab: &Lab, subnet: &str, kind: &str) -> String {
    let made = lab
        .ec2
        .create_network_interface()
        .subnet_id(subnet)
        .interface_type(NetworkInterfaceCreationType::from(kind))
        .send()
        .await
        .expect("an interface");
    let id = made.network_interface().and_then(|i| i.network_interface_id());
    id.expect("an id").to_owned()
}

async fn associate(
    lab: &Lab,
    trunk: &str,
    branch: &str,
    vlan: i32,
    token: Option<&str>,
) -> Result<String, String> {
    let call = lab
        .ec2
        .associate_trunk_interface()
        .trunk_interface_id(trunk)
        .branch_interface_id(branch)
        .vlan_id(vlan)
        .set_client_token(token.map(str::to_owned));
    let made = call.send().await.map_err(code)?;
    let id = made.interface_association().and_then(|a| a.association_id());
    Ok(id.expect("an id").to_owned())
}

/// Kind, status and state of the attachment.
async fn seen(lab: &Lab, eni: &str) -> (String, String, Option<String>) {
    let call = lab.ec2.describe_network_interfaces().network_interface_ids(eni);
    let out = call.send().await.expect("an interface");
    let interface = &out.network_interfaces()[0];
    let attachment = interface.attachment().and_then(|a| a.status());
    (
        interface.interface_type().expect("a kind").as_str().to_owned(),
        interface.status().expect("a status").as_str().to_owned(),
        attachment.map(|s| s.as_str().to_owned()),
    )
}

/// A subnet, a running m5.large in it, and a trunk on that, which carries nine branches.
async fn with_trunk(lab: &Lab) -> (String, String, String) {
    let subnet = lab.subnet("10.0.0.0/24").await;
    let instance = lab.instance(&subnet, "m5.large").await;
    let trunk = made(lab, &subnet, "trunk").await;
    lab.attach(&trunk, &instance, 1).await.expect("attached");
    (subnet, instance, trunk)
}

#[tokio::test]
async fn a_branch_has_one_trunk_and_a_vlan_of_its_own_on_it() {
    let lab = Lab::new().await;
    let (subnet, _, trunk) = with_trunk(&lab).await;
    let branch = made(&lab, &subnet, "branch").await;
    let first = associate(&lab, &trunk, &branch, 1, Some("t"))
        .await
        .expect("associated");
    assert_eq!(associate(&lab, &trunk, &branch, 1, Some("t")).await, Ok(first));
    let other = lab.eni(&subnet).await;
    for (trunk, branch, vlan, token, refusal) in [
        (&trunk, &branch, 2, Some("t"), "IdempotentParameterMismatch"),
        (&trunk, &branch, 2, None, "InvalidNetworkInterface.InUse"),
        (&trunk, &other, 1, None, "InvalidParameterValue"),
        (&other, &branch, 3, None, "InvalidParameterValue"),
    ] {
        assert_eq!(
            associate(&lab, trunk, branch, vlan, token).await,
            Err(refusal.to_owned())
        );
    }
    lab.end().await;
}

#[tokio::test]
async fn a_trunk_carries_as_many_branches_as_its_type_allows() {
    let lab = Lab::new().await;
    let (subnet, instance, trunk) = with_trunk(&lab).await;
    for vlan in 1..10 {
        let eni = lab.eni(&subnet).await;
        associate(&lab, &trunk, &eni, vlan, None)
            .await
            .expect("associated");
        assert_eq!(
            seen(&lab, &eni).await,
            ("branch".into(), "associated".into(), None)
        );
    }
    let other = lab.eni(&subnet).await;
    assert_eq!(
        associate(&lab, &trunk, &other, 10, None).await,
        Err("AttachmentLimitExceeded".to_owned())
    );
    let all = lab.ec2.describe_trunk_interface_associations().send().await;
    assert_eq!(all.expect("associations").interface_associations().len(), 9);
    let terminate = lab.ec2.terminate_instances().instance_ids(&instance);
    terminate.send().await.expect("terminated");
    lab.end().await;
}

#[tokio::test]
async fn a_vlan_is_free_again_when_its_branch_leaves_the_trunk() {
    let lab = Lab::new().await;
    let (subnet, _, trunk) = with_trunk(&lab).await;
    let branch = made(&lab, &subnet, "branch").await;
    let first = associate(&lab, &trunk, &branch, 1, None)
        .await
        .expect("associated");
    let delete = lab.ec2.delete_network_interface().network_interface_id(&branch);
    assert_eq!(
        delete.clone().send().await.map(|_| ()).map_err(code),
        Err("InvalidNetworkInterface.InUse".to_owned())
    );
    let end = lab.ec2.disassociate_trunk_interface().association_id(&first);
    end.clone().send().await.expect("disassociated");
    assert_eq!(
        end.send().await.map(|_| ()).map_err(code),
        Err("InvalidTrunkInterfaceAssociationID.NotFound".to_owned())
    );
    delete.send().await.expect("deleted");
    let other = lab.eni(&subnet).await;
    associate(&lab, &trunk, &other, 1, None)
        .await
        .expect("the VLAN is free again");
    lab.end().await;
}

#[tokio::test]
async fn attaching_and_detaching_take_their_time() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let instance = lab.instance(&subnet, "m5.large").await;
    let second = Duration::from_secs(1);
    let world = lab.sandbox.world();
    world.write(|world| {
        world.timings = Timings {
            interface_create: second,
            attach: 2 * second,
            detach: 3 * second,
            ..Timings::INSTANT
        };
    });
    let pass = || {
        world.write(|world| {
            let due = world.next_due().expect("something is due");
            world.settle(due);
        });
    };
    let eni = lab.eni(&subnet).await;
    let is = |status: &str, attachment: Option<&str>| {
        (
            "interface".to_owned(),
            status.to_owned(),
            attachment.map(str::to_owned),
        )
    };
    assert_eq!(seen(&lab, &eni).await, is("pending", None));
    pass();
    assert_eq!(seen(&lab, &eni).await, is("available", None));
    let attachment = lab.attach(&eni, &instance, 1).await.expect("attaching");
    assert_eq!(seen(&lab, &eni).await, is("in-use", Some("attaching")));
    pass();
    assert_eq!(seen(&lab, &eni).await, is("in-use", Some("attached")));
    let detach = lab.ec2.detach_network_interface().attachment_id(&attachment);
    detach.clone().send().await.expect("detaching");
    assert_eq!(seen(&lab, &eni).await, is("in-use", Some("detaching")));
    assert_eq!(
        detach.clone().send().await.map(|_| ()).map_err(code),
        Err("IncorrectState".to_owned())
    );
    let delete = lab.ec2.delete_network_interface().network_interface_id(&eni);
    assert_eq!(
        delete.clone().send().await.map(|_| ()).map_err(code),
        Err("InvalidNetworkInterface.InUse".to_owned())
    );
    detach
        .force(true)
        .send()
        .await
        .expect("by force it is gone at once");
    assert_eq!(seen(&lab, &eni).await, is("available", None));
    delete.send().await.expect("deleted");
    lab.end().await;
}

#[tokio::test]
async fn attributes_can_be_asked_for_one_by_one() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let instance = lab.instance(&subnet, "m5.large").await;
    let eni = lab.primary_eni(&instance).await;
    let ask = lab
        .ec2
        .describe_network_interface_attribute()
        .network_interface_id(&eni);
    let answer = ask
        .clone()
        .attribute("attachment".into())
        .send()
        .await
        .expect("an attribute");
    assert_eq!(
        answer.attachment().and_then(|a| a.instance_id()),
        Some(instance.as_str())
    );
    let answer = ask
        .attribute("groupSet".into())
        .send()
        .await
        .expect("an attribute");
    assert_eq!(answer.groups()[0].group_name(), Some("default"));
    let timeouts = ConnectionTrackingSpecificationRequest::builder().udp_timeout(45);
    let modify = lab
        .ec2
        .modify_network_interface_attribute()
        .network_interface_id(&eni);
    modify
        .connection_tracking_specification(timeouts.build())
        .send()
        .await
        .expect("changed");
    let out = lab
        .ec2
        .describe_network_interfaces()
        .network_interface_ids(&eni)
        .send()
        .await;
    let out = out.expect("an interface");
    let shown = out.network_interfaces()[0].connection_tracking_configuration();
    assert_eq!(
        shown.and_then(aws_sdk_ec2::types::ConnectionTrackingConfiguration::udp_timeout),
        Some(45)
    );
    lab.end().await;
}
