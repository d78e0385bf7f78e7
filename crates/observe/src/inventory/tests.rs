//! Readings of a small EC2, whole and with parts that fail.

use super::memory::{Memory, memory, subnet};
use super::*;
use jiff::SignedDuration;
use std::sync::Arc;
use vpccni_core::ports::Nodegroup;

fn ask() -> Ask {
    let types = ["m5.large", "x9.large", "x9.huge"];
    Ask {
        cluster: None,
        ungrouped: BTreeSet::new(),
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
    Inventory::read(Clouds { ec2, eks: ec2 }, ask, 10, now(1_000)).await
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
    let inventory = Inventory::read(Clouds { ec2: &ec2, eks: &ec2 }, &ask(), 1, now(1_000)).await;
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
    let cache = InventoryCache::new(Arc::<Memory>::clone(&ec2), Arc::<Memory>::clone(&ec2), budget);
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

#[tokio::test]
async fn node_groups_are_read_where_the_cluster_has_a_name() {
    let group = |name: &str| Nodegroup {
        name: name.to_owned(),
        subnets: vec![SubnetId::parse("subnet-0a").unwrap()],
        max_size: 3,
    };
    let mut ec2 = memory();
    ec2.nodegroups = vec![group("blue"), group("green")];
    let nameless = read(&ec2, &ask()).await;
    assert!(unknown(&nameless.nodegroups).contains("spec.cluster.name"));
    let named = Ask {
        cluster: Some("prod".to_owned()),
        ..ask()
    };
    let found = read(&ec2, &named).await.nodegroups;
    assert_eq!(found, Known::Yes(vec![group("blue"), group("green")]));
    ec2.failing = vec!["eks:DescribeNodegroup"];
    let denied = read(&ec2, &named).await;
    assert!(unknown(&denied.nodegroups).contains("eks:DescribeNodegroup denied"));
    assert_eq!(denied.failures.len(), 1);
    assert!(denied.subnets.as_option().is_some(), "the rest was read");
}

#[tokio::test]
async fn the_group_of_an_instance_outlives_a_reading_that_failed() {
    let instance = InstanceId::parse("i-01").unwrap();
    let asked = Ask {
        ungrouped: [instance.clone()].into(),
        ..ask()
    };
    let mut ec2 = memory();
    ec2.tag("i-01", "aws:autoscaling:groupName", "workers");
    let before = read(&ec2, &asked).await;
    assert_eq!(before.groups[&instance].to_string(), "asg/workers");
    ec2.failing = vec!["ec2:DescribeInstances"];
    let mut failed = read(&ec2, &asked).await;
    assert!(failed.groups.is_empty(), "not read is not \"nobody makes it\"");
    failed.keep_groups(Some(&before), &asked);
    assert_eq!(failed.groups, before.groups);
    let mut gone = read(&ec2, &ask()).await;
    gone.keep_groups(Some(&before), &ask());
    assert!(gone.groups.is_empty(), "nobody asks about it any more");
}

#[tokio::test]
async fn newcomers_are_read_alone_and_less_often_as_long_as_they_hold_nothing_new() {
    let ec2 = Arc::new(memory());
    let budget = Budget {
        gap: SignedDuration::from_secs(30),
        reservations: 10,
    };
    let cache = InventoryCache::new(Arc::<Memory>::clone(&ec2), Arc::<Memory>::clone(&ec2), budget);
    let reads = || ec2.asked("ec2:DescribeNetworkInterfaces");
    let second = InstanceId::parse("i-02").unwrap();
    let newcomer = Ask {
        instances: [second.clone()].into(),
        ..Ask::default()
    };
    cache.newcomers(&newcomer, now(1_000)).await;
    assert_eq!(reads(), 0, "there is nothing to put them into yet");

    let mut first = ask();
    first.instances.remove(&second);
    let whole = cache.fresh(&first, now(1_000)).await;
    assert!(whole.of_instance(&second).as_option().is_none());
    let (others, subnets) = (
        ec2.asked("ec2:DescribeSecurityGroups"),
        ec2.asked("ec2:DescribeSubnets"),
    );
    cache.newcomers(&newcomer, now(1_001)).await;
    let more = cache.last().unwrap();
    assert!(more.of_instance(&second).as_option().is_some());
    let same = Inventory {
        interfaces: whole.interfaces.clone(),
        ..more.as_ref().clone()
    };
    assert_eq!(same, *whole, "all else is as it was");
    assert_eq!(
        (
            ec2.asked("ec2:DescribeSecurityGroups"),
            ec2.asked("ec2:DescribeSubnets")
        ),
        (others, subnets)
    );

    let mut made = reads();
    for (second, asked) in [
        (1_001, false),
        (1_002, true),
        (1_003, false),
        (1_004, true),
        (1_007, false),
        (1_008, true),
    ] {
        cache.newcomers(&newcomer, now(second)).await;
        made += usize::from(asked);
        assert_eq!(reads(), made, "at {second}");
    }
}
