//! IPv6: blocks of VPCs and subnets, addresses and prefixes of interfaces, at launch and after.

use crate::lab::{Lab, code, on};
use aws_sdk_ec2::types::{InstanceNetworkInterfaceSpecification, InstanceType, Subnet};

/// A VPC of Amazon's IPv6 block, and a subnet with the /64 of this number.
async fn subnet(lab: &Lab, number: u8) -> String {
    let vpcs = lab
        .ec2
        .describe_vpcs()
        .vpc_ids(&lab.vpc)
        .send()
        .await
        .expect("the VPC");
    let known = vpcs.vpcs()[0].ipv6_cidr_block_association_set().first().cloned();
    let block = if let Some(block) = known {
        block.ipv6_cidr_block().expect("a block").to_owned()
    } else {
        let call = lab.ec2.associate_vpc_cidr_block().vpc_id(&lab.vpc);
        let made = call
            .amazon_provided_ipv6_cidr_block(true)
            .send()
            .await
            .expect("a block");
        let block = made
            .ipv6_cidr_block_association()
            .and_then(|a| a.ipv6_cidr_block());
        block.expect("a block").to_owned()
    };
    let network = block.strip_suffix("00::/56").expect("a /56 of Amazon's");
    let made = lab
        .ec2
        .create_subnet()
        .vpc_id(&lab.vpc)
        .cidr_block(format!("10.0.{number}.0/24"))
        .ipv6_cidr_block(format!("{network}{number:02x}::/64"))
        .send()
        .await
        .expect("a subnet");
    made.subnet()
        .and_then(Subnet::subnet_id)
        .expect("an id")
        .to_owned()
}

async fn held(lab: &Lab, eni: &str) -> (Vec<String>, Vec<String>) {
    let seen = lab
        .ec2
        .describe_network_interfaces()
        .network_interface_ids(eni)
        .send()
        .await
        .expect("an interface");
    let interface = &seen.network_interfaces()[0];
    let addresses = interface.ipv6_addresses().iter().filter_map(|a| a.ipv6_address());
    let prefixes = interface.ipv6_prefixes().iter().filter_map(|p| p.ipv6_prefix());
    (
        addresses.map(str::to_owned).collect(),
        prefixes.map(str::to_owned).collect(),
    )
}

#[tokio::test]
async fn addresses_and_prefixes_are_assigned_and_taken_away() {
    let lab = Lab::new().await;
    let subnet = subnet(&lab, 1).await;
    let instance = lab.instance(&subnet, "m5.large").await;
    let eni = lab.primary_eni(&instance).await;
    let assign = lab.ec2.assign_ipv6_addresses().network_interface_id(&eni);
    let given = assign
        .clone()
        .ipv6_prefix_count(1)
        .send()
        .await
        .expect("a prefix");
    assert_eq!(given.assigned_ipv6_prefixes().len(), 1);
    let prefix = given.assigned_ipv6_prefixes()[0].clone();
    assert!(prefix.ends_with("/80"), "{prefix}");
    let given = assign
        .clone()
        .ipv6_address_count(2)
        .send()
        .await
        .expect("addresses");
    assert_eq!(given.assigned_ipv6_addresses().len(), 2);
    let first = given.assigned_ipv6_addresses()[0].clone();
    let (addresses, prefixes) = held(&lab, &eni).await;
    assert_eq!((addresses.len(), prefixes), (2, vec![prefix.clone()]));
    // An m5.large holds ten of both together.
    assert_eq!(
        assign
            .clone()
            .ipv6_address_count(8)
            .send()
            .await
            .map(|_| ())
            .map_err(code),
        Err("PrivateIpAddressLimitExceeded".to_owned())
    );
    let other = lab.eni(&subnet).await;
    let taken = lab.ec2.assign_ipv6_addresses().network_interface_id(&other);
    assert_eq!(
        taken
            .ipv6_addresses(&first)
            .send()
            .await
            .map(|_| ())
            .map_err(code),
        Err("InvalidParameterValue".to_owned())
    );
    let back = lab.ec2.unassign_ipv6_addresses().network_interface_id(&eni);
    let gone = back
        .clone()
        .ipv6_addresses(&first)
        .ipv6_prefixes(&prefix)
        .send()
        .await;
    assert_eq!(gone.expect("gone").unassigned_ipv6_addresses(), [first.as_str()]);
    assert_eq!(held(&lab, &eni).await.0.len(), 1);
    assert_eq!(
        back.ipv6_addresses(&first).send().await.map(|_| ()).map_err(code),
        Err("InvalidParameterValue".to_owned())
    );
    lab.end().await;
}

