//! Launching, describing and terminating instances; instance types.

use crate::lab::{Lab, code, message};
use aws_sdk_ec2::types::{
    InstanceNetworkInterfaceAttachment, InstanceNetworkInterfaceSpecification, InstanceStateName,
    InstanceType, InstanceTypeHypervisor, ResourceType, Tag, TagSpecification,
};

fn tags(kind: ResourceType, key: &str, value: &str) -> TagSpecification {
    let tag = Tag::builder().key(key).value(value).build();
    TagSpecification::builder().resource_type(kind).tags(tag).build()
}

#[tokio::test]
async fn a_launch_makes_interfaces_with_prefixes_and_tags() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let interface = InstanceNetworkInterfaceSpecification::builder()
        .device_index(0)
        .subnet_id(&subnet)
        .ipv4_prefix_count(1)
        .build();
    let second = InstanceNetworkInterfaceSpecification::builder()
        .device_index(1)
        .subnet_id(&subnet)
        .secondary_private_ip_address_count(3)
        .delete_on_termination(false)
        .build();
    let made = lab
        .ec2
        .run_instances()
        .image_id("ami-00000000000000001")
        .instance_type(InstanceType::M5Large)
        .min_count(2)
        .max_count(2)
        .network_interfaces(interface)
        .network_interfaces(second)
        .tag_specifications(tags(ResourceType::Instance, "Name", "node"))
        .tag_specifications(tags(ResourceType::NetworkInterface, "cluster", "one"))
        .send()
        .await
        .expect("instances");
    assert_eq!(made.instances().len(), 2);
    let state = made.instances()[0].state().and_then(|s| s.name());
    assert_eq!(state, Some(&InstanceStateName::Pending));
    assert_eq!(lab.available(&subnet).await, 251 - 2 * (1 + 16 + 4));
    let id = made.instances()[0].instance_id().expect("an id");
    let seen = lab
        .ec2
        .describe_instances()
        .instance_ids(id)
        .send()
        .await
        .expect("instances");
    let instance = &seen.reservations()[0].instances()[0];
    assert_eq!(instance.tags()[0].value(), Some("node"));
    assert!(
        instance
            .private_dns_name()
            .is_some_and(|n| n.ends_with(".us-west-2.compute.internal"))
    );
    let enis = instance.network_interfaces();
    assert_eq!(enis.len(), 2);
    assert_eq!(enis[0].ipv4_prefixes().len(), 1);
    assert_eq!(enis[1].private_ip_addresses().len(), 4);
    let ends = |i: usize| {
        enis[i]
            .attachment()
            .and_then(InstanceNetworkInterfaceAttachment::delete_on_termination)
    };
    assert_eq!((ends(0), ends(1)), (Some(true), Some(false)));
    lab.end().await;
}

#[tokio::test]
async fn a_launch_that_does_not_fit_takes_nothing() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/28").await;
    let launch = lab
        .ec2
        .run_instances()
        .image_id("ami-00000000000000001")
        .instance_type(InstanceType::M5Large)
        .subnet_id(&subnet);
    let refused = launch.clone().min_count(12).max_count(12).send().await;
    assert_eq!(
        refused.map(|_| ()).map_err(code),
        Err("InsufficientFreeAddressesInSubnet".to_owned())
    );
    assert_eq!(lab.available(&subnet).await, 11);
    let some = launch
        .min_count(5)
        .max_count(20)
        .send()
        .await
        .expect("as many as fit");
    assert_eq!(some.instances().len(), 11);
    lab.end().await;
}

#[tokio::test]
async fn an_unknown_type_is_refused() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let launch = lab
        .ec2
        .run_instances()
        .image_id("ami-00000000000000001")
        .instance_type(InstanceType::from("zz9.large"))
        .min_count(1)
        .max_count(1)
        .subnet_id(&subnet);
    assert_eq!(
        launch.send().await.map(|_| ()).map_err(code),
        Err("InvalidParameterValue".to_owned())
    );
    lab.end().await;
}

#[tokio::test]
async fn terminating_deletes_what_is_marked_and_leaves_the_rest_behind() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let instance = lab.instance(&subnet, "m5.large").await;
    let leaked = lab.eni(&subnet).await;
    lab.attach(&leaked, &instance, 1).await.expect("attached");
    assert_eq!(lab.available(&subnet).await, 251 - 2);
    let terminate = lab.ec2.terminate_instances().instance_ids(&instance);
    let out = terminate.send().await.expect("terminated");
    let change = &out.terminating_instances()[0];
    let name = |s: Option<&aws_sdk_ec2::types::InstanceState>| s.and_then(|s| s.name().cloned());
    assert_eq!(
        name(change.current_state()),
        Some(InstanceStateName::ShuttingDown)
    );
    assert_eq!(name(change.previous_state()), Some(InstanceStateName::Running));
    assert_eq!(lab.available(&subnet).await, 251 - 1);
    let seen = lab
        .ec2
        .describe_network_interfaces()
        .send()
        .await
        .expect("interfaces");
    let left: Vec<_> = seen
        .network_interfaces()
        .iter()
        .map(|i| {
            (
                i.network_interface_id().expect("an id"),
                i.status().expect("a status").as_str(),
            )
        })
        .collect();
    assert_eq!(left, [(leaked.as_str(), "available")]);
    lab.end().await;
}

#[tokio::test]
async fn instance_types_come_from_the_table() {
    let lab = Lab::new().await;
    let seen = lab
        .ec2
        .describe_instance_types()
        .instance_types(InstanceType::M5Large)
        .instance_types(InstanceType::C5Metal)
        .send()
        .await
        .expect("types");
    let find = |name: InstanceType| {
        let found = seen
            .instance_types()
            .iter()
            .find(|t| t.instance_type() == Some(&name));
        found.expect("the type")
    };
    let network = find(InstanceType::M5Large).network_info().expect("network info");
    assert_eq!(network.maximum_network_interfaces(), Some(3));
    assert_eq!(network.ipv4_addresses_per_interface(), Some(10));
    assert_eq!(
        find(InstanceType::M5Large)
            .hypervisor()
            .map(InstanceTypeHypervisor::as_str),
        Some("nitro")
    );
    assert_eq!(find(InstanceType::C5Metal).hypervisor(), None);
    assert_eq!(find(InstanceType::C5Metal).bare_metal(), Some(true));
    let unknown = lab
        .ec2
        .describe_instance_types()
        .instance_types(InstanceType::from("zz9.large"));
    let refused = unknown.send().await.expect_err("unknown");
    assert_eq!(
        message(&refused),
        "The following supplied instance types do not exist: [zz9.large]"
    );
    assert_eq!(code(refused), "InvalidInstanceType");
    lab.end().await;
}
