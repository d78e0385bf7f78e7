//! Every method of the ports, and pages.

use crate::lab::Lab;
use aws_sdk_ec2::types::{
    InstanceType as WireType, ResourceType, SubnetCidrReservationType, Tag, TagSpecification,
};
use aws_sdk_eks::types::VpcConfigRequest;
use std::collections::BTreeSet;
use vpccni_aws::Metered;
use vpccni_core::ids::{EniId, InstanceId, InstanceType, SecurityGroupId, SubnetId};
use vpccni_core::ports::{Ec2, Eks, EniKind, ReservationKind};

#[tokio::test]
async fn subnets_of_a_vpc_and_by_id() {
    let lab = Lab::new().await;
    let a = lab.subnet("10.0.0.0/24", "us-west-2a").await;
    let b = lab.subnet("10.0.1.0/24", "us-west-2b").await;
    lab.instances(&a, WireType::M5Large, 2).await;
    let tag = Tag::builder().key("kubernetes.io/role/cni").value("1").build();
    lab.raw
        .create_tags()
        .resources(a.as_str())
        .tags(tag)
        .send()
        .await
        .expect("tagged");
    let all = lab.aws.subnets(&lab.vpc).await.expect("subnets");
    assert_eq!(all.len(), 2);
    let gone = SubnetId::parse("subnet-0123").expect("an id");
    let some = lab
        .aws
        .subnets_by_id(&[gone, a.clone()])
        .await
        .expect("the one that is there");
    assert_eq!(some.iter().map(|s| &s.id).collect::<Vec<_>>(), [&a]);
    let read = &some[0];
    assert_eq!(
        (read.cidr.to_string().as_str(), read.available),
        ("10.0.0.0/24", 249)
    );
    assert_eq!(read.zone.as_str(), "us-west-2a");
    assert_eq!((&read.vpc, read.owner.as_str()), (&lab.vpc, "123456789012"));
    assert_eq!(
        read.tags.get("kubernetes.io/role/cni").map(String::as_str),
        Some("1")
    );
    assert!(all.iter().any(|s| s.id == b));
    lab.end().await;
}

#[tokio::test]
async fn ids_go_in_batches_of_a_hundred() {
    let lab = Lab::new().await;
    let there = lab.subnet("10.0.0.0/24", "us-west-2a").await;
    let mut ids: Vec<SubnetId> = (0..230)
        .map(|n| SubnetId::parse(&format!("subnet-{n:08x}")).expect("an id"))
        .collect();
    ids.push(there);
    assert_eq!(lab.aws.subnets_by_id(&ids).await.map(|s| s.len()), Ok(1));
    assert_eq!(lab.answered("DescribeSubnets"), 3);
    assert_eq!(lab.aws.subnets_by_id(&[]).await, Ok(Vec::new()));
    assert_eq!(lab.answered("DescribeSubnets"), 3);
    lab.end().await;
}

#[tokio::test]
async fn reservations_of_a_subnet() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24", "us-west-2a").await;
    for (cidr, kind) in [
        ("10.0.0.32/27", SubnetCidrReservationType::Prefix),
        ("10.0.0.64/28", SubnetCidrReservationType::Explicit),
    ] {
        let call = lab
            .raw
            .create_subnet_cidr_reservation()
            .subnet_id(subnet.as_str());
        call.cidr(cidr)
            .reservation_type(kind)
            .send()
            .await
            .expect("reserved");
    }
    let mut read = lab.aws.reservations(&subnet).await.expect("reservations");
    read.sort_by_key(|r| r.cidr);
    let read: Vec<_> = read.iter().map(|r| (r.cidr.to_string(), r.kind)).collect();
    assert_eq!(
        read,
        [
            ("10.0.0.32/27".to_owned(), ReservationKind::Prefix),
            ("10.0.0.64/28".to_owned(), ReservationKind::Explicit)
        ]
    );
    lab.end().await;
}

