//! What may not be deleted, who sees what of a shared subnet, and limits that tests can set.

use crate::lab::{Lab, code, filter};
use aws_credential_types::Credentials;
use aws_sdk_ec2::types::{IpPermission, IpRange, UserIdGroupPair};
use vpccni_sandbox::world::{InterfaceKind, NewInterface, Placement};

const OTHER: &str = "210987654321";

#[tokio::test]
async fn what_is_used_cannot_be_deleted() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let group = |name: &'static str| {
        let call = lab.ec2.create_security_group().group_name(name).description("x");
        let call = call.vpc_id(&lab.vpc).send();
        async { call.await.expect("a group").group_id().expect("an id").to_owned() }
    };
    let (one, two) = (group("one").await, group("two").await);
    let made = lab.ec2.create_network_interface().subnet_id(&subnet).groups(&one);
    let made = made.send().await.expect("an interface");
    let eni = made.network_interface().and_then(|i| i.network_interface_id());
    let eni = eni.expect("an id").to_owned();
    let from_two = IpPermission::builder()
        .ip_protocol("tcp")
        .from_port(443)
        .to_port(443)
        .user_id_group_pairs(UserIdGroupPair::builder().group_id(&two).build())
        .build();
    let allow = lab.ec2.authorize_security_group_ingress().group_id(&one);
    let allow = allow.ip_permissions(from_two.clone());
    allow.clone().send().await.expect("allowed");
    assert_eq!(
        allow.send().await.map(|_| ()).map_err(code),
        Err("InvalidPermission.Duplicate".to_owned())
    );
    let violation = Err("DependencyViolation".to_owned());
    let delete_group = async |id: &str| {
        let call = lab.ec2.delete_security_group().group_id(id);
        call.send().await.map(|_| ()).map_err(code)
    };
    let delete_subnet = async || {
        let call = lab.ec2.delete_subnet().subnet_id(&subnet);
        call.send().await.map(|_| ()).map_err(code)
    };
    let delete_vpc = async || {
        let call = lab.ec2.delete_vpc().vpc_id(&lab.vpc);
        call.send().await.map(|_| ()).map_err(code)
    };
    assert_eq!(delete_group(&one).await, violation);
    assert_eq!(delete_group(&two).await, violation);
    assert_eq!(delete_subnet().await, violation);
    assert_eq!(delete_vpc().await, violation);
    let delete = lab.ec2.delete_network_interface().network_interface_id(&eni);
    delete.send().await.expect("deleted");
    let revoke = lab.ec2.revoke_security_group_ingress().group_id(&one);
    revoke.ip_permissions(from_two).send().await.expect("revoked");
    assert_eq!(delete_group(&one).await, Ok(()));
    assert_eq!(delete_subnet().await, Ok(()));
    assert_eq!(delete_vpc().await, violation);
    assert_eq!(delete_group(&two).await, Ok(()));
    assert_eq!(delete_vpc().await, Ok(()));
    lab.end().await;
}

#[tokio::test]
async fn rules_are_shown_by_traffic() {
    let lab = Lab::new().await;
    let made = lab.ec2.create_security_group().group_name("one").description("x");
    let made = made.vpc_id(&lab.vpc).send().await.expect("a group");
    let id = made.group_id().expect("an id");
    let range = |cidr: &str| IpRange::builder().cidr_ip(cidr).description("office").build();
    let ssh = IpPermission::builder()
        .ip_protocol("tcp")
        .from_port(22)
        .to_port(22)
        .ip_ranges(range("10.0.0.0/8"))
        .ip_ranges(range("192.168.0.0/16"));
    let allow = lab.ec2.authorize_security_group_ingress().group_id(id);
    allow.ip_permissions(ssh.build()).send().await.expect("allowed");
    let seen = lab
        .ec2
        .describe_security_groups()
        .group_ids(id)
        .send()
        .await
        .expect("a group");
    let group = &seen.security_groups()[0];
    assert_eq!(group.ip_permissions().len(), 1);
    let permission = &group.ip_permissions()[0];
    assert_eq!(
        (permission.from_port(), permission.ip_ranges().len()),
        (Some(22), 2)
    );
    assert_eq!(permission.ip_ranges()[0].description(), Some("office"));
    let egress = &group.ip_permissions_egress()[0];
    assert_eq!((egress.ip_protocol(), egress.from_port()), (Some("-1"), None));
    assert_eq!(egress.ip_ranges()[0].cidr_ip(), Some("0.0.0.0/0"));
    lab.end().await;
}

