//! Readings of a small EC2 that keeps its state in memory and can fail each action.

use super::*;
use jiff::SignedDuration;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use vpccni_core::ids::Zone;
use vpccni_core::net::Ipv4Prefix;
use vpccni_core::ports::{Answer, Attachment, Eni, EniKind, Instance, Reservation, SecurityGroup, Subnet};

/// EC2 in memory: what it has, what it fails, what it was asked.
#[derive(Debug, Default)]
struct Memory {
    enis: Vec<Eni>,
    subnets: Vec<Subnet>,
    groups: Vec<SecurityGroup>,
    instances: Vec<Instance>,
    failing: Vec<&'static str>,
    calls: Mutex<Vec<&'static str>>,
}

impl Memory {
    fn answer<T: Send + 'static>(&self, action: &'static str, found: T) -> Answer<'_, T> {
        self.calls.lock().unwrap().push(action);
        let answer = if self.failing.contains(&action) {
            Err(CloudError {
                kind: CloudErrorKind::Denied,
                action,
                code: "UnauthorizedOperation".to_owned(),
                message: "no policy allows it".to_owned(),
            })
        } else {
            Ok(found)
        };
        Box::pin(std::future::ready(answer))
    }

    fn asked(&self, action: &str) -> usize {
        self.calls
            .lock()
            .unwrap()
            .iter()
            .filter(|call| **call == action)
            .count()
    }
}

fn picked<T: Clone>(all: &[T], keep: impl Fn(&T) -> bool) -> Vec<T> {
    all.iter().filter(|item| keep(item)).cloned().collect()
}

impl Ec2 for Memory {
    fn subnets<'a>(&'a self, vpc: &'a VpcId) -> Answer<'a, Vec<Subnet>> {
        self.answer("ec2:DescribeSubnets", picked(&self.subnets, |s| s.vpc == *vpc))
    }

    fn subnets_by_id<'a>(&'a self, ids: &'a [SubnetId]) -> Answer<'a, Vec<Subnet>> {
        self.answer(
            "ec2:DescribeSubnets",
            picked(&self.subnets, |s| ids.contains(&s.id)),
        )
    }

    fn reservations<'a>(&'a self, _subnet: &'a SubnetId) -> Answer<'a, Vec<Reservation>> {
        self.answer("ec2:GetSubnetCidrReservations", Vec::new())
    }

    fn interfaces<'a>(&'a self, _vpc: &'a VpcId) -> Answer<'a, Vec<Eni>> {
        self.answer("ec2:DescribeNetworkInterfaces", self.enis.clone())
    }

    fn security_groups<'a>(&'a self, vpc: &'a VpcId) -> Answer<'a, Vec<SecurityGroup>> {
        self.answer(
            "ec2:DescribeSecurityGroups",
            picked(&self.groups, |g| g.vpc == *vpc),
        )
    }

    fn security_groups_by_id<'a>(&'a self, ids: &'a [SecurityGroupId]) -> Answer<'a, Vec<SecurityGroup>> {
        self.answer(
            "ec2:DescribeSecurityGroups",
            picked(&self.groups, |g| ids.contains(&g.id)),
        )
    }

    fn instances<'a>(&'a self, ids: &'a [InstanceId]) -> Answer<'a, Vec<Instance>> {
        self.answer(
            "ec2:DescribeInstances",
            picked(&self.instances, |i| ids.contains(&i.id)),
        )
    }

    fn instance_types<'a>(
        &'a self,
        types: &'a [InstanceType],
    ) -> Answer<'a, BTreeMap<InstanceType, InstanceLimits>> {
        let known = types.iter().filter(|name| name.as_str() == "x9.large");
        let found = known.map(|name| (name.clone(), limits(4))).collect();
        self.answer("ec2:DescribeInstanceTypes", found)
    }
}

fn limits(max_enis: u32) -> InstanceLimits {
    InstanceLimits {
        max_enis,
        ipv4_per_eni: 10,
        prefix_delegation: true,
        nitro: true,
        bare_metal: false,
        trunk: None,
        branches: None,
        vcpus: None,
    }
}

