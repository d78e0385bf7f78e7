//! The life of an interface as the agent of a node leads it, and the metadata service beside it.

use crate::lab::Lab;
use aws_sdk_ec2::types::InstanceType;
use std::collections::BTreeMap;
use std::time::Duration;
use vpccni_aws::ImdsClient;
use vpccni_core::eni_tags::INSTANCE_TAG;
use vpccni_core::ids::{EniId, InstanceId, SubnetId, Zone};
use vpccni_core::net::Mac;
use vpccni_core::ports::node::{
    Capacity, ConnectionTracking, Count, Fill, Imds, LeftOver, NewInterface, NodeEc2, NodeEni, capacity,
};
use vpccni_core::ports::{CloudErrorKind, EniKind};

struct Node {
    lab: Lab,
    subnet: SubnetId,
    instance: InstanceId,
}

impl Node {
    async fn new(cidr: &str) -> Self {
        let lab = Lab::new().await;
        let subnet = lab.subnet(cidr, "us-west-2a").await;
        let instances = lab.instances(&subnet, InstanceType::M5Large, 1).await;
        let instance = instances.into_iter().next().expect("an instance");
        Self {
            lab,
            subnet,
            instance,
        }
    }

    fn wanted(&self, fill: Fill) -> NewInterface {
        NewInterface {
            subnet: self.subnet.clone(),
            security_groups: Vec::new(),
            description: format!("aws-K8S-{}", self.instance),
            tags: BTreeMap::from([(INSTANCE_TAG.to_owned(), self.instance.to_string())]),
            fill,
            tracking: ConnectionTracking {
                udp: Some(40),
                ..ConnectionTracking::default()
            },
        }
    }

    async fn primary(&self) -> NodeEni {
        let all = self.lab.aws.interfaces_of(&self.instance).await.expect("read");
        all.into_iter().next().expect("the primary interface")
    }
}