#[tokio::test]
async fn a_shared_subnet_hides_interfaces_but_counts_their_addresses() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let own = lab.eni(&subnet).await;
    let config = lab
        .config
        .to_builder()
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(
            Credentials::new(OTHER, "secret", None, None, "test"),
        ))
        .build();
    let other = aws_sdk_ec2::Client::new(&config);
    let find = other.describe_subnets().subnet_ids(&subnet);
    assert_eq!(
        find.clone().send().await.map(|_| ()).map_err(code),
        Err("InvalidSubnetID.NotFound".to_owned())
    );
    let id = subnet.parse().expect("an id");
    lab.sandbox
        .world()
        .write(|world| world.share_subnet(&id, OTHER))
        .expect("shared");
    find.send().await.expect("the subnet");
    let group = other
        .create_security_group()
        .group_name("theirs")
        .description("x");
    let group = group.vpc_id(&lab.vpc).send().await.expect("a group");
    let group = group.group_id().expect("an id");
    let made = other.create_network_interface().subnet_id(&subnet).groups(group);
    let made = made
        .secondary_private_ip_address_count(9)
        .send()
        .await
        .expect("an interface");
    let theirs = made.network_interface().expect("an interface");
    assert_eq!(theirs.owner_id(), Some(OTHER));
    assert_eq!(lab.available(&subnet).await, 251 - 11);
    let mine = lab
        .ec2
        .describe_network_interfaces()
        .filters(filter("subnet-id", &subnet));
    let mine = mine.send().await.expect("interfaces");
    let ids: Vec<_> = mine
        .network_interfaces()
        .iter()
        .filter_map(|i| i.network_interface_id())
        .collect();
    assert_eq!(ids, [own.as_str()]);
    let peek = lab.ec2.describe_network_interfaces();
    let peek = peek.network_interface_ids(theirs.network_interface_id().expect("an id"));
    assert_eq!(
        peek.send().await.map(|_| ()).map_err(code),
        Err("InvalidNetworkInterfaceID.NotFound".to_owned())
    );
    lab.end().await;
}

#[tokio::test]
async fn quotas_placement_and_vague_errors_can_be_set() {
    let lab = Lab::new().await;
    let world = lab.sandbox.world();
    world.write(|world| {
        world.placement = Placement::Lowest;
        world.vague_block_errors = true;
        world.quotas.interfaces = 2;
    });
    let subnet = lab.subnet("10.0.0.0/26").await;
    let eni = lab.eni(&subnet).await;
    assert_eq!(
        lab.assign(&eni, 3).await,
        Ok(["10.0.0.5", "10.0.0.6", "10.0.0.7"].map(str::to_owned).to_vec())
    );
    lab.eni(&subnet).await;
    let id = subnet.parse().expect("an id");
    let mut more = NewInterface::in_subnet(id);
    more.kind = InterfaceKind::Trunk;
    let refused = world.write(|world| world.create_interface(more).map_err(|e| e.code().to_owned()));
    assert_eq!(refused, Err("NetworkInterfaceLimitExceeded".to_owned()));
    assert_eq!(
        lab.assign_prefixes(&eni, 3).await,
        Err("InvalidParameterValue".to_owned())
    );
    assert_eq!(lab.assign_prefixes(&eni, 2).await.map(|p| p.len()), Ok(2));
    lab.end().await;
}