fn table(name: &InstanceType) -> Option<InstanceLimits> {
    (name.as_str() == "m5.large").then(|| limits(3))
}

fn subnet(id: &str, vpc: &str) -> Subnet {
    Subnet {
        id: SubnetId::parse(id).unwrap(),
        vpc: VpcId::parse(vpc).unwrap(),
        zone: Zone::parse("us-west-2a").unwrap(),
        cidr: "10.0.0.0/24".parse().unwrap(),
        available: 200,
        tags: [
            ("kubernetes.io/role/cni".to_owned(), "1".to_owned()),
            ("Name".to_owned(), "x".to_owned()),
        ]
        .into(),
        owner: "1".to_owned(),
    }
}

fn group(id: &str, vpc: &str) -> SecurityGroup {
    SecurityGroup {
        id: SecurityGroupId::parse(id).unwrap(),
        vpc: VpcId::parse(vpc).unwrap(),
        tags: BTreeMap::new(),
    }
}

fn eni(id: &str, kind: EniKind, subnet: &str, at: Option<(&str, u32, u32)>) -> Eni {
    Eni {
        id: EniId::parse(id).unwrap(),
        kind,
        subnet: SubnetId::parse(subnet).unwrap(),
        attachment: at.map(|(instance, device_index, network_card)| Attachment {
            instance: InstanceId::parse(instance).unwrap(),
            device_index,
            network_card,
        }),
        primary_ip: Some(Ipv4Addr::new(10, 0, 0, 4)),
        secondary_ips: Vec::new(),
        prefixes: Vec::new(),
        tags: BTreeMap::new(),
        security_groups: Vec::new(),
    }
}

fn with(mut eni: Eni, secondary: u8, prefixes: u8, tag: Option<(&str, &str)>) -> Eni {
    eni.secondary_ips = (0..secondary).map(|n| Ipv4Addr::new(10, 0, 0, 10 + n)).collect();
    eni.prefixes = (0..prefixes)
        .map(|n| Ipv4Prefix::containing(Ipv4Addr::new(10, 0, 1, n * 16)))
        .collect();
    eni.tags
        .extend(tag.map(|(key, value)| (key.to_owned(), value.to_owned())));
    eni
}

/// One instance with a bit of everything, and a stranger in the same VPC.
fn memory() -> Memory {
    let (ours, other) = (EniKind::Interface, EniKind::Other);
    let no_manage = Some(("node.k8s.amazonaws.com/no_manage", "true"));
    let trunk = Some(("vpcresources.k8s.aws/trunk-eni-id", "eni-04"));
    Memory {
        enis: vec![
            with(
                eni("eni-01", ours, "subnet-0a", Some(("i-01", 0, 0))),
                2,
                0,
                no_manage,
            ),
            with(eni("eni-02", ours, "subnet-0b", Some(("i-01", 1, 0))), 3, 1, None),
            with(
                eni("eni-03", ours, "subnet-0b", Some(("i-01", 2, 0))),
                5,
                5,
                no_manage,
            ),
            eni("eni-04", EniKind::Trunk, "subnet-0b", Some(("i-01", 3, 0))),
            with(eni("eni-05", EniKind::Branch, "subnet-0b", None), 0, 0, trunk),
            eni("eni-06", EniKind::EfaOnly, "subnet-0a", Some(("i-01", 4, 0))),
            eni("eni-07", EniKind::EfaOnly, "subnet-0a", Some(("i-01", 1, 1))),
            with(
                eni("eni-08", other, "subnet-0a", Some(("i-09", 0, 0))),
                9,
                9,
                None,
            ),
            eni("eni-09", ours, "subnet-0f", Some(("i-02", 0, 0))),
        ],
        subnets: vec![
            subnet("subnet-0a", "vpc-01"),
            subnet("subnet-0b", "vpc-01"),
            subnet("subnet-0c", "vpc-02"),
        ],
        groups: vec![
            group("sg-01", "vpc-01"),
            group("sg-02", "vpc-02"),
            group("sg-03", "vpc-02"),
        ],
        instances: vec![Instance {
            id: InstanceId::parse("i-01").unwrap(),
            instance_type: InstanceType::parse("m5.large").unwrap(),
            vpc: VpcId::parse("vpc-01").unwrap(),
            subnet: SubnetId::parse("subnet-0a").unwrap(),
        }],
        ..Memory::default()
    }
}