#[tokio::test]
async fn an_interface_is_made_attached_filled_and_freed() {
    let node = Node::new("10.0.0.0/24").await;
    let aws = &node.lab.aws;
    let made = aws
        .create_interface(&node.wanted(Fill::Ipv4(Count::Addresses(2))))
        .await
        .expect("made");
    assert_eq!((made.secondary_ips.len(), made.kind), (2, EniKind::Interface));
    assert_eq!(made.attachment, None);
    let attachment = aws
        .attach(&made.id, &node.instance, 0, 1)
        .await
        .expect("attached");
    aws.delete_on_termination(&made.id, &attachment)
        .await
        .expect("modified");
    let mut devices = aws.devices(&node.instance).await.expect("read");
    devices.sort_unstable();
    assert_eq!(devices, [(0, 0), (0, 1)]);
    let added = aws.assign(&made.id, Count::Addresses(3)).await.expect("assigned");
    assert_eq!((added.addresses.len(), added.prefixes.len()), (3, 0));
    aws.unassign_addresses(&made.id, &added.addresses)
        .await
        .expect("taken away");
    let added = aws.assign(&made.id, Count::Prefixes(1)).await.expect("assigned");
    assert_eq!(added.prefixes.len(), 1);
    aws.unassign_prefixes(&made.id, &added.prefixes)
        .await
        .expect("taken away");
    let tags = BTreeMap::from([("team".to_owned(), "web".to_owned())]);
    aws.tag(&made.id, &tags).await.expect("tagged");
    let seen = aws.interface(&made.id).await.expect("read").expect("there");
    assert_eq!(
        (seen.mac, seen.secondary_ips.len(), seen.prefixes.len()),
        (made.mac, 2, 0)
    );
    assert_eq!(seen.tags.get("team").map(String::as_str), Some("web"));
    assert_eq!(
        seen.attachment.as_ref().map(|a| a.id.as_str()),
        Some(&*attachment)
    );
    aws.detach(&attachment).await.expect("detached");
    let which = LeftOver {
        vpc: &node.lab.vpc,
        cluster: None,
    };
    let left = loop {
        let left = aws.left_over(which.clone()).await.expect("read");
        if !left.is_empty() {
            break left;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(left.first().map(|eni| &eni.id), Some(&made.id));
    aws.delete_interface(&made.id).await.expect("deleted");
    assert_eq!(aws.interface(&made.id).await, Ok(None));
    let gone = aws.delete_interface(&made.id).await.expect_err("gone");
    assert_eq!(gone.kind, CloudErrorKind::NotFound);
    node.lab.end().await;
}

#[tokio::test]
async fn groups_are_read_and_replaced() {
    let node = Node::new("10.0.0.0/24").await;
    let primary = node.primary().await;
    let made = node.lab.raw.create_security_group();
    let made = made
        .group_name("pods")
        .description("pods")
        .vpc_id(node.lab.vpc.as_str());
    let made = made.send().await.expect("a group");
    let group: vpccni_core::ids::SecurityGroupId = made.group_id().expect("an id").parse().expect("an id");
    node.lab
        .aws
        .set_security_groups(&primary.id, std::slice::from_ref(&group))
        .await
        .expect("replaced");
    assert_eq!(node.primary().await.security_groups, [group]);
    let zone = Zone::parse("us-west-2a").expect("a zone");
    let subnets = node.lab.aws.subnets_in(&node.lab.vpc, &zone).await.expect("read");
    assert_eq!(
        subnets.into_iter().map(|subnet| subnet.id).collect::<Vec<_>>(),
        std::slice::from_ref(&node.subnet)
    );
    let one = node.lab.aws.subnet(&node.subnet).await.expect("read");
    assert_eq!(one.map(|subnet| subnet.zone), Some(zone));
    node.lab.end().await;
}

#[tokio::test]
async fn want_of_room_has_its_kind() {
    let node = Node::new("10.0.0.0/28").await;
    let primary = node.primary().await;
    let full = node.lab.aws.assign(&primary.id, Count::Prefixes(1)).await;
    assert_eq!(
        full.map_err(|error| capacity(&error)),
        Err(Some(Capacity::Subnet))
    );
    let full = node.lab.aws.assign(&primary.id, Count::Addresses(10)).await;
    let of = full.map_err(|error| capacity(&error));
    assert_eq!(of, Err(Some(Capacity::Interface)));
    // What a refused call asked for is not asked for again by the SDK.
    assert_eq!(attempts(&node.lab, "AssignPrivateIpAddresses"), 2);
    let missing = EniId::parse("eni-0123456789abcdef0").expect("an id");
    assert_eq!(node.lab.aws.interface(&missing).await, Ok(None));
    node.lab.end().await;
}

fn attempts(lab: &Lab, action: &str) -> u64 {
    let calls = lab.sandbox.calls();
    let of = calls.iter().filter(|call| call.action == action);
    of.map(|call| call.count).sum()
}

#[tokio::test]
async fn the_metadata_service_tells_who_the_instance_is() {
    let node = Node::new("10.0.0.0/24").await;
    let endpoint = node.lab.sandbox.imds(&node.instance).await.expect("listens");
    let imds = ImdsClient::new(&endpoint).expect("an endpoint");
    let identity = imds.identity().await.expect("read");
    assert_eq!(identity.instance, node.instance);
    assert_eq!(
        (identity.instance_type.as_str(), identity.region.as_str()),
        ("m5.large", "us-west-2")
    );
    let primary = node.primary().await;
    assert_eq!(identity.primary_mac, primary.mac);
    assert_eq!(imds.macs().await, Ok(vec![primary.mac]));
    let added = node
        .lab
        .aws
        .assign(&primary.id, Count::Prefixes(2))
        .await
        .expect("added");
    let seen = loop {
        let seen = imds.interface(primary.mac).await.expect("read").expect("shown");
        if !seen.addresses.prefixes.is_empty() {
            break seen;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(
        (seen.id, seen.device_index, seen.network_card),
        (primary.id, 0, 0)
    );
    assert_eq!(
        seen.addresses.ipv4.first().copied(),
        primary.primary_ip,
        "the primary address comes first"
    );
    let mut prefixes = seen.addresses.prefixes.clone();
    prefixes.sort_unstable();
    let mut wanted = added.prefixes;
    wanted.sort_unstable();
    assert_eq!(prefixes, wanted);
    assert_eq!(seen.security_groups, primary.security_groups);
    assert_eq!(
        seen.subnet_cidr.map(|net| net.to_string()),
        Some("10.0.0.0/24".to_owned())
    );
    let cidrs = imds.vpc_cidrs(primary.mac).await.expect("read");
    assert_eq!(cidrs.ipv4.len(), 1);
    let nobody = Mac([2, 0, 0, 0, 0, 1]);
    assert_eq!(imds.interface(nobody).await, Ok(None));
    assert_eq!(imds.addresses(nobody).await, Ok(None));
    node.lab.end().await;
}
