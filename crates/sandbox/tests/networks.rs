//! VPCs, subnets, reservations, security groups.

use crate::lab::{Lab, code, filter};
use aws_sdk_ec2::types::{ResourceType, SubnetCidrReservationType, Tag, TagSpecification};

#[tokio::test]
async fn a_subnet_lies_in_a_block_of_the_vpc_and_overlaps_no_other() {
    let lab = Lab::new().await;
    let create = async |cidr: &str| {
        let call = lab.ec2.create_subnet().vpc_id(&lab.vpc).cidr_block(cidr);
        call.send().await.map(|_| ()).map_err(code)
    };
    assert_eq!(create("10.0.0.0/24").await, Ok(()));
    assert_eq!(
        create("10.0.0.128/25").await,
        Err("InvalidSubnet.Conflict".to_owned())
    );
    assert_eq!(create("10.0.1.0/29").await, Err("InvalidSubnet.Range".to_owned()));
    assert_eq!(
        create("100.64.0.0/24").await,
        Err("InvalidSubnet.Range".to_owned())
    );
    assert_eq!(create("10.0.1.7/24").await, Err("InvalidSubnet.Range".to_owned()));
    let secondary = lab
        .ec2
        .associate_vpc_cidr_block()
        .vpc_id(&lab.vpc)
        .cidr_block("100.64.0.0/16");
    let associated = secondary.clone().send().await.expect("a block");
    assert_eq!(associated.vpc_id(), Some(lab.vpc.as_str()));
    assert_eq!(
        secondary.send().await.map(|_| ()).map_err(code),
        Err("CidrConflict".to_owned())
    );
    assert_eq!(create("100.64.0.0/24").await, Ok(()));
    let vpcs = lab
        .ec2
        .describe_vpcs()
        .vpc_ids(&lab.vpc)
        .send()
        .await
        .expect("VPCs");
    let blocks: Vec<_> = vpcs.vpcs()[0]
        .cidr_block_association_set()
        .iter()
        .map(|a| a.cidr_block().expect("a block"))
        .collect();
    assert_eq!(blocks, ["10.0.0.0/16", "100.64.0.0/16"]);
    lab.end().await;
}

#[tokio::test]
async fn five_addresses_of_a_subnet_are_never_given() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/28").await;
    assert_eq!(lab.available(&subnet).await, 11);
    let eni = lab.eni(&subnet).await;
    let given = lab.assign(&eni, 10).await.expect("ten addresses");
    assert_eq!(given.len(), 10);
    for reserved in ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.15"] {
        assert!(!given.iter().any(|a| a == reserved), "{reserved}");
    }
    assert_eq!(lab.available(&subnet).await, 0);
    assert_eq!(
        lab.assign(&eni, 1).await,
        Err("InsufficientFreeAddressesInSubnet".to_owned())
    );
    lab.end().await;
}

#[tokio::test]
async fn reservations_are_kept_listed_and_deleted() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/26").await;
    let reserve = async |cidr: &str, kind: SubnetCidrReservationType| {
        let call = lab
            .ec2
            .create_subnet_cidr_reservation()
            .subnet_id(&subnet)
            .cidr(cidr);
        let made = call.reservation_type(kind).send().await.map_err(code)?;
        let id = made
            .subnet_cidr_reservation()
            .and_then(|r| r.subnet_cidr_reservation_id());
        Ok::<_, String>(id.expect("an id").to_owned())
    };
    let prefix = reserve("10.0.0.32/28", SubnetCidrReservationType::Prefix)
        .await
        .expect("a reservation");
    reserve("10.0.0.48/28", SubnetCidrReservationType::Explicit)
        .await
        .expect("a reservation");
    assert_eq!(
        reserve("10.0.0.40/29", SubnetCidrReservationType::Prefix).await,
        Err("CidrConflict".to_owned())
    );
    assert_eq!(
        reserve("10.0.1.0/28", SubnetCidrReservationType::Prefix).await,
        Err("InvalidParameterValue".to_owned())
    );
    // 59 less the two blocks; the last address of the subnet was never among the 59.
    assert_eq!(lab.available(&subnet).await, 59 - 16 - 15);
    let list = lab.ec2.get_subnet_cidr_reservations().subnet_id(&subnet);
    let seen = list.clone().send().await.expect("reservations");
    assert_eq!(seen.subnet_ipv4_cidr_reservations().len(), 2);
    let only = list
        .filters(filter("reservationType", "explicit"))
        .send()
        .await
        .expect("reservations");
    assert_eq!(
        only.subnet_ipv4_cidr_reservations()[0].cidr(),
        Some("10.0.0.48/28")
    );
    let delete = lab
        .ec2
        .delete_subnet_cidr_reservation()
        .subnet_cidr_reservation_id(prefix);
    delete.clone().send().await.expect("deleted");
    assert_eq!(lab.available(&subnet).await, 59 - 15);
    assert_eq!(
        delete.send().await.map(|_| ()).map_err(code),
        Err("InvalidSubnetCidrReservationID.NotFound".to_owned())
    );
    lab.end().await;
}

#[tokio::test]
async fn groups_belong_to_a_vpc_and_have_unique_names() {
    let lab = Lab::new().await;
    let create = lab
        .ec2
        .create_security_group()
        .group_name("nodes")
        .description("nodes")
        .vpc_id(&lab.vpc);
    let tags = TagSpecification::builder()
        .resource_type(ResourceType::SecurityGroup)
        .tags(Tag::builder().key("team").value("net").build())
        .build();
    let made = create
        .clone()
        .tag_specifications(tags)
        .send()
        .await
        .expect("a group");
    let id = made.group_id().expect("an id");
    assert_eq!(
        create.send().await.map(|_| ()).map_err(code),
        Err("InvalidGroup.Duplicate".to_owned())
    );
    let seen = lab
        .ec2
        .describe_security_groups()
        .filters(filter("vpc-id", &lab.vpc))
        .send()
        .await
        .expect("groups");
    let names: Vec<_> = seen
        .security_groups()
        .iter()
        .filter_map(|g| g.group_name())
        .collect();
    assert!(
        names.contains(&"default") && names.contains(&"nodes"),
        "{names:?}"
    );
    let tagged = lab
        .ec2
        .describe_security_groups()
        .filters(filter("tag:team", "n?t"))
        .send()
        .await
        .expect("groups");
    assert_eq!(tagged.security_groups()[0].group_id(), Some(id));
    lab.end().await;
}

#[tokio::test]
async fn zones_are_listed_with_their_ids() {
    let lab = Lab::new().await;
    let seen = lab.ec2.describe_availability_zones().send().await.expect("zones");
    let zones: Vec<_> = seen
        .availability_zones()
        .iter()
        .map(|z| (z.zone_name().expect("a name"), z.zone_id().expect("an id")))
        .collect();
    assert_eq!(
        zones,
        [
            ("us-west-2a", "usw2-az1"),
            ("us-west-2b", "usw2-az2"),
            ("us-west-2c", "usw2-az3")
        ]
    );
    lab.end().await;
}