#[tokio::test]
async fn every_interface_of_a_vpc_over_many_pages() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/20", "us-west-2a").await;
    let instances = lab.instances(&subnet, WireType::M5Large, 1003).await;
    let read = lab.aws.interfaces(&lab.vpc).await.expect("interfaces");
    assert_eq!(read.len(), 1003);
    assert_eq!(read.iter().map(|e| &e.id).collect::<BTreeSet<_>>().len(), 1003);
    assert_eq!(lab.answered("DescribeNetworkInterfaces"), 11);
    let attached: BTreeSet<&InstanceId> = read
        .iter()
        .filter_map(|e| e.attachment.as_ref())
        .map(|a| &a.instance)
        .collect();
    assert_eq!(attached, instances.iter().collect());
    lab.end().await;
}

#[tokio::test]
async fn an_interface_with_all_it_holds() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24", "us-west-2a").await;
    let tags = TagSpecification::builder()
        .resource_type(ResourceType::NetworkInterface)
        .tags(
            Tag::builder()
                .key("node.k8s.amazonaws.com/no_manage")
                .value("true")
                .build(),
        )
        .build();
    let made = lab
        .raw
        .create_network_interface()
        .subnet_id(subnet.as_str())
        .interface_type(aws_sdk_ec2::types::NetworkInterfaceCreationType::Trunk)
        .private_ip_address("10.0.0.9")
        .ipv4_prefix_count(2)
        .tag_specifications(tags)
        .send()
        .await
        .expect("an interface");
    let id = made
        .network_interface()
        .and_then(|i| i.network_interface_id())
        .expect("an id");
    let assign = lab.raw.assign_private_ip_addresses().network_interface_id(id);
    let assign = assign.private_ip_addresses("10.0.0.99");
    assign.send().await.expect("assigned");
    let read = lab.aws.interfaces(&lab.vpc).await.expect("interfaces");
    let eni = &read[0];
    assert_eq!(eni.id, EniId::parse(id).expect("an id"));
    assert_eq!(
        (eni.kind, &eni.subnet, &eni.attachment),
        (EniKind::Trunk, &subnet, &None)
    );
    assert_eq!(eni.primary_ip.map(|a| a.to_string()).as_deref(), Some("10.0.0.9"));
    let secondary: Vec<String> = eni.secondary_ips.iter().map(ToString::to_string).collect();
    assert_eq!(secondary, ["10.0.0.99"]);
    assert_eq!(eni.prefixes.len(), 2);
    assert_eq!(eni.security_groups.len(), 1);
    assert!(eni.tags.contains_key("node.k8s.amazonaws.com/no_manage"));
    lab.end().await;
}

#[tokio::test]
async fn security_groups_of_a_vpc_and_by_id() {
    let lab = Lab::new().await;
    let call = lab
        .raw
        .create_security_group()
        .group_name("pods")
        .description("d");
    let made = call.vpc_id(lab.vpc.as_str()).send().await.expect("a group");
    let id = SecurityGroupId::parse(made.group_id().expect("an id")).expect("an id");
    assert_eq!(lab.aws.security_groups(&lab.vpc).await.map(|g| g.len()), Ok(2));
    let gone = SecurityGroupId::parse("sg-0123").expect("an id");
    let read = lab
        .aws
        .security_groups_by_id(&[gone, id.clone()])
        .await
        .expect("groups");
    assert_eq!(read.len(), 1);
    assert_eq!((&read[0].id, &read[0].vpc), (&id, &lab.vpc));
    lab.end().await;
}