fn ask() -> Ask {
    let types = ["m5.large", "x9.large", "x9.huge"];
    Ask {
        vpc: None,
        instances: ["i-01", "i-02"]
            .iter()
            .map(|id| InstanceId::parse(id).unwrap())
            .collect(),
        types: types
            .iter()
            .map(|name| InstanceType::parse(name).unwrap())
            .collect(),
        subnets: [SubnetId::parse("subnet-0c").unwrap()].into(),
        security_groups: [SecurityGroupId::parse("sg-02").unwrap()].into(),
    }
}

fn now(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

async fn read(ec2: &Memory, ask: &Ask) -> Inventory {
    Inventory::read(ec2, ask, table, 10, now(1_000)).await
}

fn unknown<T>(fact: &Known<T>) -> &str {
    match fact {
        Known::Unknown(why) => why,
        Known::Yes(_) => "known",
    }
}

#[tokio::test]
async fn interfaces_are_reduced_to_numbers() {
    let inventory = read(&memory(), &ask()).await;
    let facts = inventory.of_instance(&InstanceId::parse("i-01").unwrap());
    let expected = EniFacts {
        attached: 5,
        unmanaged: 2,
        trunk: true,
        secondary_ips: 5,
        secondary_ips_not_primary: 3,
        prefixes: 1,
        branches: 1,
        pod_subnets: vec![SubnetId::parse("subnet-0b").unwrap()],
        primary_subnet: Some(SubnetId::parse("subnet-0a").unwrap()),
    };
    assert_eq!(facts, Known::Yes(expected));
    let interfaces = inventory.interfaces.as_option().unwrap();
    assert_eq!(interfaces.len(), 2, "the stranger's instance is not ours");
    let unseen = inventory.of_instance(&InstanceId::parse("i-77").unwrap());
    assert!(unknown(&unseen).starts_with("i-77 had no interface when EC2 was read at"));
}

#[tokio::test]
async fn what_is_named_is_found_in_other_vpcs_and_what_is_not_seen_is_said() {
    let inventory = read(&memory(), &ask()).await;
    assert_eq!(inventory.vpc.as_option().map(VpcId::as_str), Some("vpc-01"));
    let subnets = inventory.subnets.as_option().unwrap();
    assert_eq!(
        subnets.keys().map(SubnetId::as_str).collect::<Vec<_>>(),
        ["subnet-0a", "subnet-0b", "subnet-0c"]
    );
    assert_eq!(
        subnets.values().next().unwrap().tags.len(),
        1,
        "only the tags of subnet discovery"
    );
    let groups = inventory.security_groups.as_option().unwrap();
    assert_eq!(
        groups.keys().map(SecurityGroupId::as_str).collect::<Vec<_>>(),
        ["sg-01", "sg-02"]
    );
    assert_eq!(inventory.invisible, [EniId::parse("eni-09").unwrap()]);
    assert_eq!(inventory.failures, []);
}

#[tokio::test]
async fn types_come_from_the_table_then_from_ec2() {
    let ec2 = memory();
    let inventory = read(&ec2, &ask()).await;
    let found: Vec<_> = inventory
        .limits
        .values()
        .map(|l| l.as_option().map(|l| l.max_enis))
        .collect();
    assert_eq!(found, [Some(3), None, Some(4)]);
    let known = Ask {
        types: [InstanceType::parse("m5.large").unwrap()].into(),
        ..ask()
    };
    read(&ec2, &known).await;
    assert_eq!(ec2.asked("ec2:DescribeInstanceTypes"), 1);
}

#[tokio::test]
async fn a_denied_part_is_unknown_and_the_rest_is_read() {
    let expected = "ec2:DescribeSubnets denied: UnauthorizedOperation: no policy allows it";
    let mut ec2 = memory();
    ec2.failing = vec!["ec2:DescribeSubnets"];
    let inventory = read(&ec2, &ask()).await;
    assert_eq!(unknown(&inventory.subnets), expected);
    assert!(inventory.interfaces.as_option().is_some() && inventory.security_groups.as_option().is_some());
    assert_eq!(inventory.failures.len(), 1);

    ec2.failing = vec!["ec2:DescribeNetworkInterfaces", "ec2:DescribeInstanceTypes"];
    let inventory = read(&ec2, &ask()).await;
    assert!(unknown(&inventory.interfaces).starts_with("ec2:DescribeNetworkInterfaces denied"));
    let blocks = inventory
        .subnets
        .as_option()
        .unwrap()
        .values()
        .map(|subnet| unknown(&subnet.blocks).to_owned());
    assert!(
        blocks
            .into_iter()
            .all(|why| why.starts_with("ec2:DescribeNetworkInterfaces denied"))
    );
    let huge = &inventory.limits[&InstanceType::parse("x9.huge").unwrap()];
    assert!(unknown(huge).starts_with("ec2:DescribeInstanceTypes denied"));
    assert_eq!(inventory.failures.len(), 2);
}

#[tokio::test]
async fn without_the_vpc_nothing_of_it_is_asked() {
    let mut ec2 = memory();
    ec2.failing = vec!["ec2:DescribeInstances"];
    let inventory = read(&ec2, &ask()).await;
    assert!(unknown(&inventory.subnets).starts_with("ec2:DescribeInstances denied"));
    assert_eq!(
        ec2.asked("ec2:DescribeSubnets") + ec2.asked("ec2:DescribeNetworkInterfaces"),
        0
    );

    let told = Ask {
        vpc: Some(VpcId::parse("vpc-01").unwrap()),
        ..ask()
    };
    assert!(read(&ec2, &told).await.subnets.as_option().is_some());

    let nobody = Ask::default();
    assert!(unknown(&read(&memory(), &nobody).await.vpc).starts_with("no node tells the VPC"));
}

#[tokio::test]
async fn reservations_are_asked_for_subnets_in_use_within_the_budget() {
    let mut ec2 = memory();
    ec2.subnets.push(subnet("subnet-0d", "vpc-01"));
    let inventory = read(&ec2, &ask()).await;
    assert_eq!(ec2.asked("ec2:GetSubnetCidrReservations"), 3);
    let idle = &inventory.subnets.as_option().unwrap()[&SubnetId::parse("subnet-0d").unwrap()];
    assert_eq!(
        unknown(&idle.blocks),
        "subnet-0d is not in use, so its blocks were not read"
    );

    let ec2 = memory();
    let inventory = Inventory::read(&ec2, &ask(), table, 1, now(1_000)).await;
    assert_eq!(ec2.asked("ec2:GetSubnetCidrReservations"), 1);
    let late = &inventory.subnets.as_option().unwrap()[&SubnetId::parse("subnet-0b").unwrap()];
    assert_eq!(
        unknown(&late.blocks),
        "the budget of calls ended before subnet-0b"
    );
}

#[tokio::test]
async fn the_cache_reads_again_when_it_is_old_and_never_within_the_gap() {
    let ec2 = Arc::new(memory());
    let budget = Budget {
        gap: SignedDuration::from_secs(30),
        reservations: 10,
    };
    let cache = InventoryCache::new(Arc::<Memory>::clone(&ec2), table, budget);
    let age = SignedDuration::from_secs(300);
    let reads = || ec2.asked("ec2:DescribeNetworkInterfaces");
    assert!(cache.last().is_none());
    cache.at_most(age, &ask(), now(1_000)).await;
    cache.at_most(age, &ask(), now(1_299)).await;
    assert_eq!(reads(), 1);
    assert_eq!(cache.fresh(&ask(), now(1_029)).await.at, now(1_000));
    assert_eq!(cache.fresh(&ask(), now(1_031)).await.at, now(1_031));
    assert_eq!(reads(), 2);
    assert_eq!(cache.last().map(|last| last.at), Some(now(1_031)));
    cache.at_most(age, &ask(), now(1_330)).await;
    assert_eq!(reads(), 2);
    cache.at_most(age, &ask(), now(1_331)).await;
    assert_eq!(reads(), 3);
}