#[tokio::test]
async fn a_launch_takes_ipv6_and_a_primary_address_stays() {
    let lab = Lab::new().await;
    let subnet = subnet(&lab, 2).await;
    let network = InstanceNetworkInterfaceSpecification::builder()
        .device_index(0)
        .subnet_id(&subnet)
        .ipv6_address_count(1)
        .ipv6_prefix_count(1)
        .primary_ipv6(true);
    let made = lab
        .ec2
        .run_instances()
        .image_id("ami-00000000000000001")
        .instance_type(InstanceType::M5Large)
        .network_interfaces(network.build())
        .min_count(1)
        .max_count(1)
        .send()
        .await
        .expect("an instance");
    let interface = &made.instances()[0].network_interfaces()[0];
    assert_eq!(interface.ipv6_prefixes().len(), 1);
    let address = &interface.ipv6_addresses()[0];
    assert_eq!(address.is_primary_ipv6(), Some(true));
    let eni = interface.network_interface_id().expect("an id");
    let unassign = lab.ec2.unassign_ipv6_addresses().network_interface_id(eni);
    let unassign = unassign.ipv6_addresses(address.ipv6_address().expect("an address"));
    assert_eq!(
        unassign.send().await.map(|_| ()).map_err(code),
        Err("OperationNotPermitted".to_owned())
    );
    lab.end().await;
}

#[tokio::test]
async fn a_subnet_without_a_block_gives_none_and_one_that_assigns_gives_one() {
    let lab = Lab::new().await;
    let plain = lab.subnet("10.0.0.0/24").await;
    let eni = lab.eni(&plain).await;
    let assign = lab.ec2.assign_ipv6_addresses().network_interface_id(&eni);
    assert_eq!(
        assign
            .ipv6_address_count(1)
            .send()
            .await
            .map(|_| ())
            .map_err(code),
        Err("InvalidParameterValue".to_owned())
    );
    let automatic = lab
        .ec2
        .modify_subnet_attribute()
        .assign_ipv6_address_on_creation(on());
    assert_eq!(
        automatic
            .clone()
            .subnet_id(&plain)
            .send()
            .await
            .map(|_| ())
            .map_err(code),
        Err("InvalidParameterValue".to_owned())
    );
    let dual = subnet(&lab, 3).await;
    automatic.subnet_id(&dual).send().await.expect("changed");
    let eni = lab.eni(&dual).await;
    assert_eq!(held(&lab, &eni).await.0.len(), 1);
    let seen = lab
        .ec2
        .describe_subnets()
        .subnet_ids(&dual)
        .send()
        .await
        .expect("a subnet");
    let seen = &seen.subnets()[0];
    assert_eq!(seen.assign_ipv6_address_on_creation(), Some(true));
    let association = seen.ipv6_cidr_block_association_set()[0]
        .association_id()
        .expect("an id");
    let end = lab
        .ec2
        .disassociate_subnet_cidr_block()
        .association_id(association);
    assert_eq!(
        end.clone().send().await.map(|_| ()).map_err(code),
        Err("DependencyViolation".to_owned())
    );
    let delete = lab.ec2.delete_network_interface().network_interface_id(&eni);
    delete.send().await.expect("deleted");
    end.send().await.expect("disassociated");
    lab.end().await;
}