#[tokio::test]
async fn instances_by_id_without_the_terminated_ones() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24", "us-west-2a").await;
    let mut ids = lab.instances(&subnet, WireType::M5Large, 3).await;
    let terminate = lab.raw.terminate_instances().instance_ids(ids[0].as_str());
    terminate.send().await.expect("terminated");
    ids.push(InstanceId::parse("i-0123").expect("an id"));
    let read = lab.aws.instances(&ids).await.expect("instances");
    let expected: BTreeSet<&InstanceId> = ids[1..3].iter().collect();
    assert_eq!(read.iter().map(|i| &i.id).collect::<BTreeSet<_>>(), expected);
    assert_eq!(read[0].instance_type.as_str(), "m5.large");
    assert_eq!((&read[0].vpc, &read[0].subnet), (&lab.vpc, &subnet));
    lab.end().await;
}

#[tokio::test]
async fn limits_of_types_without_the_unknown_ones() {
    let lab = Lab::new().await;
    let types = ["m5.large", "c5.metal", "t2.medium", "zz9.large"]
        .map(|name| InstanceType::parse(name).expect("a type"));
    let read = lab.aws.instance_types(&types).await.expect("types");
    assert_eq!(read.len(), 3);
    let of = |name: &str| read[&InstanceType::parse(name).expect("a type")];
    let large = of("m5.large");
    assert_eq!(
        (large.max_enis, large.ipv4_per_eni, large.vcpus),
        (3, 10, Some(2))
    );
    assert!(large.nitro && large.prefix_delegation && !large.bare_metal);
    let metal = of("c5.metal");
    assert!(!metal.nitro && metal.prefix_delegation && metal.bare_metal);
    assert!(!of("t2.medium").prefix_delegation);
    lab.end().await;
}

#[tokio::test]
async fn an_add_on_or_none() {
    let lab = Lab::new().await;
    let subnets = [
        lab.subnet("10.0.0.0/24", "us-west-2a").await,
        lab.subnet("10.0.1.0/24", "us-west-2b").await,
    ];
    let subnets = subnets.map(|s| s.to_string()).to_vec();
    lab.raw_eks
        .create_cluster()
        .name("one")
        .role_arn("arn:aws:iam::123456789012:role/eks")
        .resources_vpc_config(VpcConfigRequest::builder().set_subnet_ids(Some(subnets)).build())
        .send()
        .await
        .expect("a cluster");
    assert_eq!(lab.aws.addon("one", "vpc-cni").await, Ok(None));
    let create = lab
        .raw_eks
        .create_addon()
        .cluster_name("one")
        .addon_name("vpc-cni");
    create.configuration_values("{}").send().await.expect("an add-on");
    let read = lab
        .aws
        .addon("one", "vpc-cni")
        .await
        .expect("read")
        .expect("an add-on");
    assert_eq!(
        (read.status.as_str(), read.configuration_values.as_deref()),
        ("ACTIVE", Some("{}"))
    );
    assert!(read.version.starts_with("v1."));
    let absent = lab
        .aws
        .addon("two", "vpc-cni")
        .await
        .map_err(|e| (e.category(), e.code));
    assert_eq!(absent, Err(("not_found", "ResourceNotFoundException".to_owned())));
    lab.end().await;
}

#[tokio::test]
async fn a_budget_counts_and_refuses() {
    let lab = Lab::new().await;
    let metered = Metered::new(lab.aws.clone(), 2);
    assert!(metered.subnets(&lab.vpc).await.is_ok());
    assert!(metered.addon("two", "vpc-cni").await.is_err());
    let refused = metered
        .security_groups(&lab.vpc)
        .await
        .map_err(|e| (e.category(), e.code));
    assert_eq!(refused, Err(("throttled", "LocalBudget".to_owned())));
    assert_eq!(lab.answered("DescribeSecurityGroups"), 0);
    let counts: Vec<_> = metered.counts().into_iter().collect();
    assert_eq!(
        counts,
        [
            (("ec2:DescribeSecurityGroups", "over_budget"), 1),
            (("ec2:DescribeSubnets", "ok"), 1),
            (("eks:DescribeAddon", "not_found"), 1),
        ]
    );
    lab.end().await;
}
