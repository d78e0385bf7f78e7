//! Making, changing and deleting interfaces.

use crate::lab::{Lab, code, on};
use aws_sdk_ec2::types::{
    AttributeBooleanValue, AttributeValue, NetworkInterfaceAttachment, NetworkInterfaceAttachmentChanges,
    NetworkInterfaceStatus, ResourceType, Tag, TagSpecification,
};

async fn group(lab: &Lab, vpc: &str, name: &str) -> String {
    let made = lab
        .ec2
        .create_security_group()
        .group_name(name)
        .description("d")
        .vpc_id(vpc);
    let made = made.send().await.expect("a group");
    made.group_id().expect("an id").to_owned()
}

#[tokio::test]
async fn a_new_interface_has_everything_that_was_asked_for() {
    let lab = Lab::new().await;
    let subnet = lab.subnet_in("10.0.0.0/24", "us-west-2b").await;
    let nodes = group(&lab, &lab.vpc, "nodes").await;
    let tags = TagSpecification::builder()
        .resource_type(ResourceType::NetworkInterface)
        .tags(
            Tag::builder()
                .key("node.k8s.amazonaws.com/instance_id")
                .value("i-1")
                .build(),
        )
        .build();
    let made = lab
        .ec2
        .create_network_interface()
        .subnet_id(&subnet)
        .description("aws-K8S-i-1")
        .groups(&nodes)
        .tag_specifications(tags)
        .ipv4_prefix_count(1)
        .client_token("t-1")
        .send()
        .await
        .expect("an interface");
    assert_eq!(made.client_token(), Some("t-1"));
    let eni = made.network_interface().expect("an interface");
    assert_eq!(eni.status().map(NetworkInterfaceStatus::as_str), Some("pending"));
    let seen = lab
        .ec2
        .describe_network_interfaces()
        .network_interface_ids(eni.network_interface_id().expect("an id"))
        .send()
        .await
        .expect("interfaces");
    let eni = &seen.network_interfaces()[0];
    assert_eq!(eni.status(), Some(&NetworkInterfaceStatus::Available));
    assert_eq!(eni.availability_zone(), Some("us-west-2b"));
    assert_eq!(eni.vpc_id(), Some(lab.vpc.as_str()));
    assert_eq!(eni.description(), Some("aws-K8S-i-1"));
    assert_eq!(eni.groups()[0].group_id(), Some(nodes.as_str()));
    assert_eq!(eni.groups()[0].group_name(), Some("nodes"));
    assert_eq!(eni.ipv4_prefixes().len(), 1);
    assert_eq!(eni.tag_set()[0].key(), Some("node.k8s.amazonaws.com/instance_id"));
    assert!(eni.mac_address().is_some_and(|m| m.len() == 17));
    assert_eq!(eni.source_dest_check(), Some(true));
    lab.end().await;
}

#[tokio::test]
async fn a_client_token_makes_one_interface() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let create = lab
        .ec2
        .create_network_interface()
        .subnet_id(&subnet)
        .client_token("once");
    let id = |made: &aws_sdk_ec2::operation::create_network_interface::CreateNetworkInterfaceOutput| {
        made.network_interface()
            .and_then(|i| i.network_interface_id())
            .map(str::to_owned)
    };
    let first = create.clone().send().await.expect("an interface");
    let second = create.clone().send().await.expect("the same");
    assert_eq!(id(&first), id(&second));
    assert_eq!(lab.available(&subnet).await, 250);
    let other = create.description("something else").send().await;
    assert_eq!(
        other.map(|_| ()).map_err(code),
        Err("IdempotentParameterMismatch".to_owned())
    );
    lab.end().await;
}

#[tokio::test]
async fn subnet_and_groups_must_exist_and_belong_together() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let other_vpc = lab
        .ec2
        .create_vpc()
        .cidr_block("10.9.0.0/16")
        .send()
        .await
        .expect("a VPC");
    let other_vpc = other_vpc.vpc().and_then(|v| v.vpc_id()).expect("an id");
    let foreign = group(&lab, other_vpc, "foreign").await;
    let create = async |subnet: &str, groups: Vec<String>| {
        let call = lab
            .ec2
            .create_network_interface()
            .subnet_id(subnet)
            .set_groups(Some(groups));
        call.send().await.map(|_| ()).map_err(code)
    };
    assert_eq!(
        create("subnet-0123", vec![]).await,
        Err("InvalidSubnetID.NotFound".to_owned())
    );
    assert_eq!(
        create(&subnet, vec!["sg-0123".to_owned()]).await,
        Err("InvalidGroup.NotFound".to_owned())
    );
    assert_eq!(
        create(&subnet, vec![foreign]).await,
        Err("InvalidParameterValue".to_owned())
    );
    let mut many = Vec::new();
    for number in 0..6 {
        many.push(group(&lab, &lab.vpc, &format!("g{number}")).await);
    }
    assert_eq!(
        create(&subnet, many).await,
        Err("SecurityGroupsPerInterfaceLimitExceeded".to_owned())
    );
    assert_eq!(lab.available(&subnet).await, 251);
    lab.end().await;
}

#[tokio::test]
async fn one_attribute_is_modified_at_a_time_and_shows() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let instance = lab.instance(&subnet, "m5.large").await;
    let eni = lab.eni(&subnet).await;
    let attachment = lab.attach(&eni, &instance, 1).await.expect("attached");
    let modify = || {
        lab.ec2
            .modify_network_interface_attribute()
            .network_interface_id(&eni)
    };
    let text = AttributeValue::builder().value("new words").build();
    modify().description(text.clone()).send().await.expect("modified");
    let off = AttributeBooleanValue::builder().value(false).build();
    modify().source_dest_check(off).send().await.expect("modified");
    let keep = NetworkInterfaceAttachmentChanges::builder()
        .attachment_id(&attachment)
        .delete_on_termination(true)
        .build();
    modify().attachment(keep).send().await.expect("modified");
    let both = modify().description(text).source_dest_check(on()).send().await;
    assert_eq!(
        both.map(|_| ()).map_err(code),
        Err("InvalidParameterCombination".to_owned())
    );
    let seen = lab
        .ec2
        .describe_network_interfaces()
        .network_interface_ids(&eni)
        .send()
        .await
        .expect("interfaces");
    let seen = &seen.network_interfaces()[0];
    assert_eq!(seen.description(), Some("new words"));
    assert_eq!(seen.source_dest_check(), Some(false));
    assert_eq!(
        seen.attachment()
            .and_then(NetworkInterfaceAttachment::delete_on_termination),
        Some(true)
    );
    lab.end().await;
}

#[tokio::test]
async fn deleting_gives_everything_back() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let eni = lab.eni(&subnet).await;
    lab.assign(&eni, 3).await.expect("addresses");
    lab.assign_prefixes(&eni, 2).await.expect("prefixes");
    assert_eq!(lab.available(&subnet).await, 251 - 4 - 32);
    let delete = lab.ec2.delete_network_interface().network_interface_id(&eni);
    delete.clone().send().await.expect("deleted");
    assert_eq!(lab.available(&subnet).await, 251);
    assert_eq!(
        delete.send().await.map(|_| ()).map_err(code),
        Err("InvalidNetworkInterfaceID.NotFound".to_owned())
    );
    lab.end().await;
}
